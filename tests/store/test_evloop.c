/* The event loop: nothing lost, nothing twice, order kept, and sleep when there is nothing. */
#include <criterion/criterion.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/store/evloop.h"

#define NR_POSTERS 4
#define NR_POSTS   100000
#define NR_NOPS	   60000
#define NR_WAKES   2000

struct numbered {
	struct ev ev;
	int number, poster;
};

struct poster {
	struct evloop *loop;
	struct numbered *posts;
	pthread_t thread;
};

static int nr_seen;
static int last_seen[NR_POSTERS];

static struct evloop *open_loop(unsigned entries)
{
	struct evloop *loop;

	cr_assert_eq(evloop_open(&loop, entries), 0);
	return loop;
}

static void see(struct ev *ev, int32_t res)
{
	struct numbered *post = (struct numbered *)ev;

	cr_assert_eq(res, post->number);
	cr_assert_eq(post->number, last_seen[post->poster] + 1);
	last_seen[post->poster] = post->number;
	nr_seen++;
}

static void *post_all(void *arg)
{
	struct poster *poster = arg;

	for (int i = 0; i < NR_POSTS; i++) {
		evloop_post(poster->loop, &poster->posts[i].ev, i + 1);
		/* Let the loop fall asleep now and then. */
		if (i % 1000 == 0)
			sched_yield();
	}
	return NULL;
}

Test(evloop, posts_from_four_threads_arrive_once_and_in_order, .timeout = 60)
{
	struct evloop *loop = open_loop(64);
	struct poster posters[NR_POSTERS];

	for (int i = 0; i < NR_POSTERS; i++) {
		posters[i].loop = loop;
		posters[i].posts = calloc(NR_POSTS, sizeof(struct numbered));
		cr_assert(posters[i].posts);
		for (int j = 0; j < NR_POSTS; j++)
			posters[i].posts[j] = (struct numbered){{.fn = see}, j + 1, i};
		cr_assert_eq(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	/* A lost wake-up sleeps for ever. */
	while (nr_seen < NR_POSTERS * NR_POSTS)
		evloop_turn(loop, true, -1);
	for (int i = 0; i < NR_POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		free(posters[i].posts);
	}
	cr_assert_eq(evloop_turn(loop, false, 0), 0);
	evloop_close(loop);
}

/* One post at a time, each only after the one before has run: the loop sleeps before each. */
static void *post_slowly(void *arg)
{
	struct poster *poster = arg;

	for (int i = 0; i < NR_WAKES; i++) {
		evloop_post(poster->loop, &poster->posts[i].ev, i + 1);
		while (__atomic_load_n(&nr_seen, __ATOMIC_ACQUIRE) == i)
			sched_yield();
	}
	return NULL;
}

Test(evloop, a_sleeping_loop_is_woken_by_each_post, .timeout = 60)
{
	struct evloop *loop = open_loop(64);
	struct poster poster = {.loop = loop, .posts = calloc(NR_WAKES, sizeof(struct numbered))};
	int turns = 0;

	for (int i = 0; i < NR_WAKES; i++)
		poster.posts[i] = (struct numbered){{.fn = see}, i + 1, 0};
	cr_assert_eq(pthread_create(&poster.thread, NULL, post_slowly, &poster), 0);
	for (; nr_seen < NR_WAKES; turns++)
		evloop_turn(loop, true, -1);
	pthread_join(poster.thread, NULL);
	free(poster.posts);
	/* A turn per post, and one for a wake-up that came late: a spinning loop needs many more.
	 */
	cr_assert_leq(turns, 2 * NR_WAKES + 100, "%d turns", turns);
	evloop_close(loop);
}

static void count(struct ev *ev, int32_t res)
{
	nr_seen++;
}

static atomic_int stage;

static void *post_when_told(void *arg)
{
	struct poster *poster = arg;

	while (atomic_load(&stage) != 1)
		sched_yield();
	evloop_post(poster->loop, &poster->posts[0].ev, 0);
	atomic_store(&stage, 2);
	return NULL;
}

/* The last callback of a turn, and while it runs another thread posts. */
static void have_it_posted(struct ev *ev, int32_t res)
{
	atomic_store(&stage, 1);
	while (atomic_load(&stage) != 2)
		sched_yield();
}

Test(evloop, a_post_before_falling_asleep_is_not_slept_over, .timeout = 20)
{
	struct evloop *loop = open_loop(64);
	struct ev last = {.fn = have_it_posted};
	struct numbered post = {{.fn = count}, 0, 0};
	struct poster poster = {.loop = loop, .posts = &post};

	cr_assert_eq(pthread_create(&poster.thread, NULL, post_when_told, &poster), 0);
	evloop_defer(loop, &last, 0);
	cr_assert_eq(evloop_turn(loop, true, -1), 1);
	/* The poster saw a loop awake and wrote no wake-up. */
	cr_assert_eq(evloop_turn(loop, true, -1), 1);
	cr_assert_eq(nr_seen, 1);
	pthread_join(poster.thread, NULL);
	evloop_close(loop);
}

Test(evloop, timers_fire_once_and_turns_time_out)
{
	struct evloop *loop = open_loop(8);
	struct __kernel_timespec ts = {.tv_nsec = 30000000};
	struct ev ev = {.fn = count};
	struct io_uring_sqe *sqe;

	cr_assert_eq(evloop_turn(loop, false, -1), 0);
	cr_assert_eq(evloop_turn(loop, true, 0), 0);
	cr_assert_eq(evloop_turn(loop, true, 1), 0);
	cr_assert_eq(evloop_turn(loop, true, 10), 0);
	sqe = evloop_sqe(loop);
	io_uring_prep_timeout(sqe, &ts, 0, 0);
	evloop_bind(sqe, &ev);
	/* Asleep until it fires: one turn, not a thousand. */
	cr_assert_eq(evloop_turn(loop, true, -1), 1);
	cr_assert_eq(nr_seen, 1);
	cr_assert_eq(ev.res, -ETIME);
	cr_assert_eq(evloop_turn(loop, true, 1), 0);
	evloop_close(loop);
}

Test(evloop, a_closed_loop_forgets_what_is_under_way)
{
	struct evloop *loop = open_loop(8);
	struct __kernel_timespec ts = {.tv_sec = 1000};
	struct ev ev = {.fn = count};
	struct io_uring_sqe *sqe = evloop_sqe(loop);

	io_uring_prep_timeout(sqe, &ts, 0, 0);
	evloop_bind(sqe, &ev);
	cr_assert_eq(evloop_turn(loop, true, 1), 0);
	evloop_defer(loop, &ev, 0);
	evloop_close(loop);
	cr_assert_eq(nr_seen, 0);
}

struct chain {
	struct ev ev;
	struct evloop *loop;
	int left;
};

static void defer_again(struct ev *ev, int32_t res)
{
	struct chain *chain = (struct chain *)ev;

	nr_seen++;
	if (--chain->left)
		evloop_defer(chain->loop, ev, 0);
}

Test(evloop, deferred_calls_run_in_order_and_leave_the_turn_bounded)
{
	struct evloop *loop = open_loop(8);
	struct numbered calls[1000];
	struct chain chain = {{.fn = defer_again}, loop, 5};
	int turns = 0;

	for (int i = 0; i < 1000; i++) {
		calls[i] = (struct numbered){{.fn = see}, i + 1, 0};
		evloop_defer(loop, &calls[i].ev, i + 1);
	}
	cr_assert_eq(nr_seen, 0);
	for (; nr_seen < 1000; turns++)
		cr_assert_gt(evloop_turn(loop, true, -1), 0);
	cr_assert_gt(turns, 1);
	/* What a call defers is for the next turn. */
	evloop_defer(loop, &chain.ev, 0);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(evloop_turn(loop, true, -1), 1);
	cr_assert_eq(evloop_turn(loop, false, 0), 0);
	cr_assert_eq(nr_seen, 1005);
	evloop_close(loop);
}

/* Far more than the submission and the completion queue hold, without a turn in between. */
Test(evloop, submissions_beyond_both_queues_all_complete_once, .timeout = 60)
{
	struct evloop *loop = open_loop(8);
	struct numbered *nops = calloc(NR_NOPS, sizeof(*nops));

	cr_assert(nops);
	for (int i = 0; i < NR_NOPS; i++) {
		struct io_uring_sqe *sqe = evloop_sqe(loop);

		nops[i].ev.fn = count;
		io_uring_prep_nop(sqe);
		evloop_bind(sqe, &nops[i].ev);
	}
	while (nr_seen < NR_NOPS)
		cr_assert_gt(evloop_turn(loop, true, -1), 0);
	cr_assert_eq(evloop_turn(loop, false, 0), 0);
	cr_assert_eq(nr_seen, NR_NOPS);
	free(nops);
	evloop_close(loop);
}

Test(evloop, an_unbound_entry_calls_nobody)
{
	struct evloop *loop = open_loop(8);
	struct ev ev = {.fn = count};

	/* Bound ones first, so that their traces are in every entry of the ring. */
	for (int i = 0; i < 16; i++) {
		struct io_uring_sqe *sqe = evloop_sqe(loop);

		io_uring_prep_nop(sqe);
		evloop_bind(sqe, &ev);
		cr_assert_eq(evloop_turn(loop, true, -1), 1);
	}
	for (int i = 0; i < 16; i++) {
		io_uring_prep_nop(evloop_sqe(loop));
		cr_assert_eq(evloop_turn(loop, false, 0), 0);
	}
	cr_assert_eq(nr_seen, 16);
	evloop_close(loop);
}

Test(evloop, memory_is_registered_once)
{
	struct evloop *loop = open_loop(8);
	char *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int first, second;

	cr_assert_neq(memory, MAP_FAILED);
	first = evloop_register(loop, memory, 1 << 19);
	cr_assert_geq(first, 0);
	cr_assert_eq(evloop_register(loop, memory, 1 << 19), first);
	second = evloop_register(loop, memory + (1 << 19), 1 << 19);
	cr_assert_geq(second, 0);
	cr_assert_neq(second, first);
	cr_assert_eq(evloop_register(loop, memory, 1 << 19), first);
	cr_assert_lt(evloop_register(loop, NULL, 1 << 19), 0);
	/* A failure leaves no trace. */
	cr_assert_eq(evloop_register(loop, memory + (1 << 19), 1 << 19), second);
	evloop_close(loop);
	munmap(memory, 1 << 20);
}

static void *run_elsewhere(void *arg)
{
	struct evloop *loop = arg;
	struct numbered nop = {{.fn = count}, 0, 0};
	struct io_uring_sqe *sqe = evloop_sqe(loop);

	io_uring_prep_nop(sqe);
	evloop_bind(sqe, &nop.ev);
	while (!nr_seen)
		evloop_turn(loop, true, -1);
	return NULL;
}

Test(evloop, the_thread_of_the_first_turn_owns_the_loop)
{
	struct evloop *loop = open_loop(8);
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, run_elsewhere, loop), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(nr_seen, 1);
	evloop_close(loop);
}
