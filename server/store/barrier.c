/*
 * The barriers of this process: a table by dev and ino under one lock. The open files and
 * unfinished calls that have a reference own a barrier together. Any thread may use it.
 */
#include "server/store/barrier.h"

#include <stdlib.h>

#include "common/base/lock.h"

#define NR_BUCKETS 1024

/* LOCK_BARRIERS: guards the table and all barriers; no other lock is acquired under it. */
static struct lock lock = LOCK_INIT(LOCK_BARRIERS);
static struct store_barrier *buckets[NR_BUCKETS];
static atomic_uint nr_up; /* written under the lock */

static struct store_barrier **bucket_of(uint64_t ino)
{
	return &buckets[ino % NR_BUCKETS];
}

static struct store_barrier *find(uint64_t dev, uint64_t ino)
{
	struct store_barrier *barrier = *bucket_of(ino);

	lock_assert_held(&lock);
	while (barrier && (barrier->ino != ino || barrier->dev != dev))
		barrier = barrier->next;
	return barrier;
}

static struct store_barrier *make(uint64_t dev, uint64_t ino)
{
	struct store_barrier *barrier = calloc(1, sizeof(*barrier));
	struct store_barrier **bucket = bucket_of(ino);

	lock_assert_held(&lock);
	if (!barrier)
		return NULL;
	list_init(&barrier->waiters);
	list_init(&barrier->changes);
	barrier->dev = dev;
	barrier->ino = ino;
	barrier->next = *bucket;
	*bucket = barrier;
	return barrier;
}

struct store_barrier *barrier_get(uint64_t dev, uint64_t ino)
{
	struct store_barrier *barrier;

	lock_acquire(&lock);
	barrier = find(dev, ino);
	if (!barrier)
		barrier = make(dev, ino);
	if (barrier)
		barrier->nr_refs++;
	lock_release(&lock);
	return barrier;
}

static void take_out(struct store_barrier *barrier)
{
	struct store_barrier **at = bucket_of(barrier->ino);

	lock_assert_held(&lock);
	while (*at != barrier)
		at = &(*at)->next;
	*at = barrier->next;
}

void barrier_put(struct store_barrier *barrier)
{
	bool last;

	if (!barrier)
		return;
	lock_acquire(&lock);
	last = !--barrier->nr_refs;
	if (last)
		take_out(barrier);
	lock_release(&lock);
	if (last)
		free(barrier);
}

/* Something has been counted: note whether the barrier is up. */
static void note(struct store_barrier *barrier)
{
	bool up = !list_empty(&barrier->changes) || barrier->nr_reads >= BARRIER_READS_MAX;

	lock_assert_held(&lock);
	if (up != atomic_load(&barrier->up))
		atomic_fetch_add(&nr_up, up ? 1u : -1u);
	atomic_store(&barrier->up, up);
}

bool barrier_any_is_up(void)
{
	return atomic_load(&nr_up);
}

/* When the oldest of the changes came; BARRIER_ALL: there is none. */
static uint64_t oldest(const struct store_barrier *barrier)
{
	uint64_t since_ns = BARRIER_ALL;

	lock_assert_held(&lock);
	list_for_each (it, &barrier->changes) {
		const struct barrier_hold *hold = container_of(it, struct barrier_hold, node);

		if (hold->since_ns < since_ns)
			since_ns = hold->since_ns;
	}
	return since_ns;
}

/* True if one that waits until this time has to wait; `since_ns`: when the oldest change came. */
static bool is_barred(const struct store_barrier *barrier, uint64_t until_ns, uint64_t since_ns)
{
	return until_ns == BARRIER_ALL ? atomic_load(&barrier->up) : since_ns <= until_ns;
}

bool barrier_bars(struct store_barrier *barrier, uint64_t until_ns)
{
	bool bars;

	lock_acquire(&lock);
	bars = is_barred(barrier, until_ns, oldest(barrier));
	lock_release(&lock);
	return bars;
}

void barrier_raise(struct store_barrier *barrier, struct barrier_hold *hold)
{
	list_init(&hold->node);
	lock_acquire(&lock);
	if (hold->change)
		list_add_tail(&barrier->changes, &hold->node);
	barrier->nr_reads += !hold->change;
	note(barrier);
	lock_release(&lock);
}

void barrier_lower(struct store_barrier *barrier, struct barrier_hold *hold)
{
	uint64_t since_ns;

	lock_acquire(&lock);
	list_del(&hold->node);
	barrier->nr_reads -= !hold->change;
	note(barrier);
	since_ns = oldest(barrier);
	list_for_each_safe (it, &barrier->waiters) {
		struct barrier_waiter *waiter = container_of(it, struct barrier_waiter, node);

		if (is_barred(barrier, waiter->until_ns, since_ns))
			continue;
		list_del(it);
		/* The owner of a waiter may free it as soon as its event has been posted. */
		evloop_post(waiter->loop, &waiter->ev, 0);
	}
	lock_release(&lock);
}

bool barrier_wait(struct store_barrier *barrier, struct barrier_waiter *waiter)
{
	bool wait;

	lock_acquire(&lock);
	wait = is_barred(barrier, waiter->until_ns, oldest(barrier));
	if (wait)
		list_add_tail(&barrier->waiters, &waiter->node);
	lock_release(&lock);
	return wait;
}

bool barrier_cancel(struct barrier_waiter *waiter)
{
	bool waits;

	lock_acquire(&lock);
	waits = !list_empty(&waiter->node);
	list_del(&waiter->node);
	lock_release(&lock);
	return waits;
}
