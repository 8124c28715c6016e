/*
 * A connection to the server: one transport connection, if there is one, in a domain of its own,
 * and the threads that wait for it. It exists as long as its owner, the session. Each transport
 * connection is one incarnation of it.
 *
 * Everything here is under `lock`, which is held for short whiles only: to send, to look, to poll a
 * few times. conn_unlock sends what was queued and wakes the threads whose wait is over.
 *
 * Four of its files use each other: conn.c (its states), conn_events.c (what the transport
 * reports), conn_timers.c (its deadlines) and conn_wait.c (the waiting threads). An event sends, a
 * deadline ends the connection, a waiting thread polls for events and looks at deadlines: they are
 * one machine. Its users are behind conn_user.c.
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

#define CONN_INFLIGHT 4096u /* I/Os under way at most, which is enough to keep a card busy */

enum conn_state {
	CONN_DOWN,	/* no transport connection */
	CONN_OPENING,	/* until TP_EV_CONNECTED */
	CONN_HANDSHAKE, /* hello sent, until the welcome */
	CONN_WELCOMED,	/* welcome; only requests that recover are sent, until conn_go */
	CONN_UP,
	CONN_CLOSING, /* disconnected, until TP_EV_CLOSED */
};

enum conn_proof { PROOF_NONE, PROOF_GIVEN };

#define CONN_TICKS 16 /* ticks in the time that I/Os and calls have */

struct conn {
	struct lock lock;   /* LOCK_CONN: guards what has no other note */
	atomic_uint wanted; /* so many threads wait for the lock: a polling thread offers it; any
			       thread */
	struct conn_owner *owner;
	unsigned index; /* among the connections of the owner */

	enum conn_state state;
	int error;	      /* why it is down or closing */
	uint64_t incarnation; /* counts transport connections; nothing announced in one is known in
				 the next */
	uint64_t number;      /* of the session that it joined last */
	uint64_t joined;      /* the incarnation of that session */

	const struct tp_ops *ops; /* the domain's transport */
	struct tp_domain *domain;
	struct tp_conn *tp;
	struct arena arena;
	bool blocked;	/* no send buffer, until TP_EV_READY */
	bool unflushed; /* something is queued in the transport */
	bool pong_due;
	uint64_t pong_nonce;

	struct exchange exchange; /* during a handshake with a key */
	enum conn_proof proof;

	uint64_t features;
	uint64_t host;			       /* the host of the files of the mount */
	uint32_t max_inflight;		       /* I/Os the server takes, at most CONN_INFLIGHT */
	uint32_t max_regions;		       /* region ids the server takes */
	uint64_t region_ids[REGIONS_MAX / 64]; /* one bit each: in use */

	struct conn_user *users[CONN_USERS];  /* constant */
	conn_handler *handlers[NR_MSG_TYPES]; /* by message type; constant, like the next */
	struct conn_user *receivers[NR_MSG_TYPES];
	struct waiting wait;

	/* conn_timers.c */
	uint64_t due_ns;       /* no user has to look at its time limits before that, or NEVER */
	uint64_t heard_ns;     /* when the server last said anything while it owed us something */
	uint64_t probed_ns;    /* when the last probe was sent */
	uint64_t nr_probes;    /* probes sent in this incarnation */
	uint64_t nr_answered;  /* probes answered */
	bool probe_due;	       /* a probe is to be sent */
	uint32_t tick;	       /* the time by which I/Os and calls expire */
	uint64_t tick_ns;      /* the length of a tick; 0: nothing expires */
	uint64_t next_tick_ns; /* when the next tick begins */

	struct task task; /* the progress thread's hook */
	uint64_t task_drives;
	uint64_t nr_ios, nr_batches, nr_completions; /* counted by the rings */
	uint64_t msg_bytes;
};

/* Create a connection that is down. NULL: out of memory or descriptors. */
struct conn *conn_create(struct conn_owner *owner, unsigned index);
/*
 * End the transport connection, if there is one, and free everything. No thread waits for the
 * connection any more, and it is no task any more.
 */
void conn_destroy(struct conn *conn);

void conn_lock(struct conn *conn);
bool conn_trylock(struct conn *conn);
void conn_unlock(struct conn *conn);
/* Send what was queued and wake threads, as conn_unlock does, but keep the lock. */
void conn_flush(struct conn *conn);

/* The caller of the functions from here to conn_due_by holds conn->lock; they assert it. */

/* Begin to connect: state is CONN_OPENING, or CONN_DOWN with -errno returned. */
int conn_open(struct conn *conn, const struct tp_ops *ops, struct tp_device *device,
	      const struct tp_addr *addr, unsigned timeout_ms);
/* Begin to disconnect, unless it is down: what is under way waits for the next incarnation. */
void conn_shut(struct conn *conn, int error);
/* Remember why the connection is about to be lost. */
void conn_blame(struct conn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The peer broke the protocol: blame it and begin to disconnect. */
void conn_violated(struct conn *conn, const char *what);

/* The server has welcomed the connection to an incarnation of the session `number`. */
void conn_welcomed(struct conn *conn, const struct welcome *welcome, uint64_t number,
		   uint64_t incarnation);
/* Everything has been recovered: send what waits. */
void conn_go(struct conn *conn);
/* There will be no session: end what waits for one with this status. */
void conn_give_up(struct conn *conn, int status);
/* Does anything or anybody wait for the server? */
bool conn_is_busy(const struct conn *conn);

/* Take the events that the transport has, and return their number. */
int conn_poll(struct conn *conn);
/* Poll without waiting; only while no thread leads. */
void conn_look(struct conn *conn);
/* Send what waits to be sent: requests, pongs, I/Os. */
void conn_pump(struct conn *conn);
/* Act on deadlines that have passed: of incomplete batches, a silent server, I/Os, calls. */
void conn_clock(struct conn *conn, uint64_t now);
/* When the next of these deadlines is, or NEVER. */
uint64_t conn_next_clock(const struct conn *conn);
/* The server will owe something: to be called before a user counts that. */
void conn_expect(struct conn *conn);
/* Has an I/O or call that began in this tick had the time that the mount allows? */
bool conn_overdue(const struct conn *conn, uint32_t tick);
/* Send a ping that asks whether the server is there. False: no buffer. */
bool conn_probe(struct conn *conn);
/* Match a pong to the last ping; false if it answers none. */
bool conn_probed(struct conn *conn, uint64_t nonce);

/* Get a send buffer of conn->tp->msg_max bytes, or NULL: blocked. */
void *conn_buf(struct conn *conn);
/* Encode a message into such a buffer and queue it. 0 or -EMSGSIZE. */
int conn_send(struct conn *conn, const struct message *msg, void *buf);

/* A connection is needed. False: that has been tried for too long. */
static inline bool conn_want(struct conn *conn)
{
	lock_assert_held(&conn->lock);
	return conn->owner->want(conn->owner);
}

/* A user has a time limit at `ns`. */
static inline void conn_due_by(struct conn *conn, uint64_t ns)
{
	lock_assert_held(&conn->lock);
	if (ns < conn->due_ns)
		conn->due_ns = ns;
}

void conn_count(struct conn *conn, struct usrbio_counters *counters);

#endif
