/*
 * Threads that end by pthread_cancel inside the library: wherever that strikes, others go on, and
 * every completion is collected once. Also by programs that are cancelled at any instruction.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { LEN = 1000, NR_THREADS = 8, MOST = 6, ENTRIES = 32, SEEN_MAX = 1 << 20 };

static struct scene {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
	long next; /* I/Os prepared */
	atomic_long reaped;
	atomic_char seen[SEEN_MAX];
	bool any_instruction;
} scene;

static void scene_open(void)
{
	file_make("source", 1, 1 << 16);
	scene.fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&scene.ior, NULL, true, ENTRIES);
	iov_make(&scene.iov, NULL, LEN);
}

static void scene_close(void)
{
	hf3fs_iordestroy(&scene.ior);
	hf3fs_iovdestroy(&scene.iov);
	file_unreg(scene.fd);
}

static int feed(int n)
{
	int fed = 0, slot;

	for (; fed < n && scene.next < SEEN_MAX; fed++, scene.next++) {
		slot = hf3fs_prep_io(&scene.ior, &scene.iov, true, scene.iov.base, scene.fd,
				     (size_t)scene.next * 37 % 30000, LEN, (void *)scene.next);
		if (slot == -EAGAIN)
			break;
		must(slot >= 0, "prep: %d", slot);
	}
	ring_submit(&scene.ior);
	return fed;
}

/* No cancellation point between the library's return and the count. */
static int take(int room, int min, const struct timespec *until)
{
	struct hf3fs_cqe cqes[MOST];
	int n = hf3fs_wait_for_ios(&scene.ior, cqes, room, min, until);

	must(n >= (until ? 0 : min), "wait: %d", n);
	for (int i = 0; i < n; i++) {
		must(cqes[i].result == LEN, "result %ld", (long)cqes[i].result);
		must(!atomic_exchange(&scene.seen[(long)cqes[i].userdata], 1), "seen twice");
	}
	atomic_fetch_add(&scene.reaped, n);
	return n;
}

/* At any instruction a thread cannot say what it has collected, so those do nothing but wait. */
static void *wait_on_and_on(void *arg)
{
	int min = 1 + (int)(intptr_t)arg % MOST;
	struct timespec until = deadline_in(3600 * 1000);

	if (scene.any_instruction)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;)
		take(min > 3 ? MOST : min, min, min % 2 ? NULL : &until);
	return NULL;
}

static void expect_cancelled(pthread_t thread)
{
	void *result;

	cr_assert_eq(pthread_cancel(thread), 0);
	cr_assert_eq(pthread_join(thread, &result), 0);
	cr_assert_eq(result, PTHREAD_CANCELED);
}

/* The mount, the ring and the connection are as usable as before. */
static void expect_well(void)
{
	struct usrbio_stat st;

	cr_assert_eq(usrbio_stat(url_of("source"), &st), 0);
	while (scene.reaped < scene.next)
		take(1, 1, NULL);
	cr_assert_eq(feed(3), 3);
	for (int left = 3; left;)
		left -= take(left, left, NULL);
	for (long i = 0; i < scene.next; i++)
		cr_assert(scene.seen[i], "I/O %ld is missing", i);
}

/* One leads, the others follow; all wait for what nobody prepares. */
static void cancel_sleepers(void)
{
	pthread_t threads[NR_THREADS];

	for (intptr_t first = 0; first < NR_THREADS; first++) {
		for (intptr_t i = 0; i < NR_THREADS; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, wait_on_and_on, (void *)i),
				     0);
		nap_ms(2); /* most of them sleep by now; any case is good */
		for (int i = 0; i < NR_THREADS; i++)
			expect_cancelled(threads[(first + i) % NR_THREADS]);
		expect_well();
	}
}

E2E(cancel, threads_that_wait_for_ever)
{
	scene_open();
	cancel_sleepers();
	scene_close();
}

E2E(cancel, threads_that_wait_for_ever_and_may_end_at_any_instruction)
{
	scene_open();
	scene.any_instruction = true;
	cancel_sleepers();
	scene_close();
}

/* One is cancelled; who followed it gets what comes then. */
static void *take_five(void *arg)
{
	for (int left = 5; left;)
		left -= take(left, left, NULL);
	return arg;
}

E2E(cancel, the_next_one_leads)
{
	pthread_t leader, follower;
	void *result;

	scene_open();
	for (int round = 0; round < full_or_quick(100, 10); round++) {
		pthread_create(&leader, NULL, wait_on_and_on, (void *)5);
		nap_ms(1);
		pthread_create(&follower, NULL, take_five, NULL);
		nap_ms(1);
		expect_cancelled(leader);
		cr_assert_eq(feed(5), 5);
		pthread_join(follower, &result);
		expect_well();
	}
	scene_close();
}

/* Threads end at random while I/Os come and go, and others take their place. */
E2E(cancel, under_load_every_completion_is_collected_once)
{
	pthread_t threads[NR_THREADS];
	unsigned seed = 1;

	scene_open();
	for (intptr_t i = 0; i < NR_THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, wait_on_and_on, (void *)i), 0);
	for (int round = 0; round < full_or_quick(3000, 200); round++) {
		intptr_t i = rand_r(&seed) % NR_THREADS;

		feed(rand_r(&seed) % 16);
		expect_cancelled(threads[i]);
		feed(rand_r(&seed) % 16);
		cr_assert_eq(pthread_create(&threads[i], NULL, wait_on_and_on, (void *)i), 0);
	}
	for (int i = 0; i < NR_THREADS; i++)
		expect_cancelled(threads[i]);
	expect_well();
	cr_log_info("%ld I/Os", scene.next);
	scene_close();
}

/* Only to wait is a cancellation point. */
static void write_polling(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, void *ptr,
			  int fd)
{
	struct hf3fs_cqe cqe;
	int n;

	ring_prep(ior, iov, ptr, fd, 0, LEN, NULL);
	ring_submit(ior);
	while (!(n = hf3fs_wait_for_ios(ior, &cqe, 1, 0, NULL)))
		sched_yield();
	must(n == 1 && cqe.result == LEN, "write: %d, %ld", n, (long)cqe.result);
}

/* Every kind of call. It may be cancelled between two rounds only, if the library keeps its word.
 */
static void *call_on_and_on(void *arg)
{
	static atomic_int number;
	uint8_t id[16] = {(uint8_t)atomic_fetch_add(&number, 1)};
	char mount_point[256], url[600], other_url[600];
	size_t start = 0, end = 100;
	void *memory = malloc(LEN);

	snprintf(url, sizeof(url), "%s/%sfile %d", e2e_mount, e2e_prefix, id[0]);
	snprintf(other_url, sizeof(other_url), "%s/%slink %d", e2e_mount, e2e_prefix, id[0]);
	for (;;) {
		struct hf3fs_iov iov, opened, wrapped;
		struct usrbio_counters counters;
		struct usrbio_dirent entry;
		struct usrbio_dir *dir;
		struct usrbio_stat st;
		struct hf3fs_ior ior;
		uint64_t ns;
		int fd = usrbio_open(url, O_RDWR | O_CREAT, 0644);

		must(fd >= 0, "open: %d", fd);
		must(hf3fs_reg_fd(fd, 0) <= 0 && hf3fs_is_hf3fs(fd), "reg_fd");
		must(usrbio_mount_point(url, mount_point, sizeof(mount_point), NULL) > 0, "mount");
		must(!hf3fs_iorcreate4(&ior, e2e_mount, 4, false, 0, 0, -1, 0), "ring");
		must(!hf3fs_iovcreate(&iov, e2e_mount, LEN, 0, -1), "iov");
		must(!hf3fs_iovopen(&opened, (uint8_t *)iov.id, e2e_mount, LEN, 0, -1), "open iov");
		must(!hf3fs_iovwrap(&wrapped, memory, id, e2e_mount, LEN, 0, -1), "wrap");
		write_polling(&ior, &iov, iov.base, fd);
		write_polling(&ior, &wrapped, memory, fd);
		must(!usrbio_ftruncate(fd, 2 * LEN) && !usrbio_fstat(fd, &st), "truncate");
		must(!hf3fs_punchhole(fd, 1, &start, &end, 0), "punch");
		must(!usrbio_fsync(fd) && !usrbio_truncate(url, 10), "fsync");
		must(!hf3fs_hardlink(url, other_url) && !usrbio_unlink(other_url), "link");
		must(!usrbio_mkdir(other_url, 0755) && !usrbio_rmdir(other_url), "mkdir");
		must(!usrbio_rename(url, other_url) && !usrbio_rename(other_url, url), "rename");
		must(!usrbio_stat(url, &st) && !usrbio_lstat(url, &st), "stat");
		must(!usrbio_opendir(e2e_mount, &dir) && usrbio_readdir(dir, &entry) == 1, "dir");
		usrbio_closedir(dir);
		must(!usrbio_ping(e2e_mount, &ns) && !usrbio_counters(e2e_mount, &counters),
		     "ping");
		hf3fs_iovunlink(&iov);
		hf3fs_iovdestroy(&opened);
		hf3fs_iovdestroy(&iov);
		hf3fs_iordestroy(&ior);
		hf3fs_dereg_fd(fd);
		must(!usrbio_close(fd), "close");
		pthread_cleanup_push(free, memory);
		pthread_testcancel();
		pthread_cleanup_pop(0);
	}
	return arg;
}

E2E(cancel, no_call_ends_half_way)
{
	pthread_t threads[NR_THREADS / 2];
	unsigned before = 0;

	scene_open();
	for (int round = 0; round < full_or_quick(25, 3); round++) {
		for (int i = 0; i < NR_THREADS / 2; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, call_on_and_on, NULL), 0);
		nap_ms(20);
		for (int i = 0; i < NR_THREADS / 2; i++)
			expect_cancelled(threads[i]);
		expect_well();
		if (!round)
			before = process_fds(getpid());
	}
	/* Over loop they are the server's, too, whose threads close files after the answer. */
	while (process_fds(getpid()) > before)
		nap_ms(1);
	scene_close();
}
