/*
 * Handles answers and pongs: an answer is checked, copied, and ends its request. The requests
 * belong to their callers. This runs on the thread that drives the connection, under its lock.
 */
#include <errno.h>
#include <string.h>

#include "client/calls/answer.h"
#include "client/calls/reply_check.h"
#include "client/calls/request_table.h"
#include "client/session/session.h"
#include "common/base/log.h"

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
		return status == -EEXIST;
	case CALL_OPEN:
		return status == -EEXIST && call->flags & OPEN_EXCLUSIVE;
	default:
		return false;
	}
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
	struct request *request = request_give_tag(requests, reply->tag, false);
	const char *wrong;

	if (!request)
		return "a reply without a request";
	if (request == &requests->fire_and_forget) {
		/* The call was given up, and its answer has opened a file: close it. */
		if (!requests->closing[reply->tag % REQUESTS_MAX] && !reply->status && reply->file)
			request_close_handle(conn, reply->file);
		return NULL;
	}
	if (request->kind != REQUEST_CALL) {
		request_finish(conn, request, reply->status);
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
