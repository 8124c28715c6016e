/*
 * What uses a connection, and what a connection asks of it: the calls (client/calls) and the rings
 * (client/ring), each with its part of every connection. They stand above the connection, which
 * knows nothing else of them. Everything here is under the connection's lock.
 */
#ifndef USRBIO_CLIENT_CONN_CONN_USER_H
#define USRBIO_CLIENT_CONN_CONN_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/transport/transport.h"

struct conn;
struct conn_user;
struct message;

/* The users, in the order in which they get send buffers. */
enum { CONN_USER_CALLS, CONN_USER_RINGS, CONN_USERS };

/* NULL: the user has nothing to do there. */
struct conn_user_ops {
	/* Make the part of a connection that is being created; NULL: out of memory. */
	struct conn_user *(*create)(struct conn *conn);
	void (*destroy)(struct conn_user *user);

	/* Does the server owe it something? Then a silent server is asked whether it is there. */
	bool (*owes)(const struct conn_user *user);
	/* Does anything of it wait, for the server or for a connection? */
	bool (*has_work)(const struct conn_user *user);
	/*
	 * Send what waits, and say by has_more whether something still does; called while the
	 * connection is welcomed or up. False: no buffer.
	 */
	bool (*pump)(struct conn_user *user);

	/* When it has to look at its time limits, or NEVER (see conn_due_by); and that look. */
	uint64_t (*next_due)(const struct conn_user *user);
	void (*due)(struct conn_user *user, uint64_t now);
	/* A tick has passed: end what took too long. True: the connection has to end for it. */
	bool (*expire)(struct conn_user *user);
	/* End what waits to be sent and need not be any more. */
	void (*sweep)(struct conn_user *user);

	/* The connection is down: what was under way waits for the next one, or ends. */
	void (*lost)(struct conn_user *user);
	/* The next connection has been welcomed. renewed: in another session. */
	void (*welcomed)(struct conn_user *user, bool renewed);
	/* There will be no session: end what waits for one. */
	void (*give_up)(struct conn_user *user, int status);

	/*
	 * Of the user with the I/Os: an I/O is over, all of it; returns what is wrong with that, or
	 * NULL. And where an I/O has its memory, as tp_domain_config.range, by the connection.
	 */
	const char *(*immediate)(struct conn_user *user, uint32_t tag);
	bool (*range)(void *conn, uint32_t tag, enum tp_access access, struct tp_range *range);
};

/* The first member of a user's part of a connection; create fills it in. */
struct conn_user {
	const struct conn_user_ops *ops;
	struct conn *conn;
	bool has_more; /* something may wait to be sent: set by the user, so that it is pumped */
};

/* What is done with a message of one type: returns what is wrong with it, or NULL. */
typedef const char *conn_handler(struct conn_user *user, const struct message *msg);

/* Before main: there is a user. */
void conn_user_register(unsigned slot, const struct conn_user_ops *ops);
/* By create: what the user does with messages of a type, of which it is the only receiver. */
void conn_user_handle(struct conn_user *user, unsigned type, conn_handler *handler);

/* Make and end the parts of a connection. 0 or -ENOMEM; destroy takes a connection without. */
int conn_users_create(struct conn *conn);
void conn_users_destroy(struct conn *conn);

/* The functions above, of all users. */
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
