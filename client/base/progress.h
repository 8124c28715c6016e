/*
 * The progress thread: one per process, started by the first connection and never ended. It runs
 * periodic tasks: connections on which no thread waits, memory that waits to be reclaimed, mounts
 * that nothing uses. It sleeps while there is nothing to do.
 */
#ifndef USRBIO_CLIENT_BASE_PROGRESS_H
#define USRBIO_CLIENT_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"

#define TICK_NS (2 * 1000000ull) /* the interval at which a busy connection is polled */

struct task {
	/*
	 * Do what is due. Returns when to be called next (a time of now_ns, or NEVER). *fd becomes
	 * a descriptor that makes the task due when it is readable, and stays as it is if there is
	 * none. Runs on the progress thread.
	 */
	uint64_t (*poll)(struct task *task, uint64_t now, int *fd);
	struct list link;
};

/* Add a task; adding it twice does no harm. 0, or -EAGAIN, -EMFILE if there can be no thread. */
int progress_add(struct task *task);
/* Remove a task: on the progress thread only, unless it was never added. */
void progress_remove(struct task *task);
/*
 * Run the tasks no later than `when`. Any thread; it makes no system call if they would run by
 * then.
 */
void progress_wake(uint64_t when);

#endif
