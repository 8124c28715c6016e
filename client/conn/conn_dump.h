/* The lines of a state dump about a connection. Any thread. */
#ifndef USRBIO_CLIENT_CONN_CONN_DUMP_H
#define USRBIO_CLIENT_CONN_CONN_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/dump.h"

struct conn;

/* Take its lock, which conn_unlock releases. False: it was not free in time. */
bool conn_dump_lock(struct conn *conn);
/* Its lock is held. */
void conn_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

/*
 * Say how old something is that has a tick of the connection's clock, at most one tick too old:
 * "for 1.250 s". Its lock is held.
 */
#define CONN_AGE_MAX 64
const char *conn_dump_age(const struct conn *conn, uint32_t tick, uint64_t now,
			  char text[CONN_AGE_MAX]);

#endif
