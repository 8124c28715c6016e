/*
 * Requests as a user of connections: they are started, sent, sent again after a loss, and ended at
 * their deadline; see request.h. The caller that starts a request owns it. This runs on any thread
 * that starts a request or drives the connection, under the connection's lock.
 */
#include "client/calls/request.h"

#include <errno.h>
#include <stdlib.h>

#include "client/calls/request_table.h"
#include "client/session/session.h"
#include "common/base/log.h"

/*
 * A call ends with -EPROTO if it was under way at so many violations of the protocol. Its own
 * answer may be the one that is wrong each time; the client cannot know which answer it was.
 */
#define BROKEN_MAX 3

/* Fill in the file's handle when the call is sent, because each session has its own handle. */
static int fill_handle(const struct conn *conn, const struct remote_file *file, uint64_t *handle)
{
	if (!file)
		return 0;
	if (file->session != conn->number)
		return -ESTALE;
	*handle = file->handle;
	return 0;
}

static int fill_call(const struct conn *conn, const struct request *request, struct call *call)
{
	*call = *request->call;
	/* A server that does not know this call would end the connection. */
	if (call->op == CALL_COUNTERS && !(conn->features & FEATURE_COUNTERS))
		return -EOPNOTSUPP;
	return fill_handle(conn, request->file, &call->file) ||
			       fill_handle(conn, request->at, &call->at) ||
			       fill_handle(conn, request->at2, &call->at2)
		       ? -ESTALE
		       : 0;
}

/* Make the message of a request. 0 or the error with which the request ends. */
static int fill(const struct conn *conn, const struct request *request, uint32_t tag, bool replay,
		struct message *msg)
{
	int err = 0;

	switch (request->kind) {
	case REQUEST_CALL:
		*msg = (struct message){.type = MSG_CALL};
		err = fill_call(conn, request, &msg->call);
		msg->call.tag = tag;
		msg->call.replay = replay;
		break;
	case REQUEST_DROP:
		*msg = (struct message){.type = MSG_REGION_DROP,
					.region_drop = {.tag = tag, .region = request->region}};
		break;
	case REQUEST_PING:
		*msg = (struct message){.type = MSG_PING, .ping = {.nonce = tag}};
		break;
	}
	return err;
}

/* Send a request of the table. It ends if it cannot be sent, for example if it is too long. */
static void send_index(struct conn *conn, uint32_t index, bool replay, void *buf)
{
	struct requests *requests = requests_of(conn);
	struct request *request = requests->sent[index];
	struct message msg;
	int err;

	err = fill(conn, request, request_tag(requests, index), replay, &msg);
	if (!err)
		err = conn_send(conn, &msg, buf);
	if (err && replay)
		request_end_unanswered(conn, index, err);
	else if (err)
		request_finish(conn, request_give_index(requests, index), err);
	else if (!request->session)
		request->session = conn->number;
}

static uint32_t send_one(struct conn *conn, struct request *request, void *buf)
{
	uint32_t index;

	conn_expect(conn);
	index = request_take_index(requests_of(conn), request);
	send_index(conn, index, false, buf);
	return index;
}

static bool send_list(struct conn *conn, struct list *list)
{
	while (!list_empty(list) && requests_of(conn)->nr_sent < REQUESTS_MAX) {
		struct request *request = container_of(list->next, struct request, link);
		void *buf = conn_buf(conn);

		if (!buf)
			return false;
		list_del(&request->link);
		send_one(conn, request, buf);
	}
	return true;
}

/*
 * Send the calls again that were not answered in the last incarnation of this session. The server
 * knows their tags, and does not make a call twice. False: no buffer.
 */
static bool send_again(struct conn *conn)
{
	struct requests *requests = requests_of(conn);

	while (requests->again) {
		uint32_t index = (uint32_t)__builtin_ctzll(requests->again);
		void *buf = conn_buf(conn);

		if (!buf)
			return false;
		requests->again &= requests->again - 1;
		send_index(conn, index, true, buf);
	}
	return true;
}

/* Send the closes of handles. False: no buffer. */
static bool send_closes(struct conn *conn)
{
	struct requests *requests = requests_of(conn);

	while (requests->closes.nr && requests->nr_sent < REQUESTS_MAX) {
		struct call call = {.op = CALL_CLOSE,
				    .file = requests->closes.handles[requests->closes.nr - 1]};
		void *buf = conn_buf(conn);

		if (!buf)
			return false;
		requests->closes.nr--;
		requests->fire_and_forget.call = &call;
		requests->closing[send_one(conn, &requests->fire_and_forget, buf)] = call.file;
	}
	return true;
}

static bool pump(struct conn_user *user)
{
	struct conn *conn = user->conn;
	struct requests *requests = requests_of(conn);

	if (!request_send_aborts(conn))
		return false;
	if (conn->state == CONN_WELCOMED)
		return send_list(conn, &requests->recovery);
	if (!send_again(conn) || !send_list(conn, &requests->queue) || !send_closes(conn))
		return false;
	user->has_more = !list_empty(&requests->queue) || requests->closes.nr || requests->former;
	return true;
}

/* True if there is a connection for the request, or will be one. */
static bool has_prospects(struct conn *conn, const struct request *request)
{
	if (request->recovers)
		return conn->state == CONN_WELCOMED;
	return conn->state == CONN_UP || conn_want(conn);
}

void request_start(struct conn *conn, struct request *request)
{
	struct requests *requests = requests_of(conn);

	request->done = false;
	request->status = 0;
	request->handle = request->session = 0;
	request->nr_broken = 0;
	list_init(&request->link);
	if (!has_prospects(conn, request)) {
		request_finish(conn, request, -EREMOTEIO);
		return;
	}
	conn_expect(conn);
	request->tick = conn->tick;
	requests->user.has_more = true;
	list_add_tail(request->recovers ? &requests->recovery : &requests->queue, &request->link);
	conn_pump(conn);
}

/* Handle the loss of the connection for a call of the table: it is sent again, or ends. */
static void keep_or_end_call(struct conn *conn, uint32_t index)
{
	struct requests *requests = requests_of(conn);
	struct request *request = requests->sent[index];

	if (requests->former & 1ull << index)
		return;
	if (request == &requests->fire_and_forget) {
		request_give_index(requests, index);
		request_close_handle(conn, requests->closing[index]);
		return;
	}
	if (request->recovers || request_is_late(requests, index)) {
		request_end_unanswered(conn, index, -EREMOTEIO);
		return;
	}
	request->nr_broken += conn->error == -EPROTO;
	if (request->nr_broken < BROKEN_MAX)
		requests->again |= 1ull << index;
	else
		request_end_unanswered(conn, index, -EPROTO);
}

/* Handle the loss of the connection for a request of the table: it waits or ends. */
static void keep_or_end(struct conn *conn, uint32_t index)
{
	struct requests *requests = requests_of(conn);
	struct request *request = requests->sent[index];

	if (request->kind == REQUEST_CALL) {
		keep_or_end_call(conn, index);
		return;
	}
	request_give_index(requests, index);
	if (request->kind == REQUEST_PING)
		list_add_tail(&requests->queue, &request->link);
	else
		request_finish(conn, request, 0);
}

/*
 * Handle the loss of the connection. Calls and pings wait for the next one. Drops are done, because
 * the server cannot access the memory any more.
 */
static void lost(struct conn_user *user)
{
	struct conn *conn = user->conn;
	struct requests *requests = requests_of(conn);

	user->has_more = true;
	for (uint32_t i = 0; i < REQUESTS_MAX; i++)
		if (requests->sent[i])
			keep_or_end(conn, i);
	list_for_each_safe (it, &requests->queue) {
		struct request *request = container_of(it, struct request, link);

		if (request->kind != REQUEST_DROP)
			continue;
		list_del(it);
		request_finish(conn, request, 0);
	}
	while (!list_empty(&requests->recovery)) {
		struct request *request =
			container_of(requests->recovery.next, struct request, link);

		list_del(&request->link);
		request_finish(conn, request, -EREMOTEIO);
	}
}

/* True if a call that may have been done can be made once more, as far as its status tells. */
static bool is_repeatable(const struct call *call)
{
	/* Once more would exchange the names back, and succeed. */
	return call->op != CALL_RENAME || !(call->flags & CALL_EXCHANGE);
}

/* End a call whose result nobody will know. */
static void end_unknown(struct conn *conn, struct request *request)
{
	log_warn("%s: the server was restarted during a call for \"%.*s\": the result is unknown",
		 session_of(conn)->spec->mount_point, (int)request->call->path.len,
		 (const char *)request->call->path.data);
	request_finish(conn, request, -EREMOTEIO);
}

/* Send calls as new ones, and forget closes: the next session has other tags and handles. */
static void forget_session(struct conn *conn)
{
	struct requests *requests = requests_of(conn);

	while (requests->again) {
		uint32_t index = (uint32_t)__builtin_ctzll(requests->again);
		struct request *request = request_give_index(requests, index);

		if (is_repeatable(request->call))
			list_add_tail(&requests->queue, &request->link);
		else
			end_unknown(conn, request);
	}
	while (requests->former)
		request_give_index(requests, (uint32_t)__builtin_ctzll(requests->former));
	requests->closes.nr = 0;
}

static void welcomed(struct conn_user *user, bool renewed)
{
	if (renewed)
		forget_session(user->conn);
}

static void give_up(struct conn_user *user, int status)
{
	forget_session(user->conn);
	request_end_queue(user->conn, status, true);
}

static bool is_busy(const struct conn_user *user)
{
	const struct requests *requests = requests_of(user->conn);

	return requests->nr_sent > (unsigned)__builtin_popcountll(requests->former) ||
	       !list_empty(&requests->queue) || !list_empty(&requests->recovery);
}

static void destroy(struct conn_user *user)
{
	struct requests *requests = requests_of(user->conn);

	closes_free(&requests->closes);
	free(requests);
}

static struct conn_user *create(struct conn *conn);

static const struct conn_user_ops ops = {
	.create = create,
	.destroy = destroy,
	.owes = is_busy,
	.has_work = is_busy,
	.pump = pump,
	.expire = request_expire,
	.lost = lost,
	.welcomed = welcomed,
	.give_up = give_up,
};

static struct conn_user *create(struct conn *conn)
{
	struct requests *requests = calloc(1, sizeof(*requests));

	if (!requests)
		return NULL;
	requests->user = (struct conn_user){.ops = &ops, .conn = conn};
	list_init(&requests->queue);
	list_init(&requests->recovery);
	conn_user_handle(&requests->user, MSG_REPLY, request_on_reply);
	conn_user_handle(&requests->user, MSG_PING, request_on_pong);
	return &requests->user;
}

static void __attribute__((constructor)) use_connections(void)
{
	conn_user_register(CONN_USER_CALLS, &ops);
}
