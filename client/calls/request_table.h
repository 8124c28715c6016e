/*
 * The requests of a connection: those under way in a table, indexed by the tag that travels (index
 * | sequence << 6), and queues of the others. Belongs to the connection, under its lock. For the
 * room calls only.
 */
#ifndef USRBIO_CLIENT_CALLS_REQUEST_TABLE_H
#define USRBIO_CLIENT_CALLS_REQUEST_TABLE_H

#include "client/calls/closes.h"
#include "client/calls/request.h"
#include "client/conn/conn.h"

struct requests {
	struct conn_user user;
	struct list queue;    /* not sent yet */
	struct list recovery; /* not sent yet, of those that recover */
	struct request *sent[REQUESTS_MAX];
	uint32_t sequence[REQUESTS_MAX];
	uint64_t closing[REQUESTS_MAX]; /* the handle, where `fire_and_forget` is sent; or 0 */
	unsigned nr_sent;
	uint64_t again; /* a bit for each of `sent` that has to be sent in this incarnation, too */
	struct closes closes;
	struct request fire_and_forget; /* stands for all requests that are fire and forget */
};

static inline struct requests *requests_of(const struct conn *conn)
{
	return (struct requests *)(void *)conn->users[CONN_USER_CALLS];
}

/* Put a request into the table: its index. There is room as long as nr_sent < REQUESTS_MAX. */
uint32_t request_take_index(struct requests *requests, struct request *request);
/* Take the request out of the table. */
struct request *request_give_index(struct requests *requests, uint32_t index);
uint32_t request_tag(const struct requests *requests, uint32_t index);
/* Take the request with that tag out; NULL: no such one is under way and answered like this. */
struct request *request_give_tag(struct requests *requests, uint32_t tag, bool pong);

/* A request is done. */
void request_finish(struct conn *conn, struct request *request, int status);

/*
 * Handle an answer. Returns NULL, or what is wrong with it, such as an answer without a request:
 * then the connection ends. The request, if there is one, ends with -EPROTO at once, because the
 * next server would answer it in the same way.
 */
const char *request_on_reply(struct conn_user *user, const struct message *msg);
const char *request_on_pong(struct conn_user *user, const struct message *msg);

#endif
