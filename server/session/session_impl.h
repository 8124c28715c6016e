/* The fields of a session, for session.c and for the registry in sessions.c. */
#ifndef USRBIO_SERVER_SESSION_SESSION_IMPL_H
#define USRBIO_SERVER_SESSION_SESSION_IMPL_H

#include <stdatomic.h>

#include "server/base/budget.h"
#include "server/session/file_table.h"
#include "server/base/job_threads.h"
#include "server/session/replies.h"
#include "server/session/session.h"
#include "server/session/sessions.h"

struct server_session {
	const struct sessions_config *config;
	struct export *export;
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	char owner[SECRET_ID_MAX + 1]; /* the id of the client that began it; "": no key */
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

#endif
