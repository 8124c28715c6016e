/*
 * The users of connections: a table of their functions, filled before main and constant after that,
 * and loops over the parts that they have in a connection. A part belongs to its connection and is
 * under its lock. Any thread.
 */
#include "client/conn/conn_user.h"

#include <errno.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"

static const struct conn_user_ops *table[CONN_USERS];

void conn_user_register(unsigned slot, const struct conn_user_ops *ops)
{
	table[slot] = ops;
}

void conn_user_handle(struct conn_user *user, unsigned type, conn_handler *handler)
{
	user->conn->handlers[type] = handler;
	user->conn->receivers[type] = user;
}

int conn_users_create(struct conn *conn)
{
	for (unsigned i = 0; i < CONN_USERS; i++) {
		conn->users[i] = table[i]->create(conn);
		if (!conn->users[i])
			return -ENOMEM;
	}
	return 0;
}

void conn_users_destroy(struct conn *conn)
{
	for (unsigned i = 0; i < CONN_USERS && conn->users[i]; i++)
		conn->users[i]->ops->destroy(conn->users[i]);
}

bool conn_users_owe(const struct conn *conn)
{
	for (unsigned i = 0; i < CONN_USERS; i++)
		if (conn->users[i]->ops->owes(conn->users[i]))
			return true;
	return false;
}

bool conn_users_have_work(const struct conn *conn)
{
	for (unsigned i = 0; i < CONN_USERS; i++)
		if (conn->users[i]->ops->has_work(conn->users[i]))
			return true;
	return false;
}

void conn_users_pump(struct conn *conn)
{
	struct conn_user *rings = conn->users[CONN_USER_RINGS];

	if (rings->resends)
		rings->ops->resend(rings);
	for (unsigned i = 0; i < CONN_USERS; i++) {
		struct conn_user *user = conn->users[i];

		if (user->has_more && !user->ops->pump(user))
			return;
	}
}

uint64_t conn_users_next_due(const struct conn *conn)
{
	uint64_t next = NEVER;

	for (unsigned i = 0; i < CONN_USERS; i++) {
		const struct conn_user *user = conn->users[i];

		if (user->ops->next_due)
			next = min_ns(next, user->ops->next_due(user));
	}
	return next;
}

void conn_users_due(struct conn *conn, uint64_t now)
{
	for (unsigned i = 0; i < CONN_USERS; i++)
		if (conn->users[i]->ops->due)
			conn->users[i]->ops->due(conn->users[i], now);
	conn->due_ns = conn_users_next_due(conn);
}

bool conn_users_expire(struct conn *conn)
{
	bool overdue = false;

	for (unsigned i = 0; i < CONN_USERS; i++)
		overdue |= conn->users[i]->ops->expire(conn->users[i]);
	return overdue;
}

void conn_users_sweep(struct conn *conn)
{
	for (unsigned i = 0; i < CONN_USERS; i++)
		if (conn->users[i]->ops->sweep)
			conn->users[i]->ops->sweep(conn->users[i]);
}

void conn_users_lost(struct conn *conn)
{
	for (unsigned i = 0; i < CONN_USERS; i++)
		conn->users[i]->ops->lost(conn->users[i]);
}

void conn_users_welcomed(struct conn *conn, bool renewed)
{
	for (unsigned i = 0; i < CONN_USERS; i++)
		conn->users[i]->ops->welcomed(conn->users[i], renewed);
}

void conn_users_give_up(struct conn *conn, int status)
{
	for (unsigned i = 0; i < CONN_USERS; i++)
		if (conn->users[i]->ops->give_up)
			conn->users[i]->ops->give_up(conn->users[i], status);
}
