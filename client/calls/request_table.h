/*
 * The requests of a connection: a table of those under way, and queues of the others. The tag of a
 * message is index | sequence << 6, with the index in the table. It belongs to the connection,
 * under its lock. Only files in client/calls include this.
 */
#ifndef USRBIO_CLIENT_CALLS_REQUEST_TABLE_H
#define USRBIO_CLIENT_CALLS_REQUEST_TABLE_H

#include "client/calls/closes.h"
#include "client/calls/request.h"
#include "client/conn/conn.h"

struct requests {
	struct conn_user user;
	struct list queue;    /* requests that are to be sent when the connection is up */
	struct list recovery; /* those that are sent before that */
	struct request *sent[REQUESTS_MAX];
	uint32_t sequence[REQUESTS_MAX];
	uint64_t closing[REQUESTS_MAX]; /* the handle to close, where fire_and_forget is sent */
	unsigned nr_sent;
	uint64_t again; /* a bit for each index whose call has to be sent again */
	/*
	 * The same for calls whose time is over: the server has been told (Abort), or has to be;
	 * and those of them of which it has to be told.
	 */
	uint64_t late, aborts;
	uint32_t late_tick; /* when the first of those that are late became so */
	/*
	 * The same for calls that may have opened a file, and ended without an answer. The server
	 * has to be told on the next connection. Until then fire_and_forget keeps their place.
	 */
	uint64_t former;
	struct closes closes;
	struct request fire_and_forget; /* stands in `sent` for all requests without a caller */
};

static inline struct requests *requests_of(const struct conn *conn)
{
	return (struct requests *)(void *)conn->users[CONN_USER_CALLS];
}

/* Put a request into the table, which has room (nr_sent < REQUESTS_MAX). Returns its index. */
uint32_t request_take_index(struct requests *requests, struct request *request);
static inline bool request_is_late(const struct requests *requests, uint32_t index)
{
	return requests->late & 1ull << index;
}

/* Take the request with this index out of the table. */
struct request *request_give_index(struct requests *requests, uint32_t index);
uint32_t request_tag(const struct requests *requests, uint32_t index);
/*
 * Take the request with this tag out; `pong`: the answer is a pong. NULL: no request with this tag
 * and this kind of answer is under way.
 */
struct request *request_give_tag(struct requests *requests, uint32_t tag, bool pong);

/*
 * End a call of the table to which no answer will come any more, because its connection was lost
 * and it is not repeated.
 */
void request_end_unanswered(struct conn *conn, uint32_t index, int status);
/* End a request with its status, 0 or -errno. */
void request_finish(struct conn *conn, struct request *request, int status);

/* request_reply.c */
/*
 * Tell the server which calls are late, and which ones of earlier connections it will not see
 * again. False: no buffer.
 */
bool request_send_aborts(struct conn *conn);
/* End the calls and pings in the queue: all of them, or those that are overdue. */
void request_end_queue(struct conn *conn, int status, bool all);
/*
 * Give up overdue calls. True: a drop is overdue, and the server may still access its memory; a
 * ping is, and its pong may still come; or a call that was given up has no answer, and the server
 * may still do it. Then the connection has to end.
 */
bool request_expire(struct conn_user *user);

/*
 * Handle an answer or a pong. Returns NULL, or the error in it, such as an answer without a
 * request; then the connection ends. The request of a wrong answer ends with -EPROTO at once,
 * because the server would answer it in the same way again.
 */
const char *request_on_reply(struct conn_user *user, const struct message *msg);
const char *request_on_pong(struct conn_user *user, const struct message *msg);

#endif
