/*
 * The reconnector: connects a session, or resumes it, as long as something waits for it. It tries
 * one route after the other until a server answers. Then the other connections of the session join,
 * and a new session opens its files again. Only after that, waiting I/Os and calls go on. There is
 * one such thread for each session that is wanted and not up. The session belongs to its mount's
 * relation.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/session/session.h"
#include "client/base/thread.h"
#include "common/transport/addr.h"
#include "common/inprocess.h"
#include "common/base/log.h"

#define PAUSE_MIN_NS  (10 * NS_PER_MS) /* between attempts; it doubles up to PAUSE_MAX_NS */
#define PAUSE_MAX_NS  (200 * NS_PER_MS)
#define PAUSE_FULL_NS (2 * NS_PER_S) /* the same while the server has no room for this client */
#define PAUSE_LONG_NS (1 * NS_PER_S) /* between attempts after calls have been given up */
#define REFUSED_NS    (1 * NS_PER_S) /* how long a server that was never there is tried */
#define QUIET_NS      (1 * NS_PER_S) /* a session that lasted less connects after a pause */

static void say_lost(struct session *session)
{
	if (!session->ever || !session_may_say(session))
		return;
	session_say_loss(session, LOG_LEVEL_WARN, "; connecting again");
	lock_acquire(&session->lock);
	session->said_lost = true;
	lock_release(&session->lock);
}

static void say_up(struct session *session, const struct route *route)
{
	char text[ADDR_TEXT_MAX];
	bool aloud;
	int level;

	lock_acquire(&session->lock);
	aloud = session->said_lost;
	session->said_lost = false;
	lock_release(&session->lock);
	level = aloud ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
	log_at(level, "%s: connected to %s at %s://%s", session->spec->mount_point, session->server,
	       route->ops->name, addr_text(&route->addr, text, sizeof(text)));
}

/* Start the server in this process, if the mount is loop:///DIR. 0 or -errno. */
static int start_own(struct session *session)
{
	const struct mountspec *spec = session->spec;
	struct log_catch caught;
	int err;

	if (!*spec->serve || session->own)
		return 0;
	log_catch_begin(&caught);
	err = inprocess_start(spec->serve, spec->read_only, spec->hosts[0].name, &session->own);
	log_catch_end(&caught);
	if (err)
		session_blame(session, "cannot serve %s: %s", spec->serve,
			      *caught.text ? caught.text : strerror(-err));
	else if (*caught.text)
		log_warn("%s: %s", spec->mount_point, caught.text);
	return err;
}

/* Read the key from its file, which may have changed. 0 or -errno. */
static int read_key(struct session *session)
{
	struct credentials *credentials = &session->credentials;
	struct log_catch caught;
	int err;

	log_catch_begin(&caught);
	err = credentials_read(session->spec, credentials);
	log_catch_end(&caught);
	if (err) {
		session_blame(session, "%s", caught.text);
		return err;
	}
	if (session->spec->tls && !*credentials->id) {
		session_blame(session, "TLS needs a key: name one by ?key=NAME or USRBIO_KEY, see "
				       "usrbio(7)");
		return -EKEYREJECTED;
	}
	return credentials_for_tls(credentials, &session->tls);
}

static unsigned find_routes(struct session *session, struct route routes[ROUTES_MAX], int *err)
{
	struct log_catch caught;
	unsigned n;

	log_catch_begin(&caught);
	n = device_routes(session->spec, routes, err);
	log_catch_end(&caught);
	if (*caught.text)
		session_blame(session, "%s", caught.text);
	return n;
}

/* Return why an attempt failed: the text of the code that found the cause, or that of errno. */
static struct reason cause_of(struct session *session, int err)
{
	struct reason cause;

	if (err == -ECONNREFUSED)
		session_blame(session, "cannot connect to %s: %s; is usrbio-server running there?",
			      session->at, strerror(-err));
	else
		session_blame(session, "cannot connect to %s: %s", session->at, strerror(-err));
	lock_acquire(&session->lock);
	cause = session->cause;
	lock_release(&session->lock);
	cause.err = err;
	return cause;
}

/* Try all routes once. Returns the reason that says most if all failed, or an empty one. */
static struct reason try_routes(struct session *session)
{
	struct route routes[ROUTES_MAX];
	struct reason best = {0};
	int unresolved;
	unsigned n = find_routes(session, routes, &unresolved);

	if (!n && !unresolved)
		unresolved = -EHOSTUNREACH;
	if (unresolved)
		best = cause_of(session, unresolved);
	for (unsigned i = 0; i < n; i++) {
		int err = session_try_route(session, &routes[i]);
		struct reason cause;

		if (!err) {
			say_up(session, &routes[i]);
			return (struct reason){0};
		}
		cause = cause_of(session, err);
		log_at(session->failures ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "%s: by %s: %s",
		       session->spec->mount_point, routes[i].ops->name, cause.text);
		if (reason_is_better(err, best.err))
			best = cause;
	}
	return best;
}

/* Log why calls fail, once until the reason changes or the session is up. */
static void say_reason(struct session *session, const char *after)
{
	char text[REASON_MAX];
	bool first, other;

	lock_acquire(&session->lock);
	first = !session->ever && !*session->said;
	other = strcmp(session->said, session->reason.text);
	strcpy(text, session->reason.text);
	lock_release(&session->lock);
	if (!other || (!session_may_say(session) && !first))
		return;
	log_warn("%s: %s%s", session->spec->mount_point, text, after);
	lock_acquire(&session->lock);
	strcpy(session->said, text);
	lock_release(&session->lock);
}

static void keep_reason(struct session *session, const struct reason *reason, int err)
{
	lock_acquire(&session->lock);
	session->reason = *reason;
	session->reason.err = err;
	lock_release(&session->lock);
}

/*
 * Return the error for callers. If this process is to be the server itself, memory that it lacks is
 * what the caller lacks.
 */
static int outcome_of(const struct session *session, int err)
{
	if (*session->spec->serve && !session->own && err == -ENOMEM)
		return err;
	return reason_outcome(err);
}

/* Fail everything that waits. Called only before the first session was up. */
static void fail(struct session *session, const struct reason *reason, bool absent)
{
	int status = outcome_of(session, reason->err);

	keep_reason(session, reason, status);
	lock_acquire(&session->lock);
	session->given_up = absent;
	session->failures = 0;
	session->no_sooner_ns = now_ns() + PAUSE_LONG_NS;
	lock_release(&session->lock);
	say_reason(session, "");
	for (unsigned i = 0; i < session->nr_conns; i++) {
		conn_lock(session->conns[i]);
		conn_give_up(session->conns[i], status);
		conn_unlock(session->conns[i]);
	}
	/* Calls that came since then wait at a connection, where is_busy finds them. */
	lock_acquire(&session->lock);
	session->wanted = false;
	lock_release(&session->lock);
}

/*
 * True if everything that waits has to fail now: before the first session was up, if a server
 * refuses the client, or if there was no server for REFUSED_NS. All other causes may change while
 * the client waits: a server that is full or starting, a name that does not resolve for now.
 */
static bool is_final(const struct session *session, int err)
{
	if (session->ever)
		return false;
	return reason_kind(err) == REASON_REFUSED ||
	       (session->absent_ns && now_ns() >= session->absent_ns + REFUSED_NS);
}

/* Return what a client does after a failure that is not final, as the end of a log line. */
static const char *what_next(const struct session *session, int err, char *text, size_t size)
{
	unsigned timeout_ms = session->spec->timeout_ms;

	if (session->ever)
		return "; trying again";
	if (reason_kind(err) != REASON_NOT_YET)
		return ""; /* the next failure may be final */
	if (!timeout_ms)
		return "; waiting for this to change";
	snprintf(text, size, "; waiting up to %g s for this to change", timeout_ms / 1000.0);
	return text;
}

/* Store and log a failure. When the mount's timeout is over, new calls fail at once. */
static void note_failure(struct session *session, const struct reason *reason)
{
	const struct mountspec *spec = session->spec;
	uint64_t now = now_ns();
	bool over = spec->timeout_ms && now >= session->trying_ns + spec->timeout_ms * NS_PER_MS;
	char next[64];
	bool first;

	keep_reason(session, reason, -EREMOTEIO);
	lock_acquire(&session->lock);
	first = over && !session->given_up;
	session->given_up |= over;
	session->said_lost |= over;
	session->no_sooner_ns = now + PAUSE_LONG_NS;
	lock_release(&session->lock);
	if (first)
		log_warn("%s: no server for %u ms: %s; giving up until it is back",
			 spec->mount_point, spec->timeout_ms, reason->text);
	else if (!over)
		say_reason(session, what_next(session, reason->err, next, sizeof(next)));
}

/* Store when the first attempt began: from then on the mount's timeout counts. */
static void note_attempt(struct session *session)
{
	lock_acquire(&session->lock);
	if (!session->trying_ns)
		session->trying_ns = now_ns();
	lock_release(&session->lock);
}

/* Make one attempt by all routes. Returns the reason of the failure, or an empty one. */
static struct reason attempt_once(struct session *session)
{
	int err;

	lock_acquire(&session->lock);
	session->cause = (struct reason){0};
	lock_release(&session->lock);
	snprintf(session->at, sizeof(session->at), "%s", session->spec->hosts[0].name);
	err = start_own(session);
	if (!err) {
		session_bring_down(session);
		err = read_key(session);
	}
	return err ? cause_of(session, err) : try_routes(session);
}

static void attempt(struct session *session)
{
	uint64_t began = now_ns();
	struct reason reason;
	bool absent, own;

	note_attempt(session);
	reason = attempt_once(session);
	own = *session->spec->serve && !session->own;
	absent = reason.err && !own && reason_kind(reason.err) <= REASON_ABSENT;
	if (!absent)
		session->absent_ns = 0;
	else if (!session->absent_ns)
		session->absent_ns = began;
	session->failures++;
	session->full = reason.err == -EUSERS;
	session->tried_ns = now_ns();
	if (!reason.err)
		return;
	if (own || is_final(session, reason.err))
		fail(session, &reason, absent);
	else
		note_failure(session, &reason);
}

static bool is_busy(struct session *session)
{
	bool busy = false;

	for (unsigned i = 0; !busy && i < session->nr_conns; i++) {
		conn_lock(session->conns[i]);
		busy = conn_is_busy(session->conns[i]);
		conn_unlock(session->conns[i]);
	}
	return busy;
}

/* True if the session is up, or nothing waits for it any more: then the thread ends. */
static bool is_over(struct session *session)
{
	bool busy = is_busy(session), up, over;

	lock_acquire(&session->lock);
	up = session_is_up(session);
	over = up || (!busy && !session->wanted);
	session->wanted = false;
	if (over && !session->given_up)
		session->trying_ns = session->absent_ns = 0;
	if (over)
		session->reconnecting = false;
	lock_release(&session->lock);
	return over;
}

/* Pause before the next attempt: longer each time, and at random, so that clients spread out. */
static void pause_between(struct session *session)
{
	unsigned doublings = session->failures < 9 ? session->failures : 9;
	uint64_t ns = min_ns(PAUSE_MIN_NS << doublings >> 1,
			     session->full ? PAUSE_FULL_NS : PAUSE_MAX_NS);
	struct timespec ts;

	if (!session->failures)
		return;
	if (session->given_up)
		ns = PAUSE_LONG_NS;
	else
		ns = ns * 3 / 4 + now_ns() % (ns / 2);
	ts = (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
	nanosleep(&ts, NULL);
}

void *reconnect_run(void *arg)
{
	struct session *session = arg;

	thread_name("usrbio-reconn");
	say_lost(session);
	/* If the last attempt was some time ago, the first attempt comes without a pause. */
	if (now_ns() >= session->tried_ns + QUIET_NS)
		session->failures = 0;
	while (!is_over(session)) {
		pause_between(session);
		attempt(session);
	}
	return NULL;
}
