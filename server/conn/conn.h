/*
 * A client's connection: its pipeline, its calls, and what it takes to begin, to watch and to end
 * them. It belongs to one worker for life; only that worker's thread touches it, except that its
 * session may post `fence`, and as server/io/peer.h and server/calls/calls.h say.
 *
 * It ends in steps: conn_end() cancels what is queued and disconnects; when the transport has said
 * TP_EV_CLOSED and no store I/O and no call of it runs any more, the end of that turn has it leave
 * its session and frees it.
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
	CONN_HELLO,   /* accepted; the hello has not come yet */
	CONN_PROVING, /* it has; who it is has still to be proved */
	CONN_FENCING, /* waits for older connections of its session to end */
	CONN_ACTIVE,
	CONN_DRAINING, /* the server stops: what runs may end, nothing new begins */
	CONN_REFUSED,  /* a Welcome that says no is on its way, then the end */
	CONN_CLOSING,  /* disconnecting */
};

struct server_conn {
	enum server_conn_state state;
	bool closed; /* TP_EV_CLOSED has come */
	bool silent; /* it ended because its peer fell silent */
	struct worker *worker;
	struct server_peer *peer; /* &pipeline.peer */
	struct pipeline pipeline;
	struct server_calls calls;

	struct handshake *handshake; /* until the Welcome */
	struct ev fence;	     /* its session has news; handshake.c */
	bool fence_posted;	     /* registry's lock, or when no member any more */

	struct list timed; /* worker->handshakes, ->fencing or ->posting */
	uint64_t since_ns; /* of that list */
	struct keepalive keepalive;
	uint64_t accepted_ns;
	size_t charged; /* of the budget, to be given back with it; more by its calls */
};

/*
 * Count a connection of this worker and charge the budget for it, or undo that. False: the budget
 * does not allow it.
 */
bool conn_reserve(struct worker *worker, const struct tp_ops *ops);
void conn_unreserve(struct worker *worker, const struct tp_ops *ops);
/* Accept a request into the worker's domain, after conn_reserve(). The request is consumed. */
void conn_accept(struct worker *worker, struct tp_request *request);
/* Handle an event that the transport reports for the connection. */
void conn_event(struct server_conn *conn, const struct tp_event *event);
/* conn_end(), which ends it, is declared in server/io/pipeline.h. Repeating it is harmless. */
/* The server stops: finish the I/O and calls that run, then end. */
void conn_drain(struct server_conn *conn);
/* The worker's turn ends: send, flush, and free the connection if it is over. */
void conn_finish_turn(struct server_conn *conn);
/* Begin I/O and calls, as the session allows it. 0 or -ENOMEM. */
int conn_activate(struct server_conn *conn);

#endif
