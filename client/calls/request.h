/*
 * Requests: what a connection asks the server and gets one answer to: calls, region drops, pings,
 * and the closing of handles nobody waits for. At most REQUESTS_MAX are under way, the others
 * wait their turn. Calls outlive the transport connection: they are sent again in its next life,
 * by the same tag if the session is the same. Under the connection's lock; the asker owns its
 * request until it is done.
 */
#ifndef USRBIO_CLIENT_CALLS_REQUEST_H
#define USRBIO_CLIENT_CALLS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/list.h"
#include "proto/limits.h"
#include "proto/message.h"

#define REQUESTS_MAX ((uint32_t)CALL_SLOTS)

struct answer;
struct conn;

/* An open file as the server knows it. */
struct remote_file {
	uint64_t handle;
	uint64_t session; /* the session in which the handle is valid */
};

enum request_kind { REQUEST_CALL, REQUEST_DROP, REQUEST_PING };

struct request {
	enum request_kind kind;
	const struct call *call; /* REQUEST_CALL */
	/* REQUEST_CALL: the file of the call, and the directories of its names; may be NULL. */
	const struct remote_file *file, *at, *at2;
	struct answer *answer; /* REQUEST_CALL; may be NULL */
	uint16_t region;       /* REQUEST_DROP */
	bool recovers;	       /* goes before the connection is up, and ends with it */
	bool done;
	int status;	    /* once done */
	uint64_t handle;    /* likewise: of the file it opened */
	uint64_t session;   /* it was first sent in; 0: never sent */
	uint32_t tick;	    /* of the connection's clock, when it began */
	unsigned nr_broken; /* connections it was on that ended by a violation */
	struct list link;
	/* Called once when done becomes true, lock held; may be NULL. */
	void (*over)(struct request *request, struct conn *conn);
};

struct requests {
	struct list queue;    /* not sent yet */
	struct list recovery; /* the same, of those that recover */
	struct request *sent[REQUESTS_MAX];
	uint32_t sequence[REQUESTS_MAX];
	uint64_t closing[REQUESTS_MAX]; /* the handle, where `fire_and_forget` is sent; or 0 */
	unsigned nr_sent;
	uint64_t again; /* a bit for each of `sent` that has to be sent in this life, too */
	/* File handles to be closed in passing. */
	uint64_t *closes;
	size_t nr_closes, max_closes;
	size_t nr_owed; /* handles that will be among them one day: there is room for these */
	struct request fire_and_forget; /* whose answer is not waited for */
};

void requests_init(struct requests *requests);
void requests_close(struct requests *requests);

/* Queue it and send what can be sent; the caller flushes by conn_unlock. */
void request_start(struct conn *conn, struct request *request);
/* Before a file is opened: make sure that it can be closed, or take that back. 0 or -ENOMEM. */
int request_reserve_close(struct conn *conn);
void request_release_close(struct conn *conn);
/*
 * Remember a handle of the connection's session to close: with what is sent next, or some
 * milliseconds later. What was not owed and finds no memory stays open until the session ends.
 */
void request_close_handle(struct conn *conn, uint64_t handle);
/* Send what may go now, as far as buffers go. False when they are used up. */
bool requests_recover(struct conn *conn);
bool requests_send(struct conn *conn);

/*
 * An answer came. NULL; or what is wrong with it, such as that nobody asked: a lie, for which the
 * connection is to end. Who asked, if somebody did, gets -EPROTO at once: what is asked again would
 * be answered like that again.
 */
const char *request_replied(struct conn *conn, const struct reply *reply);
bool request_ponged(struct conn *conn, uint64_t nonce);

/* The connection is over: calls and pings wait for the next, drops are done. */
void requests_mark_resend(struct conn *conn);
/* The next life is one of another session: nothing of the last one's tags and handles holds. */
void requests_renew(struct conn *conn);
/*
 * Those whose time is up end with -EREMOTEIO. True: the connection has to end, because there are
 * drops among them, whose memory the server may still reach, or pings, whose pongs may still come.
 */
bool requests_expire(struct conn *conn);
/* There will be no connection: all end with this status. */
void requests_fail(struct conn *conn, int status);

/* Is there anything for requests_send? */
static inline bool requests_waiting(const struct requests *requests)
{
	return !list_empty(&requests->queue) || requests->nr_closes || requests->again;
}

/* Somebody waits for an answer. */
static inline bool requests_busy(const struct requests *requests)
{
	return requests->nr_sent || !list_empty(&requests->queue) ||
	       !list_empty(&requests->recovery);
}

#endif
