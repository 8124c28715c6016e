/*
 * A client's connection. It belongs to one worker for life; only that worker's thread touches it,
 * but for `leaving`, which the blocking threads read, and `fence`, which its session may post.
 *
 * It ends in steps: conn_end() cancels what is queued and disconnects; when the transport has said
 * TP_EV_CLOSED and no store I/O and no call of it runs any more, the end of that turn has it leave
 * its session and frees it.
 */
#ifndef USRBIO_SERVER_CONN_CONN_H
#define USRBIO_SERVER_CONN_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/transport/addr.h"
#include "common/transport/transport.h"
#include "server/calls/counters.h"
#include "server/store/evloop.h"
#include "server/conn/keepalive.h"
#include "server/session/keyring.h"
#include "common/base/list.h"
#include "server/io/outbox.h"
#include "server/io/queue.h"
#include "server/io/region.h"
#include "server/io/request.h"
#include "server/session/sessions.h"
#include "server/worker/staging.h"

struct export;
struct server_file;
struct greeting;
struct message;
struct store_queue;
struct worker;

/* Staging buffers one connection may hold: it cannot fill the disk's queue. */
#define CONN_SEGMENTS_MAX 64
/* Pipes it may hold: 4 MiB in front of what the socket itself holds. Some are left for others. */
#define CONN_PIPES_MAX 16

enum server_conn_state {
	CONN_HELLO,   /* accepted; the hello has not come yet */
	CONN_PROVING, /* it has; who it is has still to be proved */
	CONN_FENCING, /* resumes a session whose older connections are not all gone: no Welcome yet
		       */
	CONN_ACTIVE,
	CONN_DRAINING, /* the server stops: what runs may end, nothing new begins */
	CONN_REFUSED,  /* a Welcome that says no is on its way, then the end */
	CONN_CLOSING,  /* disconnecting */
};

struct server_conn {
	enum server_conn_state state;
	bool closed;	     /* TP_EV_CLOSED has come */
	bool progress;	     /* the peer took or gave something since the last settling */
	atomic_bool leaving; /* calls that have not begun need not */
	uint64_t features;   /* FEATURE_* of both ends */
	uint64_t number;     /* of those its worker accepted */
	struct worker *worker;
	struct tp_conn *tp;
	struct greeting *greeting; /* until the Welcome */
	struct key_name key;	   /* "": none */
	struct permit permit;	   /* what its key is good for at its export */
	bool read_only;		   /* that, or the export */
	struct member member;	   /* .session: NULL while it has none */
	struct ev fence;	   /* its session has news; handshake.c */
	bool fence_posted;	   /* registry's lock, or when no member any more */
	bool silent;		   /* it ended because its peer fell silent */
	struct export *export;
	struct store_queue *store;

	struct list node;  /* worker->conns */
	struct list dirty; /* worker->dirty: to be looked at when the turn ends */
	struct list ready; /* worker->ready */
	struct list waiting_for_buf[NR_STAGING]; /* worker->waiting_for_buf */
	struct list timed;			 /* worker->greeting, ->fencing or ->posting */
	uint64_t since_ns;			 /* of that list */
	struct keepalive keepalive;

	/* I/O. nr_open counts from admission until the result is in a message or an immediate. */
	struct queue queue;
	struct list running;  /* requests with all segments started, or as many as may be */
	struct list unposted; /* segments the transport had no room for, in order */
	struct list free;     /* requests given back; beyond nr_used the slab is untouched */
	struct server_request *slab;
	uint32_t max_inflight, nr_used, nr_open;
	uint32_t nr_segments;	      /* that hold a staging buffer or a pipe */
	uint32_t nr_posted;	      /* of these, with the wire */
	uint32_t nr_held[NR_STAGING]; /* of these, by class */
	uint64_t fetching;	      /* bytes of the client's memory asked for */
	struct regions regions;
	struct server_file *drop_file; /* what requests that ended in this turn held of it: */
	unsigned nr_drop;	       /* so many references, to be given back when it ends */

	/* Calls: waiting for their turn on the blocking threads, running there. */
	struct list calls;
	uint32_t nr_calls; /* not answered yet, with region drops and pings */
	uint32_t nr_running_calls;
	size_t call_bytes; /* that the unanswered ones take */

	struct outbox outbox;
	size_t charged; /* of the budget, to be given back with it; more by its calls */
	struct counters count;
	char peer[ADDR_TEXT_MAX];
};

/* Count a connection of this worker and charge for it, or undo that. False: no memory for it. */
bool conn_reserve(struct worker *worker, const struct tp_ops *ops);
void conn_unreserve(struct worker *worker, const struct tp_ops *ops);
/* Accept a request into the worker's domain, which is reserved. The request is consumed. */
void conn_accept(struct worker *worker, struct tp_request *request);
/* What the transport says about it. */
void conn_event(struct server_conn *conn, const struct tp_event *event);
/* End it, because of err; say why if it is not the peer's plain leaving. Repeating is harmless. */
void conn_end(struct server_conn *conn, int err, const char *why);
/* The server stops: finish what runs, then end. */
void conn_drain(struct server_conn *conn);
/* Have conn_finish_turn called when the turn ends. */
void conn_touch(struct server_conn *conn);
/* The turn ends: send, flush, and free it if it is over. */
void conn_finish_turn(struct server_conn *conn);
/* Give back what ended requests held of drop_file. */
void conn_drop_refs(struct server_conn *conn);
/* It may have segments to start now. */
void conn_schedule(struct server_conn *conn);
/* Start up to a fair share of segments; how many. */
unsigned conn_serve(struct server_conn *conn);

/* Its session lets it begin. 0 or -ENOMEM. */
int conn_activate(struct server_conn *conn);

#endif
