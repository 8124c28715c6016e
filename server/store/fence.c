/*
 * Fences of calls. The owner of a call owns its fence. The thread that makes the call and the one
 * that gives it up meet under one lock.
 */
#include "server/store/fence.h"

#include <errno.h>
#include <stddef.h>

#include "common/base/lock.h"
#include "server/store/barrier.h"

/* LOCK_FENCES: guards all fences; barriers are raised under it. */
static struct lock lock = LOCK_INIT(LOCK_FENCES);

/* The fence of the call that this thread makes. */
static _Thread_local struct fence *current;

void fence_begin(struct fence *fence)
{
	current = fence;
}

bool fence_end(struct fence *fence)
{
	bool given_up;

	current = NULL;
	lock_acquire(&lock);
	fence->over = true;
	given_up = fence->given_up;
	lock_release(&lock);
	for (; fence->nr_entered; fence->nr_entered--) {
		struct store_barrier *barrier = fence->entered[fence->nr_entered - 1];

		if (given_up)
			barrier_lower(barrier, &fence->holds[fence->nr_entered - 1]);
		barrier_put(barrier);
	}
	if (given_up) {
		barrier_put(fence->met);
		fence->met = NULL;
	}
	return given_up;
}

bool fence_give_up(struct fence *fence)
{
	bool under_way;

	lock_acquire(&lock);
	under_way = !fence->over;
	if (under_way) {
		fence->given_up = true;
		for (unsigned i = 0; i < fence->nr_entered; i++) {
			fence->holds[i] =
				(struct barrier_hold){.change = true, .since_ns = fence->since_ns};
			barrier_raise(fence->entered[i], &fence->holds[i]);
		}
	}
	lock_release(&lock);
	return under_way;
}

static bool has_entered(const struct fence *fence, const struct store_barrier *barrier)
{
	for (unsigned i = 0; i < fence->nr_entered; i++)
		if (fence->entered[i] == barrier)
			return true;
	return false;
}

/* Enter the inode of a barrier, and take over its reference unless *barrier stays. 0 or -errno. */
static int enter(struct fence *fence, struct store_barrier **barrier)
{
	lock_assert_held(&lock);
	if (has_entered(fence, *barrier))
		return 0;
	if (fence->given_up) {
		fence->refused = true;
		return -ECANCELED;
	}
	if (barrier_is_up(*barrier) && barrier_bars(*barrier, fence->since_ns)) {
		fence->met = *barrier;
		*barrier = NULL;
		return -ECANCELED;
	}
	if (fence->nr_entered == FENCE_INODES_MAX)
		return -ENOMEM;
	fence->entered[fence->nr_entered++] = *barrier;
	*barrier = NULL;
	return 0;
}

int fence_enter(const struct fence_inode *inodes, unsigned n)
{
	struct fence *fence = current;
	int err = 0;

	for (unsigned i = 0; fence && i < n && !err; i++) {
		struct store_barrier *barrier = barrier_get(inodes[i].dev, inodes[i].ino);

		if (!barrier)
			return -ENOMEM;
		lock_acquire(&lock);
		err = enter(fence, &barrier);
		lock_release(&lock);
		barrier_put(barrier);
	}
	return err;
}
