/*
 * A ring: slots for I/Os, and four queues of them.
 *
 *	free -> prepared -> released -> under way -> completed -> free
 *
 * One thread prepares and submits; one or more wait; any thread that drives the connection
 * completes. Preparing and collecting take no lock they share.
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

/* One I/O, from prep_io until its completion is handed out. */
struct slot {
	uint64_t off;
	uint64_t len;
	const void *userdata;
	struct file *file; /* a reference */
	uint64_t region;   /* handle */
	uint64_t region_off;
	/*
	 * Before it is sent: < 0 is an error found early, > 0 the time it was prepared (rings with
	 * a timeout). Afterwards: the result.
	 */
	int64_t result;
	uint64_t seq : 62;    /* the order of preparing */
	uint64_t pinned : 1;  /* its region is pinned */
	uint64_t unready : 1; /* the preparer's: region_make_ready is due */
};

_Static_assert(sizeof(struct slot) == 64, "a cache line each");

/* I/Os below a number that were released by a tick of the connection's clock. */
struct ring_mark {
	uint64_t upto;
	uint32_t tick;
};

#define RING_MARKS 32u /* more than twice the ticks until an I/O expires */

struct ring {
	struct pooled pooled;
	uint64_t handle;

	/* Constant. */
	struct mount *mount; /* a reference */
	struct conn *conn;
	uint32_t entries, mask; /* mask: of the queues, whose size is a power of two */
	int io_depth;
	uint32_t priority;
	uint64_t timeout_ns;
	uint64_t flags;
	bool for_read;
	struct slot *slots;
	uint32_t *prepared_queue, *completed_queue, *free_queue;
	void *memory;
	size_t memory_len; /* 0: from malloc */

	/* The preparer's. */
	alignas(64) uint64_t prepared; /* I/Os so far */
	uint64_t reused;	       /* slots taken from the free queue so far */
	uint32_t fresh;		       /* slots never used yet begin here */
	uint32_t nr_unready;	       /* slots prepared and not submitted that are */
	struct {		       /* the wrapped iov of the last I/O */
		uint64_t region;
		uint8_t id[16];
		const void *base;
		size_t size;
	} wrapped;
	char mount_point[256]; /* of the last wrapped iov: a name of our mount */

	/* Under the connection's lock. */
	alignas(64) uint64_t submitted; /* of the prepared ones */
	uint64_t released;		/* of the submitted ones: io_depth lets them go */
	uint64_t sent;			/* of the released ones */
	uint64_t due_ns;   /* when an incomplete batch is released; in dispatch->timers */
	struct list link;  /* dispatch->rings, while there is something to send */
	struct list timer; /* dispatch->timers */
	uint32_t under_way;
	uint32_t nr_waiters;
	uint32_t first_mark, last_mark; /* numbers; those between are in use */
	struct ring_mark marks[RING_MARKS];
	_Atomic uint64_t completed; /* written under the lock, read by all */

	/* The waiters'. */
	alignas(64) struct lock reaping; /* LOCK_REAP: no other lock is acquired under it */
	uint64_t collected;		 /* from the completed queue; under reaping */
	struct heap ready;		 /* by order of preparing; under reaping */
	_Atomic uint64_t freed;		 /* slots put into the free queue; written under reaping */
	_Atomic uint64_t reaped;	 /* handed out; written under reaping, read by all */
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

/* Create a ring; it takes over the reference to the mount. 0 and a handle, or -ENOMEM. */
int ring_create(struct mount *mount, const struct ring_config *config, uint64_t *handle);
/* Find a ring and pin it; NULL for a handle that is dead. ring_put ends the pin. */
struct ring *ring_get(uint64_t handle);
void ring_put(struct ring *ring);
/* Pin the next ring of this process, as objpool_next does. */
struct ring *ring_next(uint32_t *cursor);
/* End a ring: cancel what is not under way, wait for what is. The caller's pin ends with it. */
void ring_destroy(struct ring *ring);

/* Find a free slot for the next I/O, or NULL; ring_prepared takes it. On the preparing thread. */
struct slot *ring_slot(struct ring *ring, uint32_t *index);
void ring_prepared(struct ring *ring, uint32_t index);

/* Remember the tick at which I/Os have just been released. The connection's lock is held. */
void ring_mark(struct ring *ring);
/* The tick at which an I/O was released that has not been sent, by its number. The lock is held. */
uint32_t ring_tick(const struct ring *ring, uint64_t number);
/* The tick at which the next I/O to be sent was released. The lock is held. */
static inline uint32_t ring_next_tick(struct ring *ring)
{
	while (ring->marks[ring->first_mark % RING_MARKS].upto <= ring->sent)
		ring->first_mark++;
	return ring->marks[ring->first_mark % RING_MARKS].tick;
}

/* End an I/O with its result. The connection's lock is held. */
void ring_complete(struct ring *ring, uint32_t index, int64_t result);

/*
 * Is every entry taken, and does nothing move until completions are handed out? A thread that
 * waits for more than the ring holds has to take them then. The connection's lock is held.
 */
bool ring_is_stuck(const struct ring *ring);

/*
 * Give up the I/Os that are left in a ring at its end: those that were never sent, and results that
 * were not collected.
 */
void ring_drop_all(struct ring *ring);

/* Count the completions that wait to be handed out. */
static inline uint64_t ring_nr_ready(const struct ring *ring)
{
	uint64_t reaped = atomic_load_explicit(&ring->reaped, memory_order_acquire);

	return atomic_load_explicit(&ring->completed, memory_order_acquire) - reaped;
}
/* Hand out at most max completions in the order of preparing, or none if there are below min. */
int ring_reap(struct ring *ring, struct hf3fs_cqe *cqes, int max, int min);
/*
 * Do what hf3fs_wait_for_ios does, with a deadline in now_ns's time. cancel_state says whether the
 * thread may be cancelled (cancel.h) while it sleeps; then the caller's pin ends with it.
 */
int ring_wait(struct ring *ring, struct hf3fs_cqe *cqes, int max, int min, uint64_t deadline,
	      int cancel_state);

#endif
