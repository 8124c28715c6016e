/*
 * Requests: a table of those under way, indexed by the tag that travels (index | sequence << 6),
 * and a queue of the others. See request.h for who owns what.
 */
#include "client/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/clock.h"
#include "client/conn.h"
#include "client/mount.h"
#include "common/log.h"

#define INDEX_BITS 6u

_Static_assert(REQUESTS_MAX == 1u << INDEX_BITS, "a tag holds an index and a sequence");

void requests_init(struct requests *requests)
{
	*requests = (struct requests){0};
	list_init(&requests->queue);
}

void requests_close(struct requests *requests)
{
	free(requests->closes);
	requests->closes = NULL;
	requests->nr_closes = requests->max_closes = 0;
}

static void finish(struct conn *conn, struct request *request, int status)
{
	if (request == &conn->requests.nobody)
		return;
	request->status = status;
	request->done = true;
	conn->wait.stirred = true;
	if (request->over)
		request->over(request, conn);
}

/* An index that is free; there is one as long as nr_sent < REQUESTS_MAX. */
static uint32_t take_index(struct requests *requests, struct request *request)
{
	uint32_t index = 0;

	while (requests->sent[index])
		index++;
	requests->sent[index] = request;
	requests->nr_sent++;
	requests->sequence[index] = (requests->sequence[index] + 1) & (UINT32_MAX >> INDEX_BITS);
	return index;
}

static struct request *give_index(struct requests *requests, uint32_t tag)
{
	uint32_t index = tag & (REQUESTS_MAX - 1);
	struct request *request = requests->sent[index];

	if (!request || requests->sequence[index] != tag >> INDEX_BITS)
		return NULL;
	requests->sent[index] = NULL;
	requests->nr_sent--;
	return request;
}

static void fill(const struct request *request, uint32_t tag, struct message *msg)
{
	switch (request->kind) {
	case REQUEST_CALL:
		*msg = (struct message){.type = MSG_CALL, .call = *request->call};
		msg->call.tag = tag;
		break;
	case REQUEST_DROP:
		*msg = (struct message){.type = MSG_REGION_DROP,
					.region_drop = {.tag = tag, .region = request->region}};
		break;
	case REQUEST_PING:
		*msg = (struct message){.type = MSG_PING, .ping = {.nonce = tag}};
		break;
	}
}

/* Send one; what does not fit into a message is done at once, with -EMSGSIZE. */
static void send_one(struct conn *conn, struct request *request, void *buf)
{
	struct requests *requests = &conn->requests;
	uint32_t index, tag;
	struct message msg;
	int err;

	conn_expect(conn);
	index = take_index(requests, request);
	tag = index | requests->sequence[index] << INDEX_BITS;
	fill(request, tag, &msg);
	err = conn_send(conn, &msg, buf);
	if (err) {
		give_index(requests, tag);
		finish(conn, request, err);
	}
}

static bool send_closes(struct conn *conn)
{
	struct requests *requests = &conn->requests;

	while (requests->nr_closes && requests->nr_sent < REQUESTS_MAX) {
		struct call call = {.op = CALL_CLOSE,
				    .file = requests->closes[requests->nr_closes - 1]};
		void *buf = conn_buf(conn);

		if (!buf)
			return false;
		requests->nr_closes--;
		requests->nobody.call = &call;
		send_one(conn, &requests->nobody, buf);
	}
	return true;
}

bool requests_send(struct conn *conn)
{
	struct requests *requests = &conn->requests;

	while (!list_empty(&requests->queue) && requests->nr_sent < REQUESTS_MAX) {
		struct request *request = list_of(requests->queue.next, struct request, link);
		void *buf = conn_buf(conn);

		if (!buf)
			return false;
		list_del(&request->link);
		send_one(conn, request, buf);
	}
	return send_closes(conn);
}

/* What this server has no word for would end the connection. */
static bool is_foreign(const struct conn *conn, const struct request *request)
{
	return request->kind == REQUEST_CALL && request->call->op == CALL_COUNTERS &&
	       !(conn->features & FEATURE_COUNTERS);
}

void request_start(struct conn *conn, struct request *request)
{
	request->done = false;
	request->status = 0;
	list_init(&request->link);
	if (conn->state != CONN_UP || is_foreign(conn, request)) {
		finish(conn, request, conn->state == CONN_UP ? -EOPNOTSUPP : -EREMOTEIO);
		return;
	}
	conn_expect(conn);
	list_add_tail(&conn->requests.queue, &request->link);
	conn_pump(conn);
}

void request_close_handle(struct conn *conn, uint64_t handle)
{
	struct requests *requests = &conn->requests;

	if (conn->state != CONN_UP)
		return;
	if (requests->nr_closes == requests->max_closes) {
		size_t max = requests->max_closes ? 2 * requests->max_closes : 64;
		uint64_t *closes = realloc(requests->closes, max * sizeof(*closes));

		if (!closes) {
			log_warn("no memory to close a file: it stays open until the session ends");
			return;
		}
		requests->closes = closes;
		requests->max_closes = max;
	}
	requests->closes[requests->nr_closes++] = handle;
	/* Whatever is sent next takes it along; the progress thread does if that is not soon. */
	progress_kick(now_ns() + TICK_NS);
}

/* The reply points into the receive buffer: take a copy along. */
static void copy_answer(struct answer *answer, const struct reply *reply, uint64_t session)
{
	uint64_t *counts = (uint64_t *)(void *)answer->data;
	uint32_t *types = (uint32_t *)(void *)(counts + reply->nr_counts);
	uint8_t *at = (uint8_t *)types;

	answer->session = session;
	answer->reply = *reply;
	if (reply->nr_counts)
		memcpy(counts, reply->counts, reply->nr_counts * sizeof(*counts));
	answer->reply.counts = counts;
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
}

bool request_replied(struct conn *conn, const struct reply *reply)
{
	struct request *request = give_index(&conn->requests, reply->tag);

	if (!request || request->kind == REQUEST_PING)
		return false;
	if (request->kind == REQUEST_CALL && request->answer)
		copy_answer(request->answer, reply, conn->number);
	finish(conn, request, reply->status);
	return true;
}

bool request_ponged(struct conn *conn, uint64_t nonce)
{
	struct request *request =
		nonce <= UINT32_MAX ? give_index(&conn->requests, (uint32_t)nonce) : NULL;

	if (!request || request->kind != REQUEST_PING)
		return false;
	finish(conn, request, 0);
	return true;
}

void requests_fail(struct conn *conn, int status)
{
	struct requests *requests = &conn->requests;

	for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
		struct request *request = requests->sent[i];

		requests->sent[i] = NULL;
		if (request)
			finish(conn, request, status);
	}
	requests->nr_sent = 0;
	requests->nr_closes = 0;
	while (!list_empty(&requests->queue)) {
		struct request *request = list_of(requests->queue.next, struct request, link);

		list_del(&request->link);
		finish(conn, request, status);
	}
}
