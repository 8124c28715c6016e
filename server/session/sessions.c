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
	err = accounts_open(&sessions->accounts, config->max);
	if (err) {
		free(sessions);
		return err;
	}
	sessions->config = *config;
	lock_init(&sessions->lock, LOCK_SESSIONS);
	for (int i = 0; i < NR_BUCKETS; i++)
		list_init(&sessions->buckets[i]);
	for (int i = 0; i < NR_IDLE; i++)
		list_init(&sessions->idle[i]);
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

void sessions_review(struct sessions *sessions, sessions_keep *keep, void *arg)
{
	lock_acquire(&sessions->lock);
	for (int i = 0; i < NR_IDLE; i++)
		list_for_each_safe (it, &sessions->idle[i]) {
			struct server_session *session =
				container_of(it, struct server_session, idle);

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

uint64_t sessions_expire(struct sessions *sessions, uint64_t now_ns)
{
	struct server_session *session;
	uint64_t next;

	lock_acquire(&sessions->lock);
	while ((session = session_shares_next(sessions)) && session->end_ns <= now_ns)
		session_shares_end(session);
	next = session ? session->end_ns : UINT64_MAX;
	lock_release(&sessions->lock);
	return next;
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
		.silent = session->silent,
		.end_ns = session->end_ns,
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
	return &sessions->buckets[(id[0] | (unsigned)id[1] << 8) % NR_BUCKETS];
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
static unsigned count(const struct server_session *session, uint32_t epoch)
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
		return -ESTALE;
	if (count(session, epoch) >= SESSION_CONNS_MAX)
		return -EUSERS;
	err = session_shares_enter(session, epoch, member);
	if (err || epoch == session->epoch)
		return err;
	session->epoch = epoch;
	list_for_each (it, &session->members)
		session_shares_tell(container_of(it, struct member, node));
	return 0;
}

static int check(const struct member *member)
{
	const struct server_session *session = member->session;
	const struct member *first = container_of(session->members.next, struct member, node);

	lock_assert_held(&member->session->sessions->lock);
	if (member->evicted)
		return -EUSERS;
	if (member->epoch < session->epoch)
		return -ESTALE;
	return first->epoch < member->epoch ? -EAGAIN : 0;
}

static void add_member(struct server_session *session, const struct claim *claim,
		       struct member *member)
{
	list_del(&session->idle);
	member->session = session;
	member->epoch = claim->epoch;
	member->channel = claim->channel;
	member->reported = false;
	list_add_tail(&session->members, &member->node);
}

static int enter_known(struct sessions *sessions, struct export *export, const struct claim *claim,
		       struct member *member)
{
	struct server_session *session;
	int err = -ESTALE;

	lock_acquire(&sessions->lock);
	session = find(sessions, claim->session_id);
	if (session && session->export == export && session_is_theirs(session, claim))
		err = admit(session, claim->epoch, member);
	if (!err) {
		add_member(session, claim, member);
		err = check(member);
	}
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
		  struct member *member)
{
	struct server_session *session = NULL;
	int err;

	limit(claim);
	if (claim->session_id)
		return enter_known(sessions, export, claim, member);
	err = make(sessions, export, claim, &session);
	if (err)
		return err;
	lock_acquire(&sessions->lock);
	err = session_shares_enter(session, claim->epoch, member);
	if (!err)
		err = session_shares_add(session);
	if (!err) {
		list_add_tail(bucket_of(sessions, session->id), &session->node);
		add_member(session, claim, member);
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

/* Let a session linger whose last member has left. Returns when it ends. */
static uint64_t leave_alone(struct server_session *session, uint64_t now_ns)
{
	struct sessions *sessions = session->sessions;
	int why = session->silent ? SILENT : LINGERING;

	lock_assert_held(&session->sessions->lock);
	session->end_ns = now_ns + (session->silent ? sessions->config.silence_ns
						    : sessions->config.linger_ns);
	list_add_tail(&sessions->idle[why], &session->idle);
	return session->end_ns;
}

uint64_t session_leave(struct member *member, bool silent, uint64_t now_ns)
{
	struct server_session *session = member->session;
	struct sessions *sessions = session->sessions;
	uint64_t end_ns = UINT64_MAX;

	lock_acquire(&sessions->lock);
	session_shares_uncount(member);
	list_del(&member->node);
	if (member->epoch == session->epoch)
		session->silent = silent;
	if (list_empty(&session->members) && session->evicted)
		session_unref(session);
	else if (list_empty(&session->members))
		end_ns = leave_alone(session, now_ns);
	/* If it was the last member of an older epoch, notify the members that wait for this. */
	else if (member->epoch < session->epoch)
		list_for_each (it, &session->members) {
			struct member *other = container_of(it, struct member, node);

			if (check(other) != 0)
				break;
			session_shares_tell(other);
		}
	lock_release(&sessions->lock);
	return end_ns;
}
