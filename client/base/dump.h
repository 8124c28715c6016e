/*
 * The text of a state dump. It is collected in memory and written afterwards, so that no thread
 * holds a lock while it waits for a file or a pipe. It belongs to the thread that makes the dump.
 */
#ifndef USRBIO_CLIENT_BASE_DUMP_H
#define USRBIO_CLIENT_BASE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/lock.h"

#define DUMP_LOCK_MS 20 /* how long a dump waits for one lock */

/* A zeroed struct is empty. */
struct dump {
	char *text;
	size_t len, room;
	bool incomplete; /* lines are missing, for want of memory */
};

/* Add a line after the word "dump: ". Bytes that could control a terminal become '?'. */
void dump_line(struct dump *dump, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Write the text to fd and free it. patience_ms: the longest wait until fd takes more bytes; -1: no
 * limit. 0; -ETIMEDOUT; -ENOMEM: lines are missing, the others were written; or errors of write(2).
 */
int dump_write(struct dump *dump, int fd, int patience_ms);

/*
 * Acquire a lock, but wait for DUMP_LOCK_MS only, because its owner may hang. False: not acquired.
 */
bool dump_lock(struct lock *lock);

static inline double dump_seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

#endif
