/*
 * How sessions without a connection end: when their time is over, when others need their place or
 * their memory, when their client may not come back, and when the server stops. The registry owns
 * them, and any thread may call these functions.
 */
#include "server/session/session_impl.h"

void sessions_review(struct sessions *sessions, sessions_keep *keep, void *arg)
{
	lock_acquire(&sessions->lock);
	list_for_each_safe (it, &sessions->idle) {
		struct server_session *session = container_of(it, struct server_session, idle);

		if (!keep(arg, session->owner, session->export))
			session_shares_end(session);
	}
	lock_release(&sessions->lock);
}

static bool keep_none(void *arg, const char *owner, const struct export *export)
{
	return false;
}

void sessions_end(struct sessions *sessions)
{
	sessions_review(sessions, keep_none, NULL);
}

bool sessions_yield(struct sessions *sessions, uint64_t now_ns)
{
	bool ended;

	lock_acquire(&sessions->lock);
	ended = session_shares_yield(sessions, NULL, now_ns);
	lock_release(&sessions->lock);
	return ended;
}

bool session_yield_to(struct server_session *session, uint64_t now_ns)
{
	return sessions_yield(session->sessions, now_ns);
}

uint64_t sessions_expire(struct sessions *sessions, uint64_t now_ns)
{
	struct server_session *session;
	uint64_t next;

	lock_acquire(&sessions->lock);
	while ((session = session_shares_oldest(sessions)) && session_end_ns(session) <= now_ns)
		session_shares_end(session);
	next = session ? session_end_ns(session) : UINT64_MAX;
	lock_release(&sessions->lock);
	return next;
}
