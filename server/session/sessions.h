/*
 * The registry of sessions. A client names a session by its id, and enters it by its key. Epochs
 * number the incarnations of a session. A connection that enters with a higher epoch fences the
 * connections of lower ones, and begins when they have ended. A session without a connection is
 * kept for a time, because its client may come back: how a connection ends says nothing about that.
 * Only a Goodbye does. Any thread may call these functions.
 */
#ifndef USRBIO_SERVER_SESSION_SESSIONS_H
#define USRBIO_SERVER_SESSION_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/auth/exchange.h"
#include "common/auth/secret.h"
#include "proto/limits.h"
#include "server/account/account.h"
#include "server/base/identity.h"
#include "common/base/list.h"

struct budget;
struct export;
struct server_session;
struct sessions;

struct sessions_config {
	struct budget *budget;		/* their memory is charged to it */
	unsigned max[NR_ACCOUNT_ITEMS]; /* of all ids together */
	uint32_t max_files;		/* of a session, at most FILES_MAX */
	uint64_t session_ns;		/* how long a session without members is kept */
	uint64_t yield_ns;		/* how long, if others need its place or its memory */
};

/* The claim of a connection that wants to enter a session. */
struct claim {
	const char *id;		   /* the client's id, whose key it has proved; "": it has no key */
	struct account *account;   /* of the id, or of a client without one */
	const uint8_t *session_id; /* NULL: a new session */
	uint32_t epoch, channel;
	/* What the id may have, in all its sessions together; 0: no limit. */
	uint32_t max_connections, max_sessions, max_files;
	/*
	 * If as_user is true, the user that the id stands for. Nobody enters a session as another
	 * user than the one it was opened for.
	 */
	bool as_user;
	struct identity user;
	/*
	 * Without an id: the key of the existing session. With an id: the key of the new session,
	 * or the mac of `proof` by the key of the existing session.
	 */
	uint8_t key[SESSION_KEY_SIZE];
	struct exchange proof;
};

/*
 * A connection's membership in a session. The connection owns it. From entering to leaving the
 * registry uses it under its lock.
 */
struct member {
	struct list node; /* in its session, the lowest epoch first */
	struct server_session *session;
	uint64_t epoch; /* as in the claim, unless the session is over */
	uint32_t channel;
	bool reported;	   /* notified, and session_check() not called since */
	bool counted;	   /* it is one of the connections of its session's account */
	bool evicted;	   /* it ends, because another id had less */
	const char *lacks; /* after -EUSERS or -EDQUOT: what there is no room for */
	/* Its connection sets them; any thread. */
	atomic_ullong used_ns; /* when it last had an I/O or call to do */
	atomic_size_t bytes;   /* of its id's memory */
	/*
	 * The bytes that the id has given up, because others need them. The connection returns them
	 * before it gives its memory back, after it has left.
	 */
	size_t leaving;
	/*
	 * The registry calls this, under its lock and on any thread, if the member's epoch is over
	 * or if it need not wait any more. It makes the member's own thread call session_check(),
	 * and it is not called again before that.
	 */
	void (*notify)(struct member *member);
};

/* Open a registry. Returns 0 or -ENOMEM. */
int sessions_open(struct sessions **sessions, const struct sessions_config *config);
/* Returns true if a session of this owner ("": no key) may stay. It must not call the registry. */
typedef bool sessions_keep(void *arg, const char *owner, const struct export *export);
/* End the sessions without members that may not stay. */
void sessions_review(struct sessions *sessions, sessions_keep *keep, void *arg);
/* End all sessions, none of which has members. The threads of the exports still run. */
void sessions_end(struct sessions *sessions);
/* Free a registry without sessions. */
void sessions_close(struct sessions *sessions);
/* A session as a state dump shows it. */
struct session_state {
	uint8_t id[SESSION_ID_SIZE];
	char owner[SECRET_ID_MAX + 1];
	const char *export;
	uint64_t epoch;
	uint32_t nr_members, nr_older; /* older: members of epochs that are over */
	uint32_t nr_files;
	uint64_t end_ns; /* when it ends, if it has no members */
};
#define SESSION_PLACES 1024
/*
 * Get the sessions of one place of the table, at most `max`. Returns how many there are. Places are
 * numbered from 0 to SESSION_PLACES - 1. One call for each place keeps the lock only for a short
 * time.
 */
unsigned sessions_look(struct sessions *sessions, unsigned place, struct session_state *states,
		       unsigned max);
/* The accounts of the ids, which live as long as the registry. */
struct accounts *sessions_accounts(struct sessions *sessions);
/* Get the number of sessions, and its limit. */
unsigned sessions_count(struct sessions *sessions, unsigned *max);
/*
 * The server has no room for somebody. End the session that has been without members for longest,
 * if that is yield_ns or longer, and return true. Its memory and files become free a little later.
 */
bool sessions_yield(struct sessions *sessions, uint64_t now_ns);
/*
 * An id needs memory. If it is short, and the id has less than an equal part, have the id with the
 * most memory lose connections or sessions. NULL: the id is not known yet. True: memory becomes
 * free soon.
 */
bool sessions_make_room(struct sessions *sessions, const struct budget_id *id);
/* Do one of both, for a session that needs the room. */
bool session_yield_to(struct server_session *session, uint64_t now_ns);
/* End the sessions whose time is over. Returns when the next one ends; UINT64_MAX: never. */
uint64_t sessions_expire(struct sessions *sessions, uint64_t now_ns);

/*
 * Become a member of the claimed session, or of a new one. The caller has set member->notify.
 * Returns 0 if the member may begin. -EAGAIN: it is a member, but may not begin before
 * session_check() returns 0. -ESTALE: there is no such session, or not for this id, key and user.
 * If the claim has its key, the session is over then and nothing of it is under way. -EINVAL: it is
 * of another export. -EALREADY: a higher epoch has begun. -EDQUOT: the id has as many connections
 * or sessions as it may have. -EUSERS: the session has SESSION_CONNS_MAX connections, there are too
 * many sessions or connections, or the id has more than its part of the memory. Also -ENOMEM and
 * -EIO. A session that has to yield ends for a new one.
 */
int session_enter(struct sessions *sessions, struct export *export, const struct claim *claim,
		  struct member *member, uint64_t now_ns);
/*
 * Ask whether a member may begin or go on. Returns 0 if it may. -EAGAIN: members of older epochs
 * are left. -EALREADY: a higher epoch has begun. -ESTALE: the session is over. -EUSERS: another id
 * got its place.
 */
int session_check(struct member *member);
/*
 * The session is over, because the member's client said goodbye or may not use it any more. All
 * members are notified, and it ends when the last one has left. A member of an older epoch does not
 * speak for its client any more.
 */
void session_over(struct member *member);
/*
 * Leave the session. The member is not notified after this. Its I/O and calls are over, or behind
 * barriers. When the last member leaves, the session is kept for session_ns, unless it is over.
 * Returns when sessions_expire() has to be called at the latest; UINT64_MAX: not for this session.
 */
uint64_t session_leave(struct member *member, uint64_t now_ns);

#endif
