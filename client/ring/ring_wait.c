/*
 * Waits for completions: a thread polls, or waits on the ring's connection, until enough
 * completions are ready, and hands them out. Any number of threads; the state is on their stacks.
 */
#include <errno.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/conn/conn_wait.h"
#include "client/ring/send/dispatch.h"
#include "client/ring/ring.h"

struct ring_waiter {
	struct waiter waiter;
	struct ring *ring;
	uint64_t min;
};

static bool enough(const struct waiter *waiter)
{
	const struct ring_waiter *w = (const struct ring_waiter *)(const void *)waiter;

	return ring_nr_ready(w->ring) >= w->min || ring_is_stuck(w->ring) ||
	       !objpool_alive(&w->ring->pooled, w->ring->handle);
}

/* Poll for completions without waiting, unless another thread has the connection's lock. */
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

/* Release what a cancelled thread holds: the lock, and its pin of the ring. */
static void cancelled(struct waiter *waiter)
{
	struct ring *ring = ((struct ring_waiter *)(void *)waiter)->ring;

	ring->nr_waiters--;
	conn_unlock(ring->conn);
	ring_put(ring);
}

/*
 * Wait for min completions. Returns how many have to be collected at least: min; 0 if no more can
 * come until some are collected. The thread may be cancelled here, unless it has collected some
 * already (`some`), which would be lost.
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
	 * The loop runs more than once only if another thread has collected results meanwhile, or
	 * if min is larger than the ring.
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
