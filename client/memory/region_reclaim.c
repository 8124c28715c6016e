/*
 * Reclaims regions of wrapped memory; see region_reclaim.h. They are in a list under one lock,
 * which also keeps their sessions from ending. The process owns the list; any thread adds regions,
 * and the progress thread brings them to their end, in the order that region.c defines.
 */
#include "client/memory/region_reclaim.h"

#include <pthread.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "client/base/dump.h"
#include "client/base/progress.h"
#include "client/memory/region.h"
#include "client/session/session.h"
#include "common/base/fork.h"
#include "common/base/lock.h"
#include "common/base/log.h"

static struct {
	struct lock lock; /* LOCK_RECLAIM: those of connections and devices are acquired under it */
	pthread_cond_t polled;
	struct list list;
	struct task task;
} reclaim = {.lock = LOCK_INIT(LOCK_RECLAIM), .polled = PTHREAD_COND_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t poll(struct task *task, uint64_t now, int *fd);

static void reset(void)
{
	lock_init(&reclaim.lock, LOCK_RECLAIM);
	pthread_cond_init(&reclaim.polled, NULL);
	list_init(&reclaim.list);
	list_init(&reclaim.task.link);
	reclaim.task.poll = poll;
}

static void start(void)
{
	reset();
	fork_watch(reset);
}

void region_reclaim_add(struct region *region)
{
	pthread_once(&once, start);
	lock_acquire(&reclaim.lock);
	list_add_tail(&reclaim.list, &region->link);
	lock_release(&reclaim.lock);
	if (progress_add(&reclaim.task))
		log_warn("cannot start a thread to deregister wrapped memory: it stays registered");
	progress_wake(0);
}

/* Take the steps of a region's end that are possible now. True: it has ended. */
static bool advance(struct region *region)
{
	bool pinned = objpool_pinned(&region->pooled);

	lock_assert_held(&reclaim.lock);
	if (pinned && !atomic_load(&region->memory.revoked))
		return false;
	if (!region->dropping)
		region_ask_to_drop(region);
	region->dropping = true;
	if (!region_dropped(region))
		return false;
	if (pinned) {
		device_deregister(&region->session->device, &region->memory);
		region->quiet = true;
		return false;
	}
	list_del(&region->link);
	region_discard(region);
	return true;
}

static uint64_t poll(struct task *task, uint64_t now, int *fd)
{
	bool left = false;

	lock_acquire(&reclaim.lock);
	list_for_each_safe (it, &reclaim.list)
		left |= !advance(container_of(it, struct region, link));
	pthread_cond_broadcast(&reclaim.polled);
	lock_release(&reclaim.lock);
	return left ? now + TICK_NS : NEVER;
}

static bool overlaps(const struct region *region, uintptr_t base, size_t size)
{
	uintptr_t at = atomic_load(&region->base);

	return at < base ? base - at < atomic_load(&region->size) : at - base < size;
}

/* Take the steps for regions that overlap the memory. True: a server may still access one. */
static bool revoke(const void *base, size_t size)
{
	bool left = false;

	lock_assert_held(&reclaim.lock);
	list_for_each_safe (it, &reclaim.list) {
		struct region *region = container_of(it, struct region, link);

		if (!overlaps(region, (uintptr_t)base, size))
			continue;
		atomic_store(&region->memory.revoked, true);
		left |= !advance(region) && !region->quiet;
	}
	return left;
}

void region_reclaim_revoke(const void *base, size_t size)
{
	pthread_once(&once, start);
	lock_acquire(&reclaim.lock);
	while (revoke(base, size))
		lock_wait(&reclaim.lock, &reclaim.polled);
	lock_release(&reclaim.lock);
}

bool region_reclaim_count(const struct session *session, struct region_reclaim_counts *counts)
{
	*counts = (struct region_reclaim_counts){0};
	pthread_once(&once, start);
	if (!dump_lock(&reclaim.lock))
		return false;
	list_for_each (it, &reclaim.list) {
		const struct region *region = container_of(it, struct region, link);

		if (region->session != session)
			continue;
		counts->nr++;
		counts->nr_dropping += region->dropping && !region->quiet;
		counts->nr_quiet += region->quiet;
	}
	lock_release(&reclaim.lock);
	return true;
}

void region_reclaim_end(const struct session *session)
{
	pthread_once(&once, start);
	lock_acquire(&reclaim.lock);
	list_for_each_safe (it, &reclaim.list) {
		struct region *region = container_of(it, struct region, link);

		if (region->session != session)
			continue;
		list_del(it);
		region_discard(region);
	}
	pthread_cond_broadcast(&reclaim.polled);
	lock_release(&reclaim.lock);
}
