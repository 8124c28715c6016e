/* What is sent at once, and what wait_for_ios returns when. io_depth at length: depth_test.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

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

/* The server stands still: a wait ends with its deadline, the I/O does not. */
E2E(batch, a_late_io_surfaces_later)
{
	struct bench b;

	e2e_needs_server_process();
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
