/*
 * Which connections and sessions count in the accounts of their ids, and which of them ends when
 * another id has less and there is no room or no memory. The registry of sessions owns them, and
 * its lock is held during all of this.
 */
#include <errno.h>
#include <string.h>

#include "server/account/account.h"
#include "server/session/session_impl.h"

void session_shares_tell(struct member *member)
{
	if (!member->reported) {
		member->reported = true;
		member->notify(member);
	}
}

void session_shares_uncount(struct member *member)
{
	lock_assert_held(&member->session->sessions->lock);
	if (member->counted)
		account_give(member->session->account, ACCOUNT_CONNECTIONS, 1);
	member->counted = false;
}

void session_shares_tell_all(struct server_session *session)
{
	list_for_each (it, &session->members)
		session_shares_tell(container_of(it, struct member, node));
}

void session_shares_end(struct server_session *session)
{
	lock_assert_held(&session->sessions->lock);
	list_del(&session->node);
	list_del(&session->idle);
	if (!session->evicted)
		account_give(session->account, ACCOUNT_SESSIONS, 1);
	session_unref(session);
}

void session_shares_finish(struct server_session *session)
{
	lock_assert_held(&session->sessions->lock);
	if (session_is_over(session))
		return;
	session->epoch = EPOCH_OVER;
	session_shares_tell_all(session);
	if (list_empty(&session->members))
		session_shares_end(session);
}

struct server_session *session_shares_oldest(struct sessions *sessions)
{
	lock_assert_held(&sessions->lock);
	if (list_empty(&sessions->idle))
		return NULL;
	return container_of(sessions->idle.next, struct server_session, idle);
}

/* The session of an account that has been without members for the longest time; NULL: none. */
static struct server_session *oldest_of(struct sessions *sessions, const struct account *account)
{
	list_for_each (it, &sessions->idle) {
		struct server_session *session = container_of(it, struct server_session, idle);

		if (session->account == account)
			return session;
	}
	return NULL;
}

bool session_shares_yield(struct sessions *sessions, const struct account *of, uint64_t now_ns)
{
	struct server_session *session =
		of ? oldest_of(sessions, of) : session_shares_oldest(sessions);

	lock_assert_held(&sessions->lock);
	if (!session || session->idle_ns + sessions->config.yield_ns > now_ns)
		return false;
	session_shares_end(session);
	return true;
}

static uint64_t used_ns(const struct member *member)
{
	return atomic_load_explicit(&member->used_ns, memory_order_relaxed);
}

static size_t bytes_of(const struct member *member)
{
	return atomic_load_explicit(&member->bytes, memory_order_relaxed);
}

/* The connection of an account that has sent no I/O and no call for the longest time. */
static struct member *quietest_member(struct sessions *sessions, const struct account *account)
{
	struct member *quietest = NULL;

	for (int i = 0; i < SESSION_PLACES; i++)
		list_for_each (it, &sessions->buckets[i]) {
			struct server_session *session =
				container_of(it, struct server_session, node);

			if (session->account != account)
				continue;
			list_for_each (m, &session->members) {
				struct member *member = container_of(m, struct member, node);

				if (member->counted &&
				    (!quietest || used_ns(member) < used_ns(quietest)))
					quietest = member;
			}
		}
	return quietest;
}

/* End a connection whose account has given up its place already. */
static void end_member(struct member *member)
{
	member->counted = false;
	member->evicted = true;
	session_shares_tell(member);
}

int session_shares_enter(struct server_session *session, uint64_t epoch, struct member *member)
{
	struct account *loser;
	struct member *quietest;
	int err;

	member->counted = member->evicted = false;
	list_for_each (it, &session->members) {
		struct member *other = container_of(it, struct member, node);

		if (other->epoch >= epoch || !other->counted)
			continue;
		if (member->counted)
			session_shares_uncount(other);
		member->counted = true;
		other->counted = false;
	}
	if (member->counted)
		return 0;
	err = account_take(session->account, ACCOUNT_CONNECTIONS, &loser);
	if (err)
		return err;
	member->counted = true;
	quietest = loser ? quietest_member(session->sessions, loser) : NULL;
	if (quietest)
		end_member(quietest);
	return 0;
}

/* When the last of its connections that did something did it. */
static uint64_t session_used_ns(const struct server_session *session)
{
	uint64_t last = 0;

	list_for_each (it, &session->members) {
		uint64_t ns = used_ns(container_of(it, struct member, node));

		last = ns > last ? ns : last;
	}
	return last;
}

/* The session of an account that has sent no I/O and no call for the longest time. */
static struct server_session *quietest_session(struct sessions *sessions,
					       const struct account *account)
{
	struct server_session *quietest = NULL;

	for (int i = 0; i < SESSION_PLACES; i++)
		list_for_each (it, &sessions->buckets[i]) {
			struct server_session *session =
				container_of(it, struct server_session, node);

			if (session->account == account && !session_is_over(session) &&
			    (!quietest || session_used_ns(session) < session_used_ns(quietest)))
				quietest = session;
		}
	return quietest;
}

/* End a session of an account, which has given up its place already. */
static void evict_session(struct sessions *sessions, struct account *account)
{
	struct server_session *session = oldest_of(sessions, account);

	if (!session)
		session = quietest_session(sessions, account);
	if (!session)
		return;
	session->evicted = true;
	list_for_each (it, &session->members) {
		struct member *member = container_of(it, struct member, node);

		session_shares_uncount(member);
		member->evicted = true;
	}
	session_shares_finish(session);
}

int session_shares_add(struct server_session *session, uint64_t now_ns)
{
	struct sessions *sessions = session->sessions;
	struct account *loser, *account = session->account;
	int err = account_take(account, ACCOUNT_SESSIONS, &loser);

	/* At the limit of its key, an id makes room for itself. */
	if ((err == -EUSERS && session_shares_yield(sessions, NULL, now_ns)) ||
	    (err == -EDQUOT && session_shares_yield(sessions, account, now_ns)))
		err = account_take(account, ACCOUNT_SESSIONS, &loser);
	if (!err && loser)
		evict_session(sessions, loser);
	return err;
}

/* The bytes that become free when a session without members ends. Calls of it may still run. */
static size_t bytes_of_session(struct server_session *session)
{
	return atomic_load(&session->refs) == 1 ? atomic_load(&session->share.used) : 0;
}

static void lose_session(struct server_session *session)
{
	account_evicted(session->account);
	session->leaving = bytes_of_session(session);
	budget_id_leave(&session->account->memory, session->leaving);
	session_shares_end(session);
}

static void lose_member(struct member *member)
{
	struct account *account = member->session->account;

	account_evicted(account);
	member->leaving = bytes_of(member);
	budget_id_leave(&account->memory, member->leaving);
	session_shares_uncount(member);
	end_member(member);
}

bool session_shares_make_room(struct sessions *sessions)
{
	const struct account *most = accounts_most_memory(sessions->accounts);
	struct server_session *session = most ? oldest_of(sessions, most) : NULL;
	struct member *member = most ? quietest_member(sessions, most) : NULL;

	if (session && (!member || bytes_of_session(session) > bytes_of(member)))
		lose_session(session);
	else if (member)
		lose_member(member);
	else
		return false;
	return true;
}
