/*
 * Handles what the transport of a connection reports, and gives each message of the server to the
 * user that receives its type. It runs on the thread that drives the connection, under its lock.
 * The connection belongs to its owner.
 */
#include "client/conn/conn.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define EVENTS_MAX 64
#define LOOKS_MAX  4 /* polls of a thread that only looks, even if more events come */

void *conn_buf(struct conn *conn)
{
	void *buf = conn->blocked ? NULL : conn->ops->msg_buf(conn->tp);

	lock_assert_held(&conn->lock);
	if (!buf)
		conn->blocked = true;
	return buf;
}

int conn_send(struct conn *conn, const struct message *msg, void *buf)
{
	long len = codec_encode(msg, buf, conn->tp->msg_max);

	lock_assert_held(&conn->lock);
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

static bool send_goodbye(struct conn *conn)
{
	const struct message goodbye = {.type = MSG_GOODBYE};
	void *buf = conn_buf(conn);

	if (!buf)
		return false;
	conn->goodbye_due = false;
	conn_send(conn, &goodbye, buf);
	return true;
}

void conn_pump(struct conn *conn)
{
	lock_assert_held(&conn->lock);
	if (conn->state != CONN_UP && conn->state != CONN_WELCOMED)
		return;
	if (conn->pong_due && !send_pong(conn))
		return;
	if (conn->probe_due && !conn_probe(conn))
		return;
	if (conn->goodbye_due && !send_goodbye(conn))
		return;
	conn_users_pump(conn);
}

bool conn_goodbye(struct conn *conn)
{
	lock_assert_held(&conn->lock);
	if (conn->state != CONN_UP || conn_is_busy(conn))
		return false;
	conn->goodbye_due = true;
	conn_pump(conn);
	return true;
}

void conn_welcomed(struct conn *conn, const struct welcome *welcome, uint64_t number,
		   uint64_t incarnation)
{
	bool renewed = conn->number != number;

	lock_assert_held(&conn->lock);
	conn->features = welcome->features;
	conn->host = welcome->host;
	conn->max_regions = welcome->max_regions;
	conn->max_inflight =
		welcome->max_inflight < CONN_INFLIGHT ? welcome->max_inflight : CONN_INFLIGHT;
	conn_users_welcomed(conn, renewed);
	conn->number = number;
	conn->joined = incarnation;
	memset(conn->region_ids, 0, sizeof(conn->region_ids));
	conn->state = CONN_WELCOMED;
	conn->wait.wake_pending = true;
}

void conn_go(struct conn *conn)
{
	lock_assert_held(&conn->lock);
	conn->state = CONN_UP;
	conn->wait.wake_pending = true;
	conn_pump(conn);
}

/* Hand a message to the user that receives its type. */
static void deliver(struct conn *conn, const struct message *msg)
{
	conn_handler *handler = conn->handlers[msg->type];
	const char *wrong = "a message out of place";

	if (handler)
		wrong = handler(conn->receivers[msg->type], msg);
	if (wrong)
		conn_violated(conn, wrong);
}

/* Answer a ping. A pong goes to the sender of the ping, the connection or a user. */
static void on_ping(struct conn *conn, const struct message *msg)
{
	if (!msg->ping.pong) {
		conn->pong_due = true;
		conn->pong_nonce = msg->ping.nonce;
	} else if (!conn_probed(conn, msg->ping.nonce)) {
		deliver(conn, msg);
	}
}

static void on_immediate(struct conn *conn, uint32_t tag)
{
	struct conn_user *user = conn->users[CONN_USER_RINGS];
	const char *wrong = "an immediate before any I/O";

	if (conn->state == CONN_UP)
		wrong = user->ops->immediate(user, tag);
	if (wrong)
		conn_violated(conn, wrong);
}

static void on_msg(struct conn *conn, const void *frame, size_t len)
{
	int type = codec_type(frame, len);
	struct message msg;

	conn->msg_bytes += len;
	/* A server that has not proved itself has nothing else decoded. */
	if (conn->state == CONN_HANDSHAKE && type >= 0 && type != MSG_CHALLENGE &&
	    type != MSG_WELCOME) {
		conn_violated(conn, "a message before the welcome");
		return;
	}
	if (codec_decode(&conn->arena, frame, len, &msg)) {
		conn_violated(conn, "a malformed message");
		return;
	}
	if (conn->state == CONN_HANDSHAKE) {
		conn->owner->message(conn, frame, len, &msg);
		return;
	}
	if (msg.type == MSG_PING)
		on_ping(conn, &msg);
	else
		deliver(conn, &msg);
}

/*
 * Handle the end of the transport connection. From now on the transport accesses no memory of the
 * I/Os that were under way, so they may be sent again or end.
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
	conn_users_lost(conn);
	conn->wait.wake_pending = true;
	if (conn_is_busy(conn))
		conn_want(conn);
}

void conn_give_up(struct conn *conn, int status)
{
	lock_assert_held(&conn->lock);
	conn_users_give_up(conn, status);
	conn->wait.wake_pending = true;
}

static void on_event(struct conn *conn, const struct tp_event *event)
{
	bool talking = conn->state >= CONN_HANDSHAKE && conn->state <= CONN_UP;

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
		if (talking)
			on_immediate(conn, event->imm);
		break;
	case TP_EV_READY:
		conn->blocked = false;
		break;
	case TP_EV_CLOSED:
		on_closed(conn, event->status);
		break;
	case TP_EV_DONE:
	case TP_EV_REQUEST:
		break; /* these do not come: a client posts nothing and does not listen */
	}
}

int conn_poll(struct conn *conn)
{
	struct tp_event events[EVENTS_MAX];
	int n = conn->ops->poll(conn->domain, events, EVENTS_MAX);

	lock_assert_held(&conn->lock);
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
	lock_assert_held(&conn->lock);
	if (!conn->domain)
		return;
	if (!conn->wait.watched) {
		conn->wait.drives++;
		conn_poll(conn);
		return;
	}
	/*
	 * The progress thread sleeps on the armed domain, and polling has undone the arming. If it
	 * can be armed again, that thread need not be woken.
	 */
	for (int turn = 0; turn < LOOKS_MAX; turn++) {
		conn_poll(conn);
		if (!conn->ops->arm(conn->domain))
			return;
	}
	progress_wake(0);
}
