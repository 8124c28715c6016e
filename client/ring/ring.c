/*
 * Creates rings, finds them by their handles, and destroys them. A ring belongs to its handle, and
 * a thread that uses it holds a pin. Its queues are in ring_queue.c, collecting results is in
 * ring_reap.c, waiting in ring_wait.c, sending in batch.c. Any thread.
 */
#include "client/ring/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/ring/send/batch.h"
#include "client/ring/send/dispatch.h"
#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/files/file.h"
#include "client/mount/mount.h"
#include "client/memory/region.h"
#include "client/session/session.h"
#include "client/conn/conn_wait.h"
#include "common/base/fork.h"
#include "common/base/pages.h"
#include "proto/limits.h"

#define MALLOC_MAX (64 * 1024) /* bytes; the memory of larger rings is mapped */

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

/*
 * Allocate and lay out the memory, on a NUMA node if numa >= 0. It is not initialised, so that a
 * large ring only needs the pages that it uses. 0 or -ENOMEM.
 */
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
	lock_init(&ring->reaping, LOCK_REAP);
	ring->collected = 0;
	atomic_store_explicit(&ring->completed, 0, memory_order_relaxed);
	atomic_store_explicit(&ring->fd, -1, memory_order_relaxed);
	atomic_store_explicit(&ring->signalled, false, memory_order_relaxed);
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

struct ring *ring_next(uint32_t *cursor)
{
	return objpool_next(&rings, cursor);
}

struct end_waiter {
	struct waiter waiter;
	struct ring *ring;
};

static bool drained(const struct waiter *waiter)
{
	return !((const struct end_waiter *)(const void *)waiter)->ring->under_way;
}

static bool unpinned(const struct waiter *waiter)
{
	const struct end_waiter *w = (const struct end_waiter *)(const void *)waiter;

	return drained(waiter) && !objpool_pinned(&w->ring->pooled);
}

/* Stop sending I/Os of the ring. The connection's lock is held. */
static void cancel(struct ring *ring)
{
	list_del(&ring->link);
	list_del(&ring->timer);
	ring->released = ring->sent;
	/* End the ring's I/Os that wait to be sent again. */
	if (dispatch_of(ring->conn)->inflight.nr_resend)
		resend_sweep(ring->conn);
}

void ring_destroy(struct ring *ring)
{
	struct end_waiter w = {.waiter = {.ready = drained}, .ring = ring};
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
	/* Threads that still use the ring leave now, each after a few instructions. */
	w.waiter.ready = unpinned;
	while (!unpinned(&w.waiter))
		conn_wait(ring->conn, &w.waiter, now_ns() + TICK_NS / 20);
	/* One of them may have submitted I/Os meanwhile. */
	cancel(ring);
	conn_unlock(ring->conn);
	ring_drop_all(ring);
	ring_fd_close(ring);
	lock_destroy(&ring->reaping);
	put_memory(ring);
	objpool_recycle(&rings, &ring->pooled);
	mount_put(mount);
}
