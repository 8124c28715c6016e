/*
 * The answer to CALL_COUNTERS. The asking connection owns the query. From call_counters_ask() to
 * done() only the thread of the worker that is asked uses it.
 */
#include "server/calls/call_counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "server/account/account.h"
#include "server/base/job_threads.h"
#include "server/calls/limits.h"
#include "server/io/pipeline.h"
#include "server/session/export.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

/*
 * A cursor names a worker, and the last of its connections that was shown. The number behind the
 * last worker stands for the ids, and what comes after them.
 */
#define CURSOR_BITS	      48
#define CURSOR(worker, after) ((uint64_t)(worker) << CURSOR_BITS | (after))
#define CURSOR_AFTER(cursor)  ((cursor) & (((uint64_t)1 << CURSOR_BITS) - 1))

#define FRAME_ROOM 128 /* bytes for the other fields of a Reply */

/* Add up what a worker and its connections have counted. Only the worker's thread calls it. */
static void sum_of_worker(const struct worker *worker, struct counters *sum)
{
	*sum = worker->count;
	list_for_each (it, &worker->conns)
		counters_add(sum, &container_of(it, struct server_peer, node)->count);
	for (unsigned i = 0; i < worker->nr_domains; i++) {
		const struct tp_counters *count = &worker->domains[i].tp->count;

		sum->n[COUNT_DOORBELLS] += count->doorbells;
		sum->n[COUNT_SIGNALLED] += count->signalled;
		sum->n[COUNT_POLLS] += count->polls;
	}
}

static const char server_name[] = "server";

_Static_assert(sizeof(struct limits) <= sizeof(struct counters),
	       "limits fit into a row of counters");
_Static_assert((size_t)NR_EXPORT_COUNTS <= (size_t)NR_COUNTS,
	       "the numbers of an export fit into a row of counters");
_Static_assert((size_t)NR_ID_COUNTS <= (size_t)NR_COUNTS,
	       "the numbers of an id fit into a row of counters");

/* The rows that fit into one message, while they are filled in. */
struct rows {
	struct counters *counts; /* zeroed at first */
	uint32_t *types;
	uint8_t *names;
	size_t n, names_len, room;
};

static size_t row_bytes(const char *name)
{
	return sizeof(struct counters) + sizeof(uint32_t) + strlen(name) + 1;
}

/* Append a row. The caller has checked that there is room. */
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

/* Append a row of counters and one of limits. False if they do not both fit. */
static bool add_rows(struct rows *rows, uint32_t type, const char *name,
		     const struct counters *counts, const struct limits *limits)
{
	if (2 * row_bytes(name) > rows->room)
		return false;
	add_row(rows, type, name, counts, sizeof(*counts));
	add_row(rows, COUNTED_LIMITS, name, limits, sizeof(*limits));
	return true;
}

static size_t end_bytes(const struct server_peer *asker)
{
	return row_bytes(server_name) + row_bytes(asker->export->name);
}

/* The rows at the end of the list: the asker's export, and the limits of the server. */
static void add_end(struct rows *rows, const struct server_peer *asker)
{
	struct job_load calls, closes;
	struct limits limits;

	job_threads_load(asker->export->calls, &calls);
	job_threads_load(asker->export->closes, &closes);
	add_row(rows, COUNTED_EXPORT, asker->export->name,
		(const uint64_t[NR_EXPORT_COUNTS]){
			[EXPORT_CALLS_BUSY] = calls.nr_running,
			[EXPORT_CALLS_WAITING] = calls.nr_waiting,
			[EXPORT_CLOSES_BUSY] = closes.nr_running,
			[EXPORT_CLOSES_WAITING] = closes.nr_waiting,
			[EXPORT_CALL_THREADS] = calls.max,
		},
		NR_EXPORT_COUNTS * sizeof(uint64_t));
	limits_of_server(asker->worker->server, &limits);
	add_row(rows, COUNTED_LIMITS, server_name, &limits, sizeof(limits));
}

/* Fill in the rows of a worker behind connection `after`. Returns the next cursor. */
static uint64_t fill_rows(const struct worker *worker, const struct server_peer *asker,
			  uint64_t after, struct rows *rows)
{
	struct limits limits;
	struct counters sum;
	char name[16];

	sum_of_worker(worker, &sum);
	limits_of_worker(worker, &limits);
	snprintf(name, sizeof(name), "%u", worker->id);
	if (!after)
		add_rows(rows, COUNTED_WORKER, name, &sum, &limits);
	list_for_each (it, &worker->conns) {
		const struct server_peer *peer = container_of(it, struct server_peer, node);

		/* A client sees only the connections of its own key. */
		if (peer->number <= after || strcmp(peer->key.id, asker->key.id))
			continue;
		limits_of_conn(container_of(it, struct pipeline, peer.node), &limits);
		if (!add_rows(rows, COUNTED_CONNECTION, peer->name, &peer->count, &limits))
			return CURSOR(worker->id, after);
		after = peer->number;
	}
	return CURSOR(worker->id + 1, 0);
}

static void add_id(struct rows *rows, const struct account_state *state)
{
	add_row(rows, COUNTED_ID, state->name,
		(const uint64_t[NR_ID_COUNTS]){
			[ID_CONNECTIONS] = state->n[ACCOUNT_CONNECTIONS],
			[ID_CONNECTIONS_MAX] = state->max[ACCOUNT_CONNECTIONS],
			[ID_SESSIONS] = state->n[ACCOUNT_SESSIONS],
			[ID_SESSIONS_MAX] = state->max[ACCOUNT_SESSIONS],
			[ID_FILES] = state->n[ACCOUNT_FILES],
			[ID_FILES_MAX] = state->max[ACCOUNT_FILES],
			[ID_INFLIGHT_BYTES] = state->bytes,
			[ID_REFUSED] = state->refused,
			[ID_EVICTED] = state->evicted,
			[ID_BYTES_PER_S_MAX] = state->per_s[RATE_BYTES],
			[ID_IOS_PER_S_MAX] = state->per_s[RATE_IOS],
			[ID_THROTTLED] = state->throttled,
			[ID_MEMORY_BYTES] = state->memory,
		},
		NR_ID_COUNTS * sizeof(uint64_t));
}

/* Fill in the ids behind number `after`, and what comes last. Returns the next cursor, or 0. */
static uint64_t fill_ids(const struct server *server, const struct server_peer *asker,
			 uint64_t after, struct rows *rows)
{
	/* A client sees only its own key. Without a keyring it sees all. */
	const char *only = *asker->key.id ? asker->key.id : NULL;
	struct accounts *accounts = sessions_accounts(server->sessions);
	struct account_state state;

	while (accounts_next(accounts, after, only, &state)) {
		if (row_bytes(state.name) > rows->room)
			return CURSOR(server->nr_workers, after);
		add_id(rows, &state);
		after = state.number;
	}
	/* The smallest message has room for these. */
	if (end_bytes(asker) > rows->room)
		return CURSOR(server->nr_workers, after);
	add_end(rows, asker);
	return 0;
}

static uint64_t fill(const struct counters_query *query, struct rows *rows)
{
	const struct server *server = query->asker->worker->server;
	uint64_t id = query->cursor >> CURSOR_BITS, after = CURSOR_AFTER(query->cursor);

	return id < server->nr_workers ? fill_rows(server->workers[id], query->asker, after, rows)
				       : fill_ids(server, query->asker, after, rows);
}

/* Fill in the reply. Only the thread of the worker that is asked calls it. */
static void collect(struct counters_query *query)
{
	struct reply *reply = query->reply;
	size_t room = query->asker->tp->msg_max - FRAME_ROOM;
	size_t max = room / sizeof(struct counters);
	struct rows rows = {.room = room};

	/* One block holds the counters, the types and the names, each in its largest size. */
	query->rows = calloc(1, max * (sizeof(*rows.counts) + sizeof(*rows.types)) + room);
	if (!query->rows) {
		reply->status = -ENOMEM;
		return;
	}
	rows.counts = query->rows;
	rows.types = (uint32_t *)(rows.counts + max);
	rows.names = (uint8_t *)(rows.types + max);
	reply->next = fill(query, &rows);
	reply->names = (struct bytes){.data = rows.names, .len = rows.names_len};
	reply->types = rows.types;
	reply->nr_types = rows.n;
	reply->counts_width = NR_COUNTS;
	reply->counts = rows.counts->n;
	reply->nr_counts = rows.n * NR_COUNTS;
}

static void asked(struct ev *ev, int32_t res)
{
	struct counters_query *query = container_of(ev, struct counters_query, ev);

	(void)res;
	collect(query);
	query->done(query);
}

void call_counters_ask(struct counters_query *query)
{
	struct server *server = query->asker->worker->server;
	uint64_t id = query->cursor >> CURSOR_BITS;

	if (id > server->nr_workers) {
		query->reply->status = -EINVAL;
		query->done(query);
		return;
	}
	query->ev.fn = asked;
	/* Any worker can tell about the ids. */
	evloop_post(server->workers[id < server->nr_workers ? id : 0]->loop, &query->ev, 0);
}
