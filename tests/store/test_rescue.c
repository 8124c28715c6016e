/*
 * I/O of a process that may have no more threads: io_uring cancels what it needs a thread for, and
 * the store does it with its own. And the writeback of a control group's page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/log.h"
#include "server/store/posix/io/queue.h"
#include "tests/store/fixture.h"

#define OTHER_USER 64123 /* nobody else's */
#define NR	   64
#define LEN	   8192u

static unsigned nr_written, nr_durable, nr_spliced, nr_ranges;
static struct log_catch caught;

/* The linker sends the calls of rescue.c here. */
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int nr, off_t off, int flags);
ssize_t __real_pwritev2(int fd, const struct iovec *iov, int nr, off_t off, int flags);
ssize_t __wrap_splice(int from, off_t *off, int to, off_t *to_off, size_t len, unsigned flags);
ssize_t __real_splice(int from, off_t *off, int to, off_t *to_off, size_t len, unsigned flags);
int __wrap_sync_file_range(int fd, off_t off, off_t len, unsigned flags);
int __real_sync_file_range(int fd, off_t off, off_t len, unsigned flags);
bool __wrap_posix_writeback_wanted(uint64_t len);
static bool wants_writeback;

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int nr, off_t off, int flags)
{
	nr_written++;
	nr_durable += flags == RWF_DSYNC;
	return __real_pwritev2(fd, iov, nr, off, flags);
}

ssize_t __wrap_splice(int from, off_t *off, int to, off_t *to_off, size_t len, unsigned flags)
{
	nr_spliced++;
	return __real_splice(from, off, to, to_off, len, flags);
}

int __wrap_sync_file_range(int fd, off_t off, off_t len, unsigned flags)
{
	nr_ranges++;
	return __real_sync_file_range(fd, off, len, flags);
}

bool __wrap_posix_writeback_wanted(uint64_t len)
{
	return wants_writeback && len;
}

/* From now on nobody may start a thread. The kernel exempts root, so root becomes another user. */
static void allow_no_threads(void)
{
	struct rlimit none = {0, RLIM_INFINITY};

	cr_assert_eq(getrlimit(RLIMIT_NPROC, &none), 0);
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	if (!getuid())
		cr_assert_eq(setresuid(OTHER_USER, OTHER_USER, 0), 0);
	log_catch_begin(&caught);
}

/* For what the fixture has to remove. */
static void be_oneself(void)
{
	log_catch_end(&caught);
	if (getuid() == OTHER_USER)
		cr_assert_eq(setresuid(0, 0, 0), 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static bool may_start_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL))
		return false;
	pthread_join(thread, NULL);
	return true;
}

/* Write NR blocks at once, and read them back. */
static void write_blocks(struct fixture *fixture, struct store_file *file)
{
	static struct fixture_io bios[NR];

	for (size_t i = 0; i < NR; i++) {
		memset(fixture->staging + i * LEN, (int)i + 1, LEN);
		fixture_submit(fixture, &bios[i], file, STORE_WRITE, i * LEN, LEN, i * LEN, 0);
	}
	for (size_t i = 0; i < NR; i++)
		cr_expect_eq(fixture_wait(fixture, &bios[i]), LEN, "block %zu: %ld", i,
			     (long)bios[i].result);
	memset(fixture->staging, 0, (size_t)NR * LEN);
	cr_expect_eq(fixture_read(fixture, file, 0, NR * LEN, 0, 0), NR * LEN);
	for (size_t i = 0; i < (size_t)NR * LEN; i++)
		cr_assert_eq(fixture->staging[i], (char)(i / LEN + 1), "byte %zu", i);
}

POSIX_STORE(writes_without_threads_of_the_kernel)
{
	struct store_file *file = fixture_create(fixture, "f");

	if (posix_file_of(file)->memory)
		cr_skip_test("/tmp is tmpfs, whose I/O needs no thread");
	allow_no_threads();
	if (may_start_threads())
		cr_skip_test("the limit of threads does not hold for this user");
	write_blocks(fixture, file);
	cr_expect_gt(nr_written, 0, "io_uring had threads");
	cr_expect_eq(nr_durable, 0);
	cr_expect(strstr(caught.text, "the kernel gives io_uring no more threads: raise "
				      "RLIMIT_NPROC (ulimit -u, now 0)"),
		  "%s", caught.text);
	be_oneself();
	fixture_shut(fixture, file);
}

POSIX_STORE(durable_writes_and_reads_into_pipes_without_threads_of_the_kernel)
{
	struct store_file *file = fixture_create(fixture, "f");
	struct fixture_io bio;
	char got[LEN];
	int ends[2];

	if (posix_file_of(file)->memory)
		cr_skip_test("/tmp is tmpfs, whose I/O needs no thread");
	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fixture->store->sync = true;
	allow_no_threads();
	if (may_start_threads())
		cr_skip_test("the limit of threads does not hold for this user");
	fixture_submit_pipe(fixture, &bio, file, ends[1], LEN, 0);
	cr_expect_eq(fixture_wait(fixture, &bio), 0);
	write_blocks(fixture, file);
	cr_expect_gt(nr_durable, 0);
	cr_expect_eq(nr_durable, nr_written);
	nr_spliced = 0;
	fixture_submit_pipe(fixture, &bio, file, ends[1], LEN, 2 * LEN);
	cr_expect_eq(fixture_wait(fixture, &bio), LEN);
	cr_expect_eq(nr_spliced, 1);
	cr_expect_eq(read(ends[0], got, sizeof(got)), LEN);
	cr_expect_eq(got[0], 3);
	cr_expect_eq(got[LEN - 1], 3);
	be_oneself();
	fixture_shut(fixture, file);
}

/* Where nothing is scarce the thread has nothing to do. */
POSIX_STORE(the_thread_of_the_store_rests)
{
	struct store_file *file = fixture_create(fixture, "f");

	write_blocks(fixture, file);
	cr_expect_eq(nr_written, 0);
	fixture_shut(fixture, file);
}

/* The range of each write goes to disk before the write is reported, also without threads. */
POSIX_STORE(writeback_begins_when_it_is_wanted)
{
	struct store_file *file = fixture_create(fixture, "f");

	if (posix_file_of(file)->memory)
		cr_skip_test("/tmp is tmpfs, whose I/O needs no thread");
	wants_writeback = true;
	allow_no_threads();
	if (may_start_threads())
		cr_skip_test("the limit of threads does not hold for this user");
	write_blocks(fixture, file);
	cr_expect_eq(nr_ranges, NR);
	be_oneself();
	fixture_shut(fixture, file);
}
