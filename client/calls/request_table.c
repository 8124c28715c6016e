/*
 * The table of requests under way; see request_table.h. It is a small array, which is searched for
 * a free index. It belongs to a connection and is under its lock; any thread.
 */
#include "client/calls/request_table.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "proto/message.h"

#define INDEX_BITS 6u

_Static_assert(REQUESTS_MAX == 1u << INDEX_BITS, "a tag holds an index and a sequence");

uint32_t request_take_index(struct requests *requests, struct request *request)
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

struct request *request_give_index(struct requests *requests, uint32_t index)
{
	struct request *request = requests->sent[index];

	requests->sent[index] = NULL;
	requests->again &= ~(1ull << index);
	requests->late &= ~(1ull << index);
	requests->aborts &= ~(1ull << index);
	requests->former &= ~(1ull << index);
	requests->nr_sent--;
	return request;
}

uint32_t request_tag(const struct requests *requests, uint32_t index)
{
	return index | requests->sequence[index] << INDEX_BITS;
}

struct request *request_give_tag(struct requests *requests, uint32_t tag, bool pong)
{
	uint32_t index = tag & (REQUESTS_MAX - 1);
	const struct request *request = requests->sent[index];

	if (!request || request_tag(requests, index) != tag ||
	    (requests->again | requests->former) & 1ull << index ||
	    (request->kind == REQUEST_PING) != pong)
		return NULL;
	return request_give_index(requests, index);
}

void request_finish(struct conn *conn, struct request *request, int status)
{
	if (request == &requests_of(conn)->fire_and_forget)
		return;
	request->status = status;
	request->done = true;
	conn->wait.wake_pending = true;
	if (request->over)
		request->over(request, conn);
}

void request_end_unanswered(struct conn *conn, uint32_t index, int status)
{
	struct requests *requests = requests_of(conn);
	struct request *request = request_give_index(requests, index);

	if (request->call->op == CALL_OPEN || request->call->op == CALL_REOPEN) {
		requests->sent[index] = &requests->fire_and_forget;
		requests->closing[index] = 0;
		requests->nr_sent++;
		requests->former |= 1ull << index;
	}
	request_finish(conn, request, status);
}

int request_reserve_close(struct conn *conn)
{
	return closes_reserve(&requests_of(conn)->closes);
}

void request_release_close(struct conn *conn)
{
	closes_release(&requests_of(conn)->closes);
}

void request_close_handle(struct conn *conn, uint64_t handle)
{
	struct requests *requests = requests_of(conn);

	if (!closes_add(&requests->closes, handle)) {
		log_warn("no memory to close a file: it stays open until the session ends");
		return;
	}
	requests->user.has_more = true;
	/* The close goes with the next message; else the progress thread sends it soon. */
	if (conn->state == CONN_UP)
		progress_wake(now_ns() + TICK_NS);
}
