/*
 * A barrier: it counts the operations on one inode that are unfinished although nobody waits for
 * them any more, because they were aborted or their connection ended. While it is up, operations
 * that change or read the inode wait until the counted ones are over. So old data never replaces
 * newer data.
 *
 * There is one barrier for each inode (dev and ino) in the process; all stores, sessions and
 * connections share it. Any thread may use it. An I/O on an inode without a raised barrier takes no
 * lock.
 */
#ifndef USRBIO_SERVER_STORE_BARRIER_H
#define USRBIO_SERVER_STORE_BARRIER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "server/store/evloop.h"

/*
 * The number of unfinished reads that raises a barrier. Reads change nothing, so a few of them need
 * not stop others. Without a limit, each new read that hangs would take more memory.
 */
#define BARRIER_READS_MAX 8

struct store_barrier {
	atomic_bool up; /* the lock of barrier.c protects its writes, and all fields below */
	unsigned nr_changes, nr_reads;
	unsigned nr_refs;
	struct list waiters;
	uint64_t dev, ino;
	struct store_barrier *next; /* in its bucket */
};

/* A waiter. Its owner fills in `ev.fn` and `loop`, and keeps it until the event. */
struct barrier_waiter {
	struct list node;    /* in the barrier's list; the lock of barrier.c protects it */
	struct evloop *loop; /* calls ev.fn once, when the barrier is down */
	struct ev ev;
};

/* Get the barrier of an inode, with a reference. NULL: no memory. */
struct store_barrier *barrier_get(uint64_t dev, uint64_t ino);
/* Drop a reference. The last one goes when nothing is counted and nobody waits. NULL is ignored. */
void barrier_put(struct store_barrier *barrier);

/* Count an operation that nobody waits for any more; `change`: it changes the inode. */
void barrier_raise(struct store_barrier *barrier, bool change);
/* Note that such an operation is over. After the last one the waiters get their events. */
void barrier_lower(struct store_barrier *barrier, bool change);

/* True if any barrier is up. */
bool barrier_any_is_up(void);
/* True if later operations have to wait. NULL is no barrier. */
static inline bool barrier_is_up(const struct store_barrier *barrier)
{
	return barrier && atomic_load_explicit(&barrier->up, memory_order_acquire);
}

/* Wait for a barrier. False: it is down, and no event will come. */
bool barrier_wait(struct store_barrier *barrier, struct barrier_waiter *waiter);
/* Stop waiting. False: the event has been posted already, and will come. */
bool barrier_cancel(struct barrier_waiter *waiter);

#endif
