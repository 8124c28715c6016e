/* Priorities of rings that share a connection, told from the order in which I/Os are done. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { DEPTH = 512, SMALL = 4096 };

struct lane {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
	uint64_t len;
};

static void lane_open(struct lane *lane, const char *mount, const char *url, int priority,
		      uint64_t len)
{
	lane->len = len;
	lane->fd = file_reg(url, O_RDONLY);
	cr_assert_eq(hf3fs_iorcreate3(&lane->ior, mount, DEPTH, true, 0, priority, 0, -1), 0);
	cr_assert_eq(lane->ior.priority, priority);
	iov_make(&lane->iov, mount, len);
}

static void lane_close(struct lane *lane)
{
	hf3fs_iordestroy(&lane->ior);
	hf3fs_iovdestroy(&lane->iov);
	file_unreg(lane->fd);
}

static void submit(struct lane *lane, int n)
{
	for (int i = 0; i < n; i++)
		ring_prep(&lane->ior, &lane->iov, lane->iov.base, lane->fd, 0, lane->len, NULL);
	ring_submit(&lane->ior);
}

/* A thread that keeps DEPTH large reads under way until it is told to stop. */
struct backlog {
	struct lane lane;
	pthread_t thread;
	atomic_bool stop;
	atomic_int done;
};

static void *keep_busy(void *arg)
{
	struct hf3fs_cqe cqes[DEPTH];
	struct backlog *backlog = arg;
	int under_way = DEPTH, n;

	submit(&backlog->lane, DEPTH);
	while (under_way) {
		n = hf3fs_wait_for_ios(&backlog->lane.ior, cqes, DEPTH, 1, NULL);
		must(n > 0, "wait: %d", n);
		for (int i = 0; i < n; i++)
			must(cqes[i].result == (int64_t)backlog->lane.len, "%ld",
			     (long)cqes[i].result);
		atomic_fetch_add(&backlog->done, n);
		under_way -= n;
		if (!atomic_load(&backlog->stop)) {
			submit(&backlog->lane, n);
			under_way += n;
		}
	}
	return NULL;
}

static void backlog_start(struct backlog *backlog, int priority)
{
	uint64_t len = full_or_quick(256 << 10, 32 << 10);

	backlog->stop = false;
	backlog->done = 0;
	file_make("source", 1, len);
	lane_open(&backlog->lane, e2e_mount, url_of("source"), priority, len);
	cr_assert_eq(pthread_create(&backlog->thread, NULL, keep_busy, backlog), 0);
	while (!atomic_load(&backlog->done))
		nap_ms(1);
}

static void backlog_stop(struct backlog *backlog)
{
	atomic_store(&backlog->stop, true);
	pthread_join(backlog->thread, NULL);
	lane_close(&backlog->lane);
}

/*
 * How many of DEPTH waiting I/Os of one ring are done before one that was submitted after them, at
 * best: whoever measures may be late to notice, and more often than not is.
 */
static int fewest_before(int late, int early)
{
	int fewest = INT_MAX;
	struct backlog backlog;
	struct lane lane;

	backlog_start(&backlog, late);
	lane_open(&lane, e2e_mount, url_of("source"), early, SMALL);
	for (int i = 0; i < full_or_quick(20, 6); i++) {
		int before = atomic_load(&backlog.done), n;

		cr_assert_eq(ring_io(&lane.ior, &lane.iov, lane.iov.base, lane.fd, 0, SMALL),
			     SMALL);
		n = atomic_load(&backlog.done) - before;
		if (n < fewest)
			fewest = n;
	}
	lane_close(&lane);
	backlog_stop(&backlog);
	return fewest;
}

E2E(priority, high_goes_before_low)
{
	cr_assert_lt(fewest_before(1, -1), DEPTH / 2);
}

E2E(priority, high_goes_before_normal)
{
	cr_assert_lt(fewest_before(0, -100), DEPTH / 2);
}

E2E(priority, normal_goes_before_low)
{
	cr_assert_lt(fewest_before(100, 0), DEPTH / 2);
}

E2E(priority, is_a_matter_of_the_sign)
{
	cr_assert_lt(fewest_before(INT_MAX, INT_MIN), DEPTH / 2);
}

/* High never runs out of work, and low gets its own done all the same; else this never ends. */
static void expect_no_starvation(int high, int low)
{
	enum { N = 32 };
	struct hf3fs_cqe cqes[N];
	struct backlog backlog;
	struct lane lane;

	backlog_start(&backlog, high);
	lane_open(&lane, e2e_mount, url_of("source"), low, SMALL);
	submit(&lane, N);
	ring_wait(&lane.ior, cqes, N);
	for (int i = 0; i < N; i++)
		cr_assert_eq(cqes[i].result, SMALL);
	lane_close(&lane);
	backlog_stop(&backlog);
}

E2E(priority, low_does_not_starve_under_high)
{
	expect_no_starvation(-1, 1);
}

E2E(priority, low_does_not_starve_under_normal)
{
	expect_no_starvation(0, 1);
}

/*
 * A store that fails its last reads tells whose they were. The server stands still until all are
 * before it; the less urgent ones came first.
 */
static void expect_last(int late, int early)
{
	enum { N = 300, WARM = 2, LAST = 16 };
	char rules[LAST * 16] = "", dir[500], export[1000], mount[256], url[300], buf[SMALL];
	struct lane lanes[2];
	struct server server;
	FILE *file;

	e2e_needs_server_process();
	for (int i = 0; i < LAST; i++)
		sprintf(rules + strlen(rules), "%sread.eio=#%d", i ? "," : "",
			WARM + 2 * N - LAST + 1 + i);
	snprintf(dir, sizeof(dir), "%s/last", e2e_scratch);
	cr_assert_eq(mkdir(dir, 0755), 0);
	snprintf(export, sizeof(export), "f=fault:%s:%s", rules, dir);
	snprintf(url, sizeof(url), "%.290s/file", dir);
	file = fopen(url, "we");
	pattern_fill(buf, SMALL, 1, 0);
	cr_assert(file && fwrite(buf, SMALL, 1, file) == 1 && !fclose(file));
	server_start(&server, NULL, export, NULL);
	snprintf(mount, sizeof(mount), "%s/f", server.addr);
	snprintf(url, sizeof(url), "%s/file", mount);
	for (int i = 0; i < 2; i++) {
		lane_open(&lanes[i], mount, url, i ? early : late, SMALL);
		cr_assert_eq(ring_io(&lanes[i].ior, &lanes[i].iov, lanes[i].iov.base, lanes[i].fd,
				     0, SMALL),
			     SMALL);
	}
	server_pause(&server);
	submit(&lanes[0], N);
	submit(&lanes[1], N);
	server_signal(&server, SIGCONT);
	for (int i = 1; i >= 0; i--) {
		struct hf3fs_cqe cqes[N];
		int failed = 0;

		ring_wait(&lanes[i].ior, cqes, N);
		for (int k = 0; k < N; k++)
			failed += cqes[k].result == -EIO;
		cr_assert_eq(failed, i ? 0 : LAST, "%d of priority %d", failed,
			     lanes[i].ior.priority);
		lane_close(&lanes[i]);
	}
	server_stop(&server);
}

E2E(priority, the_store_sees_low_after_high)
{
	expect_last(1, -1);
}

E2E(priority, the_store_sees_low_after_normal)
{
	expect_last(1, 0);
}

E2E(priority, the_store_sees_normal_after_high)
{
	expect_last(0, -1);
}
