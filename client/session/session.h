/*
 * A mount's relation to its server: a device, connections, and the session they share. Three counts
 * tell apart what may change under its users:
 *
 *   life    of all connections together: if one breaks the others follow, and the next life begins.
 *   number  of the session at the server; survives its lives, and ends when the server forgets it.
 *	     What belongs to one (file handles) is dead in the next.
 *   epoch   what the server calls a life: counts from 0 in each session.
 *
 * Whoever needs a session says so, and waits at its connection: the reconnector, a thread that runs
 * while there is something to be healed, connects and resumes. Any thread.
 */
#ifndef USRBIO_CLIENT_SESSION_SESSION_H
#define USRBIO_CLIENT_SESSION_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/session/credentials.h"
#include "client/session/device.h"
#include "common/base/list.h"
#include "client/base/reason.h"
#include "client/conn/conn.h"
#include "client/spec/mountspec.h"
#include "client/base/reason.h"
#include "proto/message.h"

struct inprocess;
struct session;

/* The open files, kept by client/files: what a new session has to open again. */
struct session_files {
	pthread_mutex_t lock; /* taken after a connection's, if both are */
	struct list list;
	unsigned nr;
	uint64_t session; /* the files of this one are in the list, or will be added to it */
	/*
	 * Opens the files of earlier sessions on a connection that has just been greeted. 0, or
	 * -errno when the connection broke. NULL until there is a file.
	 */
	int (*recover)(struct session *session, struct conn *conn);
};

struct session {
	struct conn_owner owner; /* what its connections know of it */
	const struct mountspec *spec;
	struct device device;
	_Atomic uint64_t up;	    /* the life that is up; 0: none is */
	_Atomic uint64_t lost;	    /* the last one that broke, maybe before it was complete */
	_Atomic int error;	    /* why it broke */
	_Atomic bool used;	    /* its connections are tasks */
	struct session_files files; /* its own lock */
	_Atomic unsigned next_conn; /* spreads rings and calls */

	/* The reconnector's. Those who drive connections read and write them on its behalf. */
	uint64_t incarnation, number;
	uint32_t epoch;
	bool known;		  /* there is a session to resume: id, key and boot_id are its */
	bool ever;		  /* there was one */
	struct tp_tls_config tls; /* and what follows from them for TLS */
	struct credentials credentials; /* of the attempt that is made, or was made last */
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	uint64_t boot_id;
	char server[TEXT_MAX + 1];
	char at[SPEC_HOST_MAX + 8]; /* where the attempt is made: "host:port" */
	struct inprocess *own;	    /* of a mount loop:///DIR, from the first attempt to the end */
	_Atomic unsigned failures;  /* attempts in quick succession; others look */
	uint64_t tried_ns;	    /* when the last one ended */

	pthread_mutex_t lock; /* innermost; what follows is under it */
	bool reconnecting;    /* the reconnector runs; after that it does not touch the session */
	bool wanted;	      /* somebody came since it last looked */
	bool given_up;	      /* for as long as no attempt succeeds, nobody is kept waiting */
	uint64_t trying_ns; /* when the first attempt in vain began; 0: it is up, or nobody tries */
	uint64_t no_sooner_ns; /* the next attempt after giving up */
	uint64_t said_ns;      /* the last line in the log about it */
	bool said_lost;
	struct reason cause;   /* of the attempt that is made, or of the loss before it */
	struct reason reason;  /* why nobody is served; none: it is up, or nobody tried */
	char said[REASON_MAX]; /* the text of it that the log has had; "" since it was up */

	unsigned nr_conns;
	struct conn *conns[]; /* constant */
};

static inline struct session *session_of(const struct conn *conn)
{
	return container_of(conn->owner, struct session, owner);
}

/* NULL: out of memory or descriptors. Does not connect. spec outlives it. */
struct session *session_create(const struct mountspec *spec);
/* Nobody uses it any more, and nobody heals it; on the progress thread, or never used. */
void session_destroy(struct session *session);

static inline bool session_is_up(const struct session *session)
{
	return atomic_load_explicit(&session->up, memory_order_acquire);
}

/* Somebody needs it: have it healed. False: that has been tried for too long; fail at once. */
bool session_want(struct session *session);
bool session_is_reconnecting(struct session *session);
/* Did a connection of that life break? Not to be confused with one that still connects. */
bool session_is_lost(const struct session *session, uint64_t incarnation);
/* A connection of it broke, whose lock is held: the others follow. */
void session_lost(struct session *session, uint64_t incarnation, int error);

/* The connection for the next ring or call. */
struct conn *session_conn(struct session *session);

/* What a new connection says and hears. Lock of the connection held. */
void session_hello(struct session *session, struct hello *hello);
int session_welcome(struct session *session, const struct welcome *welcome);

/* Why the attempt that is made will fail, or what a connection is lost for. The first one counts.
 */
void session_blame(struct session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Keep and log why calls of a session end with `err`, though it may be up. */
void session_explain(struct session *session, int err, const char *text);
/* "connection lost: ..." in the log, with the cause, and what follows from it. */
void session_say_loss(struct session *session, int level, const char *after);
/* Why nobody is served. */
void session_reason(struct session *session, struct reason *reason);

/* For the log, not to be flooded: true once in ten seconds. */
bool session_may_say(struct session *session);

/* attempt.c: one attempt by one route. 0: it is up; -errno: session->cause may know more. */
int session_try_route(struct session *session, const struct route *route);
/* All connections, and wait until they are. */
void session_bring_down(struct session *session);

/* reconnect.c: the reconnector. Its last deed is to say that it does not reconnect any more. */
void *reconnect_run(void *session);

#endif
