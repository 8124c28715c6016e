/*
 * A barrier: it counts the operations on one inode that are unfinished although nobody waits for
 * them any more, because they were aborted or their connection ended. While it is up, what changes
 * or reads the inode waits until they are over, so that nothing old lands on something newer.
 *
 * There is one barrier for each inode (dev and ino) in the process, whichever stores, sessions and
 * connections reach it. Any thread; an I/O that meets no barrier takes no lock.
 */
#ifndef USRBIO_SERVER_STORE_BARRIER_H
#define USRBIO_SERVER_STORE_BARRIER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "server/store/evloop.h"

/*
 * Reads change nothing, so a few unfinished ones bar nobody. More of them would take memory for
 * each new one that hangs, too.
 */
#define BARRIER_READS_MAX 8

struct store_barrier {
	atomic_bool up; /* written under the lock of barrier.c, like what follows */
	unsigned nr_changes, nr_reads;
	unsigned nr_refs;
	struct list waiters;
	uint64_t dev, ino;
	struct store_barrier *next; /* of its bucket */
};

/* Somebody who waits. The owner fills in `ev.fn` and `loop`, and keeps it until the event. */
struct barrier_waiter {
	struct list node;    /* of the barrier; the lock of barrier.c */
	struct evloop *loop; /* where ev.fn is called, once, when the barrier is down */
	struct ev ev;
};

/* Get the barrier of an inode, with a reference. NULL: no memory. */
struct store_barrier *barrier_get(uint64_t dev, uint64_t ino);
/* Drop a reference. The last one goes when nothing is counted and nobody waits. NULL is ignored. */
void barrier_put(struct store_barrier *barrier);

/* Count an operation that nobody waits for any more; `change`: it changes the inode. */
void barrier_raise(struct store_barrier *barrier, bool change);
/* Such an operation is over. If that was the last one, those who wait go on. */
void barrier_lower(struct store_barrier *barrier, bool change);

/* True if later operations have to wait. NULL is no barrier. */
static inline bool barrier_is_up(const struct store_barrier *barrier)
{
	return barrier && atomic_load_explicit(&barrier->up, memory_order_acquire);
}

/* Wait for a barrier. False: it is down, and no event will come. */
bool barrier_wait(struct store_barrier *barrier, struct barrier_waiter *waiter);
/* Wait no more. False: the event has been posted already, and comes. */
bool barrier_cancel(struct barrier_waiter *waiter);

#endif
