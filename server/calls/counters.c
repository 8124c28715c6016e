/*
 * Counters: sums, and CALL_COUNTERS. Its answer is made by the worker it asks about, one after the
 * other as the client goes on asking; the call belongs to that worker's thread meanwhile.
 */
#include "server/calls/counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/calls/calls.h"
#include "server/conn/conn.h"
#include "server/calls/limits.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

/* Where a list goes on: behind this connection of this worker. */
#define CURSOR_BITS	      48
#define CURSOR(worker, after) ((uint64_t)(worker) << CURSOR_BITS | (after))
#define CURSOR_AFTER(cursor)  ((cursor) & (((uint64_t)1 << CURSOR_BITS) - 1))

#define FRAME_ROOM 128 /* of a Reply's other fields */

void counters_add(struct counters *to, const struct counters *from)
{
	for (int i = 0; i < NR_COUNTS; i++)
		to->n[i] += from->n[i];
}

void counters_of_worker(const struct worker *worker, struct counters *sum)
{
	*sum = worker->count;
	list_for_each (it, &worker->conns)
		counters_add(sum, &container_of(it, struct server_conn, node)->count);
	for (unsigned i = 0; i < worker->nr_domains; i++) {
		const struct tp_counters *count = &worker->domains[i].tp->count;

		sum->n[COUNT_DOORBELLS] += count->doorbells;
		sum->n[COUNT_SIGNALLED] += count->signalled;
		sum->n[COUNT_POLLS] += count->polls;
	}
}

_Static_assert(sizeof(struct limits) <= sizeof(struct counters), "all rows are as wide");

/* Rows in the making; what fits into one message. */
struct rows {
	struct counters *counts; /* zeros */
	uint32_t *types;
	uint8_t *names;
	size_t n, names_len, room;
};

static size_t row_bytes(const char *name)
{
	return sizeof(struct counters) + sizeof(uint32_t) + strlen(name) + 1;
}

/* There is room for it. */
static void add_row(struct rows *rows, uint32_t type, const char *name, const void *numbers,
		    size_t size)
{
	size_t len = strlen(name) + 1;

	rows->room -= row_bytes(name);
	memcpy(&rows->counts[rows->n], numbers, size);
	rows->types[rows->n++] = type;
	memcpy(rows->names + rows->names_len, name, len);
	rows->names_len += len;
}

/* Whose counters these are, and then his limits. False: they do not both fit any more. */
static bool add_rows(struct rows *rows, uint32_t type, const char *name,
		     const struct counters *counts, const struct limits *limits)
{
	if (2 * row_bytes(name) > rows->room)
		return false;
	add_row(rows, type, name, counts, sizeof(*counts));
	add_row(rows, COUNTED_LIMITS, name, limits, sizeof(*limits));
	return true;
}

/* Where to go on; 0: that was all. */
static uint64_t fill_rows(const struct worker *worker, const struct server_conn *asker,
			  uint64_t after, struct rows *rows)
{
	static const char server[] = "server";
	struct limits limits;
	struct counters sum;
	char name[16];

	counters_of_worker(worker, &sum);
	limits_of_worker(worker, &limits);
	snprintf(name, sizeof(name), "%u", worker->id);
	if (!after)
		add_rows(rows, COUNTED_WORKER, name, &sum, &limits);
	list_for_each (it, &worker->conns) {
		const struct server_conn *conn = container_of(it, struct server_conn, node);

		/* Who else is there, and does what, is nobody's business. */
		if (conn->number <= after || strcmp(conn->key.id, asker->key.id))
			continue;
		limits_of_conn(conn, &limits);
		if (!add_rows(rows, COUNTED_CONNECTION, conn->peer, &conn->count, &limits))
			return CURSOR(worker->id, after);
		after = conn->number;
	}
	if (worker->id + 1 < worker->server->nr_workers)
		return CURSOR(worker->id + 1, 0);
	/* Also into the smallest message fit a worker's rows, and a connection's or this one. */
	if (row_bytes(server) > rows->room)
		return CURSOR(worker->id, after);
	limits_of_server(worker->server, &limits);
	add_row(rows, COUNTED_LIMITS, server, &limits, sizeof(limits));
	return 0;
}

/* On the thread of the worker that is asked. */
static void collect(struct pending_call *pending, const struct worker *worker)
{
	struct reply *reply = &pending->out.msg.reply;
	size_t room = pending->conn->tp->msg_max - FRAME_ROOM;
	size_t max = room / sizeof(struct counters);
	struct rows rows = {.room = room};

	/* One block: the counters, then types, then names, each of the size they can have. */
	pending->rows = calloc(1, max * (sizeof(*rows.counts) + sizeof(*rows.types)) + room);
	if (!pending->rows) {
		reply->status = -ENOMEM;
		return;
	}
	rows.counts = pending->rows;
	rows.types = (uint32_t *)(rows.counts + max);
	rows.names = (uint8_t *)(rows.types + max);
	reply->next = fill_rows(worker, pending->conn, CURSOR_AFTER(pending->call.off), &rows);
	reply->names = (struct bytes){.data = rows.names, .len = rows.names_len};
	reply->types = rows.types;
	reply->nr_types = rows.n;
	reply->counts_width = NR_COUNTS;
	reply->counts = rows.counts->n;
	reply->nr_counts = rows.n * NR_COUNTS;
}

static void asked(struct ev *ev, int32_t res)
{
	struct pending_call *pending = container_of(ev, struct pending_call, back);
	struct server *server = pending->conn->worker->server;

	(void)res;
	collect(pending, server->workers[pending->call.off >> CURSOR_BITS]);
	call_return(pending);
}

void counters_ask(struct pending_call *pending)
{
	struct server *server = pending->conn->worker->server;
	uint64_t id = pending->call.off >> CURSOR_BITS;

	if (id >= server->nr_workers) {
		pending->out.msg.reply.status = -EINVAL;
		call_return(pending);
		return;
	}
	pending->back.fn = asked;
	evloop_post(server->workers[id]->loop, &pending->back, 0);
}
