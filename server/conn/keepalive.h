/*
 * Keep-alive. The server pings a client that has been silent for the server's keep-alive time.
 * After PINGS_MAX pings without any message from it, its connection ends. A received message only
 * stores the time. The worker checks its connections in the order of `check_ns`.
 */
#ifndef USRBIO_SERVER_CONN_KEEPALIVE_H
#define USRBIO_SERVER_CONN_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "server/io/outbox.h"

#define PINGS_MAX 3

struct server_conn;
struct worker;

/* A part of its connection. Only the worker's thread uses it. */
struct keepalive {
	struct list node; /* in worker->watched */
	uint64_t heard_ns, pinged_ns, check_ns;
	unsigned nr_pings; /* since the last message */
	struct outgoing ping;
	bool queued; /* the ping is in the outbox */
};

/*
 * Watch a connection until keepalive_stop(), unless keep-alive is off. keepalive_stop() may be
 * called again.
 */
void keepalive_start(struct server_conn *conn);
void keepalive_stop(struct server_conn *conn);
/* Ping or end the connections of a worker that are due. Returns when the next one is, or NEVER. */
uint64_t keepalive_run(struct worker *worker);

#endif
