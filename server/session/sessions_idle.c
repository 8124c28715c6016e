/*
 * How sessions without a connection end: when their time is over, when others need their place or
 * their memory, when their client may not come back, and when the server stops. Those who need
 * memory come here, too. The registry owns the sessions, and any thread may call these functions.
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

bool sessions_make_room(struct sessions *sessions, const struct budget_id *id)
{
	const struct budget *budget = sessions->config.budget;

	if (id && budget_id_has_more(id, 0))
		return false;
	if (budget_is_short(budget)) {
		lock_acquire(&sessions->lock);
		while (budget_is_short(budget) && session_shares_make_room(sessions))
			;
		lock_release(&sessions->lock);
	}
	return atomic_load(&budget->leaving) != 0;
}

bool session_yield_to(struct server_session *session, uint64_t now_ns)
{
	return sessions_make_room(session->sessions, session->share.id) ||
	       sessions_yield(session->sessions, now_ns);
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
