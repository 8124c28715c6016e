/*
 * Is the client still there? One that has been silent for the server's keep-alive time is pinged;
 * after PINGS_MAX pings without any message its connection ends. A message costs no more than
 * noting the time; who was heard is found out when the worker looks, in order of `check_ns`.
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

/* A connection's; its worker's thread only. */
struct keepalive {
	struct list node; /* worker->watched */
	uint64_t heard_ns, pinged_ns, check_ns;
	unsigned nr_pings; /* since it was heard last */
	struct outgoing ping;
	bool queued; /* the ping is in the outbox */
};

/* From now on, if the server minds at all; until keepalive_stop, which may be repeated. */
void keepalive_start(struct server_conn *conn);
void keepalive_stop(struct server_conn *conn);
/* Ping and end those of a worker whose time has come. When the next one's does, or NEVER. */
uint64_t keepalive_run(struct worker *worker);

#endif
