/*
 * The deadlines of a connection. They are counted in ticks of 1/16 of the mount's timeout. An I/O
 * stores the tick in which it was released, so that the clock need not be read for each I/O. The
 * connection belongs to its owner; this runs on the thread that drives it, under its lock.
 */
#include "client/conn/conn.h"

#include <errno.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define PROBE_NS   (1 * NS_PER_S) /* silence until a probe; see PROTOCOL.md, Time limits */
#define SILENCE_NS (3 * NS_PER_S) /* silence until the connection ends */
#define PROBES	   (1ull << 32)	  /* first nonce of probes; nonces of requests are lower */

/* True if the server owes an answer, or the credit for another message. */
static bool is_owed(const struct conn *conn)
{
	return conn->blocked || conn_users_owe(conn);
}

static bool is_talking(const struct conn *conn)
{
	return conn->state == CONN_UP || conn->state == CONN_WELCOMED;
}

bool conn_is_busy(const struct conn *conn)
{
	lock_assert_held(&conn->lock);
	return conn_users_have_work(conn);
}

static bool advance(struct conn *conn, uint64_t now)
{
	if (now < conn->next_tick_ns)
		return false;
	conn->tick = (uint32_t)(now / conn->tick_ns);
	conn->next_tick_ns = (now / conn->tick_ns + 1) * conn->tick_ns;
	return true;
}

void conn_expect(struct conn *conn)
{
	lock_assert_held(&conn->lock);
	if (is_owed(conn))
		return;
	conn->heard_ns = now_ns();
	advance(conn, conn->heard_ns);
	progress_wake(min_ns(conn->heard_ns + PROBE_NS, conn->next_tick_ns));
}

bool conn_overdue(const struct conn *conn, uint32_t tick)
{
	lock_assert_held(&conn->lock);
	return conn->tick_ns && conn->tick - tick > CONN_TICKS;
}

/*
 * End I/Os and calls whose time is over. If the server may still access the memory of one, the
 * connection ends first.
 */
static void expire(struct conn *conn)
{
	bool overdue = conn_users_expire(conn);

	if (overdue && is_talking(conn)) {
		conn_blame(conn, "an I/O has not ended within %u ms", conn->owner->timeout_ms);
		conn_shut(conn, -ETIMEDOUT);
	}
	conn_users_sweep(conn);
	/* Ask again to connect: the reconnector's thread may have failed to start. */
	if (conn->state == CONN_DOWN && conn_is_busy(conn))
		conn_want(conn);
}

bool conn_probe(struct conn *conn)
{
	const struct message ping = {.type = MSG_PING, .ping = {.nonce = PROBES + conn->nr_probes}};
	void *buf = conn_buf(conn);

	lock_assert_held(&conn->lock);
	if (!buf)
		return false;
	conn->probe_due = false;
	conn->nr_probes++;
	conn_send(conn, &ping, buf);
	return true;
}

bool conn_probed(struct conn *conn, uint64_t nonce)
{
	lock_assert_held(&conn->lock);
	if (conn->nr_answered == conn->nr_probes || nonce != PROBES + conn->nr_answered)
		return false;
	conn->nr_answered++;
	return true;
}

/*
 * True if the server has sent something that waits in the socket, because this process was stopped
 * for some time.
 */
static bool has_spoken(struct conn *conn)
{
	uint64_t before = conn->heard_ns;

	conn_look(conn);
	return conn->heard_ns != before || !is_talking(conn);
}

static void check_silence(struct conn *conn, uint64_t now)
{
	if (!is_talking(conn) || !is_owed(conn))
		return;
	if (now >= conn->heard_ns + SILENCE_NS) {
		if (!has_spoken(conn)) {
			conn_blame(conn, "the server at %s has been silent for %u ms",
				   conn->owner->at, (unsigned)((now - conn->heard_ns) / NS_PER_MS));
			conn_shut(conn, -ETIMEDOUT);
		}
	} else if (conn->probed_ns <= conn->heard_ns) {
		conn->probed_ns = now;
		conn->probe_due = true;
		conn_pump(conn);
	}
}

void conn_clock(struct conn *conn, uint64_t now)
{
	lock_assert_held(&conn->lock);
	if (now >= conn->due_ns)
		conn_users_due(conn, now);
	if (advance(conn, now))
		expire(conn);
	if (now >= conn->heard_ns + PROBE_NS)
		check_silence(conn, now);
}

uint64_t conn_next_clock(const struct conn *conn)
{
	uint64_t due = conn_users_next_due(conn);

	lock_assert_held(&conn->lock);
	if (conn_is_busy(conn))
		due = min_ns(due, conn->next_tick_ns);
	if (is_talking(conn) && is_owed(conn))
		due = min_ns(due, conn->heard_ns + (conn->probed_ns > conn->heard_ns ? SILENCE_NS
										     : PROBE_NS));
	return due;
}
