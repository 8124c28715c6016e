/*
 * The fields of a session and of the registry, for session.c, sessions.c and session_shares.c.
 */
#ifndef USRBIO_SERVER_SESSION_SESSION_IMPL_H
#define USRBIO_SERVER_SESSION_SESSION_IMPL_H

#include <stdatomic.h>

#include "server/base/budget.h"
#include "server/session/file_table.h"
#include "server/base/job_threads.h"
#include "server/session/replies.h"
#include "server/session/session.h"
#include "server/session/sessions.h"
#include "common/base/lock.h"

struct server_session {
	const struct sessions_config *config;
	struct export *export;
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	char owner[SECRET_ID_MAX + 1]; /* the id of the client that began it; "": no key */
	struct account *account;       /* a reference */
	bool as_user;		       /* the id stands for the user below */
	struct identity user;
	uint32_t max_files;
	struct share share; /* of its id's memory; files and replies are charged to it */
	struct file_table handles;
	struct replies replies;
	struct job_session *jobs; /* its calls that wait for a thread of the export */
	atomic_uint refs;	  /* one of the registry, and one of each call; any thread */

	/* The registry uses these fields: */
	struct sessions *sessions;
	struct job free;
	/* It uses these under its lock: */
	struct list node;    /* in its bucket */
	struct list idle;    /* without members: in the registry's list */
	uint64_t idle_ns;    /* when its last member left, while it is in that list */
	struct list members; /* the lowest epoch first */
	uint64_t epoch;	     /* the highest that a connection has entered with, or EPOCH_OVER */
	bool evicted;	     /* it is over, and its account has given up its place */
	size_t leaving;	     /* bytes that its account has given up, because others need them */
};

#define EPOCH_OVER ((uint64_t)UINT32_MAX + 1) /* the session is over */

static inline bool session_is_over(const struct server_session *session)
{
	return session->epoch == EPOCH_OVER;
}

struct sessions {
	struct sessions_config config;
	struct accounts *accounts;
	struct lock lock; /* LOCK_SESSIONS: guards the fields below, and what of it counts */
	struct list buckets[SESSION_PLACES];
	struct list idle; /* sessions without members, ordered by idle_ns */
};

/* When a session without members ends. The caller holds the registry's lock. */
static inline uint64_t session_end_ns(const struct server_session *session)
{
	return session->idle_ns + session->sessions->config.session_ns;
}

/*
 * Make a session that claim->id owns. Returns 0, -ENOMEM or -EIO. -EUSERS: the id has more than its
 * part of the memory. `config` outlives the session.
 */
int session_make(const struct sessions_config *config, struct export *export,
		 const struct claim *claim, struct server_session **session);
/* Free a session and close its files, which may take long. */
void session_free(struct server_session *session);
/*
 * True if a claim proves that it comes from the owner, whichever user the id stands for now. The
 * time does not depend on where a key differs.
 */
bool session_is_theirs(const struct server_session *session, const struct claim *claim);
/* True if the id stands for the user for whom the session was opened, or for none as it did. */
bool session_has_user(const struct server_session *session, const struct claim *claim);

/* session_shares.c; the caller holds the registry's lock. */
/* Notify a member, unless it has been notified and has not called session_check() since. */
void session_shares_tell(struct member *member);
void session_shares_tell_all(struct server_session *session);
/* The member is not one of the connections of its id any more. */
void session_shares_uncount(struct member *member);
/*
 * Count a new member as a connection of its id. Connections of epochs before this one do not count
 * any more, and it takes the place of one of them. If there is no room, a connection of another id
 * may be evicted. 0, -EDQUOT or -EUSERS.
 */
int session_shares_enter(struct server_session *session, uint64_t epoch, struct member *member);
/*
 * Count a new session. If there is no room, one of another id is evicted, or one without members
 * yields. 0, -EDQUOT or -EUSERS.
 */
int session_shares_add(struct server_session *session, uint64_t now_ns);
/* End a session without members. Calls that are still being done keep it for a while. */
void session_shares_end(struct server_session *session);
/* The session that has been without members for longest; NULL: all sessions have members. */
struct server_session *session_shares_oldest(struct sessions *sessions);
/*
 * End the oldest session without members, of this account or of all if it is NULL, if it has to
 * yield. False: there is none.
 */
bool session_shares_yield(struct sessions *sessions, const struct account *of, uint64_t now_ns);
/*
 * The id with the most memory, if it has more than an equal part, loses its quietest connection, or
 * a session without members that has more memory. It gives up that memory at once, which becomes
 * free a little later. False: there is none.
 */
bool session_shares_make_room(struct sessions *sessions);
/* From now on nobody enters the session. It ends when its last member has left. */
void session_shares_finish(struct server_session *session);

#endif
