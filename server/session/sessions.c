/*
 * The registry of sessions. The server owns it, and any thread may use it. Its lock guards the
 * table of sessions, their members and their epochs. Files and replies have locks of their own.
 */
#include "server/session/sessions.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/account/account.h"
#include "server/base/job_threads.h"
#include "server/session/export.h"
#include "server/session/session_impl.h"
#include "common/base/lock.h"

int sessions_open(struct sessions **out, const struct sessions_config *config)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));
	int err;

	if (!sessions)
		return -ENOMEM;
	err = accounts_open(&sessions->accounts, config->max, config->budget);
	if (err) {
		free(sessions);
		return err;
	}
	sessions->config = *config;
	lock_init(&sessions->lock, LOCK_SESSIONS);
	for (int i = 0; i < SESSION_PLACES; i++)
		list_init(&sessions->buckets[i]);
	list_init(&sessions->idle);
	*out = sessions;
	return 0;
}

void sessions_close(struct sessions *sessions)
{
	accounts_close(sessions->accounts);
	lock_destroy(&sessions->lock);
	free(sessions);
}

/* A thread of the export runs this, because a session may have tens of thousands of files to close.
 */
static void free_session(struct job *job)
{
	session_free(container_of(job, struct server_session, free));
}

struct accounts *sessions_accounts(struct sessions *sessions)
{
	return sessions->accounts;
}

unsigned sessions_count(struct sessions *sessions, unsigned *max)
{
	return accounts_used(sessions->accounts, ACCOUNT_SESSIONS, max);
}

static struct session_state state_of(struct server_session *session)
{
	struct session_state state = {
		.export = session->export->name,
		.epoch = session->epoch,
		.nr_files = session_nr_files(session),
		.end_ns = session_end_ns(session),
	};

	lock_assert_held(&session->sessions->lock);
	memcpy(state.id, session->id, sizeof(state.id));
	strcpy(state.owner, session->owner);
	list_for_each (it, &session->members) {
		state.nr_members++;
		state.nr_older += container_of(it, struct member, node)->epoch < session->epoch;
	}
	return state;
}

unsigned sessions_look(struct sessions *sessions, unsigned place, struct session_state *states,
		       unsigned max)
{
	unsigned nr = 0;

	lock_acquire(&sessions->lock);
	list_for_each (it, &sessions->buckets[place]) {
		if (nr < max)
			states[nr] = state_of(container_of(it, struct server_session, node));
		nr++;
	}
	lock_release(&sessions->lock);
	return nr;
}

static struct list *bucket_of(struct sessions *sessions, const uint8_t *id)
{
	return &sessions->buckets[(id[0] | (unsigned)id[1] << 8) % SESSION_PLACES];
}

static struct server_session *find(struct sessions *sessions, const uint8_t *id)
{
	list_for_each (it, bucket_of(sessions, id)) {
		struct server_session *session = container_of(it, struct server_session, node);

		if (!memcmp(session->id, id, SESSION_ID_SIZE))
			return session;
	}
	return NULL;
}

/* Make a session that is in no table yet. Returns 0 or -errno. */
static int make(struct sessions *sessions, struct export *export, const struct claim *claim,
		struct server_session **out)
{
	int err = session_make(&sessions->config, export, claim, out);

	if (err)
		return err;
	(*out)->sessions = sessions;
	(*out)->free.run = free_session;
	list_init(&(*out)->idle);
	list_init(&(*out)->members);
	return 0;
}

/* Count the members of an epoch. */
static unsigned count(const struct server_session *session, uint64_t epoch)
{
	unsigned n = 0;

	list_for_each (it, &session->members)
		n += container_of(it, struct member, node)->epoch == epoch;
	return n;
}

/* Decide whether a member of the claimed epoch may enter, and begin a new epoch. 0 or -errno. */
static int admit(struct server_session *session, uint32_t epoch, struct member *member)
{
	int err;

	lock_assert_held(&session->sessions->lock);
	if (epoch < session->epoch)
		return -EALREADY;
	member->lacks = "connection of one session";
	if (count(session, epoch) >= SESSION_CONNS_MAX)
		return -EUSERS;
	member->lacks = "connection";
	err = session_shares_enter(session, epoch, member);
	if (err || epoch == session->epoch)
		return err;
	session->epoch = epoch;
	session_shares_tell_all(session);
	return 0;
}

static int check(const struct member *member)
{
	const struct server_session *session = member->session;
	const struct member *first = container_of(session->members.next, struct member, node);
	bool over = session_is_over(session);

	lock_assert_held(&member->session->sessions->lock);
	if (member->evicted)
		return -EUSERS;
	if (first->epoch < member->epoch && (over || member->epoch == session->epoch))
		return -EAGAIN;
	if (over)
		return -ESTALE;
	return member->epoch < session->epoch ? -EALREADY : 0;
}

static void add_member(struct server_session *session, uint64_t epoch, uint32_t channel,
		       struct member *member)
{
	list_del(&session->idle);
	member->session = session;
	member->epoch = epoch;
	member->channel = channel;
	member->reported = false;
	list_add_tail(&session->members, &member->node);
}

/*
 * The client of a session that is over asks for it. It may hear that only when all members are
 * gone, because nothing of the session may be under way then.
 */
static int wait_for_end(struct server_session *session, const struct claim *claim,
			struct member *member)
{
	if (count(session, EPOCH_OVER) >= SESSION_CONNS_MAX)
		return -EUSERS;
	member->counted = member->evicted = false;
	add_member(session, EPOCH_OVER, claim->channel, member);
	return -EAGAIN;
}

/*
 * Enter a session whose key the claim has. What is open in it was opened for one user: if the id
 * now stands for another one, the session is over.
 */
static int enter_found(struct server_session *session, const struct claim *claim,
		       struct member *member)
{
	int err;

	if (!session_is_over(session) && !session_has_user(session, claim)) {
		bool idle = list_empty(&session->members);

		session_shares_finish(session);
		if (idle)
			return -ESTALE;
	}
	if (session_is_over(session))
		return wait_for_end(session, claim, member);
	err = admit(session, claim->epoch, member);
	if (err)
		return err;
	add_member(session, claim->epoch, claim->channel, member);
	return check(member);
}

static int enter_known(struct sessions *sessions, struct export *export, const struct claim *claim,
		       struct member *member)
{
	struct server_session *session;
	int err = -ESTALE;

	lock_acquire(&sessions->lock);
	session = find(sessions, claim->session_id);
	if (session && session_is_theirs(session, claim))
		err = session->export == export ? enter_found(session, claim, member) : -EINVAL;
	lock_release(&sessions->lock);
	return err;
}

/* The limits of the id's key hold from its last handshake on. */
static void limit(const struct claim *claim)
{
	account_limit(claim->account, ACCOUNT_CONNECTIONS, claim->max_connections);
	account_limit(claim->account, ACCOUNT_SESSIONS, claim->max_sessions);
	account_limit(claim->account, ACCOUNT_FILES, claim->max_files);
}

int session_enter(struct sessions *sessions, struct export *export, const struct claim *claim,
		  struct member *member, uint64_t now_ns)
{
	struct server_session *session = NULL;
	int err;

	limit(claim);
	if (claim->session_id)
		return enter_known(sessions, export, claim, member);
	member->lacks = "session within --memory";
	err = make(sessions, export, claim, &session);
	if (err == -ENOMEM && !sessions_make_room(sessions, &claim->account->memory))
		sessions_yield(sessions, now_ns);
	if (err)
		return err;
	lock_acquire(&sessions->lock);
	member->lacks = "connection";
	err = session_shares_enter(session, claim->epoch, member);
	if (!err) {
		member->lacks = "session";
		err = session_shares_add(session, now_ns);
	}
	if (!err) {
		list_add_tail(bucket_of(sessions, session->id), &session->node);
		add_member(session, claim->epoch, claim->channel, member);
	} else if (member->counted) {
		account_give(claim->account, ACCOUNT_CONNECTIONS, 1);
	}
	lock_release(&sessions->lock);
	if (err)
		session_free(session);
	return err;
}

int session_check(struct member *member)
{
	struct sessions *sessions = member->session->sessions;
	int err;

	lock_acquire(&sessions->lock);
	member->reported = false;
	err = check(member);
	lock_release(&sessions->lock);
	return err;
}

void session_over(struct member *member)
{
	struct server_session *session = member->session;
	struct sessions *sessions = session->sessions;

	lock_acquire(&sessions->lock);
	if (member->epoch == session->epoch)
		session_shares_finish(session);
	lock_release(&sessions->lock);
}

/* The last member has left. Returns when the session ends; UINT64_MAX: it has ended. */
static uint64_t leave_alone(struct server_session *session, uint64_t now_ns)
{
	lock_assert_held(&session->sessions->lock);
	if (session_is_over(session)) {
		session_shares_end(session);
		return UINT64_MAX;
	}
	session->idle_ns = now_ns;
	list_add_tail(&session->sessions->idle, &session->idle);
	return session_end_ns(session);
}

/* A member of an older epoch has left. If it was the last one, notify those that wait for it. */
static void tell_waiting(struct server_session *session)
{
	list_for_each (it, &session->members) {
		struct member *member = container_of(it, struct member, node);
		int err = check(member);

		if (err == -EAGAIN)
			break;
		if (err != -EALREADY)
			session_shares_tell(member);
	}
}

uint64_t session_leave(struct member *member, uint64_t now_ns)
{
	struct server_session *session = member->session;
	struct sessions *sessions = session->sessions;
	uint64_t end_ns = UINT64_MAX;

	lock_acquire(&sessions->lock);
	session_shares_uncount(member);
	list_del(&member->node);
	if (list_empty(&session->members))
		end_ns = leave_alone(session, now_ns);
	else if (member->epoch < session->epoch)
		tell_waiting(session);
	lock_release(&sessions->lock);
	return end_ns;
}
