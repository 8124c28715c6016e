/* io_depth, and what wait_for_ios returns when. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "tests/e2e/harness.h"
#include "tests/e2e/io.h"
#include "tests/e2e/pattern.h"

enum { ENTRIES = 32, LEN = 512, SHORT_MS = 100 };

struct bench {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	struct hf3fs_cqe cqes[ENTRIES];
	int fd;
	long next;
};

static void bench_open(struct bench *b, int io_depth, int timeout)
{
	file_make("source", 1, 1 << 20);
	b->fd = file_reg(url_of("source"), O_RDONLY);
	b->next = 0;
	cr_assert_eq(hf3fs_iorcreate3(&b->ior, e2e_mount, ENTRIES, true, io_depth, 0, timeout, -1),
		     0);
	cr_assert_eq(b->ior.io_depth, io_depth);
	iov_make(&b->iov, NULL, ENTRIES * LEN);
}

static void bench_close(struct bench *b)
{
	file_unreg(b->fd);
	hf3fs_iordestroy(&b->ior);
	hf3fs_iovdestroy(&b->iov);
}

static void prep(struct bench *b, int n)
{
	for (; n; n--, b->next++)
		ring_prep(&b->ior, &b->iov, b->iov.base + b->next % ENTRIES * LEN, b->fd,
			  b->next * LEN, LEN, (void *)b->next);
}

/* Wait for at least `min`, at most `room`, for ms milliseconds, or (ms < 0) for ever. */
static int collect(struct bench *b, int room, int min, int ms)
{
	struct timespec deadline = deadline_in(ms < 0 ? 0 : ms);

	return hf3fs_wait_for_ios(&b->ior, b->cqes, room, min, ms < 0 ? NULL : &deadline);
}

static void expect_results(struct bench *b, long first, int n)
{
	for (int i = 0; i < n; i++) {
		cr_assert_eq(b->cqes[i].userdata, (void *)(first + i));
		cr_assert_eq(b->cqes[i].result, LEN);
	}
}

E2E(batch, depth_0_sends_everything)
{
	struct bench b;

	bench_open(&b, 0, 0);
	prep(&b, 5);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 5, -1), 5);
	expect_results(&b, 0, 5);
	ring_submit(&b.ior); /* nothing to send is fine */
	bench_close(&b);
}

E2E(batch, positive_depth_keeps_a_remainder)
{
	struct bench b;

	bench_open(&b, 4, 0);
	prep(&b, 3);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 1, SHORT_MS), 0, "a part of a batch was sent");
	prep(&b, 3);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 4, -1), 4);
	expect_results(&b, 0, 4);
	cr_assert_eq(collect(&b, ENTRIES, 1, SHORT_MS), 0, "the remainder was sent");
	prep(&b, 2);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 4, -1), 4);
	expect_results(&b, 4, 4);
	prep(&b, 13);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 12, -1), 12);
	expect_results(&b, 8, 12);
	/* With one of them still waiting for company. */
	bench_close(&b);
}

E2E(batch, negative_depth_sends_all_without_timeout)
{
	struct bench b;

	bench_open(&b, -4, 0);
	prep(&b, 11);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 11, -1), 11);
	expect_results(&b, 0, 11);
	bench_close(&b);
}

E2E(batch, negative_depth_sends_a_part_after_its_timeout)
{
	struct bench b;

	bench_open(&b, -8, 30);
	prep(&b, 3);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 3, -1), 3);
	expect_results(&b, 0, 3);
	/* Nobody waits while the time runs out. */
	prep(&b, 2);
	ring_submit(&b.ior);
	nap_ms(200);
	cr_assert_eq(collect(&b, ENTRIES, 2, -1), 2);
	bench_close(&b);
}

E2E(batch, negative_depth_sends_full_batches_at_once)
{
	struct bench b;

	bench_open(&b, -8, 3600 * 1000);
	prep(&b, 3);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 1, SHORT_MS), 0, "an hour is not over");
	prep(&b, 5);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 8, -1), 8);
	expect_results(&b, 0, 8);
	prep(&b, 1);
	ring_submit(&b.ior);
	bench_close(&b);
}

E2E(batch, min_results)
{
	struct bench b;
	int n, got;

	bench_open(&b, 0, 0);
	cr_assert_eq(collect(&b, ENTRIES, 0, -1), 0, "min 0 only looks");
	cr_assert_eq(collect(&b, ENTRIES, -5, -1), 0);
	prep(&b, 10);
	ring_submit(&b.ior);
	n = collect(&b, 4, 100, -1); /* clamped to the room */
	cr_assert_eq(n, 4);
	n = collect(&b, 2, 2, -1);
	cr_assert_eq(n, 2);
	for (n = 6; n < 10; n += got) {
		got = collect(&b, ENTRIES, 1, -1);
		cr_assert_geq(got, 1);
	}
	cr_assert_eq(n, 10);
	cr_assert_eq(collect(&b, ENTRIES, 1, 0), 0);
	/* Only looking finds them in the end. */
	prep(&b, 10);
	ring_submit(&b.ior);
	for (n = 0; n < 10; n += got) {
		got = collect(&b, ENTRIES, 0, -1);
		cr_assert_geq(got, 0);
	}
	cr_assert_eq(n, 10);
	bench_close(&b);
}

E2E(batch, arguments_of_wait)
{
	struct hf3fs_ior none = {.iorh = NULL};
	struct bench b;

	bench_open(&b, 0, 0);
	cr_assert_eq(collect(&b, 0, 0, 0), -EINVAL);
	cr_assert_eq(collect(&b, -1, 0, 0), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(NULL, b.cqes, 1, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(&none, b.cqes, 1, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_submit_ios(NULL), -EINVAL);
	cr_assert_eq(hf3fs_submit_ios(&none), -EINVAL);
	bench_close(&b);
}

E2E(batch, odd_deadlines)
{
	struct timespec odd[] = {{0, 0}, {1, 0}, {0, 2000000000}, {-5, 0}, {5, 999999999}};
	struct timespec nanoseconds = deadline_in(0);
	struct bench b;

	bench_open(&b, 0, 0);
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		cr_assert_eq(hf3fs_wait_for_ios(&b.ior, b.cqes, 4, 4, &odd[i]), 0);
	prep(&b, 4);
	ring_submit(&b.ior);
	/* An hour from now, all of it in nanoseconds. */
	nanoseconds.tv_nsec += 3600 * 1000000000L;
	cr_assert_eq(hf3fs_wait_for_ios(&b.ior, b.cqes, 4, 4, &nanoseconds), 4);
	expect_results(&b, 0, 4);
	bench_close(&b);
}

/* What is there is handed out even when the time is up. */
E2E(batch, ready_ones_come_before_the_deadline_counts)
{
	struct timespec past = {1, 0};
	int got = 0;
	struct bench b;

	bench_open(&b, 0, 0);
	prep(&b, 6);
	ring_submit(&b.ior);
	while (!got) {
		got = hf3fs_wait_for_ios(&b.ior, b.cqes, ENTRIES, 6, &past);
		cr_assert_geq(got, 0);
	}
	while (got < 6) {
		int more = hf3fs_wait_for_ios(&b.ior, b.cqes, ENTRIES, 6, &past);

		cr_assert_geq(more, 0);
		got += more;
	}
	cr_assert_eq(got, 6);
	bench_close(&b);
}

/* The server stands still: a wait ends with its deadline, the I/O does not. */
E2E(batch, a_late_io_surfaces_later)
{
	struct bench b;

	e2e_needs_local_server();
	bench_open(&b, 0, 0);
	cr_assert_eq(ring_io(&b.ior, &b.iov, b.iov.base, b.fd, 0, LEN), LEN);
	server_pause(&e2e_server);
	prep(&b, 7);
	ring_submit(&b.ior);
	cr_assert_eq(collect(&b, ENTRIES, 7, SHORT_MS), 0);
	cr_assert_eq(collect(&b, ENTRIES, 1, SHORT_MS), 0);
	cr_assert_eq(collect(&b, ENTRIES, 0, -1), 0);
	server_signal(&e2e_server, SIGCONT);
	cr_assert_eq(collect(&b, ENTRIES, 7, -1), 7);
	expect_results(&b, 0, 7);
	cr_assert_eq(pattern_diff(b.iov.base, 7 * LEN, 1, 0), -1);
	bench_close(&b);
}

static void nothing(int sig)
{
}

/* Signals do not show in a wait: not as -EINTR, not as an early return. */
E2E(batch, signals_do_not_show)
{
	struct sigaction sa = {.sa_handler = nothing};
	pid_t pid, self = getpid();
	struct bench b;

	e2e_needs_local_server();
	bench_open(&b, 0, 0);
	cr_assert_eq(ring_io(&b.ior, &b.iov, b.iov.base, b.fd, 0, LEN), LEN);
	cr_assert_eq(sigaction(SIGUSR1, &sa, NULL), 0);
	server_pause(&e2e_server);
	prep(&b, 3);
	ring_submit(&b.ior);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 50; i++) {
			kill(self, SIGUSR1);
			nap_ms(4);
		}
		kill(e2e_server.process.pid, SIGCONT);
		_exit(0);
	}
	cr_assert_eq(collect(&b, ENTRIES, 3, -1), 3);
	expect_results(&b, 0, 3);
	bench_close(&b);
}
