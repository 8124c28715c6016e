/*
 * How requests end. An answer or a pong is checked, copied, and ends its request. If the time of a
 * call is over, the server is told to abort it, and has a while to answer. The requests belong to
 * their callers. This runs on the thread that drives the connection, under its lock.
 */
#include <errno.h>
#include <string.h>

#include "client/calls/answer.h"
#include "client/calls/reply_check.h"
#include "client/calls/request_table.h"
#include "client/session/session.h"
#include "common/base/log.h"
#include "proto/call_op.h"

static void persistent_name_set(struct persistent_name *name, struct bytes bytes)
{
	name->len = (uint8_t)bytes.len;
	if (bytes.len)
		memcpy(name->data, bytes.data, bytes.len);
}

/* True if this status may mean that the previous session had made the call already. */
static bool is_ambiguous(const struct call *call, int status)
{
	switch (call->op) {
	case CALL_UNLINK:
	case CALL_RMDIR:
		return status == -ENOENT;
	case CALL_RENAME:
		return status == -ENOENT || (status == -EEXIST && call->flags & CALL_NOREPLACE);
	case CALL_MKDIR:
	case CALL_LINK:
	case CALL_SYMLINK:
		return status == -EEXIST;
	case CALL_SETXATTR:
		return status == -EEXIST && call->flags & CALL_CREATE;
	case CALL_REMOVEXATTR:
		return status == -ENODATA;
	case CALL_OPEN:
		return status == -EEXIST && call->flags & OPEN_EXCLUSIVE;
	default:
		return false;
	}
}

/* Say that a call was given up, though its server is well. */
static void log_late(const struct conn *conn, const struct request *request)
{
	const struct conn_owner *owner = conn->owner;

	log_peer("the server at %s answers, but a call %s for \"%.*s\" has not ended within %u ms: "
		 "it is given up",
		 owner->at, call_op_name(request->call->op), (int)request->call->path.len,
		 (const char *)request->call->path.data, owner->timeout_ms);
}

/*
 * Return the status for the caller. If the call was sent in two sessions, the status of the second
 * may say nothing about the first.
 */
static int outcome(const struct conn *conn, const struct request *request, int status)
{
	if (request->session == conn->number || !is_ambiguous(request->call, status))
		return status;
	log_warn("%s: the server was restarted during a call for \"%.*s\": the result is unknown "
		 "(repeating the call returned: %s)",
		 session_of(conn)->spec->mount_point, (int)request->call->path.len,
		 (const char *)request->call->path.data, strerror(-status));
	return -EREMOTEIO;
}

const char *request_on_reply(struct conn_user *user, const struct message *msg)
{
	struct conn *conn = user->conn;
	struct requests *requests = requests_of(conn);
	const struct reply *reply = &msg->reply;
	bool late = request_is_late(requests, reply->tag % REQUESTS_MAX);
	struct request *request = request_give_tag(requests, reply->tag, false);
	const char *wrong;

	if (!request)
		return "a reply without a request";
	if (request == &requests->fire_and_forget)
		return NULL;
	if (request->kind != REQUEST_CALL) {
		request_finish(conn, request, reply->status);
		return NULL;
	}
	if (late && reply->status == -ECANCELED) {
		log_late(conn, request);
		request_finish(conn, request, -EREMOTEIO);
		return NULL;
	}
	wrong = reply_check(request->call, reply);
	if (wrong) {
		request_finish(conn, request, -EPROTO);
		return wrong;
	}
	if (request->answer)
		answer_copy(request->answer, conn, reply);
	if (request->persistent)
		persistent_name_set(request->persistent, reply->persistent);
	request->handle = reply->file;
	request->verifier = reply->verifier;
	request_finish(conn, request, outcome(conn, request, reply->status));
	return NULL;
}

const char *request_on_pong(struct conn_user *user, const struct message *msg)
{
	struct requests *requests = requests_of(user->conn);
	uint64_t nonce = msg->ping.nonce;
	struct request *request =
		nonce <= UINT32_MAX ? request_give_tag(requests, (uint32_t)nonce, true) : NULL;

	if (!request)
		return "a pong without a ping";
	request_finish(user->conn, request, 0);
	return NULL;
}

/* ---- those whose time is over ---- */

/* Write the tags of a set of indices to the array. Returns how many. */
static size_t tags_of(const struct requests *requests, uint64_t set, uint32_t tags[REQUESTS_MAX])
{
	size_t n = 0;

	for (; set; set &= set - 1)
		tags[n++] = request_tag(requests, (uint32_t)__builtin_ctzll(set));
	return n;
}

bool request_send_aborts(struct conn *conn)
{
	struct requests *requests = requests_of(conn);
	uint32_t calls[REQUESTS_MAX], former[REQUESTS_MAX];
	struct message msg = {.type = MSG_ABORT, .abort = {.calls = calls, .former = former}};
	void *buf;

	_Static_assert(REQUESTS_MAX <= ABORT_MAX, "the tags fit into one message");
	if (!requests->aborts && !requests->former)
		return true;
	buf = conn_buf(conn);
	if (!buf)
		return false;
	msg.abort.nr_calls = tags_of(requests, requests->aborts, calls);
	msg.abort.nr_former = tags_of(requests, requests->former, former);
	requests->aborts = 0;
	while (requests->former)
		request_give_index(requests, (uint32_t)__builtin_ctzll(requests->former));
	conn_send(conn, &msg, buf);
	return true;
}

/*
 * Give up an overdue call of the table. If the server has it, it is told, and the call ends by the
 * answer: from then on the call changes nothing that is newer than its end.
 */
static void expire_sent(struct conn *conn, uint32_t index)
{
	struct requests *requests = requests_of(conn);

	if (requests->again & 1ull << index) {
		request_end_unanswered(conn, index, -EREMOTEIO);
	} else if (!request_is_late(requests, index)) {
		if (!requests->late)
			requests->late_tick = conn->tick;
		requests->late |= 1ull << index;
		requests->aborts |= 1ull << index;
	}
}

/*
 * True if the server has not answered a call that it was told to abort in time. What answers lie
 * in the socket, because this process stood still, are looked at first.
 */
static bool is_unanswered(struct conn *conn)
{
	const struct requests *requests = requests_of(conn);

	if (!requests->late || conn->state != CONN_UP ||
	    conn->tick - requests->late_tick < CONN_ABORT_TICKS)
		return false;
	conn_look(conn);
	return requests->late && conn->state == CONN_UP;
}

void request_end_queue(struct conn *conn, int status, bool all)
{
	list_for_each_safe (it, &requests_of(conn)->queue) {
		struct request *request = container_of(it, struct request, link);

		if (request->kind == REQUEST_DROP || !(all || conn_overdue(conn, request->tick)))
			continue;
		list_del(it);
		request_finish(conn, request, status);
	}
}

bool request_expire(struct conn_user *user)
{
	struct conn *conn = user->conn;
	struct requests *requests = requests_of(conn);
	bool overdue = is_unanswered(conn);

	for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
		const struct request *request = requests->sent[i];

		if (!request || request == &requests->fire_and_forget ||
		    !conn_overdue(conn, request->tick))
			continue;
		if (request->kind == REQUEST_CALL && !request->recovers)
			expire_sent(conn, i);
		overdue |= request->kind != REQUEST_CALL;
		if (request->kind == REQUEST_PING)
			request_finish(conn, request_give_index(requests, i), -EREMOTEIO);
	}
	request_end_queue(conn, -EREMOTEIO, false);
	if (!overdue && conn->state == CONN_UP && !request_send_aborts(conn))
		user->has_more = true;
	return overdue;
}
