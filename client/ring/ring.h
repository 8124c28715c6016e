/*
 * A ring: slots for I/Os, and queues through which they go.
 *
 *	free -> prepared -> released -> under way -> completed -> free
 *
 * One thread prepares and submits I/Os; one or more threads wait for them; the thread that drives
 * the connection completes them. Preparing and collecting need no common lock. The handle owns the
 * ring, and each thread that uses it holds a pin.
 */
#ifndef USRBIO_CLIENT_RING_RING_H
#define USRBIO_CLIENT_RING_RING_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/base/objpool.h"
#include "client/base/heap.h"
#include "client/base/hf3fs_exports.h"
#include "common/base/list.h"
#include "common/base/lock.h"

#define RING_ENTRIES_MAX (1u << 20)

struct conn;
struct file;
struct mount;

/* One I/O, from hf3fs_prep_io until the program gets its completion. */
struct slot {
	uint64_t off; /* in the file, bytes */
	uint64_t len; /* bytes */
	const void *userdata;
	struct file *file;   /* the slot holds a reference */
	uint64_t region;     /* handle of the region that has its memory */
	uint64_t region_off; /* of the memory in the region, bytes */
	/*
	 * When it is completed: the result. Before that: < 0 is an error that was found early; > 0
	 * is the time of preparing, in rings with a timeout.
	 */
	int64_t result;
	uint64_t seq : 62;    /* its number in the order of preparing */
	uint64_t pinned : 1;  /* the slot holds a pin of its region */
	uint64_t unready : 1; /* region_make_ready is to be called; only the preparer uses it */
};

_Static_assert(sizeof(struct slot) == 64, "a cache line each");

/* I/Os with numbers below `upto`, from the mark before, were released at this tick. */
struct ring_mark {
	uint64_t upto;
	uint32_t tick;
};

#define RING_MARKS 32u /* about twice the ticks until an I/O expires */

struct ring {
	struct pooled pooled;
	uint64_t handle;

	/* Constant members. */
	struct mount *mount; /* the ring holds a reference */
	struct conn *conn;
	uint32_t entries, mask; /* mask: of the queues, whose size is a power of two */
	int io_depth;
	uint32_t priority;
	uint64_t timeout_ns; /* the longest wait of an incomplete batch; 0: no limit */
	uint64_t flags;
	bool for_read;
	struct slot *slots;
	uint32_t *prepared_queue, *completed_queue, *free_queue;
	void *memory;
	size_t memory_len; /* 0: from malloc */

	/* Only the preparing thread uses these. */
	alignas(64) uint64_t prepared; /* I/Os that were prepared, in total */
	uint64_t reused;	       /* slots that were taken from the free queue, in total */
	uint32_t fresh;		       /* slots from this index on were never used */
	uint32_t nr_unready;	       /* prepared slots with the bit `unready` */
	struct {		       /* the wrapped iov of the last I/O, a cache */
		uint64_t region;
		uint8_t id[16];
		const void *base;
		size_t size;
	} wrapped;
	char mount_point[256]; /* of the last wrapped iov; it is one of the ring's mount */

	/* Under the connection's lock. The counts are totals, each at most the one before. */
	alignas(64) uint64_t submitted;
	uint64_t released; /* io_depth allows to send them */
	uint64_t sent;
	uint64_t due_ns;   /* when an incomplete batch is released; valid in dispatch->timers */
	struct list link;  /* in dispatch->rings while there are I/Os to send */
	struct list timer; /* in dispatch->timers while a batch is incomplete */
	uint32_t under_way;
	uint32_t nr_waiters;
	uint32_t first_mark, last_mark; /* the marks in use; indices modulo RING_MARKS */
	struct ring_mark marks[RING_MARKS];
	_Atomic uint64_t completed; /* total; written under the lock, any thread reads it */
	atomic_int fd;		    /* see ring_fd; -1: none. Written under the lock */
	atomic_bool signalled;	    /* fd is readable, or is about to be; see ring_fd.c */

	/* The threads that collect results use these. */
	alignas(64) struct lock reaping; /* LOCK_REAP: no other lock is acquired under it */
	uint64_t collected;		 /* total moved to the heap; under reaping */
	struct heap ready;		 /* results in the order of preparing; under reaping */
	_Atomic uint64_t freed;		 /* total put into the free queue; written under reaping */
	_Atomic uint64_t reaped;	 /* total handed out; written under reaping, any thread
					    reads it */
};

struct ring_config {
	uint32_t entries;
	int io_depth;
	int priority;
	uint64_t timeout_ns;
	uint64_t flags;
	bool for_read;
	int numa;
};

/* Create a ring; it takes over the reference to the mount. 0 and a handle; -ENOMEM. */
int ring_create(struct mount *mount, const struct ring_config *config, uint64_t *handle);
/* Find a ring and pin it. NULL: the handle is invalid. ring_put ends the pin. */
struct ring *ring_get(uint64_t handle);
void ring_put(struct ring *ring);
/* Pin the next ring of this process, as objpool_next does. */
struct ring *ring_next(uint32_t *cursor);
/*
 * Destroy a ring: drop I/Os that are not under way, and wait for those that are. The caller's pin
 * ends with it. Blocks.
 */
void ring_destroy(struct ring *ring);

/* Find a free slot for the next I/O, or NULL. ring_prepared takes it. The preparing thread. */
struct slot *ring_slot(struct ring *ring, uint32_t *index);
void ring_prepared(struct ring *ring, uint32_t index);

/* Store the tick at which I/Os have just been released. The connection's lock is held. */
void ring_mark(struct ring *ring);
/* Return the tick at which the unsent I/O with this number was released. The lock is held. */
uint32_t ring_tick(const struct ring *ring, uint64_t number);
/* Return the tick at which the next I/O to be sent was released. The lock is held. */
static inline uint32_t ring_next_tick(struct ring *ring)
{
	while (ring->marks[ring->first_mark % RING_MARKS].upto <= ring->sent)
		ring->first_mark++;
	return ring->marks[ring->first_mark % RING_MARKS].tick;
}

/* Complete an I/O with its result. The connection's lock is held. */
void ring_complete(struct ring *ring, uint32_t index, int64_t result);

/*
 * True if all entries are in use, results are ready, and no I/O is under way: no more results come
 * until some are collected. A thread that waits for more results than the ring can hold has to
 * collect them then. The connection's lock is held.
 */
bool ring_is_stuck(const struct ring *ring);

/*
 * Release files and regions of the I/Os that are left in a ring at its end: I/Os that were never
 * sent, and results that were not collected.
 */
void ring_drop_all(struct ring *ring);

/*
 * Get the descriptor that is readable while completions wait. The first call makes it; the ring
 * owns it. -EMFILE, -ENFILE, -ENOMEM. Any thread.
 */
int ring_fd(struct ring *ring);
/* Make it readable: a completion has come. The connection's lock is held. */
void ring_fd_signal(struct ring *ring);
/* Make it unreadable if no completion waits any more. Under ring->reaping. */
void ring_fd_collected(struct ring *ring);
/* Close it, at the ring's end. */
void ring_fd_close(struct ring *ring);

/* Return how many completions can be handed out. */
static inline uint64_t ring_nr_ready(const struct ring *ring)
{
	uint64_t reaped = atomic_load_explicit(&ring->reaped, memory_order_acquire);

	return atomic_load_explicit(&ring->completed, memory_order_acquire) - reaped;
}
/*
 * Hand out at most max completions in the order of preparing; none if there are fewer than min.
 * Returns their number.
 */
int ring_reap(struct ring *ring, struct hf3fs_cqe *cqes, int max, int min);
/*
 * Do the work of hf3fs_wait_for_ios, with a deadline in the time of now_ns or NEVER. cancel_state
 * is the cancel state of the program (cancel.h). If the thread is cancelled while it sleeps, the
 * caller's pin ends, too. Returns the number of completions, or -EINVAL: the ring was destroyed.
 */
int ring_wait(struct ring *ring, struct hf3fs_cqe *cqes, int max, int min, uint64_t deadline,
	      int cancel_state);

#endif
