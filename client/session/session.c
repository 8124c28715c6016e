/*
 * The states of a session and its log lines; see session.h. It belongs to its mount's relation. Any
 * thread calls these functions, with or without the lock of a connection.
 */
#include "client/session/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/base/thread.h"
#include "client/session/handshake.h"
#include "common/inprocess.h"
#include "common/base/log.h"

#define SAY_NS (10 * NS_PER_S) /* between two log lines that repeat */

static bool want(struct conn_owner *owner)
{
	return session_want(container_of(owner, struct session, owner));
}

static void lost(struct conn_owner *owner, uint64_t incarnation, int error)
{
	session_lost(container_of(owner, struct session, owner), incarnation, error);
}

static bool is_lost(const struct conn_owner *owner, uint64_t incarnation)
{
	return session_is_lost(container_of(owner, struct session, owner), incarnation);
}

static void blame(struct conn_owner *owner, const char *fmt, va_list args)
{
	struct session *session = container_of(owner, struct session, owner);

	lock_acquire(&session->lock);
	reason_add(&session->cause, fmt, args);
	lock_release(&session->lock);
}

static void own(struct session *session)
{
	session->owner = (struct conn_owner){
		.want = want,
		.lost = lost,
		.is_lost = is_lost,
		.begin = session_handshake_begin,
		.message = session_handshake_message,
		.blame = blame,
		.at = session->at,
		.tls = &session->tls,
		.timeout_ms = session->spec->timeout_ms,
	};
}

struct session *session_create(const struct mountspec *spec)
{
	struct session *session;

	session = calloc(1, sizeof(*session) + spec->nconnect * sizeof(*session->conns));
	if (!session)
		return NULL;
	session->spec = spec;
	own(session);
	device_init(&session->device);
	lock_init(&session->files.lock, LOCK_OPEN_FILES);
	list_init(&session->files.list);
	lock_init(&session->lock, LOCK_SESSION);
	for (; session->nr_conns < spec->nconnect; session->nr_conns++) {
		session->conns[session->nr_conns] = conn_create(&session->owner, session->nr_conns);
		if (!session->conns[session->nr_conns]) {
			int err = errno;

			session_destroy(session);
			errno = err;
			return NULL;
		}
	}
	return session;
}

void session_destroy(struct session *session)
{
	for (unsigned i = 0; i < session->nr_conns; i++) {
		progress_remove(&session->conns[i]->task);
		conn_destroy(session->conns[i]);
	}
	inprocess_stop(session->own);
	lock_destroy(&session->files.lock);
	device_close(&session->device);
	secret_wipe(&session->credentials.secret);
	explicit_bzero(&session->tls, sizeof(session->tls));
	explicit_bzero(session->key, sizeof(session->key));
	lock_destroy(&session->lock);
	free(session);
}

bool session_is_lost(const struct session *session, uint64_t incarnation)
{
	return atomic_load(&session->lost) >= incarnation;
}

void session_say_loss(struct session *session, int level, const char *after)
{
	struct reason cause;

	lock_acquire(&session->lock);
	cause = session->cause;
	lock_release(&session->lock);
	log_at(level, "%s: connection lost: %s%s", session->spec->mount_point,
	       *cause.text ? cause.text : strerror(-atomic_load(&session->error)), after);
}

/* `lost` only grows, because all connections are down before the next incarnation begins. */
void session_lost(struct session *session, uint64_t incarnation, int error)
{
	if (atomic_exchange(&session->lost, incarnation) != incarnation) {
		atomic_store(&session->error, error);
		session_say_loss(session, LOG_LEVEL_INFO, "");
	}
	atomic_compare_exchange_strong(&session->up, &incarnation, 0);
	progress_wake(0);
}

struct conn *session_conn(struct session *session)
{
	unsigned n = atomic_fetch_add_explicit(&session->next_conn, 1, memory_order_relaxed);

	return session->conns[n % session->nr_conns];
}

bool session_may_say(struct session *session)
{
	uint64_t now = now_ns();
	bool may;

	lock_acquire(&session->lock);
	may = !session->said_ns || now >= session->said_ns + SAY_NS;
	if (may)
		session->said_ns = now;
	lock_release(&session->lock);
	return may;
}

/* True if connecting has been tried for the mount's whole timeout. */
static bool is_hopeless(const struct session *session, uint64_t now)
{
	unsigned timeout_ms = session->spec->timeout_ms;

	lock_assert_held(&session->lock);
	return session->given_up || (timeout_ms && session->trying_ns &&
				     now >= session->trying_ns + timeout_ms * NS_PER_MS);
}

/* Make the connections tasks of the progress thread, which drives them. */
static int add_tasks(struct session *session)
{
	int err = 0;

	lock_assert_held(&session->lock);
	for (unsigned i = 0; !err && i < session->nr_conns; i++)
		err = progress_add(&session->conns[i]->task);
	if (!err)
		atomic_store(&session->used, true);
	return err;
}

static int start_reconnector(struct session *session, uint64_t now)
{
	int err = add_tasks(session);

	lock_assert_held(&session->lock);
	if (err)
		return err;
	session->reconnecting = session->wanted = true;
	if (!session->trying_ns)
		session->trying_ns = now;
	err = thread_start(reconnect_run, session);
	if (err)
		session->reconnecting = false;
	return err;
}

bool session_want(struct session *session)
{
	uint64_t now = now_ns();
	bool hope;

	lock_acquire(&session->lock);
	hope = !is_hopeless(session, now);
	if (session->reconnecting)
		session->wanted = true;
	else if ((hope || now >= session->no_sooner_ns) && start_reconnector(session, now))
		hope = false;
	lock_release(&session->lock);
	return hope;
}

bool session_is_reconnecting(struct session *session)
{
	bool reconnecting;

	lock_acquire(&session->lock);
	reconnecting = session->reconnecting;
	lock_release(&session->lock);
	return reconnecting;
}

static struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){.data = data, .len = len};
}

void session_hello(struct session *session, struct hello *hello)
{
	*hello = (struct hello){
		.version_min = PROTO_VERSION,
		.version_max = PROTO_VERSION,
		.features = FEATURE_IMM | FEATURE_COUNTERS,
		.export = bytes_of(session->spec->export, strlen(session->spec->export)),
		.client = bytes_of(program_invocation_short_name,
				   strnlen(program_invocation_short_name, TEXT_MAX)),
		.session_id = bytes_of(session->id, session->known ? sizeof(session->id) : 0),
		.session_key = bytes_of(session->key, session->known ? sizeof(session->key) : 0),
		.epoch = session->epoch,
	};
}

void session_blame(struct session *session, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	blame(&session->owner, fmt, args);
	va_end(args);
}

void session_reason(struct session *session, struct reason *reason)
{
	lock_acquire(&session->lock);
	*reason = session->reason;
	lock_release(&session->lock);
}

void session_explain(struct session *session, int err, const char *text)
{
	bool again;

	lock_acquire(&session->lock);
	again = session->reason.err == err && !strcmp(session->reason.text, text);
	session->reason.err = err;
	snprintf(session->reason.text, sizeof(session->reason.text), "%s", text);
	lock_release(&session->lock);
	if (!again)
		log_warn("%s: %s", session->spec->mount_point, text);
}

static void blame_refusal(struct session *session, const struct welcome *welcome)
{
	const char *export = session->spec->export, *key = session->credentials.id;

	switch (welcome->status) {
	case -ESTALE: /* the server has forgotten the session, which is no error */
		break;
	case -ENOENT:
		session_blame(session, "the server at %s has no export \"%s\"%s%s%s", session->at,
			      export, *key ? " for the key \"" : "", key, *key ? "\"" : "");
		break;
	case -EKEYREJECTED:
		if (*key)
			session_blame(session,
				      "the server at %s rejects the key \"%s\": it does not "
				      "have this id, or has another key for it",
				      session->at, key);
		else
			session_blame(session,
				      "the server at %s requires a key: name one by "
				      "?key=NAME or USRBIO_KEY, see usrbio(7)",
				      session->at);
		break;
	default:
		session_blame(session, "the server at %s %s: %s", session->at,
			      reason_kind(welcome->status) == REASON_REFUSED
				      ? "refuses this client"
				      : "cannot serve this client now",
			      welcome->text.len ? (const char *)welcome->text.data
						: strerror(-welcome->status));
	}
}

int session_welcome(struct session *session, const struct welcome *welcome)
{
	if (welcome->status) {
		blame_refusal(session, welcome);
		return welcome->status;
	}
	if (welcome->version != PROTO_VERSION || !welcome->boot_id) {
		session_blame(session,
			      "the server at %s speaks version %u of the protocol, this library "
			      "version %u",
			      session->at, welcome->version, PROTO_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (!welcome->host) {
		log_warn("%s: the server does not report the host of its files",
			 session->spec->mount_point);
		return -EPROTO;
	}
	if (!welcome->verifier) {
		log_warn("%s: the server does not report its write verifier",
			 session->spec->mount_point);
		return -EPROTO;
	}
	/* The server was restarted, perhaps between two connections of this session. */
	if (session->known && (session->boot_id != welcome->boot_id ||
			       memcmp(session->id, welcome->session_id.data, sizeof(session->id))))
		return -ESTALE;
	if (!session->known) { /* the first handshake of a session decides its key */
		memcpy(session->id, welcome->session_id.data, sizeof(session->id));
		memcpy(session->key, welcome->session_key.data, sizeof(session->key));
	}
	session->known = true;
	session->boot_id = welcome->boot_id;
	session_verifier_welcome(session, welcome);
	snprintf(session->server, sizeof(session->server), "%s",
		 (const char *)welcome->server.data);
	return 0;
}
