/*
 * Requests to the server with one answer each: calls, region drops, pings, and closes of handles,
 * which are fire and forget. At most REQUESTS_MAX are under way; the others are queued. Calls
 * survive the transport connection: they are sent again in its next incarnation, with the same tag
 * if the session is the same. Everything here is under the connection's lock. The caller that
 * starts a request owns it, and keeps it until it is done.
 */
#ifndef USRBIO_CLIENT_CALLS_REQUEST_H
#define USRBIO_CLIENT_CALLS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "proto/limits.h"

#define REQUESTS_MAX ((uint32_t)CALL_SLOTS)

struct answer;
struct call;
struct conn;
struct dump;

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
	bool recovers;	       /* is sent before the connection is up, and ends with it */
	bool done;
	int status;	    /* once done */
	uint64_t handle;    /* once done: of the file that the call opened */
	uint64_t session;   /* the session in which it was first sent; 0: never sent */
	uint32_t tick;	    /* of the connection's clock, when it began */
	unsigned nr_broken; /* connections it was on that ended by a violation */
	struct list link;
	/* Called once when done becomes true, with the lock held; may be NULL. */
	void (*over)(struct request *request, struct conn *conn);
};

/* Queue a request and send what can be sent; the caller flushes by conn_unlock. */
void request_start(struct conn *conn, struct request *request);

/* Before a file is opened: make sure that it can be closed. 0 or -ENOMEM. */
int request_reserve_close(struct conn *conn);
/* Such a reservation ends: its handle is closed next, or there is none. */
void request_release_close(struct conn *conn);
/*
 * Remember a handle of the connection's session to close: with what is sent next, or some
 * milliseconds later. A handle that has no reservation and finds no memory stays open until the
 * session ends.
 */
void request_close_handle(struct conn *conn, uint64_t handle);

/* Describe the requests of a connection in a state dump: request_dump.c. */
void request_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

#endif
