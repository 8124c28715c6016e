/*
 * The dispatcher of incoming messages by type. The connection owns what a message starts, and only
 * its worker's thread runs this. A decoded message lives in the worker's arena until the next one
 * is decoded. Only what may come in the state of its connection is decoded at all.
 */
#include "server/conn/dispatch.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "server/calls/calls.h"
#include "server/conn/conn.h"
#include "server/conn/handshake.h"
#include "server/io/request.h"
#include "server/session/sessions.h"
#include "server/worker/worker.h"

/*
 * An answer to a message that is no call, or to a call that was not started. It is rare, so it is
 * allocated. It counts as a call.
 */
struct call_answer {
	struct outgoing out;
	struct server_conn *conn;
};

_Static_assert(sizeof(struct call_answer) + 16 <= ANSWER_BYTES,
	       "an answer fits what its connection is charged for");

static void answer_release(struct outgoing *out)
{
	struct call_answer *answer = container_of(out, struct call_answer, out);

	answer->conn->peer->nr_calls--;
	free(answer);
}

/* Allocate an answer. Returns 0 or -ENOMEM. -ENOBUFS: the connection has too many calls. */
static int answer_open(struct server_conn *conn, struct call_answer **out)
{
	struct call_answer *answer;

	if (conn->peer->nr_calls == CALLS_MAX)
		return -ENOBUFS;
	answer = calloc(1, sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	conn->peer->nr_calls++;
	answer->conn = conn;
	answer->out.release = answer_release;
	*out = answer;
	return 0;
}

static int on_region_add(struct server_conn *conn, const struct message *msg)
{
	return region_add(&conn->pipeline.regions, &msg->region_add);
}

static int on_region_drop(struct server_conn *conn, const struct message *msg)
{
	struct server_region *region =
		region_find(&conn->pipeline.regions, msg->region_drop.region);
	struct call_answer *answer;
	struct outgoing *out;
	int err = answer_open(conn, &answer);

	if (err)
		return err;
	out = &answer->out;
	out->msg.type = MSG_REPLY;
	out->msg.reply.tag = msg->region_drop.tag;
	if (region) {
		requests_cancel(&conn->pipeline, region, -ECANCELED);
		region_start_drop(region, out);
		out = region_end_drop(&conn->pipeline.regions, region);
	} else {
		out->msg.reply.status = -ENOENT;
	}
	if (out)
		outbox_message(&conn->peer->outbox, out);
	peer_touch(conn->peer);
	return 0;
}

static int on_submit(struct server_conn *conn, const struct message *msg)
{
	peer_is_busy(conn->peer);
	return requests_admit(&conn->pipeline, &msg->submit);
}

static int on_abort(struct server_conn *conn, const struct message *msg)
{
	pipeline_abort(&conn->pipeline, msg->abort.ios, msg->abort.nr_ios);
	calls_give_up_former(&conn->calls, msg->abort.former, msg->abort.nr_former);
	return calls_abort(&conn->calls, msg->abort.calls, msg->abort.nr_calls);
}

static int on_call(struct server_conn *conn, const struct message *msg)
{
	struct call_answer *answer;
	int err = calls_start(&conn->calls, &msg->call);

	peer_is_busy(conn->peer);
	if (err != -EAGAIN)
		return err;
	sessions_make_room(conn->worker->server->sessions, &conn->peer->account->memory);
	err = answer_open(conn, &answer);
	if (err)
		return err;
	answer->out.msg.type = MSG_REPLY;
	answer->out.msg.reply.tag = msg->call.tag;
	answer->out.msg.reply.status = -ENOMEM;
	outbox_message(&conn->peer->outbox, &answer->out);
	peer_touch(conn->peer);
	return 0;
}

static int on_ping(struct server_conn *conn, const struct message *msg)
{
	struct call_answer *answer;
	int err;

	if (msg->ping.pong)
		return 0;
	err = answer_open(conn, &answer);
	if (err)
		return err;
	answer->out.msg = (struct message){
		.type = MSG_PING,
		.ping = {.nonce = msg->ping.nonce, .pong = 1},
	};
	outbox_message(&conn->peer->outbox, &answer->out);
	peer_touch(conn->peer);
	return 0;
}

/* The session is over. What its connections have under way ends as if they were lost. */
static int on_goodbye(struct server_conn *conn, const struct message *msg)
{
	(void)msg;
	session_over(&conn->peer->member);
	conn_end(conn, 0, "its client said goodbye");
	return 0;
}

static int (*const handlers[NR_MSG_TYPES])(struct server_conn *, const struct message *) = {
	[MSG_REGION_ADD] = on_region_add,
	[MSG_REGION_DROP] = on_region_drop,
	[MSG_SUBMIT] = on_submit,
	[MSG_CALL] = on_call,
	[MSG_PING] = on_ping,
	[MSG_ABORT] = on_abort,
	[MSG_GOODBYE] = on_goodbye,
};

/* True if a message of that type may come now: before the Welcome only the next of the handshake.
 */
static bool takes(const struct server_conn *conn, int type)
{
	switch (conn->state) {
	case CONN_HELLO:
		return type == MSG_HELLO;
	case CONN_PROVING:
		return type == MSG_PROOF;
	case CONN_ACTIVE:
		return handlers[type];
	case CONN_FENCING:
	case CONN_DRAINING:
	case CONN_REFUSED:
	case CONN_CLOSING:
		break;
	}
	return false;
}

static int handle(struct server_conn *conn, const void *frame, size_t len)
{
	int type = codec_type(frame, len);
	struct message msg;
	int err;

	if (type < 0)
		return type;
	if (!takes(conn, type))
		return -EPROTO;
	err = codec_decode(&conn->worker->arena, frame, len, &msg);
	if (err)
		return err;
	if (conn->state == CONN_ACTIVE)
		return handlers[type](conn, &msg);
	return handshake_message(conn, frame, len, &msg);
}

void dispatch(struct server_conn *conn, const void *frame, size_t len)
{
	int err = handle(conn, frame, len);

	if (err)
		conn_end(conn, err,
			 err == -EBADMSG  ? "sent a malformed message"
			 : err == -ENOMEM ? "the server has no memory for an answer"
					  : "broke the rules of the protocol");
}
