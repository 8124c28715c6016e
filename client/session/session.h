/*
 * A mount's relation to its server: a device, connections, and the session they share. Three counts
 * tell apart what may change under its users:
 *
 *	incarnation  of all connections together: if one breaks, the others end, and the next
 *		     incarnation begins.
 *	number	     of the session at the server; it outlives incarnations, and ends when the
 *		     server forgets the session. File handles of one are dead in the next.
 *	epoch	     what the server calls an incarnation: it counts from 0 in each session.
 *
 * A thread that needs a session calls session_want and waits at its connection. The reconnector, a
 * thread that runs while the session is wanted and not up, connects and resumes it. Any thread.
 *
 * The object has four files, which use each other: session.c (its states, its log), handshake.c (of
 * a connection), session_attempt.c (one attempt to connect) and reconnect.c (the reconnector). The
 * session starts the reconnector, which makes attempts, which go through handshakes, each of which
 * ends in the session: a circle by nature.
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
#include "common/base/lock.h"
#include "client/base/reason.h"
#include "client/conn/conn.h"
#include "client/spec/mountspec.h"
#include "proto/message.h"

struct inprocess;
struct session;

/* The open files, kept by client/files: what a new session has to open again. */
struct session_files {
	struct lock lock; /* LOCK_OPEN_FILES: no other lock is acquired under it */
	struct list list;
	unsigned nr;
	uint64_t session; /* the files of this one are in the list, or will be added to it */
	/*
	 * Opens the files of earlier sessions on a connection that has just been welcomed. 0, or
	 * -errno when the connection broke. NULL until there is a file.
	 */
	int (*recover)(struct session *session, struct conn *conn);
};

struct session {
	struct conn_owner owner; /* what its connections know of it */
	const struct mountspec *spec;
	struct device device;
	_Atomic uint64_t up;   /* the incarnation that is up; 0: none is */
	_Atomic uint64_t lost; /* the last incarnation that broke, perhaps before it was complete */
	_Atomic int error;     /* why it broke */
	_Atomic bool used;     /* its connections are tasks of the progress thread */
	struct session_files files; /* under a lock of its own */
	_Atomic unsigned next_conn; /* spreads rings and calls */

	/* The reconnector's; threads that drive its connections use them on its behalf. */
	uint64_t incarnation, number;
	uint32_t epoch;
	bool known;			/* there is a session to resume, by id, key and boot_id */
	bool ever;			/* there was a session once */
	struct tp_tls_config tls;	/* what follows from the credentials for TLS */
	struct credentials credentials; /* of the attempt under way, or the last one */
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	uint64_t boot_id;
	char server[TEXT_MAX + 1];
	char at[SPEC_HOST_MAX + 8]; /* the address of the attempt: "host:port" */
	struct inprocess *own; /* the server of a mount loop:///DIR, from the first attempt on */
	_Atomic unsigned failures; /* attempts in quick succession; read by other threads */
	uint64_t tried_ns;	   /* when the last attempt ended */

	struct lock
		lock; /* LOCK_SESSION: guards what follows; LOCK_PROGRESS is acquired under it */
	bool reconnecting;  /* the reconnector runs; it does not touch the session after clearing
			       this */
	bool wanted;	    /* a thread has asked for it since the reconnector last looked */
	bool given_up;	    /* until an attempt succeeds, nothing waits for the session */
	uint64_t trying_ns; /* when the first failed attempt began; 0: it is up, or there is none */
	uint64_t no_sooner_ns; /* the time of the next attempt after giving up */
	uint64_t said_ns;      /* when the log last had a line about it */
	bool said_lost;
	struct reason cause;   /* of the failure of this attempt, or of the loss before it */
	struct reason reason;  /* why calls fail; none: it is up, or was not tried */
	char said[REASON_MAX]; /* the reason that the log has had; "" since it was up */

	unsigned nr_conns;
	struct conn *conns[]; /* constant */
};

static inline struct session *session_of(const struct conn *conn)
{
	return container_of(conn->owner, struct session, owner);
}

/* Create a session; it does not connect. spec outlives it. NULL: out of memory or descriptors. */
struct session *session_create(const struct mountspec *spec);
/*
 * End a session that nothing uses and no reconnector runs for. On the progress thread, unless it
 * was never used.
 */
void session_destroy(struct session *session);

static inline bool session_is_up(const struct session *session)
{
	return atomic_load_explicit(&session->up, memory_order_acquire);
}

/* Have it connected, unless it is. False: that has been tried for too long; the caller fails. */
bool session_want(struct session *session);
bool session_is_reconnecting(struct session *session);
/* Did a connection of that incarnation break? One that still connects did not. */
bool session_is_lost(const struct session *session, uint64_t incarnation);
/* A connection of it broke, whose lock is held: the others have to end, too. */
void session_lost(struct session *session, uint64_t incarnation, int error);

/* The connection for the next ring or call. */
struct conn *session_conn(struct session *session);

/* Fill in the hello of a new connection, and use the welcome: 0 or -errno. Its lock is held. */
void session_hello(struct session *session, struct hello *hello);
int session_welcome(struct session *session, const struct welcome *welcome);

/* Remember why this attempt will fail, or why a connection is lost. The first reason counts. */
void session_blame(struct session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Keep and log why calls of the session end with `err`, though it may be up. */
void session_explain(struct session *session, int err, const char *text);
/* Log "connection lost: ..." with the cause, and with `after` behind it. */
void session_say_loss(struct session *session, int level, const char *after);
/* Copy the reason why calls fail. */
void session_reason(struct session *session, struct reason *reason);

/* Rate limit of the log: true once in ten seconds. */
bool session_may_say(struct session *session);

/* Make one attempt by one route. 0: the session is up; -errno: session->cause may say more. */
int session_try_route(struct session *session, const struct route *route);
/* Disconnect all connections, and wait until they are down. */
void session_bring_down(struct session *session);

/* The reconnector's thread. The last thing it does is to clear session->reconnecting. */
void *reconnect_run(void *session);

#endif
