/*
 * A session: the relation of a mount to its server, with a device and connections that share it.
 * Three numbers count what may change:
 *
 *	incarnation  counts the times that all connections are up together. If one breaks, the
 *		     others end, and the next incarnation begins.
 *	number	     counts the sessions at the server. A session outlives incarnations, and ends
 *		     when the server forgets it. Its file handles are invalid in the next one.
 *	epoch	     is the number that the server has for an incarnation. It counts from 0 in each
 *		     session.
 *
 * A thread that needs a session calls session_want and waits at its connection. The reconnector, a
 * thread that runs while the session is wanted and not up, connects or resumes it. Any thread.
 *
 * The object has six files. Four of them use each other: session.c has its states and log lines,
 * handshake.c the handshake of a connection, session_attempt.c one attempt to connect, and
 * reconnect.c the reconnector. The session starts the reconnector, which makes attempts. These go
 * through handshakes, which end in the session again. session_verifier.c has the write verifier,
 * and session_goodbye.c the orderly end.
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

/* The open files, which a new session has to open again. client/files keeps them. */
struct session_files {
	struct lock lock; /* LOCK_OPEN_FILES: no other lock is acquired under it */
	struct list list;
	unsigned nr;
	uint64_t session; /* number of the session whose files the list has, or will have */
	/*
	 * Opens the files of earlier sessions again, on a connection that has just been welcomed.
	 * 0; -errno: the connection broke. NULL until there is a file.
	 */
	int (*recover)(struct session *session, struct conn *conn);
};

struct session {
	struct conn_owner owner; /* the interface for its connections */
	const struct mountspec *spec;
	struct device device;
	_Atomic uint64_t up;	    /* the incarnation that is up; 0: none is */
	_Atomic uint64_t lost;	    /* the last incarnation of which a connection broke */
	_Atomic int error;	    /* -errno: why it broke */
	_Atomic bool used;	    /* its connections are tasks of the progress thread */
	_Atomic bool told;	    /* the server was told that the session ends */
	struct session_files files; /* it has a lock of its own */
	_Atomic unsigned next_conn; /* spreads rings and calls over the connections */

	/* The reconnector owns these. Threads that drive connections use them in handshakes. */
	uint64_t incarnation, number;
	uint32_t epoch;
	bool known;			/* there is a session to resume, by id, key and boot_id */
	bool ever;			/* a session was up before */
	struct tp_tls_config tls;	/* derived from the credentials */
	struct credentials credentials; /* of the attempt under way, or the last one */
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	uint64_t boot_id;
	char server[TEXT_MAX + 1];
	char at[SPEC_HOST_MAX + 8]; /* the server of the attempt: "host:port" */
	struct inprocess *own;	    /* the server of a mount loop:///DIR, after the first attempt */
	_Atomic unsigned failures;  /* attempts without a longer pause; other threads read it */
	uint64_t tried_ns;	    /* when the last attempt ended */
	bool full;		    /* the server had no room for it then */
	uint64_t absent_ns;	    /* when the first attempt began since which all said that there
				       is no server; 0: the last one did not */

	struct lock
		lock; /* LOCK_SESSION: guards what follows; LOCK_PROGRESS is acquired under it */
	bool reconnecting;  /* the reconnector runs; clearing this is its last access to the
			       session */
	bool wanted;	    /* a thread has asked for it since the reconnector last looked */
	bool given_up;	    /* calls fail at once, until an attempt succeeds */
	uint64_t trying_ns; /* when the first failed attempt began; 0: it is up, or there is none */
	uint64_t no_sooner_ns; /* after giving up: when the next attempt may begin */
	uint64_t said_ns;      /* when the last rate-limited line was logged */
	bool said_lost;	       /* the loss was logged as a warning, so the return is, too */
	struct reason cause;   /* why this attempt fails, or why the connection was lost */
	struct reason reason;  /* why calls fail; empty: it is up, or was not tried */
	char said[REASON_MAX]; /* the reason that was logged last; "": none since it was up */

	uint64_t verifier;    /* the server's write verifier; 0: not known yet */
	uint32_t verifier_nr; /* counts the verifiers from 1; 0: none is known yet */
	bool is_sync;	      /* acknowledged writes are durable, see EXPORT_SYNC */

	unsigned nr_conns;
	struct conn *conns[]; /* constant */
};

/* Return the session that owns a connection. */
static inline struct session *session_of(const struct conn *conn)
{
	return container_of(conn->owner, struct session, owner);
}

/* Create a session; it does not connect. spec outlives it. NULL: errno is ENOMEM or EMFILE. */
struct session *session_create(const struct mountspec *spec);
/*
 * End a session that nothing uses and that has no reconnector. On the progress thread, unless the
 * session was never used.
 */
void session_destroy(struct session *session);

static inline bool session_is_up(const struct session *session)
{
	return atomic_load_explicit(&session->up, memory_order_acquire);
}

/*
 * Tell the server that the session is over, unless I/Os or calls are under way. False: it is not
 * told, and keeps the session for a while. A session that is wanted again begins anew. Blocks until
 * `until` (a time of now_ns) at most.
 */
bool session_goodbye(struct session *session, uint64_t until);
#define GOODBYE_NS (1 * NS_PER_S) /* how long a client that ends a session waits for the server */
/* True if a session whose server was told has no connection any more. */
bool session_is_gone(struct session *session);
/* Wait for that if the server was told, until `until` at most. Other threads drive the session. */
void session_await_end(struct session *session, uint64_t until);

/* Start to connect, unless it is up. False: that was tried for too long, and the caller fails. */
bool session_want(struct session *session);
/* True while the reconnector runs. */
bool session_is_reconnecting(struct session *session);
/* True if a connection of this incarnation broke, after it was up. */
bool session_is_lost(const struct session *session, uint64_t incarnation);
/* Note that a connection of this incarnation broke, whose lock is held: the others end, too. */
void session_lost(struct session *session, uint64_t incarnation, int error);

/* Return the connection for the next ring or call. */
struct conn *session_conn(struct session *session);

/*
 * Fill in the hello of a new connection; check and use the welcome: 0 or -errno. The connection's
 * lock is held.
 */
void session_hello(struct session *session, struct hello *hello);
int session_welcome(struct session *session, const struct welcome *welcome);

/* Store why this attempt fails, or why a connection is lost. The first reason counts. */
void session_blame(struct session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Store and log why calls fail with `err` (-errno), although the session may be up. */
void session_explain(struct session *session, int err, const char *text);
/* Log "connection lost: ", the cause and the text `after`. */
void session_say_loss(struct session *session, int level, const char *after);
/* Copy the reason why calls fail. */
void session_reason(struct session *session, struct reason *reason);

/* Use the write verifier of a welcome. */
void session_verifier_welcome(struct session *session, const struct welcome *welcome);
/*
 * Use the write verifier of an answer; 0: there was no answer. `since` is the number that this
 * function returned before the call began. Returns the number of `verifier`, or of the present one
 * if there was no answer. 0: `verifier` is not the present one.
 */
uint32_t session_verifier_learn(struct session *session, uint32_t since, uint64_t verifier);
/* Return the number of the verifier under which a write counts that is sent now; 0: it does not. */
static inline uint32_t session_writes_under(const struct session *session)
{
	return atomic_load(&session->owner.writes_under);
}

/* Limit the rate of log lines: true once in ten seconds. */
bool session_may_say(struct session *session);

/* Make one attempt by one route. 0: the session is up; -errno: session->cause may say more. */
int session_try_route(struct session *session, const struct route *route);
/* Disconnect all connections, and wait until they are down. Blocks. */
void session_bring_down(struct session *session);

/* The reconnector's thread. The last thing it does is to clear session->reconnecting. */
void *reconnect_run(void *session);

#endif
