/*
 * The lines of a state dump about the requests of a connection, which owns them. This runs on the
 * thread that makes the dump, under the connection's lock.
 */
#include "client/calls/request_table.h"
#include "client/conn/conn_dump.h"
#include "proto/call_op.h"

#define SHOWN 64 /* waiting requests that a dump lists */

static const char *name_of(const struct request *request)
{
	if (request->kind == REQUEST_PING)
		return "ping";
	if (request->kind == REQUEST_DROP)
		return "drop of a region";
	return call_op_name(request->call->op);
}

static void dump_request(const struct conn *conn, struct dump *dump, const struct request *request,
			 const char *state, uint64_t now)
{
	char age[CONN_AGE_MAX];

	dump_line(dump, "connection %u: call %s: %s, %s", conn->index, name_of(request), state,
		  conn_dump_age(conn, request->tick, now, age));
}

static unsigned dump_list(const struct conn *conn, struct dump *dump, const struct list *list,
			  uint64_t now)
{
	unsigned n = 0;

	list_for_each (it, list)
		if (n++ < SHOWN)
			dump_request(conn, dump, container_of(it, struct request, link),
				     "waits to be sent", now);
	return n;
}

void request_dump_to(struct conn *conn, struct dump *dump, uint64_t now)
{
	const struct requests *requests = requests_of(conn);
	unsigned nr_waiting, nr_forgotten = 0;

	for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
		const struct request *request = requests->sent[i];

		/* The caller of this request has gone, and its stack with it. */
		if (request == &requests->fire_and_forget)
			nr_forgotten++;
		else if (request)
			dump_request(conn, dump, request,
				     requests->again & 1ull << i ? "waits to be sent again"
								 : "under way",
				     now);
	}
	nr_waiting = dump_list(conn, dump, &requests->queue, now);
	nr_waiting += dump_list(conn, dump, &requests->recovery, now);
	dump_line(
		dump,
		"connection %u: calls: %u of %u under way, nobody waits for %u of them; %u wait to "
		"be sent; %zu handles to close",
		conn->index, requests->nr_sent, REQUESTS_MAX, nr_forgotten, nr_waiting,
		requests->closes.nr);
}
