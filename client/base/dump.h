/*
 * The text of a state dump. It is gathered in memory, so that nobody waits for a file or a pipe
 * while a lock is held, and is written afterwards. It belongs to the thread that makes the dump.
 */
#ifndef USRBIO_CLIENT_BASE_DUMP_H
#define USRBIO_CLIENT_BASE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/lock.h"

#define DUMP_LOCK_MS 20 /* how long a dump waits for one lock */

/* Zeroes: empty. */
struct dump {
	char *text;
	size_t len, room;
	bool incomplete; /* there was no memory for a line */
};

/* Add a line, which becomes "dump: ..."; bytes that are not fit to be shown become '?'. */
void dump_line(struct dump *dump, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Write the text to fd and free it. patience_ms: how long it waits each time for fd to take more;
 * -1: for ever. 0; -ETIMEDOUT; -ENOMEM, and what there is has been written; errors of write(2).
 */
int dump_write(struct dump *dump, int fd, int patience_ms);

/* Take a lock that others may hold for long or for ever. False: it was not free in time. */
bool dump_lock(struct lock *lock);

static inline double dump_seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

#endif
