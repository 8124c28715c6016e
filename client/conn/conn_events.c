/*
 * What a connection's transport reports, and what the server says. One of the few places that
 * distrust the server: a completion is believed only for an I/O under way and within its length.
 */
#include "client/conn/conn.h"

#include <errno.h>
#include <string.h>

#include "client/ring/batch.h"
#include "client/base/clock.h"
#include "client/ring/ring.h"
#include "common/base/log.h"

#define EVENTS_MAX 64
#define LOOKS_MAX  4 /* a stream of data must not hold up who only looks */

void *conn_buf(struct conn *conn)
{
	void *buf = conn->blocked ? NULL : conn->ops->msg_buf(conn->tp);

	if (!buf)
		conn->blocked = true;
	return buf;
}

int conn_send(struct conn *conn, const struct message *msg, void *buf)
{
	long len = codec_encode(msg, buf, conn->tp->msg_max);

	if (len < 0)
		return (int)len;
	conn->ops->msg_send(conn->tp, (size_t)len);
	conn->msg_bytes += (size_t)len;
	conn->unflushed = true;
	return 0;
}

static bool send_pong(struct conn *conn)
{
	const struct message pong = {.type = MSG_PING,
				     .ping = {.nonce = conn->pong_nonce, .pong = 1}};
	void *buf = conn_buf(conn);

	if (!buf)
		return false;
	conn->pong_due = false;
	conn_send(conn, &pong, buf);
	return true;
}

void conn_pump(struct conn *conn)
{
	if (conn->state != CONN_UP && conn->state != CONN_GREETED)
		return;
	if (conn->pong_due && !send_pong(conn))
		return;
	if (conn->probe_due && !conn_probe(conn))
		return;
	if (conn->state == CONN_GREETED) {
		requests_recover(conn);
		return;
	}
	if (conn->inflight.nr_resend)
		resend_send(conn);
	if (!requests_waiting(&conn->requests) || requests_send(conn))
		batch_dispatch(conn);
}

void conn_go(struct conn *conn)
{
	conn->state = CONN_UP;
	conn->wait.wake_pending = true;
	conn_pump(conn);
}

bool conn_range(void *user, uint32_t tag, enum tp_access access, struct tp_range *range)
{
	const struct conn *conn = user;
	const struct flying *io = inflight_find(&conn->inflight, tag);
	const struct flying_memory *memory;

	if (!io || io->ring->for_read != (access == TP_REMOTE_WRITE))
		return false;
	memory = inflight_memory(&conn->inflight, tag);
	*range = (struct tp_range){.base = memory->base, .len = io->len, .key = memory->key};
	return true;
}

/* One I/O is over, says the server. full: without saying how long, because all of it was read. */
static bool complete(struct conn *conn, uint32_t tag, int64_t result, bool full)
{
	struct flying *io = inflight_find(&conn->inflight, tag);
	struct ring *ring;

	/* A lie ends the connection, and in its next life the I/O is done again. */
	if (!io) {
		conn_violated(conn, "a completion for no I/O under way");
		return false;
	}
	ring = io->ring;
	if (full ? !ring->for_read : result > 0 && (uint64_t)result > io->len) {
		conn_violated(conn,
			      full ? "an immediate for a write" : "a result longer than the I/O");
		return false;
	}
	inflight_end(&conn->inflight, io);
	conn->nr_ios++;
	ring_complete(ring, io->slot, full ? (int64_t)io->len : result);
	return true;
}

static void on_completion(struct conn *conn, const struct completion *completion)
{
	conn->nr_completions++;
	for (size_t i = 0; i < completion->n; i++)
		if (!complete(conn, (uint32_t)completion->done[i].tag, completion->done[i].result,
			      false))
			return;
}

static void on_ping(struct conn *conn, const struct ping *ping)
{
	if (!ping->pong) {
		conn->pong_due = true;
		conn->pong_nonce = ping->nonce;
	} else if (!conn_probed(conn, ping->nonce) && !request_ponged(conn, ping->nonce)) {
		conn_violated(conn, "a pong without a ping");
	}
}

static void on_msg(struct conn *conn, const void *frame, size_t len)
{
	struct message msg;
	const char *wrong;

	conn->msg_bytes += len;
	if (codec_decode(&conn->arena, frame, len, &msg)) {
		conn_violated(conn, "a malformed message");
		return;
	}
	if (conn->state == CONN_GREETING) {
		conn->owner->message(conn, frame, len, &msg);
		return;
	}
	switch (msg.type) {
	case MSG_COMPLETION:
		on_completion(conn, &msg.completion);
		break;
	case MSG_REPLY:
		wrong = request_replied(conn, &msg.reply);
		if (wrong)
			conn_violated(conn, wrong);
		break;
	case MSG_PING:
		on_ping(conn, &msg.ping);
		break;
	default:
		conn_violated(conn, "a message out of place");
	}
}

/*
 * The wire has let go of all memory: now, and not before, what was under way may be sent again, or
 * end.
 */
static void on_closed(struct conn *conn, int status)
{
	if (conn->state != CONN_CLOSING)
		conn->error = status ? status : -ECONNRESET;
	if (conn->state != CONN_CLOSING && *conn->tp->why)
		conn_blame(conn, "the server at %s %s", conn->owner->at, conn->tp->why);
	if (conn->state == CONN_UP)
		conn->owner->lost(conn->owner, conn->joined, conn->error);
	conn->ops->conn_free(conn->tp);
	conn->tp = NULL;
	conn->state = CONN_DOWN;
	conn->unflushed = false;
	inflight_mark_resend(&conn->inflight);
	requests_mark_resend(conn);
	resend_sweep(conn);
	conn->wait.wake_pending = true;
	if (conn_is_busy(conn))
		conn_want(conn);
}

void conn_give_up(struct conn *conn, int status)
{
	requests_fail(conn, status);
	conn->wait.wake_pending = true;
}

static void on_event(struct conn *conn, const struct tp_event *event)
{
	bool talking = conn->state >= CONN_GREETING && conn->state <= CONN_UP;

	switch (event->type) {
	case TP_EV_CONNECTED:
		if (conn->state == CONN_OPENING)
			conn->owner->begin(conn);
		break;
	case TP_EV_MSG:
		if (talking)
			on_msg(conn, event->msg, event->len);
		break;
	case TP_EV_IMM:
		if (conn->state == CONN_UP)
			complete(conn, event->imm, 0, true);
		else if (talking)
			conn_violated(conn, "an immediate before any I/O");
		break;
	case TP_EV_READY:
		conn->blocked = false;
		break;
	case TP_EV_CLOSED:
		on_closed(conn, event->status);
		break;
	case TP_EV_DONE:
	case TP_EV_REQUEST:
		break; /* a client posts nothing and listens nowhere */
	}
}

int conn_poll(struct conn *conn)
{
	struct tp_event events[EVENTS_MAX];
	int n = conn->ops->poll(conn->domain, events, EVENTS_MAX);

	for (int i = 0; i < n; i++)
		on_event(conn, &events[i]);
	if (n > 0) {
		conn->heard_ns = now_ns();
		conn_pump(conn);
	}
	return n;
}

void conn_look(struct conn *conn)
{
	if (!conn->domain)
		return;
	if (!conn->wait.watched) {
		conn->wait.drives++;
		conn_poll(conn);
		return;
	}
	/* The progress thread sleeps on if what was armed for it can be armed again. */
	for (int turn = 0; turn < LOOKS_MAX; turn++) {
		conn_poll(conn);
		if (!conn->ops->arm(conn->domain))
			return;
	}
	progress_wake(0);
}
