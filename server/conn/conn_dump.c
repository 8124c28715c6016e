/*
 * A connection's part of a state dump. It has no state of its own; the worker owns the connection,
 * and only the worker's thread runs this. The limits of a connection bound the work. Names that the
 * peer chose are masked, so that they cannot disturb the log.
 */
#include "server/conn/conn_dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "proto/call_op.h"
#include "server/conn/conn.h"
#include "server/io/request.h"
#include "server/session/export.h"
#include "server/session/file.h"
#include "server/session/session.h"

#define NAME_SHOWN  200 /* bytes of a name */
#define CALLS_SHOWN 8	/* calls of one connection, the oldest */

static const char *state_name(enum server_conn_state state)
{
	static const char *const names[] = {
		[CONN_HELLO] = "awaits the Hello",
		[CONN_PROVING] = "awaits the Proof",
		[CONN_FENCING] = "waits for older connections of its session to end",
		[CONN_ACTIVE] = "active",
		[CONN_DRAINING] = "draining, as the server stops",
		[CONN_REFUSED] = "refused",
		[CONN_CLOSING] = "closing",
	};

	return names[state];
}

/* The seconds from since_ns to the last tick of the worker. */
static double age(const struct server_conn *conn, uint64_t since_ns)
{
	uint64_t now = conn->worker->now_ns;

	return now > since_ns ? (double)(now - since_ns) / 1e9 : 0;
}

static void dump_conn(const struct server_conn *conn)
{
	const struct server_peer *peer = conn->peer;
	const struct server_session *session = peer->member.session;
	const uint8_t *id = session ? session_id(session) : (const uint8_t[4]){0};
	char key[sizeof(peer->key.id)];

	snprintf(key, sizeof(key), "%s", peer->key.id);
	text_mask(key, strlen(key));
	log_write(LOG_LEVEL_WARN,
		  "dump: worker %u: connection %" PRIu64
		  " %s://%s: %s, key \"%s\", export \"%s\"%s, "
		  "session %02x%02x%02x%02x epoch %" PRIu64
		  " channel %u, accepted %.3f s ago, heard %.3f s "
		  "ago",
		  conn->worker->id, peer->number, peer->tp->ops->name, peer->name,
		  state_name(conn->state), key, peer->export ? peer->export->name : "",
		  peer->read_only ? " read-only" : "", id[0], id[1], id[2], id[3],
		  peer->member.epoch, peer->member.channel, age(conn, conn->accepted_ns),
		  conn->keepalive.heard_ns ? age(conn, conn->keepalive.heard_ns) : 0);
}

static unsigned count(const struct list *list)
{
	unsigned n = 0;

	list_for_each (it, list)
		n++;
	return n;
}

static const struct server_request *older(const struct server_request *one, const struct list *list)
{
	list_for_each (it, list) {
		const struct server_request *req = container_of(it, struct server_request, node);

		if (!one || req->since_ns < one->since_ns)
			one = req;
	}
	return one;
}

static void dump_oldest(const struct server_conn *conn, const struct server_request *req)
{
	char name[NAME_SHOWN];

	store_describe(req->file->store_file, name, sizeof(name));
	log_write(LOG_LEVEL_WARN,
		  "dump: worker %u: connection %" PRIu64 ": oldest I/O: %s of %" PRIu64
		  " bytes at %" PRIu64 " of \"%s\", admitted %.3f s ago, %s, %u segments under way",
		  conn->worker->id, conn->peer->number, req->op == IO_READ ? "read" : "write",
		  req->len, req->off, name, age(conn, req->since_ns),
		  req->queued	? "queued"
		  : req->parked ? "waits at a barrier"
				: "running",
		  req->nr_busy);
}

static void dump_io(const struct server_conn *conn)
{
	const struct pipeline *io = &conn->pipeline;
	const struct server_request *oldest = older(NULL, &io->running);
	unsigned queued = 0, unposted = count(&io->unposted);

	for (int i = 0; i < NR_PRIORITIES; i++) {
		queued += count(&io->queue.lists[i]);
		oldest = older(oldest, &io->queue.lists[i]);
	}
	oldest = older(oldest, &io->parking.requests);
	log_write(
		LOG_LEVEL_WARN,
		"dump: worker %u: connection %" PRIu64 ": %u of %u I/Os open: %u queued, %u "
		"running, %u wait at barriers; segments: %u with the store, %u with the wire, %u wait for the wire; "
		"staging held: %u small, %u large, %u pipes; to be sent for want of credit or room: "
		"%u results, %u messages; %u regions",
		conn->worker->id, conn->peer->number, io->nr_open, io->max_inflight, queued,
		count(&io->running), io->parking.nr, io->nr_segments - io->nr_posted - unposted,
		io->nr_posted, unposted, io->nr_held[STAGING_SMALL], io->nr_held[STAGING_LARGE],
		io->nr_held[STAGING_PIPE], conn->peer->outbox.count, conn->peer->outbox.nr_messages,
		io->regions.nr);
	if (oldest)
		dump_oldest(conn, oldest);
}

static void dump_call(const struct server_conn *conn, const struct pending_call *pending)
{
	char name[NAME_SHOWN] = "";

	if (pending->file)
		store_describe(pending->file->store_file, name, sizeof(name));
	else if (pending->call.path.len)
		snprintf(name, sizeof(name), "%s", (const char *)pending->call.path.data);
	text_mask(name, strlen(name));
	log_write(LOG_LEVEL_WARN,
		  "dump: worker %u: connection %" PRIu64 ": call %s \"%s\": %s, came %.3f s ago",
		  conn->worker->id, conn->peer->number, call_op_name(pending->call.op), name,
		  atomic_load(&pending->begun)	       ? "under way"
		  : pending->place == PENDING_BARRED   ? "waits at a barrier"
		  : pending->place == PENDING_REPEATED ? "waits for its first run"
						       : "waits",
		  age(conn, pending->since_ns));
}

static void dump_calls(const struct server_conn *conn)
{
	const struct server_calls *calls = &conn->calls;
	unsigned begun = 0, shown = 0;

	list_for_each (it, &calls->open)
		begun += atomic_load(&container_of(it, struct pending_call, node)->begun);
	log_write(LOG_LEVEL_WARN,
		  "dump: worker %u: connection %" PRIu64
		  ": calls: %u under way, %u wait; the oldest:",
		  conn->worker->id, conn->peer->number, begun, calls->nr_open - begun);
	list_for_each (it, &calls->open)
		if (shown++ < CALLS_SHOWN)
			dump_call(conn, container_of(it, struct pending_call, node));
}

void conn_dump(const struct server_conn *conn)
{
	dump_conn(conn);
	dump_io(conn);
	if (conn->calls.nr_open)
		dump_calls(conn);
}
