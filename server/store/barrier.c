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

static bool is_barred(const struct store_barrier *barrier)
{
	return barrier->nr_changes || barrier->nr_reads >= BARRIER_READS_MAX;
}

/* Something has been counted: note whether the barrier is up. */
static void note(struct store_barrier *barrier)
{
	bool up = is_barred(barrier);

	lock_assert_held(&lock);
	if (up != atomic_load(&barrier->up))
		atomic_fetch_add(&nr_up, up ? 1u : -1u);
	atomic_store(&barrier->up, up);
}

bool barrier_any_is_up(void)
{
	return atomic_load(&nr_up);
}

void barrier_raise(struct store_barrier *barrier, bool change)
{
	lock_acquire(&lock);
	barrier->nr_changes += change;
	barrier->nr_reads += !change;
	note(barrier);
	lock_release(&lock);
}

void barrier_lower(struct store_barrier *barrier, bool change)
{
	struct list *node;

	lock_acquire(&lock);
	barrier->nr_changes -= change;
	barrier->nr_reads -= !change;
	note(barrier);
	/* The owner of a waiter may free it as soon as its event has been posted. */
	while (!is_barred(barrier) && (node = list_pop(&barrier->waiters))) {
		struct barrier_waiter *waiter = container_of(node, struct barrier_waiter, node);

		evloop_post(waiter->loop, &waiter->ev, 0);
	}
	lock_release(&lock);
}

bool barrier_wait(struct store_barrier *barrier, struct barrier_waiter *waiter)
{
	bool wait;

	lock_acquire(&lock);
	wait = is_barred(barrier);
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
