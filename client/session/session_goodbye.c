/*
 * The orderly end of a session: a Goodbye, to which the server answers by disconnecting. A lost
 * connection ends no session at the server, so this is the only way to free its place there at
 * once. The mounts and the end of the process call this; the threads that drive the connections
 * notice the disconnects.
 */
#include <time.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/session/session.h"
#include "common/crypto/openssl.h"

#define PAUSE_NS 200000

/* Sleep for a moment, and return true; false: it is `until`. */
static bool pause_until(uint64_t until)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	if (now_ns() >= until)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

static bool lock_within(struct conn *conn, uint64_t until)
{
	while (!conn_trylock(conn))
		if (!pause_until(until))
			return false;
	return true;
}

static bool is_idle(struct session *session, uint64_t until)
{
	bool idle = true;

	for (unsigned i = 0; idle && i < session->nr_conns; i++) {
		if (!lock_within(session->conns[i], until))
			return false;
		idle = !conn_is_busy(session->conns[i]);
		conn_unlock(session->conns[i]);
	}
	return idle;
}

bool session_goodbye(struct session *session, uint64_t until)
{
	struct conn *conn = session->conns[0];
	bool told;

	/* The server of a loop:///DIR ends with the session. */
	if (session->own || !session_is_up(session) || !is_idle(session, until))
		return false;
	if (session->spec->tls && !openssl_is_up())
		return false;
	if (!lock_within(conn, until))
		return false;
	session_blame(session, "this client has ended the session");
	told = conn_goodbye(conn);
	conn_unlock(conn);
	atomic_store(&session->told, told);
	return told;
}

bool session_is_gone(struct session *session)
{
	bool down = true;

	for (unsigned i = 0; down && i < session->nr_conns; i++) {
		if (!conn_trylock(session->conns[i]))
			return false;
		down = session->conns[i]->state == CONN_DOWN;
		conn_unlock(session->conns[i]);
	}
	return down;
}

void session_await_end(struct session *session, uint64_t until)
{
	while (atomic_load(&session->told) && !session_is_gone(session) && pause_until(until))
		;
}
