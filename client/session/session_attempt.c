/*
 * One attempt to connect a session by one route: it opens the device, connects every connection and
 * waits for its handshake, has the files opened again, and lets waiting I/Os and calls go on. The
 * session owns the state; only the reconnector's thread calls this.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/session/session.h"
#include "common/base/log.h"

#define CONNECT_MS 5000u /* time limit of a route, unless the mount's timeout is shorter */

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

	return state == CONN_DOWN || state == CONN_WELCOMED;
}

static void bring_down(struct conn *conn)
{
	struct state_waiter w = {.waiter = {.ready = is_down}, .conn = conn};

	lock_assert_held(&conn->lock);
	conn_shut(conn, -ECONNRESET);
	conn_wait(conn, &w.waiter, NEVER);
}

void session_bring_down(struct session *session)
{
	/* All start first: to disconnect from a server that does not answer takes a second. */
	for (unsigned i = 0; i < session->nr_conns; i++) {
		conn_lock(session->conns[i]);
		conn_shut(session->conns[i], -ECONNRESET);
		conn_unlock(session->conns[i]);
	}
	for (unsigned i = 0; i < session->nr_conns; i++) {
		conn_lock(session->conns[i]);
		bring_down(session->conns[i]);
		conn_unlock(session->conns[i]);
	}
}

static unsigned connect_ms(const struct session *session)
{
	unsigned timeout_ms = session->spec->timeout_ms;

	return timeout_ms && timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS;
}

/* Connect and wait for the handshake. 0: the connection is welcomed; or -errno. */
static int bring_up(struct session *session, struct conn *conn, const struct route *route)
{
	struct state_waiter w = {.waiter = {.ready = is_settled}, .conn = conn};
	unsigned ms = connect_ms(session);
	struct log_catch caught;
	int err;

	conn_lock(conn);
	log_catch_begin(&caught);
	err = conn_open(conn, route->ops, session->device.tp, &route->addr, ms);
	log_catch_end(&caught);
	if (err && *caught.text)
		session_blame(session, "%s", caught.text);
	if (!err) {
		/* The transport has its own time limit; this one is for the handshake, too. */
		conn_wait(conn, &w.waiter, now_ns() + 2 * ms * NS_PER_MS);
		if (conn->state != CONN_WELCOMED) {
			if (conn->state != CONN_DOWN) {
				session_blame(session, "the server at %s does not answer",
					      session->at);
				conn_shut(conn, -ETIMEDOUT);
			}
			bring_down(conn);
			err = conn->error;
		}
	}
	conn_unlock(conn);
	return err;
}

/* Begin an incarnation: every connection names the same session and epoch. */
static int bring_all_up(struct session *session, const struct route *route)
{
	int err = 0;

	session->incarnation++;
	for (unsigned i = 0; !err && i < session->nr_conns; i++)
		err = bring_up(session, session->conns[i], route);
	if (err)
		session_bring_down(session);
	return err;
}

/* Begin a new session at the server. 0 or -errno. */
static int begin(struct session *session, const struct route *route)
{
	session->number++;
	atomic_store(&session->told, false);
	session->epoch = 0;
	session->known = false;
	return bring_all_up(session, route);
}

/* Resume the session. 0; -ESTALE: the server has forgotten it; or another -errno. */
static int resume(struct session *session, const struct route *route)
{
	session->epoch++;
	return bring_all_up(session, route);
}

static void note_success(struct session *session)
{
	lock_acquire(&session->lock);
	session->given_up = false;
	session->trying_ns = 0;
	session->reason = (struct reason){0};
	*session->said = '\0';
	lock_release(&session->lock);
}

/* Let waiting I/Os and calls go on, on all connections. 0 or -errno. */
static int go(struct session *session)
{
	int err = 0;

	for (unsigned i = 0; !err && i < session->nr_conns; i++) {
		struct conn *conn = session->conns[i];

		conn_lock(conn);
		if (conn->state == CONN_WELCOMED)
			conn_go(conn);
		else
			err = -ECONNRESET;
		conn_unlock(conn);
	}
	if (err)
		return err;
	session->ever = true;
	atomic_store(&session->up, session->incarnation);
	/* A connection that broke before `up` was set could not clear it. */
	if (session_is_lost(session, session->incarnation)) {
		atomic_store(&session->up, 0);
		return -ECONNRESET;
	}
	note_success(session);
	return 0;
}

/* Store the host and port of the route as in a URL, for messages about this attempt. */
static void head_for(struct session *session, const struct route *route)
{
	bool bare = strchr(route->host->name, ':'); /* an IPv6 address */

	if (*session->spec->serve)
		snprintf(session->at, sizeof(session->at), "%s", session->spec->serve);
	else
		snprintf(session->at, sizeof(session->at), bare ? "[%s]:%u" : "%s:%u",
			 route->host->name, route->host->port);
	lock_acquire(&session->lock);
	session->cause = (struct reason){0};
	/* Calls whose time is over before this attempt ends have this reason. */
	if (!*session->reason.text) {
		session->reason.err = -EREMOTEIO;
		snprintf(session->reason.text, sizeof(session->reason.text),
			 "still connecting to %s", session->at);
	}
	lock_release(&session->lock);
}

static int use_device(struct session *session, const struct route *route)
{
	struct log_catch caught;
	int err;

	log_catch_begin(&caught);
	err = device_use(&session->device, route);
	log_catch_end(&caught);
	if (err && *caught.text)
		session_blame(session, "%s", caught.text);
	return err;
}

/* Open the files of earlier sessions again, before anything else goes on. 0 or -errno. */
static int recover_files(struct session *session)
{
	struct session_files *files = &session->files;
	int (*recover)(struct session * session, struct conn * conn);

	lock_acquire(&files->lock);
	files->session = session->number;
	recover = files->recover;
	lock_release(&files->lock);
	return recover ? recover(session, session->conns[0]) : 0;
}

int session_try_route(struct session *session, const struct route *route)
{
	int err;

	head_for(session, route);
	err = use_device(session, route);
	if (err)
		return err;
	err = session->known ? resume(session, route) : begin(session, route);
	/* If the server has forgotten the session, begin a new one. */
	if (err == -ESTALE)
		err = begin(session, route);
	if (!err)
		err = recover_files(session);
	if (!err)
		err = go(session);
	if (err)
		session_bring_down(session);
	return err;
}
