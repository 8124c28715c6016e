/* Several threads in wait_for_ios on one ring, each with a `min` of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { LEN = 1000, NR_WAITERS = 4, MOST = 8, LOOKS = 1000, SEEN_MAX = 1 << 16 };

struct bench {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
	long next;		   /* I/Os prepared */
	atomic_int reaped, living; /* completions; waiters that go on */
	atomic_char seen[SEEN_MAX];
};

struct waiter {
	struct bench *bench;
	pthread_t thread;
	int min, room, calls, got;
};

static void bench_open(struct bench *b, int entries)
{
	file_make("source", 1, 1 << 16);
	b->fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&b->ior, NULL, true, entries);
	iov_make(&b->iov, NULL, LEN);
	b->next = 0;
	b->reaped = b->living = 0;
}

static void bench_close(struct bench *b)
{
	hf3fs_iordestroy(&b->ior);
	hf3fs_iovdestroy(&b->iov);
	file_unreg(b->fd);
}

/* Prepare and submit as many as there are slots for, at most n. */
static int feed(struct bench *b, int n)
{
	int fed = 0, slot;

	while (fed < n) {
		must(b->next < SEEN_MAX, "more I/Os than the test remembers");
		slot = hf3fs_prep_io(&b->ior, &b->iov, true, b->iov.base, b->fd,
				     b->next * 37 % 30000, LEN, (void *)b->next);
		if (slot == -EAGAIN)
			break;
		must(slot >= 0, "prep: %d", slot);
		b->next++;
		fed++;
	}
	ring_submit(&b->ior);
	return fed;
}

static int take(struct bench *b, int room, int min, const struct timespec *deadline)
{
	struct hf3fs_cqe cqes[MOST];
	int n = hf3fs_wait_for_ios(&b->ior, cqes, room, min, deadline);

	for (int i = 0; i < n; i++) {
		long io = (long)cqes[i].userdata;

		must(cqes[i].result == LEN, "result %ld", (long)cqes[i].result);
		must(!i || io > (long)cqes[i - 1].userdata, "out of order");
		must(!atomic_exchange(&b->seen[io], 1), "I/O %ld completed twice", io);
	}
	if (n > 0)
		atomic_fetch_add(&b->reaped, n);
	return n;
}

/* Without a deadline: fewer than min is never an answer. */
static void *wait_often(void *arg)
{
	struct waiter *w = arg;

	for (int i = 0; i < w->calls; i++) {
		w->got = take(w->bench, w->room, w->min, NULL);
		must(w->got >= w->min && w->got <= w->room, "%d for %d to %d", w->got, w->min,
		     w->room);
	}
	atomic_fetch_sub(&w->bench->living, 1);
	return NULL;
}

static void waiter_start(struct waiter *w, struct bench *b, int min, int room, int calls)
{
	*w = (struct waiter){.bench = b, .min = min, .room = room, .calls = calls};
	atomic_fetch_add(&b->living, 1);
	cr_assert_eq(pthread_create(&w->thread, NULL, wait_often, w), 0);
}

/* The sum of what they want is what there will be, so that each must get its exact part. */
E2E(waiters, each_gets_what_it_asked_for)
{
	static struct bench b;
	struct waiter w[NR_WAITERS];

	bench_open(&b, 10);
	for (int round = 0; round < full_or_quick(300, 20); round++) {
		for (int i = 0; i < NR_WAITERS; i++)
			waiter_start(&w[i], &b, i + 1, i + 1, 1);
		for (int fed = 0; fed < 10;)
			fed += feed(&b, round % 10 + 1 < 10 - fed ? round % 10 + 1 : 10 - fed);
		for (int i = 0; i < NR_WAITERS; i++)
			pthread_join(w[i].thread, NULL);
		cr_assert_eq(b.reaped, b.next);
	}
	bench_close(&b);
}

/*
 * Two want two each and three are there: one gets its two, and the third is not kept by the other,
 * who could do nothing with it: whoever asks for one gets it.
 */
E2E(waiters, none_keeps_what_is_not_enough_for_it)
{
	static struct bench b;
	struct waiter w[2];

	for (int entries = 3; entries <= 8; entries += 5) {
		bench_open(&b, entries);
		memset(b.seen, 0, sizeof(b.seen));
		for (int round = 0; round < full_or_quick(200, 20); round++) {
			for (int i = 0; i < 2; i++)
				waiter_start(&w[i], &b, 2, 2, 1);
			cr_assert_eq(feed(&b, 3), 3);
			while (atomic_load(&b.living) == 2)
				nap_ms(0);
			cr_assert_eq(take(&b, MOST, 1, NULL), 1);
			cr_assert_eq(feed(&b, 2), 2);
			for (int i = 0; i < 2; i++)
				pthread_join(w[i].thread, NULL);
			cr_assert_eq(b.reaped, b.next);
		}
		bench_close(&b);
	}
}

/*
 * While one prepares, four wait with different demands and one only looks. Its looks are counted:
 * it is never asleep, and may be quicker than the waiters for as long as it takes what they wait
 * for, so that there would be no bound for the number of I/Os.
 */
E2E(waiters, get_each_completion_once)
{
	static struct bench b;
	struct waiter w[NR_WAITERS];

	bench_open(&b, 32);
	for (int i = 0; i < NR_WAITERS; i++)
		waiter_start(&w[i], &b, 1 + 2 * i, MOST, full_or_quick(1000, 50));
	for (int i = 0; atomic_load(&b.living); i++) {
		feed(&b, 7);
		if (!(i % 8) && i / 8 < LOOKS)
			take(&b, 1, 0, NULL);
	}
	for (int i = 0; i < NR_WAITERS; i++)
		pthread_join(w[i].thread, NULL);
	while (b.reaped < b.next)
		take(&b, MOST, 1, NULL);
	for (long i = 0; i < b.next; i++)
		cr_assert(b.seen[i], "I/O %ld is missing", i);
	bench_close(&b);
}

static void *wait_in_vain(void *arg)
{
	struct bench *b = arg;
	struct hf3fs_cqe cqe;

	must(hf3fs_wait_for_ios(&b->ior, &cqe, 1, 1, NULL) == -EINVAL, "an end");
	return NULL;
}

E2E(waiters, are_let_go_when_the_ring_is_destroyed)
{
	pthread_t threads[NR_WAITERS];
	static struct bench b;

	bench_open(&b, 4);
	for (int i = 0; i < NR_WAITERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, wait_in_vain, &b), 0);
	hf3fs_iordestroy(&b.ior);
	for (int i = 0; i < NR_WAITERS; i++)
		pthread_join(threads[i], NULL);
	bench_close(&b);
}
