/*
 * A connection of a session: one transport connection, if there is one, in a domain of its own,
 * and everything that waits for it. Lives as long as its session's mount; goes up and down.
 *
 * Everything here is under `lock`, which is held for short whiles only: to send, to look, to poll
 * a few times. conn_unlock sends off what was queued and wakes whom it concerns.
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
#include "common/transport/transport.h"
#include "proto/arena.h"
#include "proto/codec.h"
#include "proto/limits.h"

struct usrbio_counters;

#define CONN_INFLIGHT 4096u /* I/Os under way at most: enough to keep a card busy */

enum conn_state {
	CONN_DOWN,     /* no transport connection */
	CONN_OPENING,  /* until TP_EV_CONNECTED */
	CONN_GREETING, /* hello sent, until the welcome */
	CONN_GREETED,  /* only what recovers may be asked, until conn_go */
	CONN_UP,
	CONN_CLOSING, /* disconnected, until TP_EV_CLOSED */
};

enum conn_proof { PROOF_NONE, PROOF_GIVEN };

struct conn {
	pthread_mutex_t lock;
	atomic_uint wanted; /* by so many threads now: who polls under it steps aside; any thread */
	struct conn_owner *owner;
	unsigned index; /* among the connections of the owner */

	enum conn_state state;
	int error; /* why it is down or closing */
	uint64_t
		incarnation; /* counts connections; nothing announced in one is known in the next */
	uint64_t number;     /* the session it joined last */
	uint64_t joined;     /* and which life of it */

	const struct tp_ops *ops; /* of the domain */
	struct tp_domain *domain;
	struct tp_conn *tp;
	struct arena arena;
	bool blocked;	/* no send buffer, until TP_EV_READY */
	bool unflushed; /* something is queued in the transport */
	bool pong_due;
	uint64_t pong_nonce;

	struct exchange exchange; /* while it is greeted, with a key */
	enum conn_proof proof;

	uint64_t features;
	uint64_t host;			       /* of the files of the mount */
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
	uint64_t probed_ns;    /* when it was last asked whether it is there */
	uint64_t nr_probes;    /* so asked, in this life */
	uint64_t nr_answered;  /* of these */
	bool probe_due;	       /* to be sent */
	uint32_t tick;	       /* the time by which I/Os and calls expire */
	uint64_t tick_ns;      /* how long one takes; 0: nothing expires */
	uint64_t next_tick_ns; /* when the next one begins */

	struct task task; /* the progress thread's hook */
	uint64_t task_drives;
	uint64_t nr_ios, nr_batches, nr_completions; /* counted by the rings */
	uint64_t msg_bytes;
};

/* NULL: out of memory or descriptors. */
struct conn *conn_create(struct conn_owner *owner, unsigned index);
/* Ends the transport connection, if any. Nobody waits for it any more; not a task any more. */
void conn_destroy(struct conn *conn);

void conn_lock(struct conn *conn);
bool conn_trylock(struct conn *conn);
void conn_unlock(struct conn *conn);
/* What conn_unlock does, keeping the lock. */
void conn_flush(struct conn *conn);

/* Begin to connect: state is CONN_OPENING, or CONN_DOWN with -errno returned. Lock held. */
int conn_open(struct conn *conn, const struct tp_ops *ops, struct tp_device *device,
	      const struct tp_addr *addr, unsigned timeout_ms);
/* Begin to end it, unless it is down: what is under way waits for its next life. Lock held. */
void conn_shut(struct conn *conn, int error);
/* Remember why the connection is about to be lost. Lock held. */
void conn_blame(struct conn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The peer broke the protocol: said in the log, and shut. Lock held. */
void conn_violated(struct conn *conn, const char *what);

/*
 * The server welcomes the connection to a session, by its number, in an incarnation of that. Lock
 * held.
 */
void conn_greeted(struct conn *conn, const struct welcome *welcome, uint64_t number,
		  uint64_t incarnation);
/* Everything has been recovered: what waits may go. Lock held. */
void conn_go(struct conn *conn);
/* There will be no session: what waits for one ends with this status. Lock held. */
void conn_give_up(struct conn *conn, int status);
/* Does anything or anybody wait for the server? Lock held. */
bool conn_is_busy(const struct conn *conn);

/* Take what the transport has, once. Number of events. Lock held. */
int conn_poll(struct conn *conn);
/* The same for who will not wait, and while nobody leads. Lock held. */
void conn_look(struct conn *conn);
/* Send what waits to be sent: requests, pongs, I/Os. Lock held. */
void conn_pump(struct conn *conn);
/* Deadlines that have passed: incomplete batches, a silent server, I/Os and calls. Lock held. */
void conn_clock(struct conn *conn, uint64_t now);
/* The next one of them, or NEVER. Lock held. */
uint64_t conn_next_clock(const struct conn *conn);
/* Something is owed by the server from here on: before it is counted. Lock held. */
void conn_expect(struct conn *conn);
/* Its tick was that: has it had the time the mount allows? Lock held. */
bool conn_overdue(const struct conn *conn, uint32_t tick);
/* Asks whether the server is there, if that is due. False: no buffer. Lock held. */
bool conn_probe(struct conn *conn);
/* Match a pong to the last ping; false if it answers none. Lock held. */
bool conn_probed(struct conn *conn, uint64_t nonce);

/* A send buffer of conn->tp->msg_max bytes, or NULL: blocked. Lock held. */
void *conn_buf(struct conn *conn);
/* Encode into such a buffer and queue it. 0 or -EMSGSIZE. Lock held. */
int conn_send(struct conn *conn, const struct message *msg, void *buf);

/* A connection is needed. False: that has been tried for too long. Lock held. */
static inline bool conn_want(struct conn *conn)
{
	return conn->owner->want(conn->owner);
}

/* A user has a time limit by then. Lock held. */
static inline void conn_due_by(struct conn *conn, uint64_t ns)
{
	if (ns < conn->due_ns)
		conn->due_ns = ns;
}

void conn_count(struct conn *conn, struct usrbio_counters *counters);

#endif
