/*
 * The lines of a state dump about a connection. The connection belongs to its owner; this runs on
 * the thread that makes the dump, under the connection's lock.
 */
#include "client/conn/conn_dump.h"

#include <stdio.h>
#include <string.h>

#include "client/conn/conn.h"

static const char *const states[] = {
	[CONN_DOWN] = "down",
	[CONN_OPENING] = "connecting",
	[CONN_HANDSHAKE] = "waits for the welcome",
	[CONN_WELCOMED] = "recovers files",
	[CONN_UP] = "up",
	[CONN_CLOSING] = "closing",
};

bool conn_dump_lock(struct conn *conn)
{
	bool locked;

	/* A polling thread offers the lock only while `wanted` is not 0. */
	atomic_fetch_add_explicit(&conn->wanted, 1, memory_order_relaxed);
	locked = dump_lock(&conn->lock);
	atomic_fetch_sub_explicit(&conn->wanted, 1, memory_order_relaxed);
	return locked;
}

const char *conn_dump_age(const struct conn *conn, uint32_t tick, uint64_t now,
			  char text[CONN_AGE_MAX])
{
	uint32_t ticks;

	if (!conn->tick_ns)
		return "for an unknown time, because the mount has no timeout";
	ticks = (uint32_t)(now / conn->tick_ns) - tick;
	snprintf(text, CONN_AGE_MAX, "for %.3f s",
		 dump_seconds(ticks * conn->tick_ns + now % conn->tick_ns));
	return text;
}

static unsigned count(const struct list *list)
{
	unsigned n = 0;

	list_for_each (it, list)
		n++;
	return n;
}

static void dump_transport(struct conn *conn, struct dump *dump, uint64_t now)
{
	if (!conn->tp || conn->state == CONN_DOWN)
		return;
	dump_line(dump,
		  "connection %u: %s to %s; %s; %lu messages sent, %lu received; the server was "
		  "last heard %.3f s ago or owed nothing; %lu of %lu probes answered",
		  conn->index, conn->ops->name, conn->owner->at,
		  conn->blocked	    ? "messages wait for credit or room"
		  : conn->unflushed ? "messages wait to be flushed"
				    : "no message waits",
		  (unsigned long)conn->domain->count.msgs_sent,
		  (unsigned long)conn->domain->count.msgs_received,
		  dump_seconds(conn->heard_ns && conn->heard_ns < now ? now - conn->heard_ns : 0),
		  (unsigned long)conn->nr_answered, (unsigned long)conn->nr_probes);
}

void conn_dump_to(struct conn *conn, struct dump *dump, uint64_t now)
{
	const struct waiting *wait = &conn->wait;

	dump_line(
		dump,
		"connection %u: %s%s%s; incarnation %lu; tick %u of %.3f s each; %u threads wait, "
		"%s",
		conn->index, states[conn->state], conn->error ? ", last error: " : "",
		conn->error ? strerror(-conn->error) : "", (unsigned long)conn->incarnation,
		conn->tick, dump_seconds(conn->tick_ns),
		count(&wait->followers) + (wait->leader != NULL),
		!wait->leader	      ? "none of them leads"
		: wait->leader_asleep ? "one sleeps on the connection"
				      : "one polls the connection");
	dump_transport(conn, dump, now);
}
