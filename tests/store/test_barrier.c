/* Barriers: what they count, who shares one, and that nobody waits for one that is down. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "server/store/barrier.h"
#include "server/store/fence.h"
#include "server/store/posix/posix.h"
#include "tests/store/fixture.h"

#define NR_ROUNDS 20000

static unsigned nr_events;

static void count_event(struct ev *ev, int32_t res)
{
	nr_events++;
}

static struct barrier_waiter waiter_of(struct evloop *loop)
{
	return (struct barrier_waiter){.until_ns = BARRIER_ALL, .loop = loop, .ev.fn = count_event};
}

Test(barrier, it_is_up_while_a_change_is_unfinished)
{
	struct barrier_hold change = {.change = true}, other = {.change = true};
	struct store_barrier *barrier = barrier_get(1, 2);

	cr_assert_not(barrier_is_up(NULL));
	cr_assert_not(barrier_is_up(barrier));
	barrier_raise(barrier, &change);
	barrier_raise(barrier, &other);
	barrier_lower(barrier, &change);
	cr_assert(barrier_is_up(barrier));
	barrier_lower(barrier, &other);
	cr_assert_not(barrier_is_up(barrier));
	barrier_put(barrier);
}

Test(barrier, a_few_unfinished_reads_bar_nobody)
{
	struct barrier_hold reads[BARRIER_READS_MAX] = {0};
	struct store_barrier *barrier = barrier_get(1, 2);

	for (int i = 0; i < BARRIER_READS_MAX; i++) {
		cr_assert_not(barrier_is_up(barrier));
		barrier_raise(barrier, &reads[i]);
	}
	cr_assert(barrier_is_up(barrier));
	cr_assert(barrier_bars(barrier, BARRIER_ALL));
	cr_assert_not(barrier_bars(barrier, UINT64_MAX - 1), "calls never wait for reads");
	barrier_lower(barrier, &reads[0]);
	cr_assert_not(barrier_is_up(barrier));
	for (int i = 1; i < BARRIER_READS_MAX; i++)
		barrier_lower(barrier, &reads[i]);
	barrier_put(barrier);
}

Test(barrier, each_inode_has_one)
{
	struct barrier_hold change = {.change = true};
	struct store_barrier *one = barrier_get(1, 2), *same = barrier_get(1, 2);
	struct store_barrier *other = barrier_get(1, 3), *elsewhere = barrier_get(2, 2);
	struct store_barrier *bucket = barrier_get(1, 2 + 1024);

	cr_assert_eq(one, same);
	cr_assert(one != other && one != elsewhere && one != bucket);
	barrier_raise(one, &change);
	barrier_put(one);
	cr_assert(barrier_is_up(same), "the other reference keeps it");
	barrier_lower(same, &change);
	barrier_put(same);
	barrier_put(bucket);
	barrier_put(elsewhere);
	barrier_put(other);
	barrier_put(NULL);
}

Test(barrier, waiters_hear_of_it_once_when_it_is_down)
{
	struct store_barrier *barrier = barrier_get(1, 2);
	struct barrier_hold change = {.change = true};
	struct barrier_waiter waiters[3];
	struct evloop *loop;

	cr_assert_eq(evloop_open(&loop, 64), 0);
	for (int i = 0; i < 3; i++)
		waiters[i] = waiter_of(loop);
	cr_assert_not(barrier_wait(barrier, &waiters[0]), "it is down");
	barrier_raise(barrier, &change);
	for (int i = 0; i < 3; i++)
		cr_assert(barrier_wait(barrier, &waiters[i]));
	cr_assert(barrier_cancel(&waiters[1]));
	evloop_turn(loop, false, 0);
	cr_assert_eq(nr_events, 0);
	barrier_lower(barrier, &change);
	cr_assert_not(barrier_cancel(&waiters[2]), "its event is on its way");
	while (nr_events < 2)
		evloop_turn(loop, true, -1);
	evloop_turn(loop, false, 0);
	cr_assert_eq(nr_events, 2);
	barrier_put(barrier);
	evloop_close(loop);
}

/* Newer changes may come all the time. */
Test(barrier, one_that_came_earlier_waits_only_for_older_changes)
{
	struct barrier_hold older = {.change = true, .since_ns = 10};
	struct barrier_hold newer = {.change = true, .since_ns = 20};
	struct store_barrier *barrier = barrier_get(1, 2);
	struct barrier_waiter waiters[2];
	struct evloop *loop;

	cr_assert_eq(evloop_open(&loop, 64), 0);
	waiters[0] = waiters[1] = waiter_of(loop);
	waiters[0].until_ns = 15;
	barrier_raise(barrier, &newer);
	cr_assert_not(barrier_wait(barrier, &waiters[0]), "there is only a newer one");
	barrier_raise(barrier, &older);
	cr_assert(barrier_bars(barrier, 10), "as old as itself");
	cr_assert_not(barrier_bars(barrier, 9));
	cr_assert(barrier_wait(barrier, &waiters[0]));
	cr_assert(barrier_wait(barrier, &waiters[1]));
	barrier_lower(barrier, &older);
	while (!nr_events)
		evloop_turn(loop, true, -1);
	cr_assert_not(barrier_cancel(&waiters[0]));
	cr_assert(barrier_cancel(&waiters[1]), "this one waits for all");
	barrier_lower(barrier, &newer);
	barrier_put(barrier);
	evloop_close(loop);
}

/* The call of a fence that came at this time: what it hears when it is about to change inode 2. */
static int enter_at(struct fence *fence, uint64_t since_ns)
{
	*fence = (struct fence){.since_ns = since_ns};
	fence_begin(fence);
	return fence_enter(&(struct fence_inode){1, 2}, 1);
}

Test(barrier, a_call_waits_only_for_calls_that_came_before_it)
{
	struct fence hung, other;

	cr_assert_eq(enter_at(&hung, 20), 0);
	cr_assert(fence_give_up(&hung));
	cr_assert_eq(enter_at(&other, 25), -ECANCELED);
	cr_assert(other.met);
	cr_assert(barrier_bars(other.met, 25));
	cr_assert_not(fence_end(&other));
	barrier_put(other.met);
	cr_assert_eq(enter_at(&other, 15), 0);
	cr_assert_not(other.met);
	cr_assert_not(fence_end(&other));
	cr_assert(fence_end(&hung));
	cr_assert_not(barrier_any_is_up());
}

struct race {
	struct store_barrier *barrier;
	atomic_uint round;
};

/* Raise and lower the barrier once for each round. */
static void *up_and_down(void *arg)
{
	struct barrier_hold change = {.change = true};
	struct race *race = arg;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		barrier_raise(race->barrier, &change);
		atomic_store(&race->round, i + 1);
		barrier_lower(race->barrier, &change);
	}
	return NULL;
}

/* A lost event would make the loop sleep for ever. */
Test(barrier, a_waiter_is_never_left_behind, .timeout = 300)
{
	struct race race = {.barrier = barrier_get(1, 2)};
	struct barrier_waiter waiter;
	struct evloop *loop;
	pthread_t thread;
	unsigned waited = 0;

	cr_assert_eq(evloop_open(&loop, 64), 0);
	cr_assert_eq(pthread_create(&thread, NULL, up_and_down, &race), 0);
	while (atomic_load(&race.round) < NR_ROUNDS) {
		waiter = waiter_of(loop);
		if (!barrier_wait(race.barrier, &waiter))
			continue;
		waited++;
		while (nr_events < waited)
			evloop_turn(loop, true, -1);
	}
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_not(barrier_is_up(race.barrier));
	barrier_put(race.barrier);
	evloop_close(loop);
}

EACH_STORE(all_handles_of_a_file_share_a_barrier)
{
	struct store_file *one = fixture_create(fixture, "f"),
			  *two = fixture_file(fixture, "f", OPEN_READ, NULL);
	struct store_file *other = fixture_create(fixture, "g");

	cr_assert(one->barrier);
	cr_assert_eq(one->barrier, two->barrier);
	cr_assert_neq(one->barrier, other->barrier);
	fixture_shut(fixture, one);
	cr_assert_not(barrier_is_up(two->barrier));
	fixture_shut(fixture, two);
	fixture_shut(fixture, other);
}

EACH_STORE(a_directory_has_a_barrier)
{
	struct store_file *root = fixture_file(fixture, "", OPEN_READ, NULL);

	cr_assert(root->barrier);
	fixture_shut(fixture, root);
}

POSIX_STORE(a_file_opened_anew_after_a_failed_sync_shares_it_too)
{
	struct store_file *old = fixture_create(fixture, "f"), *new;

	posix_inode_poison(posix_file_of(old)->inode);
	new = fixture_create(fixture, "f");
	cr_assert_neq(posix_file_of(old)->inode, posix_file_of(new)->inode);
	cr_assert_eq(old->barrier, new->barrier);
	fixture_shut(fixture, old);
	fixture_shut(fixture, new);
}

POSIX_STORE(two_exports_of_one_directory_share_it_too)
{
	struct store_file *one = fixture_create(fixture, "f"), *two;
	struct file_attr attr;
	struct store *again;

	cr_assert_eq(store_open(fixture->dir, STORE_UNLOCKED, &again), 0);
	cr_assert_eq(again->ops->open_file(again, NULL, "f", OPEN_READ, 0, &two, &attr), 0);
	cr_assert_eq(one->barrier, two->barrier);
	again->ops->close_file(two);
	again->ops->close_store(again);
	fixture_shut(fixture, one);
}

/*
 * An OPEN with these flags either makes a file or truncates one. If it made one, it has been done,
 * whatever waits then: here a barrier that the new inode has by chance, in place of a call that is
 * given up at this moment.
 */
Test(memory, a_file_that_was_made_is_not_truncated_as_well)
{
	const uint32_t flags = OPEN_READ | OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE;
	struct barrier_hold change = {.change = true};
	struct fence fence = {.since_ns = 1};
	struct store_barrier *barrier;
	struct fixture fixture;
	struct store_file *file;
	uint64_t name[2]; /* of the store and of the inode, which come one after the other */
	int err;

	fixture_open(&fixture, "memory");
	file = fixture_create(&fixture, "first");
	cr_assert_eq(file->persistent_len, sizeof(name));
	memcpy(name, file->persistent, sizeof(name));
	fixture_shut(&fixture, file);
	barrier = barrier_get(name[0], name[1] + 1);
	barrier_raise(barrier, &change);
	fence_begin(&fence);
	file = fixture_file(&fixture, "second", flags, &err);
	cr_assert_eq(err, 0, "%d", err);
	cr_assert_eq(file->barrier, barrier, "this is not the next inode");
	cr_assert_not(fence.met);
	cr_assert_not(fence_end(&fence));
	/* It exists now, so it would be truncated. */
	fence = (struct fence){.since_ns = 1};
	fence_begin(&fence);
	cr_assert_null(fixture_file(&fixture, "second", flags, &err));
	cr_assert_eq(err, -ECANCELED);
	cr_assert(fence.met);
	cr_assert_not(fence_end(&fence));
	barrier_put(fence.met);
	barrier_lower(barrier, &change);
	barrier_put(barrier);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}
