/*
 * The progress thread: one per process, started by the first connection and never ended. It tends
 * tasks: connections nobody waits on, memory that waits to be let go, mounts that nobody uses.
 * While there is nothing to do it sleeps.
 */
#ifndef USRBIO_CLIENT_BASE_PROGRESS_H
#define USRBIO_CLIENT_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"

#define TICK_NS (2 * 1000000ull) /* how often a busy connection is looked at */

struct task {
	/*
	 * Do what is due and say when to be called next (now_ns's time, or NEVER); *fd: a
	 * descriptor that makes it due when readable, untouched if there is none. On the progress
	 * thread.
	 */
	uint64_t (*poll)(struct task *task, uint64_t now, int *fd);
	struct list link;
};

/* 0, or -EAGAIN, -EMFILE when there can be no thread. Adding twice is harmless. */
int progress_add(struct task *task);
/* On the progress thread only, or for tasks that were never added. */
void progress_remove(struct task *task);
/* Have the tasks tended no later than this. Any thread; no system call if they will be anyway. */
void progress_wake(uint64_t when);

#endif
