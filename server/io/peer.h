/*
 * The client at the other end of a connection, as I/O and calls see it: the worker that serves it,
 * its session, its permissions, and the messages to be sent to it. The connection owns it and fills
 * it in, and only its worker's thread changes it. While one of its calls runs, job threads read the
 * fields that are fixed from the Welcome to the end: session, export and permissions.
 */
#ifndef USRBIO_SERVER_IO_PEER_H
#define USRBIO_SERVER_IO_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/transport/addr.h"
#include "server/io/outbox.h"
#include "server/account/account.h"
#include "server/account/keyring.h"
#include "server/session/sessions.h"
#include "server/worker/counters.h"
#include "server/worker/worker.h"

struct export;
struct tp_conn;

struct server_peer {
	struct worker *worker;
	struct tp_conn *tp;
	uint64_t features;    /* FEATURE_* of both ends */
	struct member member; /* its session is NULL while it has none */
	struct export *export;
	bool read_only;		 /* the permit or the export is read-only */
	struct permit permit;	 /* what its key allows at its export */
	struct key_name key;	 /* "": none */
	struct account *account; /* a reference; NULL until the handshake enters a session */
	struct outbox outbox;
	uint32_t nr_calls; /* calls, region drops and pings without an answer */
	struct counters count;
	uint64_t number;   /* the worker numbers the connections it accepts, from 1 */
	struct list node;  /* in worker->conns */
	struct list dirty; /* in worker->dirty */
	char name[ADDR_TEXT_MAX];
};

/* Note that the peer has just asked for something. */
static inline void peer_is_busy(struct server_peer *peer)
{
	atomic_store_explicit(&peer->member.used_ns, peer->worker->now_ns, memory_order_relaxed);
}

/* Make the worker call conn_finish_turn() for the peer's connection when the turn ends. */
static inline void peer_touch(struct server_peer *peer)
{
	if (list_empty(&peer->dirty))
		list_add_tail(&peer->worker->dirty, &peer->dirty);
}

#endif
