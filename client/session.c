/*
 * Sessions: connecting, route by route, until one answers; then the other connections join. One
 * session is one life of all its connections: what was under way ends with it.
 */
#include "client/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/conn.h"
#include "common/addr.h"
#include "common/inprocess.h"
#include "common/log.h"

#define CONNECT_MS	5000u		   /* per route, unless the mount's timeout is shorter */
#define RETRY_PAUSE_MAX (1000 * NS_PER_MS) /* between attempts that fail slowly */

struct session *session_create(const struct mountspec *spec)
{
	struct session *session;

	session = calloc(1, sizeof(*session) + spec->nconnect * sizeof(*session->conns));
	if (!session)
		return NULL;
	session->spec = spec;
	device_init(&session->device);
	pthread_mutex_init(&session->connecting, NULL);
	for (; session->nr_conns < spec->nconnect; session->nr_conns++) {
		session->conns[session->nr_conns] = conn_create(session, session->nr_conns);
		if (!session->conns[session->nr_conns]) {
			session_destroy(session);
			return NULL;
		}
	}
	return session;
}

void session_destroy(struct session *session)
{
	for (unsigned i = 0; i < session->nr_conns; i++) {
		progress_remove(&session->conns[i]->chore);
		conn_destroy(session->conns[i]);
	}
	inprocess_stop(session->own);
	device_close(&session->device);
	pthread_mutex_destroy(&session->connecting);
	free(session);
}

uint64_t session_number(const struct session *session)
{
	return atomic_load_explicit(&session->number, memory_order_acquire);
}

bool session_is_lost(const struct session *session, uint64_t number)
{
	return atomic_load(&session->lost) >= number;
}

/* All connections of a session are down before the next begins, so that `lost` only grows. */
void session_lost(struct session *session, uint64_t number)
{
	atomic_store(&session->lost, number);
	atomic_compare_exchange_strong(&session->number, &number, 0);
	progress_kick(0);
}

struct conn *session_conn(struct session *session)
{
	unsigned n = atomic_fetch_add_explicit(&session->next_conn, 1, memory_order_relaxed);

	return session->conns[n % session->nr_conns];
}

struct state_waiter {
	struct waiter waiter;
	const struct conn *conn;
};

static bool is_down(const struct waiter *waiter)
{
	return ((const struct state_waiter *)(const void *)waiter)->conn->state == CONN_DOWN;
}

static bool is_settled(const struct waiter *waiter)
{
	enum conn_state state = ((const struct state_waiter *)(const void *)waiter)->conn->state;

	return state == CONN_DOWN || state == CONN_UP;
}

/* Lock held. */
static void bring_down(struct conn *conn)
{
	struct state_waiter w = {.waiter = {.ready = is_down}, .conn = conn};

	conn_shut(conn, -EREMOTEIO);
	conn_wait(conn, &w.waiter, NEVER);
}

static unsigned connect_ms(const struct session *session)
{
	unsigned timeout_ms = session->spec->timeout_ms;

	return timeout_ms && timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS;
}

/* Connect and greet. 0: it is up. */
static int bring_up(struct session *session, struct conn *conn, const struct route *route)
{
	struct state_waiter w = {.waiter = {.ready = is_settled}, .conn = conn};
	unsigned ms = connect_ms(session);
	int err;

	conn_lock(conn);
	err = conn_open(conn, route->ops, &session->device, &route->addr, ms);
	if (!err) {
		/* The transport keeps its own time limit; the welcome has this one. */
		conn_wait(conn, &w.waiter, now_ns() + 2 * ms * NS_PER_MS);
		if (conn->state != CONN_UP) {
			if (conn->state != CONN_DOWN)
				conn_shut(conn, -ETIMEDOUT);
			bring_down(conn);
			err = conn->error;
		}
	}
	conn_unlock(conn);
	return err;
}

static void bring_all_down(struct session *session)
{
	for (unsigned i = 0; i < session->nr_conns; i++) {
		conn_lock(session->conns[i]);
		bring_down(session->conns[i]);
		conn_unlock(session->conns[i]);
	}
}

static int try_route(struct session *session, const struct route *route)
{
	int err = device_use(&session->device, route);

	if (err)
		return err;
	session->last_number++;
	memset(session->id, 0, sizeof(session->id));
	session->boot_id = 0;
	for (unsigned i = 0; !err && i < session->nr_conns; i++)
		err = bring_up(session, session->conns[i], route);
	if (!err) {
		atomic_store(&session->number, session->last_number);
		/* One that broke meanwhile found no number to take back. */
		if (session_is_lost(session, session->last_number)) {
			atomic_store(&session->number, 0);
			err = -ECONNRESET;
		}
	}
	if (err)
		bring_all_down(session);
	return err;
}

/* What a caller is told: the server's refusal as it is; whatever else means nobody is there. */
static int outcome(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EPERM || err == -EPROTONOSUPPORT
		       ? err
		       : -EREMOTEIO;
}

/* The server inside this process that the mount asks for. */
static int start_own(struct session *session)
{
	const struct mountspec *spec = session->spec;

	if (!*spec->serve || session->own)
		return 0;
	return inprocess_start(spec->serve, spec->read_only, spec->hosts[0].name, &session->own);
}

static int connect_locked(struct session *session)
{
	struct route routes[ROUTES_MAX];
	char text[ADDR_TEXT_MAX];
	int err = start_own(session);
	unsigned n;

	if (err)
		return outcome(err);
	err = -EHOSTUNREACH;
	bring_all_down(session);
	n = device_routes(session->spec, routes);
	for (unsigned i = 0; i < n; i++) {
		err = try_route(session, &routes[i]);
		if (!err) {
			log_info("%s: connected to %s at %s://%s", session->spec->mount_point,
				 session->server, routes[i].ops->name,
				 addr_text(&routes[i].addr, text, sizeof(text)));
			return 0;
		}
		log_info("%s: %s://%s: %s", session->spec->mount_point, routes[i].ops->name,
			 addr_text(&routes[i].addr, text, sizeof(text)), strerror(-err));
	}
	log_warn("%s: no server: %s", session->spec->mount_point, strerror(-err));
	return outcome(err);
}

int session_connect(struct session *session)
{
	uint64_t start;
	int err = 0;

	if (session_number(session))
		return 0;
	pthread_mutex_lock(&session->connecting);
	start = now_ns();
	if (!session_number(session) && start < session->not_before) {
		err = session->last_error;
	} else if (!session_number(session)) {
		err = connect_locked(session);
		/* A black hole must not cost every call its seconds. */
		session->last_error = err;
		session->not_before = 0;
		if (err)
			session->not_before = now_ns() + min_ns(now_ns() - start, RETRY_PAUSE_MAX);
	}
	pthread_mutex_unlock(&session->connecting);
	return err;
}

static struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){.data = data, .len = len};
}

void session_hello(struct session *session, struct hello *hello)
{
	bool joins = session->boot_id != 0;

	*hello = (struct hello){
		.version_min = PROTO_VERSION,
		.version_max = PROTO_VERSION,
		.features = FEATURE_IMM | FEATURE_COUNTERS,
		.export = bytes_of(session->spec->export, strlen(session->spec->export)),
		.client = bytes_of(program_invocation_short_name,
				   strnlen(program_invocation_short_name, TEXT_MAX)),
		.session_id = bytes_of(session->id, joins ? sizeof(session->id) : 0),
		.session_key = bytes_of(session->key, joins ? sizeof(session->key) : 0),
	};
}

int session_welcome(struct session *session, const struct welcome *welcome)
{
	if (welcome->status) {
		log_warn("%s: refused: %s (%s)", session->spec->mount_point,
			 (const char *)welcome->text.data, strerror(-welcome->status));
		return welcome->status;
	}
	if (welcome->version != PROTO_VERSION || !welcome->boot_id) {
		log_warn("%s: the server speaks version %u, this library %u",
			 session->spec->mount_point, welcome->version, PROTO_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (session->boot_id && session->boot_id != welcome->boot_id)
		return -ECONNRESET; /* it restarted between two of our connections */
	session->boot_id = welcome->boot_id;
	memcpy(session->id, welcome->session_id.data, sizeof(session->id));
	memcpy(session->key, welcome->session_key.data, sizeof(session->key));
	snprintf(session->server, sizeof(session->server), "%s",
		 (const char *)welcome->server.data);
	return 0;
}
