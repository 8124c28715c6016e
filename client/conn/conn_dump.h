/* The lines of a state dump about a connection. Any thread. */
#ifndef USRBIO_CLIENT_CONN_CONN_DUMP_H
#define USRBIO_CLIENT_CONN_CONN_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/dump.h"

struct conn;

/* Acquire its lock for a dump. False: it was not free for DUMP_LOCK_MS. */
bool conn_dump_lock(struct conn *conn);
/* Add the lines about the connection, whose lock is held; now: the time of now_ns. */
void conn_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

/*
 * Format the age of something that began in this tick of the connection's clock, "for 1.250 s". The
 * age is at most one tick too high. The lock is held.
 */
#define CONN_AGE_MAX 64
const char *conn_dump_age(const struct conn *conn, uint32_t tick, uint64_t now,
			  char text[CONN_AGE_MAX]);

#endif
