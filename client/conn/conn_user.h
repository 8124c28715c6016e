/*
 * The interface between a connection and its users, which are the calls (client/calls) and the
 * rings (client/ring). Each user has its own part in every connection. The connection knows nothing
 * else of its users. Everything here is under the connection's lock.
 */
#ifndef USRBIO_CLIENT_CONN_CONN_USER_H
#define USRBIO_CLIENT_CONN_CONN_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/transport/transport.h"

struct conn;
struct conn_user;
struct message;

/* The users, in the order in which they get send buffers for what is new. */
enum { CONN_USER_CALLS, CONN_USER_RINGS, CONN_USERS };

/* The functions of a user; NULL: the user has nothing to do. */
struct conn_user_ops {
	/* Create the user's part of a new connection; NULL: out of memory. */
	struct conn_user *(*create)(struct conn *conn);
	void (*destroy)(struct conn_user *user);

	/* True if the server owes it an answer: then a silent server is probed. */
	bool (*owes)(const struct conn_user *user);
	/* True if something of it waits for the server or for a connection. */
	bool (*has_work)(const struct conn_user *user);
	/*
	 * Send what waits, and clear has_more if nothing waits any more. Called while the
	 * connection is welcomed or up. False: no send buffer is free.
	 */
	bool (*pump)(struct conn_user *user);

	/* Return the next time limit of the user or NEVER; handle the limits that have passed. */
	uint64_t (*next_due)(const struct conn_user *user);
	void (*due)(struct conn_user *user, uint64_t now);
	/* A tick has passed: end what is overdue. True: only the end of the connection can. */
	bool (*expire)(struct conn_user *user);
	/* End what waits to be sent and is overdue or not wanted any more. */
	void (*sweep)(struct conn_user *user);

	/* Handle that the connection is down: what was under way waits or ends. */
	void (*lost)(struct conn_user *user);
	/* Handle that a connection was welcomed; renewed: the session is another one. */
	void (*welcomed)(struct conn_user *user, bool renewed);
	/* End what waits for a session with this status, because there will be none. */
	void (*give_up)(struct conn_user *user, int status);

	/*
	 * Only of the rings. immediate: an I/O ended in full length; returns NULL, or the error of
	 * the server. range: find the memory of an I/O, as tp_domain_config.range; the first
	 * argument is the connection. resend: send again what was under way on the last connection,
	 * if this one is up; what cannot go now stays. It is called while has_more, before the pump
	 * of any user, because the time limits of these I/Os run already.
	 */
	const char *(*immediate)(struct conn_user *user, uint32_t tag);
	bool (*range)(void *conn, uint32_t tag, enum tp_access access, struct tp_range *range);
	void (*resend)(struct conn_user *user);
};

/* The first member of a user's part of a connection; create fills it in. */
struct conn_user {
	const struct conn_user_ops *ops;
	struct conn *conn;
	bool has_more; /* something waits to be sent, so that pump has to be called */
	bool resends;  /* something has to be sent again, so that resend has to be called */
};

/* Handle a message of one type. Returns NULL, or the error in it, for the log. */
typedef const char *conn_handler(struct conn_user *user, const struct message *msg);

/* Register the functions of a user, before main. */
void conn_user_register(unsigned slot, const struct conn_user_ops *ops);
/* Set the handler for messages of a type; one user receives each type. Called by create. */
void conn_user_handle(struct conn_user *user, unsigned type, conn_handler *handler);

/*
 * Create and destroy the parts of all users in a connection. 0 or -ENOMEM. Destroy accepts parts
 * that are missing.
 */
int conn_users_create(struct conn *conn);
void conn_users_destroy(struct conn *conn);

/* Call the function above of this name of all users. */
bool conn_users_owe(const struct conn *conn);
bool conn_users_have_work(const struct conn *conn);
void conn_users_pump(struct conn *conn);
uint64_t conn_users_next_due(const struct conn *conn);
void conn_users_due(struct conn *conn, uint64_t now);
bool conn_users_expire(struct conn *conn);
void conn_users_sweep(struct conn *conn);
void conn_users_lost(struct conn *conn);
void conn_users_welcomed(struct conn *conn, bool renewed);
void conn_users_give_up(struct conn *conn, int status);

#endif
