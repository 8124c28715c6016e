/* Rings: made, taken apart, completed into and collected from. Sending is batch.c's. */
#include "client/ring/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/ring/batch.h"
#include "client/ring/dispatch.h"
#include "client/base/clock.h"
#include "client/conn/conn.h"
#include "client/files/file.h"
#include "client/mount/mount.h"
#include "client/memory/region.h"
#include "client/session/session.h"
#include "client/conn/conn_wait.h"
#include "common/base/fork.h"
#include "common/base/pages.h"
#include "proto/limits.h"

#define MALLOC_MAX (64 * 1024) /* bytes; larger rings are mapped, and pay for pages they touch */
#define INDEX_BITS 20u	       /* of a slot, in a key of the heap */
#define INDEX_MASK ((1u << INDEX_BITS) - 1)

_Static_assert(RING_ENTRIES_MAX == 1u << INDEX_BITS, "a heap key holds a slot's index");

static struct objpool rings = OBJPOOL_INIT(sizeof(struct ring), NULL);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget_rings(void)
{
	objpool_forget(&rings);
}

static void watch_fork(void)
{
	fork_watch(forget_rings);
}

static int get_memory(struct ring *ring, size_t len, int numa)
{
	if (len <= MALLOC_MAX && numa < 0) {
		ring->memory = aligned_alloc(64, (len + 63) & ~(size_t)63);
		ring->memory_len = 0;
		return ring->memory ? 0 : -ENOMEM;
	}
	ring->memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ring->memory == MAP_FAILED)
		return -ENOMEM;
	ring->memory_len = len;
	pages_bind(ring->memory, len, numa);
	return 0;
}

static void put_memory(struct ring *ring)
{
	if (ring->memory_len)
		munmap(ring->memory, ring->memory_len);
	else
		free(ring->memory);
	ring->memory = NULL;
}

/* Nothing in it needs to be zero: a large ring touches only what it uses. */
static int lay_out(struct ring *ring, int numa)
{
	size_t n = ring->entries, size = 1;
	char *at;
	int err;

	while (size < n)
		size *= 2;
	err = get_memory(ring, n * sizeof(struct slot) + size * (8 + 3 * sizeof(uint32_t)), numa);
	if (err)
		return err;
	at = ring->memory;
	ring->mask = (uint32_t)size - 1;
	ring->slots = (struct slot *)(void *)at;
	at += n * sizeof(struct slot);
	ring->ready = (struct heap){.keys = (uint64_t *)(void *)at, .mask = ring->mask};
	at += size * 8;
	ring->prepared_queue = (uint32_t *)(void *)at;
	ring->completed_queue = ring->prepared_queue + size;
	ring->free_queue = ring->completed_queue + size;
	return 0;
}

static void reset(struct ring *ring, struct mount *mount, const struct ring_config *config)
{
	ring->mount = mount;
	ring->conn = session_conn(mount_to_session(mount));
	ring->entries = config->entries;
	ring->io_depth = config->io_depth;
	ring->priority = config->priority < 0	? PRIORITY_HIGH
			 : config->priority > 0 ? PRIORITY_LOW
						: PRIORITY_NORMAL;
	ring->timeout_ns = config->io_depth < 0 ? config->timeout_ns : 0;
	ring->flags = config->flags;
	ring->for_read = config->for_read;
	ring->prepared = ring->reused = ring->fresh = ring->nr_unready = 0;
	ring->wrapped.region = 0;
	ring->mount_point[0] = '\0';
	ring->submitted = ring->released = ring->sent = 0;
	ring->under_way = ring->nr_waiters = 0;
	ring->first_mark = ring->last_mark = 0;
	ring->marks[0] = (struct ring_mark){0};
	list_init(&ring->link);
	list_init(&ring->timer);
	pthread_mutex_init(&ring->reaping, NULL);
	ring->collected = 0;
	atomic_store_explicit(&ring->completed, 0, memory_order_relaxed);
	atomic_store_explicit(&ring->freed, 0, memory_order_relaxed);
	atomic_store_explicit(&ring->reaped, 0, memory_order_relaxed);
}

int ring_create(struct mount *mount, const struct ring_config *config, uint64_t *handle)
{
	struct ring *ring;
	int err;

	pthread_once(&once, watch_fork);
	ring = objpool_take(&rings);
	if (!ring)
		return -ENOMEM;
	reset(ring, mount, config);
	err = lay_out(ring, config->numa);
	if (err) {
		objpool_recycle(&rings, &ring->pooled);
		return err;
	}
	ring->handle = *handle = objpool_publish(&rings, &ring->pooled);
	return 0;
}

struct ring *ring_get(uint64_t handle)
{
	return objpool_get(&rings, handle);
}

void ring_put(struct ring *ring)
{
	objpool_put(&ring->pooled);
}

struct slot *ring_slot(struct ring *ring, uint32_t *index)
{
	/* Used slots first: they are in the cache. */
	if (ring->reused != atomic_load_explicit(&ring->freed, memory_order_acquire))
		*index = ring->free_queue[ring->reused & ring->mask];
	else if (ring->fresh < ring->entries)
		*index = ring->fresh;
	else
		return NULL;
	return &ring->slots[*index];
}

void ring_prepared(struct ring *ring, uint32_t index)
{
	if (index == ring->fresh)
		ring->fresh++;
	else
		ring->reused++;
	ring->slots[index].seq = ring->prepared;
	ring->prepared_queue[ring->prepared & ring->mask] = index;
	ring->prepared++;
}

void ring_mark(struct ring *ring)
{
	struct ring_mark *last = &ring->marks[ring->last_mark % RING_MARKS];
	uint32_t tick = ring->conn->tick;

	/* There are too many only if the clock stood still; then the last one covers more. */
	if (last->tick != tick && last->upto > ring->sent &&
	    ring->last_mark - ring->first_mark < RING_MARKS - 1)
		last = &ring->marks[++ring->last_mark % RING_MARKS];
	else if (last->upto <= ring->sent)
		ring->first_mark = ring->last_mark;
	*last = (struct ring_mark){.upto = ring->released, .tick = tick};
}

uint32_t ring_tick(const struct ring *ring, uint64_t number)
{
	uint32_t mark = ring->last_mark;

	while (mark != ring->first_mark && ring->marks[(mark - 1) % RING_MARKS].upto > number)
		mark--;
	return ring->marks[mark % RING_MARKS].tick;
}

void ring_complete(struct ring *ring, uint32_t index, int64_t result)
{
	uint64_t completed = atomic_load_explicit(&ring->completed, memory_order_relaxed);

	ring->slots[index].result = result;
	ring->completed_queue[completed & ring->mask] = index;
	atomic_store_explicit(&ring->completed, completed + 1, memory_order_release);
	ring->under_way--;
	if (ring->nr_waiters)
		ring->conn->wait.wake_pending = true;
}

uint64_t ring_nr_ready(const struct ring *ring)
{
	uint64_t reaped = atomic_load_explicit(&ring->reaped, memory_order_acquire);

	return atomic_load_explicit(&ring->completed, memory_order_acquire) - reaped;
}

/* References to a file that are given back together: one atomic operation for a run of I/Os. */
struct held {
	struct file *file;
	unsigned n;
};

static void put_files(const struct held *held)
{
	if (held->n)
		file_put_many(held->file, held->n);
}

/* What an I/O held. The caller ends with put_files. */
static void let_go(const struct slot *slot, struct held *held)
{
	if (slot->file != held->file) {
		put_files(held);
		*held = (struct held){.file = slot->file};
	}
	held->n++;
	if (slot->pinned)
		region_put(region_pinned(slot->region));
}

static void collect(struct ring *ring)
{
	uint64_t completed = atomic_load_explicit(&ring->completed, memory_order_acquire);

	for (; ring->collected != completed; ring->collected++) {
		uint32_t index = ring->completed_queue[ring->collected & ring->mask];

		heap_push(&ring->ready, (uint64_t)ring->slots[index].seq << INDEX_BITS | index);
	}
}

int ring_reap(struct ring *ring, struct hf3fs_cqe *cqes, int max, int min)
{
	struct held held = {0};
	uint64_t freed;
	int n = 0;

	pthread_mutex_lock(&ring->reaping);
	freed = atomic_load_explicit(&ring->freed, memory_order_relaxed);
	collect(ring);
	while (n < max && ring->ready.n && (n || ring->ready.n >= (uint32_t)min)) {
		uint32_t index = (uint32_t)heap_pop(&ring->ready) & INDEX_MASK;
		struct slot *slot = &ring->slots[index];

		cqes[n++] = (struct hf3fs_cqe){.index = (int32_t)index,
					       .result = slot->result,
					       .userdata = slot->userdata};
		let_go(slot, &held);
		ring->free_queue[freed++ & ring->mask] = index;
	}
	atomic_store_explicit(&ring->reaped, freed, memory_order_release);
	atomic_store_explicit(&ring->freed, freed, memory_order_release);
	pthread_mutex_unlock(&ring->reaping);
	put_files(&held);
	return n;
}

struct ring_waiter {
	struct waiter waiter;
	struct ring *ring;
	uint64_t min;
};

bool ring_is_stuck(const struct ring *ring)
{
	uint64_t reaped = atomic_load_explicit(&ring->reaped, memory_order_acquire);

	return ring->submitted - reaped == ring->entries && ring_nr_ready(ring) &&
	       !ring->under_way && ring->sent == ring->released;
}

static bool enough(const struct waiter *waiter)
{
	const struct ring_waiter *w = (const struct ring_waiter *)(const void *)waiter;

	return ring_nr_ready(w->ring) >= w->min || ring_is_stuck(w->ring) ||
	       !objpool_alive(&w->ring->pooled, w->ring->handle);
}

/* A look without waiting, and not even that if another thread is at it. */
static void look(struct ring *ring)
{
	struct conn *conn = ring->conn;

	if (!conn_trylock(conn))
		return;
	if ((ring->under_way || ring->sent != ring->released) && !conn->wait.leader)
		conn_look(conn);
	if (!list_empty(&dispatch_of(conn)->timers))
		conn_clock(conn, now_ns());
	conn_unlock(conn);
}

static bool is_past(uint64_t deadline)
{
	return deadline != NEVER && now_ns() >= deadline;
}

/* The thread ends, and its pin of the ring with it. What it waited for is for others to collect. */
static void cancelled(struct waiter *waiter)
{
	struct ring *ring = ((struct ring_waiter *)(void *)waiter)->ring;

	ring->nr_waiters--;
	conn_unlock(ring->conn);
	ring_put(ring);
}

/*
 * How many to collect at least: min, or whatever is there when no more can come before that. The
 * thread may be cancelled here unless it has collected some, which would be lost.
 */
static int wait_until(struct ring *ring, int min, uint64_t deadline, int cancel_state, bool some)
{
	struct ring_waiter w = {.waiter = {.ready = enough,
					   .cancelled = some ? NULL : cancelled,
					   .cancel_state = cancel_state},
				.ring = ring,
				.min = (uint64_t)min};

	conn_lock(ring->conn);
	ring->nr_waiters++;
	conn_wait(ring->conn, &w.waiter, deadline);
	ring->nr_waiters--;
	if (ring_nr_ready(ring) < (uint64_t)min && ring_is_stuck(ring))
		min = 0;
	conn_unlock(ring->conn);
	return min;
}

int ring_wait(struct ring *ring, struct hf3fs_cqe *cqes, int max, int min, uint64_t deadline,
	      int cancel_state)
{
	int n = 0, want;

	if (min <= 0 || is_past(deadline)) {
		if (ring_nr_ready(ring) < (uint64_t)max)
			look(ring);
		return ring_reap(ring, cqes, max, 0);
	}
	/*
	 * More than once only when another waiter was quicker with what was there, or when the ring
	 * is too small for all that is waited for.
	 */
	do {
		want = min - n;
		if (ring_nr_ready(ring) < (uint64_t)want)
			want = wait_until(ring, want, deadline, cancel_state, n);
		n += ring_reap(ring, cqes + n, max - n, want);
		if (n >= min)
			return n;
		if (!objpool_alive(&ring->pooled, ring->handle))
			return n ? n : -EINVAL;
	} while (!is_past(deadline));
	return n + ring_reap(ring, cqes + n, max - n, 0);
}

static bool drained(const struct waiter *waiter)
{
	return !((const struct ring_waiter *)(const void *)waiter)->ring->under_way;
}

static bool unpinned(const struct waiter *waiter)
{
	const struct ring_waiter *w = (const struct ring_waiter *)(const void *)waiter;

	return drained(waiter) && !objpool_pinned(&w->ring->pooled);
}

/* Nothing more of it is sent. Connection's lock held. */
static void cancel(struct ring *ring)
{
	list_del(&ring->link);
	list_del(&ring->timer);
	ring->released = ring->sent;
	/* What waits to be sent again need not be. */
	if (dispatch_of(ring->conn)->inflight.nr_resend)
		resend_sweep(ring->conn);
}

/* I/Os that never left, or ended without anybody collecting them. */
static void let_all_go(struct ring *ring)
{
	struct held held = {0};

	for (; ring->sent != ring->prepared; ring->sent++)
		let_go(&ring->slots[ring->prepared_queue[ring->sent & ring->mask]], &held);
	collect(ring);
	while (ring->ready.n)
		let_go(&ring->slots[heap_pop(&ring->ready) & INDEX_MASK], &held);
	put_files(&held);
}

void ring_destroy(struct ring *ring)
{
	struct ring_waiter w = {.waiter = {.ready = drained}, .ring = ring};
	struct mount *mount = ring->mount;

	if (!objpool_retire(&ring->pooled, ring->handle)) {
		ring_put(ring);
		return;
	}
	ring_put(ring);
	conn_lock(ring->conn);
	cancel(ring);
	ring->nr_waiters++;
	ring->conn->wait.wake_pending = true;
	conn_wait(ring->conn, &w.waiter, NEVER);
	/* Threads that were inside leave now; each is a few instructions from its end. */
	w.waiter.ready = unpinned;
	while (!unpinned(&w.waiter))
		conn_wait(ring->conn, &w.waiter, now_ns() + TICK_NS / 20);
	/* One of them may have been about to submit. */
	cancel(ring);
	conn_unlock(ring->conn);
	let_all_go(ring);
	pthread_mutex_destroy(&ring->reaping);
	put_memory(ring);
	objpool_recycle(&rings, &ring->pooled);
	mount_put(mount);
}
