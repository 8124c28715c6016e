/*
 * Keep-alive. A client that has been silent for the server's keep-alive time is pinged; after
 * PINGS_MAX pings without any message its connection ends. A message costs no more than noting the
 * time: the worker looks at its connections in the order of `check_ns`.
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

/* Part of a connection; its worker's thread only. */
struct keepalive {
	struct list node; /* worker->watched */
	uint64_t heard_ns, pinged_ns, check_ns;
	unsigned nr_pings; /* since it was heard last */
	struct outgoing ping;
	bool queued; /* the ping is in the outbox */
};

/*
 * Watch a connection, unless keep-alive is off, until keepalive_stop(), which may be called again.
 */
void keepalive_start(struct server_conn *conn);
void keepalive_stop(struct server_conn *conn);
/* Ping or end the connections of a worker that are due. When the next one is due, or NEVER. */
uint64_t keepalive_run(struct worker *worker);

#endif
