/* usrbio_ring_fd: the descriptor of a ring that is readable while completions wait. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { LEN = 512, DEPTH = 8 };

struct bench {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd, ready;
};

static void bench_open(struct bench *b, bool for_read, int entries)
{
	file_make("source", 1, 1 << 16);
	b->fd = file_reg(url_of("source"), O_RDWR);
	ring_make(&b->ior, NULL, for_read, entries);
	iov_make(&b->iov, NULL, (size_t)DEPTH * LEN);
	b->ready = usrbio_ring_fd(&b->ior);
	cr_assert_geq(b->ready, 0, "%d", b->ready);
}

static void bench_close(struct bench *b)
{
	hf3fs_iordestroy(&b->ior);
	hf3fs_iovdestroy(&b->iov);
	file_unreg(b->fd);
}

static bool readable(int fd, int ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int n = poll(&poller, 1, ms);

	must(n >= 0 && !(poller.revents & ~POLLIN), "poll: %d, %x", n, poller.revents);
	return n;
}

static void start(struct bench *b, int n)
{
	for (int i = 0; i < n; i++)
		ring_prep(&b->ior, &b->iov, b->iov.base + (size_t)i * LEN, b->fd, (uint64_t)i * LEN,
			  LEN, NULL);
	ring_submit(&b->ior);
}

static int collect(struct bench *b, int max)
{
	struct hf3fs_cqe cqes[DEPTH];
	int n = hf3fs_wait_for_ios(&b->ior, cqes, max, 0, NULL);

	for (int i = 0; i < n; i++)
		must(cqes[i].result == LEN, "result %ld", (long)cqes[i].result);
	return n;
}

E2E(ringfd, readable_from_the_first_completion_until_all_are_collected)
{
	struct bench b;

	bench_open(&b, true, DEPTH);
	cr_assert_not(readable(b.ready, 0));
	cr_assert_eq(usrbio_ring_fd(&b.ior), b.ready);
	start(&b, DEPTH);
	for (int left = DEPTH; left; left--) {
		cr_assert(readable(b.ready, -1));
		while (!collect(&b, 1))
			cr_assert(readable(b.ready, -1));
	}
	while (readable(b.ready, 0))
		cr_assert_eq(collect(&b, DEPTH), 0);
	bench_close(&b);
}

/* An I/O without memory is complete when it has been submitted: before there is a descriptor. */
E2E(ringfd, a_late_descriptor_is_readable_at_once)
{
	struct hf3fs_cqe cqes[DEPTH];
	struct hf3fs_iov gone;
	struct bench b;

	bench_open(&b, true, DEPTH);
	hf3fs_iordestroy(&b.ior);
	ring_make(&b.ior, NULL, true, DEPTH);
	iov_make(&gone, NULL, LEN);
	ring_prep(&b.ior, &gone, gone.base, b.fd, 0, LEN, NULL);
	hf3fs_iovdestroy(&gone);
	ring_submit(&b.ior);
	b.ready = usrbio_ring_fd(&b.ior);
	cr_assert(readable(b.ready, 0));
	cr_assert_eq(hf3fs_wait_for_ios(&b.ior, cqes, DEPTH, 0, NULL), 1);
	cr_assert_lt(cqes[0].result, 0);
	cr_assert_not(readable(b.ready, 0));
	start(&b, 1);
	cr_assert(readable(b.ready, -1));
	bench_close(&b);
}

/*
 * A program that sleeps in epoll only and collects a few at a time never sleeps while something
 * waits. With a lost wake-up this ends at the time limit of the test.
 */
static void alternate(struct bench *b, unsigned rounds)
{
	struct epoll_event event = {.events = EPOLLIN};
	int poller = epoll_create1(EPOLL_CLOEXEC), under_way = 0;

	must(poller >= 0 && !epoll_ctl(poller, EPOLL_CTL_ADD, b->ready, &event), "epoll");
	for (unsigned i = 0; i < rounds;) {
		int n = (int)(i * 7 % (unsigned)(DEPTH - under_way)) + (under_way == 0);

		start(b, n);
		under_way += n;
		must(epoll_wait(poller, &event, 1, -1) == 1, "epoll_wait");
		n = collect(b, 1 + (int)(i % 3));
		under_way -= n;
		i += (unsigned)n;
	}
	while (under_way) {
		must(epoll_wait(poller, &event, 1, -1) == 1, "epoll_wait");
		under_way -= collect(b, DEPTH);
	}
	close(poller);
}

E2E(ringfd, no_wake_up_is_lost)
{
	struct bench b;

	bench_open(&b, true, DEPTH);
	alternate(&b, full_or_quick(20000, 2000));
	bench_close(&b);
	bench_open(&b, false, DEPTH);
	alternate(&b, full_or_quick(5000, 500));
	bench_close(&b);
}

struct collector {
	struct bench *bench;
	pthread_t thread;
	atomic_int *left;
};

static void *collect_all(void *arg)
{
	const struct collector *c = arg;

	while (atomic_load(c->left) > 0) {
		readable(c->bench->ready, 10); /* the other thread may collect the last ones */
		atomic_fetch_sub(c->left, collect(c->bench, 2));
	}
	return NULL;
}

/* Both wake up and collect; a third one waits in the library. */
E2E(ringfd, several_threads_collect)
{
	const int n = (int)full_or_quick(5000, 500);
	struct collector collectors[2];
	struct bench b;

	bench_open(&b, true, DEPTH);
	for (int round = 0; round < n; round++) {
		atomic_int left = DEPTH;

		start(&b, DEPTH);
		if (round % 50) {
			while (left > 0 && readable(b.ready, -1))
				left -= collect(&b, DEPTH);
			continue;
		}
		for (int i = 0; i < 2; i++) {
			collectors[i] = (struct collector){.bench = &b, .left = &left};
			must(!pthread_create(&collectors[i].thread, NULL, collect_all,
					     &collectors[i]),
			     "thread");
		}
		for (int i = 0; i < 2; i++)
			pthread_join(collectors[i].thread, NULL);
		cr_assert_eq(left, 0);
	}
	bench_close(&b);
}

/* I/Os that end because their time is over wake the program, too. */
E2E(ringfd, errors_are_completions)
{
	struct hf3fs_cqe cqes[DEPTH];
	struct bench b;

	bench_open(&b, true, DEPTH);
	file_unreg(b.fd);
	b.fd = file_reg(url_of("source"), O_RDONLY);
	ring_prep(&b.ior, &b.iov, b.iov.base, b.fd, 1 << 20, LEN, NULL);
	ring_submit(&b.ior);
	cr_assert(readable(b.ready, -1));
	cr_assert_eq(hf3fs_wait_for_ios(&b.ior, cqes, DEPTH, 1, NULL), 1);
	cr_assert_eq(cqes[0].result, 0); /* beyond the end of the file */
	bench_close(&b);
}

E2E(ringfd, its_end_and_what_is_refused)
{
	struct hf3fs_ior copy;
	struct rlimit limit, none;
	struct bench b;
	int fd;

	bench_open(&b, true, DEPTH);
	copy = b.ior;
	fd = b.ready;
	bench_close(&b);
	cr_assert_eq(fcntl(fd, F_GETFD), -1);
	cr_assert_eq(usrbio_ring_fd(&copy), -EINVAL);
	cr_assert_eq(usrbio_ring_fd(NULL), -EINVAL);
	ring_make(&b.ior, NULL, true, DEPTH);
	must(!getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	must(!setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
	cr_assert_eq(usrbio_ring_fd(&b.ior), -EMFILE);
	must(!setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	cr_assert_geq(usrbio_ring_fd(&b.ior), 0);
	hf3fs_iordestroy(&b.ior);
}
