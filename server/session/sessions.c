/*
 * The registry of sessions. The server owns it, and any thread may use it. Its lock guards the
 * table of sessions, their members and their epochs. Files and replies have locks of their own.
 */
#include "server/session/sessions.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/job_threads.h"
#include "server/session/export.h"
#include "server/session/session_impl.h"
#include "common/base/lock.h"

#define NR_BUCKETS SESSION_PLACES

/* The reason why a session has no connection: its client left, or fell silent. */
enum { LINGERING, SILENT, NR_IDLE };

struct sessions {
	struct sessions_config config;
	struct lock lock; /* LOCK_SESSIONS: guards the fields below; LOCK_JOBS is taken under it */
	struct list buckets[NR_BUCKETS];
	struct list idle[NR_IDLE]; /* sessions without members, ordered by end_ns */
	unsigned nr;
};

int sessions_open(struct sessions **out, const struct sessions_config *config)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return -ENOMEM;
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
	lock_destroy(&sessions->lock);
	free(sessions);
}

/* A thread of the export runs this, because a session may have tens of thousands of files to close.
 */
static void free_session(struct job *job)
{
	session_free(container_of(job, struct server_session, free));
}

/*
 * End a session without members. Calls that are still being done keep it a while. The caller holds
 * the registry's lock. */
static void end(struct server_session *session)
{
	lock_assert_held(&session->sessions->lock);
	list_del(&session->node);
	list_del(&session->idle);
	session->sessions->nr--;
	session_unref(session);
}

void sessions_review(struct sessions *sessions, sessions_keep *keep, void *arg)
{
	lock_acquire(&sessions->lock);
	for (int i = 0; i < NR_IDLE; i++)
		list_for_each_safe (it, &sessions->idle[i]) {
			struct server_session *session =
				container_of(it, struct server_session, idle);

			if (!keep(arg, session->owner, session->export))
				end(session);
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

/* Get the session without members that ends first; NULL: all sessions have members. */
static struct server_session *next_to_end(struct sessions *sessions)
{
	struct server_session *next = NULL;

	lock_assert_held(&sessions->lock);
	for (int i = 0; i < NR_IDLE; i++) {
		struct list *first = sessions->idle[i].next;
		struct server_session *session = container_of(first, struct server_session, idle);

		if (first != &sessions->idle[i] && (!next || session->end_ns < next->end_ns))
			next = session;
	}
	return next;
}

uint64_t sessions_expire(struct sessions *sessions, uint64_t now_ns)
{
	struct server_session *session;
	uint64_t next;

	lock_acquire(&sessions->lock);
	while ((session = next_to_end(sessions)) && session->end_ns <= now_ns)
		end(session);
	next = session ? session->end_ns : UINT64_MAX;
	lock_release(&sessions->lock);
	return next;
}

unsigned sessions_count(struct sessions *sessions, unsigned *max)
{
	unsigned nr;

	*max = sessions->config.max_sessions;
	lock_acquire(&sessions->lock);
	nr = sessions->nr;
	lock_release(&sessions->lock);
	return nr;
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

/* Put a session into the table. If there are too many, a session without members ends for it. */
static int enter_new(struct sessions *sessions, struct server_session *session)
{
	lock_assert_held(&sessions->lock);
	if (sessions->nr >= sessions->config.max_sessions) {
		struct server_session *unused = next_to_end(sessions);

		if (!unused)
			return -EUSERS;
		end(unused);
	}
	sessions->nr++;
	list_add_tail(bucket_of(sessions, session->id), &session->node);
	return 0;
}

/* Notify a member, unless it has been notified and has not called session_check() since. */
static void tell(struct member *member)
{
	if (!member->reported) {
		member->reported = true;
		member->notify(member);
	}
}

/* Count the members of an epoch. */
static unsigned count(const struct server_session *session, uint32_t epoch)
{
	unsigned n = 0;

	list_for_each (it, &session->members)
		n += container_of(it, struct member, node)->epoch == epoch;
	return n;
}

/*
 * True if the owner has as many connections in all sessions as are allowed. Connections of an epoch
 * that is over do not count, nor those of an epoch that ends when the claim enters `known`.
 */
static bool owner_is_full(const struct sessions *sessions, const struct claim *claim,
			  const struct server_session *known)
{
	unsigned n = 0;

	lock_assert_held(&sessions->lock);
	if (!claim->max_connections)
		return false;
	for (int i = 0; i < NR_BUCKETS; i++)
		list_for_each (it, &sessions->buckets[i]) {
			const struct server_session *session =
				container_of(it, struct server_session, node);

			if (!strcmp(session->owner, claim->id))
				n += count(session,
					   session == known ? claim->epoch : session->epoch);
		}
	return n >= claim->max_connections;
}

/* Decide whether a member of the claimed epoch may enter, and begin a new epoch. 0 or -errno. */
static int admit(struct server_session *session, const struct claim *claim)
{
	uint32_t epoch = claim->epoch;

	lock_assert_held(&session->sessions->lock);
	if (epoch < session->epoch)
		return -ESTALE;
	if (count(session, epoch) >= SESSION_CONNS_MAX ||
	    owner_is_full(session->sessions, claim, session))
		return -EUSERS;
	if (epoch == session->epoch)
		return 0;
	session->epoch = epoch;
	list_for_each (it, &session->members)
		tell(container_of(it, struct member, node));
	return 0;
}

static int check(const struct member *member)
{
	const struct server_session *session = member->session;
	const struct member *first = container_of(session->members.next, struct member, node);

	lock_assert_held(&member->session->sessions->lock);
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
		err = admit(session, claim);
	if (!err) {
		add_member(session, claim, member);
		err = check(member);
	}
	lock_release(&sessions->lock);
	return err;
}

int session_enter(struct sessions *sessions, struct export *export, const struct claim *claim,
		  struct member *member)
{
	struct server_session *session = NULL;
	int err;

	if (claim->session_id)
		return enter_known(sessions, export, claim, member);
	err = make(sessions, export, claim, &session);
	if (err)
		return err;
	lock_acquire(&sessions->lock);
	err = owner_is_full(sessions, claim, NULL) ? -EUSERS : enter_new(sessions, session);
	if (!err)
		add_member(session, claim, member);
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
	list_del(&member->node);
	if (member->epoch == session->epoch)
		session->silent = silent;
	if (list_empty(&session->members))
		end_ns = leave_alone(session, now_ns);
	/* If it was the last member of an older epoch, notify the members that wait for this. */
	else if (member->epoch < session->epoch)
		list_for_each (it, &session->members) {
			struct member *other = container_of(it, struct member, node);

			if (check(other) != 0)
				break;
			tell(other);
		}
	lock_release(&sessions->lock);
	return end_ns;
}
