/*
 * Requests: a table of those under way, indexed by the tag that travels (index | sequence << 6),
 * and a queue of the others. See request.h for who owns what.
 */
#include "client/calls/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/calls/answer.h"
#include "client/conn/conn.h"
#include "client/session/session.h"
#include "client/calls/reply_check.h"
#include "common/base/log.h"

#define INDEX_BITS 6u
/*
 * A call that was under way so often when the protocol was broken ends: it may be what each server
 * answers with what cannot be read, and there is nothing to tell whose answer that was.
 */
#define BROKEN_MAX 3

_Static_assert(REQUESTS_MAX == 1u << INDEX_BITS, "a tag holds an index and a sequence");

void requests_init(struct requests *requests)
{
	*requests = (struct requests){0};
	list_init(&requests->queue);
	list_init(&requests->recovery);
}

void requests_close(struct requests *requests)
{
	free(requests->closes);
	requests->closes = NULL;
	requests->nr_closes = requests->max_closes = 0;
}

static void finish(struct conn *conn, struct request *request, int status)
{
	if (request == &conn->requests.fire_and_forget)
		return;
	request->status = status;
	request->done = true;
	conn->wait.wake_pending = true;
	if (request->over)
		request->over(request, conn);
}

/* An index that is free; there is one as long as nr_sent < REQUESTS_MAX. */
static uint32_t take_index(struct requests *requests, struct request *request)
{
	uint32_t index = 0;

	while (requests->sent[index])
		index++;
	requests->sent[index] = request;
	requests->closing[index] = 0;
	requests->nr_sent++;
	requests->sequence[index] = (requests->sequence[index] + 1) & (UINT32_MAX >> INDEX_BITS);
	return index;
}

static struct request *give_index(struct requests *requests, uint32_t index)
{
	struct request *request = requests->sent[index];

	requests->sent[index] = NULL;
	requests->again &= ~(1ull << index);
	requests->nr_sent--;
	return request;
}

static uint32_t tag_of(const struct requests *requests, uint32_t index)
{
	return index | requests->sequence[index] << INDEX_BITS;
}

/* The one under way with that tag, which is over; NULL: there is none that is answered so. */
static struct request *give_tag(struct requests *requests, uint32_t tag, bool pong)
{
	uint32_t index = tag & (REQUESTS_MAX - 1);
	const struct request *request = requests->sent[index];

	if (!request || tag_of(requests, index) != tag || requests->again & 1ull << index ||
	    (request->kind == REQUEST_PING) != pong)
		return NULL;
	return give_index(requests, index);
}

/* Read now: another session knows the file by another one. */
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
	/* What this server has no word for would end the connection. */
	if (call->op == CALL_COUNTERS && !(conn->features & FEATURE_COUNTERS))
		return -EOPNOTSUPP;
	return fill_handle(conn, request->file, &call->file) ||
			       fill_handle(conn, request->at, &call->at) ||
			       fill_handle(conn, request->at2, &call->at2)
		       ? -ESTALE
		       : 0;
}

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

/* What cannot be sent, such as what does not fit into a message, is done at once. */
static void send_index(struct conn *conn, uint32_t index, bool replay, void *buf)
{
	struct requests *requests = &conn->requests;
	struct request *request = requests->sent[index];
	struct message msg;
	int err;

	err = fill(conn, request, tag_of(requests, index), replay, &msg);
	if (!err)
		err = conn_send(conn, &msg, buf);
	if (err)
		finish(conn, give_index(requests, index), err);
	else if (!request->session)
		request->session = conn->number;
}

static uint32_t send_one(struct conn *conn, struct request *request, void *buf)
{
	uint32_t index;

	conn_expect(conn);
	index = take_index(&conn->requests, request);
	send_index(conn, index, false, buf);
	return index;
}

static bool send_list(struct conn *conn, struct list *list)
{
	while (!list_empty(list) && conn->requests.nr_sent < REQUESTS_MAX) {
		struct request *request = container_of(list->next, struct request, link);
		void *buf = conn_buf(conn);

		if (!buf)
			return false;
		list_del(&request->link);
		send_one(conn, request, buf);
	}
	return true;
}

/* What the last life of this session had no answer to: the server knows the tags, and answers. */
static bool send_again(struct conn *conn)
{
	struct requests *requests = &conn->requests;

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

static bool send_closes(struct conn *conn)
{
	struct requests *requests = &conn->requests;

	while (requests->nr_closes && requests->nr_sent < REQUESTS_MAX) {
		struct call call = {.op = CALL_CLOSE,
				    .file = requests->closes[requests->nr_closes - 1]};
		void *buf = conn_buf(conn);

		if (!buf)
			return false;
		requests->nr_closes--;
		requests->fire_and_forget.call = &call;
		requests->closing[send_one(conn, &requests->fire_and_forget, buf)] = call.file;
	}
	return true;
}

bool requests_recover(struct conn *conn)
{
	return send_list(conn, &conn->requests.recovery);
}

bool requests_send(struct conn *conn)
{
	return send_again(conn) && send_list(conn, &conn->requests.queue) && send_closes(conn);
}

/* Is there a connection, or will there be one? */
static bool has_prospects(struct conn *conn, const struct request *request)
{
	if (request->recovers)
		return conn->state == CONN_GREETED;
	return conn->state == CONN_UP || conn_want(conn);
}

void request_start(struct conn *conn, struct request *request)
{
	struct requests *requests = &conn->requests;

	request->done = false;
	request->status = 0;
	request->handle = request->session = 0;
	request->nr_broken = 0;
	list_init(&request->link);
	if (!has_prospects(conn, request)) {
		finish(conn, request, -EREMOTEIO);
		return;
	}
	conn_expect(conn);
	request->tick = conn->tick;
	list_add_tail(request->recovers ? &requests->recovery : &requests->queue, &request->link);
	conn_pump(conn);
}

/* Room for so many more, those that are owed, and those whose answers find nobody. 0 or -ENOMEM. */
static int make_room(struct requests *requests, size_t more)
{
	size_t need = requests->nr_closes + requests->nr_owed + more + REQUESTS_MAX;
	size_t max = requests->max_closes ? requests->max_closes : 2 * REQUESTS_MAX;
	uint64_t *closes;

	if (need <= requests->max_closes)
		return 0;
	while (max < need)
		max *= 2;
	closes = realloc(requests->closes, max * sizeof(*closes));
	if (!closes)
		return -ENOMEM;
	requests->closes = closes;
	requests->max_closes = max;
	return 0;
}

int request_reserve_close(struct conn *conn)
{
	int err = make_room(&conn->requests, 1);

	if (!err)
		conn->requests.nr_owed++;
	return err;
}

void request_release_close(struct conn *conn)
{
	conn->requests.nr_owed--;
}

void request_close_handle(struct conn *conn, uint64_t handle)
{
	struct requests *requests = &conn->requests;

	if (requests->nr_closes + requests->nr_owed >= requests->max_closes &&
	    make_room(requests, 1)) {
		log_warn("no memory to close a file: it stays open until the session ends");
		return;
	}
	requests->closes[requests->nr_closes++] = handle;
	/* Whatever is sent next takes it along; the progress thread does if that is not soon. */
	if (conn->state == CONN_UP)
		progress_wake(now_ns() + TICK_NS);
}

/* Would it say the same if it had been done already, by the session before? */
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

const char *request_replied(struct conn *conn, const struct reply *reply)
{
	struct request *request = give_tag(&conn->requests, reply->tag, false);
	const char *wrong;

	if (!request)
		return "a reply to no request";
	if (request == &conn->requests.fire_and_forget) {
		/* Who opened it has given up meanwhile. */
		if (!conn->requests.closing[reply->tag % REQUESTS_MAX] && !reply->status &&
		    reply->file)
			request_close_handle(conn, reply->file);
		return NULL;
	}
	if (request->kind != REQUEST_CALL) {
		finish(conn, request, reply->status);
		return NULL;
	}
	wrong = reply_check(request->call, reply);
	if (wrong) {
		finish(conn, request, -EPROTO);
		return wrong;
	}
	if (request->answer)
		answer_copy(request->answer, conn, reply);
	request->handle = reply->file;
	finish(conn, request, outcome(conn, request, reply->status));
	return NULL;
}

bool request_ponged(struct conn *conn, uint64_t nonce)
{
	struct request *request =
		nonce <= UINT32_MAX ? give_tag(&conn->requests, (uint32_t)nonce, true) : NULL;

	if (!request)
		return false;
	finish(conn, request, 0);
	return true;
}

/* One under way when its connection ended. */
static void park(struct conn *conn, uint32_t index)
{
	struct requests *requests = &conn->requests;
	struct request *request = requests->sent[index];
	bool forgotten = request == &requests->fire_and_forget;

	if (request->kind == REQUEST_CALL && !forgotten && !request->recovers) {
		request->nr_broken += conn->error == -EPROTO;
		if (request->nr_broken < BROKEN_MAX) {
			requests->again |= 1ull << index;
			return;
		}
		finish(conn, give_index(requests, index), -EPROTO);
		return;
	}
	give_index(requests, index);
	if (request->kind == REQUEST_PING)
		list_add_tail(&requests->queue, &request->link);
	else if (forgotten && requests->closing[index])
		request_close_handle(conn, requests->closing[index]);
	else
		finish(conn, request, request->recovers ? -EREMOTEIO : 0);
}

void requests_mark_resend(struct conn *conn)
{
	struct requests *requests = &conn->requests;

	for (uint32_t i = 0; i < REQUESTS_MAX; i++)
		if (requests->sent[i])
			park(conn, i);
	list_for_each_safe (it, &requests->queue) {
		struct request *request = container_of(it, struct request, link);

		if (request->kind != REQUEST_DROP)
			continue;
		list_del(it);
		finish(conn, request, 0);
	}
	while (!list_empty(&requests->recovery)) {
		struct request *request =
			container_of(requests->recovery.next, struct request, link);

		list_del(&request->link);
		finish(conn, request, -EREMOTEIO);
	}
}

void requests_renew(struct conn *conn)
{
	struct requests *requests = &conn->requests;

	while (requests->again) {
		uint32_t index = (uint32_t)__builtin_ctzll(requests->again);
		struct request *request = give_index(requests, index);

		list_add_tail(&requests->queue, &request->link);
	}
	requests->nr_closes = 0;
}

/* Those of the table end here; their answers, if any come, are nobody's. */
static void expire_sent(struct conn *conn, uint32_t index)
{
	struct requests *requests = &conn->requests;
	struct request *request = requests->sent[index];

	if (requests->again & 1ull << index)
		give_index(requests, index);
	else
		requests->sent[index] = &requests->fire_and_forget;
	finish(conn, request, -EREMOTEIO);
}

static void end_queue(struct conn *conn, int status, bool all)
{
	list_for_each_safe (it, &conn->requests.queue) {
		struct request *request = container_of(it, struct request, link);

		if (request->kind == REQUEST_DROP || !(all || conn_overdue(conn, request->tick)))
			continue;
		list_del(it);
		finish(conn, request, status);
	}
}

bool requests_expire(struct conn *conn)
{
	struct requests *requests = &conn->requests;
	bool overdue = false;

	for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
		const struct request *request = requests->sent[i];

		if (!request || request == &requests->fire_and_forget ||
		    !conn_overdue(conn, request->tick))
			continue;
		if (request->kind == REQUEST_CALL && !request->recovers)
			expire_sent(conn, i);
		overdue |= request->kind != REQUEST_CALL;
		if (request->kind == REQUEST_PING)
			finish(conn, give_index(requests, i), -EREMOTEIO);
	}
	end_queue(conn, -EREMOTEIO, false);
	return overdue;
}

void requests_fail(struct conn *conn, int status)
{
	requests_renew(conn);
	end_queue(conn, status, true);
}
