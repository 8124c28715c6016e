/*
 * The registry of sessions. A session is found by id and entered by key. Its incarnations are
 * numbered by epochs: a connection that enters with a higher epoch fences those of lower ones, and
 * begins when they have ended. Without a connection the session lingers. Any thread.
 */
#ifndef USRBIO_SERVER_SESSION_SESSIONS_H
#define USRBIO_SERVER_SESSION_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auth/exchange.h"
#include "common/auth/secret.h"
#include "proto/limits.h"
#include "server/base/identity.h"
#include "common/base/list.h"

struct budget;
struct export;
struct job_threads;
struct server_session;
struct sessions;

struct sessions_config {
	struct job_threads *pool; /* where sessions and files are closed */
	struct budget *budget;	  /* what they take is charged to it */
	unsigned max_sessions;
	uint32_t max_files;		/* of a session, at most FILES_MAX */
	uint64_t linger_ns, silence_ns; /* kept without a connection: see session_leave */
};

/* What a session is entered by. */
struct claim {
	const char *id; /* whose it is: a key that was proved; "": nobody's in particular */
	const uint8_t *session_id; /* NULL: a new one */
	uint32_t epoch, channel;
	uint32_t max_files;	  /* of a new one; 0: as many as the server allows */
	uint32_t max_connections; /* of all sessions with this id together; the same */
	/*
	 * The user that the id stands for, if it does. A session opened as one user is not entered
	 * as another.
	 */
	bool as_user;
	struct identity user;
	/*
	 * Without an id: the session's key, of one that is there. With an id: the key that a new
	 * one is to have, or, of one that is there, the mac of `proof` by its key.
	 */
	uint8_t key[SESSION_KEY_SIZE];
	struct exchange proof;
};

/* A connection's part in a session; the session's, under the registry's lock, from entering to
 * leaving. */
struct member {
	struct list node; /* of its session, the lowest epoch first */
	struct server_session *session;
	uint32_t epoch, channel;
	bool reported; /* notified, and session_check not called since */
	/*
	 * Its epoch is over, or it need not wait any more: have session_check called on the
	 * member's own thread. Called under the registry's lock, from any thread; not again before
	 * that check.
	 */
	void (*notify)(struct member *member);
};

/* The registry. 0 or -ENOMEM. */
int sessions_open(struct sessions **sessions, const struct sessions_config *config);
/* True if a session of this owner ("": without a key) may stay. It must not call the registry. */
typedef bool sessions_keep(void *arg, const char *owner, const struct export *export);
/* End the sessions without members that may not stay. */
void sessions_review(struct sessions *sessions, sessions_keep *keep, void *arg);
/* End all sessions; nobody is a member of one. Before the pool closes. */
void sessions_end(struct sessions *sessions);
void sessions_close(struct sessions *sessions);
/* What a state dump says about a session. */
struct session_state {
	uint8_t id[SESSION_ID_SIZE];
	char owner[SECRET_ID_MAX + 1];
	const char *export;
	uint32_t epoch, nr_members, nr_older; /* of these, of epochs that are over */
	uint32_t nr_files;
	bool silent;
	uint64_t end_ns; /* without members: when it ends */
};
#define SESSION_PLACES 1024
/*
 * The sessions of one place of the table, at most `max`; how many there are. Places are numbered
 * from 0 to SESSION_PLACES - 1, so that no caller holds the lock for long.
 */
unsigned sessions_look(struct sessions *sessions, unsigned place, struct session_state *states,
		       unsigned max);
/* The number of sessions, and its limit. */
unsigned sessions_count(struct sessions *sessions, unsigned *max);
/* End the sessions whose time is over. When the next one's time is over; UINT64_MAX: never. */
uint64_t sessions_expire(struct sessions *sessions, uint64_t now_ns);

/*
 * Become a member of the session that is claimed, or of a new one; member->notify is set.
 * 0: begin. -EAGAIN: a member, but not to begin before session_check says so.
 * -ESTALE: no such session of this export, id and user, not its key, or its epoch is over. -EUSERS:
 * it has SESSION_CONNS_MAX connections, its owner as many as are allowed, or there are too many
 * sessions. -ENOMEM, -EIO.
 */
int session_enter(struct sessions *sessions, struct export *export, const struct claim *claim,
		  struct member *member);
/*
 * Ask whether a member may begin or go on. 0: it may. -EAGAIN: members of older epochs are left.
 * -ESTALE: a higher epoch has begun.
 */
int session_check(struct member *member);
/*
 * Nothing of the member is under way any more, and after this it is not notified. The last one
 * leaves the session alone: for silence_ns if `silent`, else for linger_ns. When sessions_expire
 * has to be called at the latest; UINT64_MAX: not for this one.
 */
uint64_t session_leave(struct member *member, bool silent, uint64_t now_ns);

#endif
