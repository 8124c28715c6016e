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
	struct share share; /* of the budget; files and replies are charged to it */
	struct file_table handles;
	struct replies replies;
	struct job_session *jobs; /* its calls that wait for a thread of the export */
	atomic_uint refs;	  /* one of the registry, and one of each call; any thread */

	/* The registry uses these fields: */
	struct sessions *sessions;
	struct job free;
	/* It uses these under its lock: */
	struct list node;    /* in its bucket */
	struct list idle;    /* without members: in the list LINGERING or SILENT */
	uint64_t end_ns;     /* when it ends, while it is in one of those */
	struct list members; /* the lowest epoch first */
	uint32_t epoch;	     /* the highest that a connection has entered with */
	bool silent;	     /* the last member of this epoch that left was silent */
	bool evicted;	     /* it is not in the table any more, and ends without members */
};

#define NR_BUCKETS SESSION_PLACES

/* The reason why a session has no connection: its client left, or fell silent. */
enum { LINGERING, SILENT, NR_IDLE };

struct sessions {
	struct sessions_config config;
	struct accounts *accounts;
	struct lock lock; /* LOCK_SESSIONS: guards the fields below, and what of it counts */
	struct list buckets[NR_BUCKETS];
	struct list idle[NR_IDLE]; /* sessions without members, ordered by end_ns */
};

/* Make a session that claim->id owns. Returns 0, -ENOMEM or -EIO. `config` outlives the session. */
int session_make(const struct sessions_config *config, struct export *export,
		 const struct claim *claim, struct server_session **session);
/* Free a session and close its files, which may take long. */
void session_free(struct server_session *session);
/*
 * True if a claim proves that it comes from the owner. The time does not depend on where a key
 * differs.
 */
bool session_is_theirs(const struct server_session *session, const struct claim *claim);

/* session_shares.c; the caller holds the registry's lock. */
/* Notify a member, unless it has been notified and has not called session_check() since. */
void session_shares_tell(struct member *member);
/* The member is not one of the connections of its id any more. */
void session_shares_uncount(struct member *member);
/*
 * Count a new member as a connection of its id. Connections of epochs before this one do not count
 * any more, and it takes the place of one of them. If there is no room, a connection of another id
 * may be evicted. 0, -EDQUOT or -EUSERS.
 */
int session_shares_enter(struct server_session *session, uint32_t epoch, struct member *member);
/*
 * Count a new session. If there is no room, one without members ends, or one of another id is
 * evicted. 0, -EDQUOT or -EUSERS.
 */
int session_shares_add(struct server_session *session);
/* End a session without members. Calls that are still being done keep it for a while. */
void session_shares_end(struct server_session *session);
/* The session without members that ends first; NULL: all sessions have members. */
struct server_session *session_shares_next(struct sessions *sessions);

#endif
