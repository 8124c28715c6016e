/*
 * Requests: what a connection asks the server and gets one answer to: calls, region drops, pings,
 * and the closing of handles nobody waits for. At most REQUESTS_MAX are under way, the others
 * wait their turn. Under the connection's lock; the asker owns its request until it is done.
 */
#ifndef USRBIO_CLIENT_REQUEST_H
#define USRBIO_CLIENT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/list.h"
#include "proto/message.h"

#define REQUESTS_MAX 64u

struct answer;
struct conn;

enum request_kind { REQUEST_CALL, REQUEST_DROP, REQUEST_PING };

struct request {
	enum request_kind kind;
	const struct call *call; /* REQUEST_CALL */
	struct answer *answer;	 /* REQUEST_CALL; may be NULL */
	uint16_t region;	 /* REQUEST_DROP */
	bool done;
	int status; /* once done */
	struct list link;
	/* Called once when done becomes true, lock held; may be NULL. */
	void (*over)(struct request *request, struct conn *conn);
};

struct requests {
	struct list queue; /* not sent yet */
	struct request *sent[REQUESTS_MAX];
	uint32_t sequence[REQUESTS_MAX];
	unsigned nr_sent;
	/* File handles to be closed in passing. */
	uint64_t *closes;
	size_t nr_closes, max_closes;
	struct request nobody; /* whose answer is not waited for */
};

void requests_init(struct requests *requests);
void requests_close(struct requests *requests);

/* Queue it and send what can be sent; the caller flushes by conn_unlock. */
void request_start(struct conn *conn, struct request *request);
/*
 * Remember a handle to close: with what is sent next, or some milliseconds later. What finds no
 * memory stays open until the session ends.
 */
void request_close_handle(struct conn *conn, uint64_t handle);
/* Send what is queued, as far as buffers go. False when they are used up. */
bool requests_send(struct conn *conn);

/* An answer came. False when nobody asked for it: a lie. */
bool request_replied(struct conn *conn, const struct reply *reply);
bool request_ponged(struct conn *conn, uint64_t nonce);
/* The connection is over: everything asked or queued ends with this status. */
void requests_fail(struct conn *conn, int status);

static inline bool requests_busy(const struct requests *requests)
{
	return requests->nr_sent || !list_empty(&requests->queue);
}

#endif
