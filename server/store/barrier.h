/*
 * A barrier: it counts the operations on one inode that are unfinished although nobody waits for
 * them any more, because they were aborted or their connection ended. While it is up, operations
 * that change or read the inode wait until the counted ones are over. So old data never replaces
 * newer data.
 *
 * Calls wait only for changes that came before them, so that they do not wait for ever while newer
 * ones come to nothing. I/Os wait until the barrier is down.
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
	atomic_bool up;	     /* the lock of barrier.c protects its writes, and all fields below */
	struct list changes; /* struct barrier_hold */
	unsigned nr_reads;
	unsigned nr_refs;
	struct list waiters;
	uint64_t dev, ino;
	struct store_barrier *next; /* in its bucket */
};

/* An operation that is counted. Its owner fills in all but `node`, and keeps it until it is over.
 */
struct barrier_hold {
	struct list node;  /* in the barrier's list; the lock of barrier.c protects it */
	bool change;	   /* it changes the inode */
	uint64_t since_ns; /* when the operation came */
};

/* For barrier_waiter.until_ns: wait until the barrier is down, and so for reads, too. */
#define BARRIER_ALL UINT64_MAX

/* A waiter. Its owner fills in all but `node`, and keeps it until the event. */
struct barrier_waiter {
	struct list node;    /* in the barrier's list; the lock of barrier.c protects it */
	uint64_t until_ns;   /* changes that came later are not waited for */
	struct evloop *loop; /* calls ev.fn once, when what it waits for is over */
	struct ev ev;
};

/* Get the barrier of an inode, with a reference. NULL: no memory. */
struct store_barrier *barrier_get(uint64_t dev, uint64_t ino);
/* Drop a reference. The last one goes when nothing is counted and nobody waits. NULL is ignored. */
void barrier_put(struct store_barrier *barrier);

/* Count an operation that nobody waits for any more. */
void barrier_raise(struct store_barrier *barrier, struct barrier_hold *hold);
/* Note that such an operation is over. Waiters that wait for nothing any more get their events. */
void barrier_lower(struct store_barrier *barrier, struct barrier_hold *hold);

/* True if any barrier is up. */
bool barrier_any_is_up(void);
/* True if later operations have to wait. NULL is no barrier. */
static inline bool barrier_is_up(const struct store_barrier *barrier)
{
	return barrier && atomic_load_explicit(&barrier->up, memory_order_acquire);
}

/* True if there is an unfinished change that came at this time or before. */
bool barrier_bars(struct store_barrier *barrier, uint64_t until_ns);

/* Wait for a barrier. False: there is nothing to wait for, and no event will come. */
bool barrier_wait(struct store_barrier *barrier, struct barrier_waiter *waiter);
/* Stop waiting. False: the event has been posted already, and will come. */
bool barrier_cancel(struct barrier_waiter *waiter);

#endif
