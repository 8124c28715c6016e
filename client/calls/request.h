/*
 * Requests to the server with one answer each: calls, drops of regions, pings, and closes of
 * handles, for which no caller waits. At most REQUESTS_MAX are under way on a connection; others
 * are queued. Calls survive the loss of a connection: they are sent again in its next incarnation,
 * with the same tag if the session is the same. Everything here is under the connection's lock. The
 * caller that starts a request owns it, and keeps it until it is done.
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

/* A file's name beyond its session, as the server gave it. */
struct persistent_name {
	uint8_t data[PERSISTENT_MAX];
	uint8_t len; /* 0: the server gave none */
};

/* An open file as the server knows it. */
struct remote_file {
	uint64_t handle;
	uint64_t session; /* number of the session in which the handle is valid */
};

enum request_kind { REQUEST_CALL, REQUEST_DROP, REQUEST_PING };

struct request {
	enum request_kind kind;
	const struct call *call; /* REQUEST_CALL */
	/* REQUEST_CALL: the file of the call, and the directories of its names; may be NULL. */
	const struct remote_file *file, *at, *at2;
	struct answer *answer; /* REQUEST_CALL; may be NULL */
	/* REQUEST_CALL: receives the name of the file that the call opened; may be NULL. */
	struct persistent_name *persistent;
	uint16_t region; /* REQUEST_DROP */
	bool recovers;	 /* it is sent before the connection is up, and ends with it */
	bool done;
	int status;	    /* 0 or -errno; valid when done */
	uint64_t handle;    /* of the file that the call opened; valid when done */
	uint64_t verifier;  /* of a sync; valid when done; 0: the server has not answered */
	uint64_t session;   /* number of the session in which it was first sent; 0: never sent */
	uint32_t tick;	    /* of the connection's clock when it was started */
	unsigned nr_broken; /* how many violations of the protocol ended its connection */
	struct list link;
	/* Called once when done becomes true, with the connection's lock held; may be NULL. */
	void (*over)(struct request *request, struct conn *conn);
};

/* Queue a request, and send it if possible. conn_unlock, by the caller, flushes. */
void request_start(struct conn *conn, struct request *request);

/* Reserve memory for closing a file, before it is opened. 0 or -ENOMEM. */
int request_reserve_close(struct conn *conn);
/* End such a reservation: its handle is closed next, or there is none. */
void request_release_close(struct conn *conn);
/*
 * Close a handle of the connection's session. The close is sent with the next message, or some
 * milliseconds later. Without a reservation and without memory, the handle stays open until the
 * session ends.
 */
void request_close_handle(struct conn *conn, uint64_t handle);

/* Add the lines of a state dump about the requests; see request_dump.c. */
void request_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

#endif
