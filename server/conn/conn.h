/*
 * A client's connection: its pipeline, its calls, its handshake and its timers. It belongs to one
 * worker from accept to free, and only that worker's thread uses it. There are exceptions: its
 * session may post `fence`, and server/io/peer.h and server/calls/calls.h name what others read.
 *
 * It ends in steps. conn_end() cancels what is queued, and disconnects. When the transport reports
 * TP_EV_CLOSED, the connection detaches its store I/O. At the end of that turn it leaves its
 * session and is freed. Its calls that run were detached before, in conn_end().
 */
#ifndef USRBIO_SERVER_CONN_CONN_H
#define USRBIO_SERVER_CONN_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/transport/transport.h"
#include "common/base/list.h"
#include "server/calls/calls.h"
#include "server/conn/keepalive.h"
#include "server/io/pipeline.h"
#include "server/store/evloop.h"

struct handshake;

enum server_conn_state {
	CONN_HELLO,   /* accepted; waits for the Hello */
	CONN_PROVING, /* has sent a Challenge; waits for the Proof */
	CONN_FENCING, /* waits for older connections of its session to end */
	CONN_ACTIVE,
	CONN_DRAINING, /* the server stops: I/O and calls that run may end, no new ones begin */
	CONN_REFUSED,  /* ends when the Welcome that refuses it has been sent */
	CONN_CLOSING,  /* disconnecting */
};

struct server_conn {
	enum server_conn_state state;
	bool closed; /* TP_EV_CLOSED has come */
	struct worker *worker;
	struct server_peer *peer; /* &pipeline.peer */
	struct pipeline pipeline;
	struct server_calls calls;

	struct handshake *handshake; /* NULL from the Welcome on */
	struct ev fence;	     /* the session has changed; handshake.c */
	bool fence_posted;	     /* the registry's lock protects it while it is a member */

	struct list timed; /* in worker->handshakes, ->fencing or ->posting */
	uint64_t since_ns; /* when the time of that list began */
	struct keepalive keepalive;
	uint64_t accepted_ns;
	/* Bytes of the memory of its id, if it has one, until it is freed; not those of calls. */
	size_t charged;
};

/* The bytes that a connection is charged for until its Welcome. */
size_t conn_price(struct worker *worker, const struct tp_ops *ops);
/*
 * Count a connection of this worker and charge the budget for it, or undo both. False: the budget
 * does not allow it.
 */
bool conn_reserve(struct worker *worker, const struct tp_ops *ops);
void conn_unreserve(struct worker *worker, const struct tp_ops *ops);
/* Accept a request into the worker's domain, after conn_reserve(). The request is consumed. */
void conn_accept(struct worker *worker, struct tp_request *request);
/* Handle an event that the transport reports for the connection. */
void conn_event(struct server_conn *conn, const struct tp_event *event);
/* server/io/pipeline.h declares conn_end(), which ends a connection. It may be called again. */
/* The server stops: finish the I/O and calls that run, then end. */
void conn_drain(struct server_conn *conn);
/* The worker's turn ends: send, flush, and free the connection if it is over. */
void conn_finish_turn(struct server_conn *conn);
/* Begin I/O and calls, when the session allows it. Returns 0, -ENOMEM, or -EUSERS: the id has more
 * than its part of the memory. */
int conn_activate(struct server_conn *conn);

#endif
