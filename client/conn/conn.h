/*
 * A connection to the server: at most one transport connection at a time, in a domain of its own,
 * and the threads that wait for it. Its owner, the session, has it for its whole life. Each
 * transport connection is one incarnation of it.
 *
 * Everything here is under `lock`, which threads hold only for a short time: to send a message or
 * to poll a few times. conn_unlock sends queued messages and wakes the threads whose wait is over.
 *
 * Four of its files use each other: conn.c has its states, conn_events.c handles what the transport
 * reports, conn_timers.c its deadlines, and conn_wait.c the waiting threads. They are one machine:
 * an event causes messages, a deadline ends the connection, and a waiting thread polls for events
 * and looks at deadlines. The users of the connection are behind conn_user.c.
 */
#ifndef USRBIO_CLIENT_CONN_CONN_H
#define USRBIO_CLIENT_CONN_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/base/progress.h"
#include "client/conn/conn_owner.h"
#include "client/conn/conn_user.h"
#include "client/conn/conn_wait.h"
#include "common/auth/exchange.h"
#include "common/base/lock.h"
#include "common/transport/transport.h"
#include "proto/arena.h"
#include "proto/codec.h"
#include "proto/limits.h"

struct usrbio_counters;

#define CONN_INFLIGHT 4096u /* the most I/Os under way, enough to keep a card busy */

enum conn_state {
	CONN_DOWN,	/* no transport connection */
	CONN_OPENING,	/* the transport connects, until TP_EV_CONNECTED */
	CONN_HANDSHAKE, /* the hello was sent, until the welcome comes */
	CONN_WELCOMED,	/* the welcome came; only requests that recover are sent, until conn_go */
	CONN_UP,	/* everything is sent */
	CONN_CLOSING,	/* disconnect was called, until TP_EV_CLOSED */
};

/* In a handshake with a key: whether this side has sent its proof. */
enum conn_proof { PROOF_NONE, PROOF_GIVEN };

#define CONN_TICKS	 16 /* ticks of the clock in the mount's timeout */
#define CONN_ABORT_TICKS 2  /* to answer an Abort: one that begins now, and a whole one */

struct conn {
	struct lock lock;   /* LOCK_CONN: guards all members without another note */
	atomic_uint wanted; /* threads that wait for the lock, which a polling thread offers them;
			       any thread */
	struct conn_owner *owner;
	unsigned index; /* among the connections of the owner */

	enum conn_state state;
	int error;	      /* why it is down or closing */
	uint64_t incarnation; /* counts transport connections; the server forgets announced regions
				 with each */
	uint64_t number;      /* of the session that it joined last */
	uint64_t joined;      /* the incarnation of that session */

	const struct tp_ops *ops; /* the provider of the domain */
	struct tp_domain *domain;
	struct tp_conn *tp;
	struct arena arena;
	bool blocked;	/* no send buffer is free, until TP_EV_READY */
	bool unflushed; /* messages are queued in the transport */
	bool pong_due;	/* a pong with pong_nonce is to be sent */
	uint64_t pong_nonce;
	bool goodbye_due; /* a Goodbye is to be sent */

	struct exchange exchange; /* state of a handshake with a key; wiped after it */
	enum conn_proof proof;

	/* From the welcome. */
	uint64_t features;		       /* FEATURE_ bits of the server */
	uint64_t host;			       /* the host of the files, see usrbio_stat */
	uint32_t max_inflight;		       /* I/Os that may be under way */
	uint32_t max_regions;		       /* region ids that may be in use */
	uint64_t region_ids[REGIONS_MAX / 64]; /* a bit for each id that is in use */

	struct conn_user *users[CONN_USERS];  /* constant */
	conn_handler *handlers[NR_MSG_TYPES]; /* by message type; constant, like the next */
	struct conn_user *receivers[NR_MSG_TYPES];
	struct waiting wait;

	/* Of conn_timers.c; times of now_ns. */
	uint64_t due_ns;       /* the earliest time limit that a user has announced, or NEVER */
	uint64_t heard_ns;     /* when the last event came, or the first thing became owed */
	uint64_t probed_ns;    /* when the last probe was sent */
	uint64_t nr_probes;    /* probes sent in this incarnation */
	uint64_t nr_answered;  /* probes answered */
	bool probe_due;	       /* a probe is to be sent */
	uint32_t tick;	       /* the clock by which I/Os and calls expire; it may wrap around */
	uint64_t tick_ns;      /* the length of a tick; 0: nothing expires */
	uint64_t next_tick_ns; /* when the next tick begins */

	struct task task;			     /* of the progress thread */
	uint64_t task_drives;			     /* wait.drives at its last call */
	uint64_t nr_ios, nr_batches, nr_completions; /* the rings count these */
	uint64_t msg_bytes;			     /* bytes of all messages, both ways */
};

/* Create a connection that is down. NULL: out of memory or descriptors. */
struct conn *conn_create(struct conn_owner *owner, unsigned index);
/*
 * Disconnect, and free everything. No thread may wait for the connection, and it must not be a task
 * any more.
 */
void conn_destroy(struct conn *conn);

/* Acquire the lock; conn_trylock does not wait. False: another thread holds it. */
void conn_lock(struct conn *conn);
bool conn_trylock(struct conn *conn);
/* Send what was queued, wake the threads whose wait is over, and release the lock. */
void conn_unlock(struct conn *conn);
/* Send what was queued and wake threads, as conn_unlock does, but keep the lock. */
void conn_flush(struct conn *conn);

/* The functions from here to conn_due_by need conn->lock held, and assert it. */

/*
 * Begin to connect within timeout_ms. 0: the state is CONN_OPENING; -errno: it stays CONN_DOWN.
 */
int conn_open(struct conn *conn, const struct tp_ops *ops, struct tp_device *device,
	      const struct tp_addr *addr, unsigned timeout_ms);
/*
 * Begin to disconnect with this error, unless it is down. I/Os and calls under way wait for the
 * next incarnation.
 */
void conn_shut(struct conn *conn, int error);
/*
 * Tell the server that the session ends, if the connection is up and nothing waits for an answer.
 * The server then disconnects all connections of the session. False: it is not told.
 */
bool conn_goodbye(struct conn *conn);
/* Store why the connection is about to be lost; the first reason counts. */
void conn_blame(struct conn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The peer broke the protocol: blame it and begin to disconnect. */
void conn_violated(struct conn *conn, const char *what);

/* The server has welcomed the connection to an incarnation of the session `number`. */
void conn_welcomed(struct conn *conn, const struct welcome *welcome, uint64_t number,
		   uint64_t incarnation);
/* Send everything that waits, because all files have been recovered. */
void conn_go(struct conn *conn);
/* End what waits for a session with this status, because there will be none. */
void conn_give_up(struct conn *conn, int status);
/* True if I/Os or requests wait for the server or for a connection. */
bool conn_is_busy(const struct conn *conn);

/* Take the events that the transport has, and return their number. */
int conn_poll(struct conn *conn);
/* Poll without waiting. Only while no thread leads. */
void conn_look(struct conn *conn);
/* Send what waits to be sent: requests, pongs, I/Os. */
void conn_pump(struct conn *conn);
/* Act on deadlines that have passed: of incomplete batches, a silent server, I/Os, calls. */
void conn_clock(struct conn *conn, uint64_t now);
/* Return the time of the next of these deadlines, or NEVER. */
uint64_t conn_next_clock(const struct conn *conn);
/* Note that the server will owe an answer. A user calls it before it counts the request. */
void conn_expect(struct conn *conn);
/* True if the timeout of an I/O or call that began in this tick is over. */
bool conn_overdue(const struct conn *conn, uint32_t tick);
/* Send a ping that asks whether the server is there. False: no buffer. */
bool conn_probe(struct conn *conn);
/* Match a pong to the last ping; false if it answers none. */
bool conn_probed(struct conn *conn, uint64_t nonce);

/* Get a send buffer of conn->tp->msg_max bytes. NULL: none is free, until TP_EV_READY. */
void *conn_buf(struct conn *conn);
/* Encode a message into such a buffer and queue it. 0 or -EMSGSIZE. */
int conn_send(struct conn *conn, const struct message *msg, void *buf);

/* Ask the owner to connect. False: it has tried that for too long. */
static inline bool conn_want(struct conn *conn)
{
	lock_assert_held(&conn->lock);
	return conn->owner->want(conn->owner);
}

/* Announce a time limit of a user: conn_users_due is called at `ns`, a time of now_ns. */
static inline void conn_due_by(struct conn *conn, uint64_t ns)
{
	lock_assert_held(&conn->lock);
	if (ns < conn->due_ns)
		conn->due_ns = ns;
}

/* Add the counters of the connection to *counters. The lock is not held. */
void conn_count(struct conn *conn, struct usrbio_counters *counters);

#endif
