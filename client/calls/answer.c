/*
 * Copies an answer out of the receive buffer; see answer.h. Arrays with the widest elements are
 * copied first, so that each array is aligned. The caller owns the answer; this runs on the thread
 * that drives the connection, under its lock.
 */
#include "client/calls/answer.h"

#include <string.h>

#include "client/conn/conn.h"

void answer_copy(struct answer *answer, const struct conn *conn, const struct reply *reply)
{
	uint64_t *counts = (uint64_t *)(void *)answer->data;
	uint64_t *ids = counts + reply->nr_counts;
	uint64_t *fs = ids + 2 * reply->nr_ids;
	struct attr_row *attrs = (struct attr_row *)(void *)(fs + reply->nr_fs);
	uint32_t *types = (uint32_t *)(void *)(attrs + reply->nr_attrs);
	uint8_t *at = (uint8_t *)types;

	answer->session = conn->number;
	answer->host = conn->host;
	answer->reply = *reply;
	if (reply->nr_counts)
		memcpy(counts, reply->counts, reply->nr_counts * sizeof(*counts));
	answer->reply.counts = counts;
	if (reply->nr_ids)
		memcpy(ids, reply->ids, 2 * reply->nr_ids * sizeof(*ids));
	answer->reply.ids = ids;
	if (reply->nr_fs)
		memcpy(fs, reply->fs, reply->nr_fs * sizeof(*fs));
	answer->reply.fs = fs;
	if (reply->nr_attrs)
		memcpy(attrs, reply->attrs, reply->nr_attrs * sizeof(*attrs));
	answer->reply.attrs = attrs;
	if (reply->nr_types)
		memcpy(types, reply->types, reply->nr_types * sizeof(*types));
	at += reply->nr_types * sizeof(*types);
	answer->reply.types = types;
	if (reply->names.len)
		memcpy(at, reply->names.data, reply->names.len);
	answer->reply.names.data = at;
	at += reply->names.len;
	if (reply->persistent.len)
		memcpy(at, reply->persistent.data, reply->persistent.len);
	answer->reply.persistent.data = at;
	at += reply->persistent.len;
	if (reply->target.len)
		memcpy(at, reply->target.data, reply->target.len);
	answer->reply.target.data = at;
	at += reply->target.len;
	if (reply->value.len)
		memcpy(at, reply->value.data, reply->value.len);
	answer->reply.value.data = at;
}
