/* Reads into a pipe say and bring what reads into memory do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/store/fixture.h"

#define PIPE_LEN (1 << 20)

static int ends[2];

static void pipe_open(void)
{
	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_geq(fcntl(ends[1], F_SETPIPE_SZ, PIPE_LEN), PIPE_LEN);
}

static void pipe_close(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* Through the pipe into the staging memory at `at`. The pipe is empty afterwards. */
static int64_t pipe_read(struct bed *bed, struct store_file *file, size_t at, uint32_t len,
			 uint64_t off)
{
	struct bed_io bio;
	int64_t result, got = 0;
	char more;

	bed_submit_pipe(bed, &bio, file, ends[1], len, off);
	result = bed_wait(bed, &bio);
	while (got < result) {
		ssize_t n = read(ends[0], bed->staging + at + got, (size_t)(result - got));

		cr_assert_gt(n, 0, "%ld of %ld bytes came", (long)got, (long)result);
		got += n;
	}
	cr_assert_eq(read(ends[0], &more, 1), -1);
	return result;
}

/* The same place read in both ways: the same result and the same bytes. */
static void compare(struct bed *bed, struct store_file *file, uint32_t len, uint64_t off)
{
	const size_t other = BED_STAGING / 2;
	int64_t got = bed_read(bed, file, 0, len, off, 0);

	cr_assert_eq(pipe_read(bed, file, other, len, off), got, "%u at %lu", len, (long)off);
	cr_assert(got <= 0 || !memcmp(bed->staging, bed->staging + other, (size_t)got));
}

POSIX_STORE(reads_into_a_pipe_equal_reads_into_memory)
{
	struct store_file *file = bed_create(bed, "f");
	uint32_t seed = 77;

	cr_assert(file->pipes);
	pipe_open();
	compare(bed, file, 1000, 0);
	for (size_t i = 0; i < 700001; i++)
		bed->staging[i] = (char)bed_random(&seed);
	cr_assert_eq(bed_write(bed, file, 0, 700001, 100), 700001);
	cr_assert_eq(bed_write(bed, file, 0, 5, 3u << 20), 5, "behind a hole");
	for (int i = 0; i < 300; i++)
		compare(bed, file, 1 + bed_random(&seed) % 300000, bed_random(&seed) % (4u << 20));
	compare(bed, file, 262144, 0);
	compare(bed, file, 262144, 4095);
	compare(bed, file, 262144, (3u << 20) - 262143);
	compare(bed, file, 1, (3u << 20) + 5);
	compare(bed, file, 300000, INT64_MAX - 10);
	compare(bed, file, 0, 0);
	pipe_close();
	bed_shut(bed, file);
}

/* What was in the page cache before does not come back. */
POSIX_STORE(a_pipe_gets_what_was_written_last)
{
	struct store_file *file = bed_create(bed, "f");

	pipe_open();
	for (char c = 'a'; c <= 'z'; c++) {
		memset(bed->staging, c, 300000);
		cr_assert_eq(bed_write(bed, file, 0, 300000, 7), 300000);
		memset(bed->staging, 0, 300000);
		cr_assert_eq(pipe_read(bed, file, 0, 262144, 7), 262144);
		for (size_t i = 0; i < 262144; i++)
			cr_assert_eq(bed->staging[i], c);
	}
	pipe_close();
	bed_shut(bed, file);
}

POSIX_STORE(who_may_not_read_gets_nothing_into_a_pipe)
{
	struct store_file *file = bed_create(bed, "f"), *blind;
	struct bed_io bio;
	char more;

	bed_shut(bed, file);
	blind = bed_file(bed, "f", OPEN_WRITE, NULL);
	cr_assert_not(blind->pipes);
	pipe_open();
	bed_submit_pipe(bed, &bio, blind, ends[1], 100, 0);
	cr_assert_eq(bed_wait(bed, &bio), -EBADF);
	cr_assert_eq(read(ends[0], &more, 1), -1);
	pipe_close();
	bed_shut(bed, blind);
}

/* Directories have no data, and what bypasses the page cache has no pages to give. */
POSIX_STORE(only_files_with_pages_take_pipes)
{
	struct store_file *file = bed_create(bed, "f");
	char path[128];
	int direct;

	bed_shut(bed, file);
	file = bed_file(bed, "", OPEN_READ | OPEN_DIRECTORY, NULL);
	cr_assert_not(file->pipes);
	bed_shut(bed, file);

	snprintf(path, sizeof(path), "%s/f", bed->dir);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	file = bed_file(bed, "f", OPEN_READ | OPEN_DIRECT, NULL);
	cr_assert_eq(file->pipes, direct < 0, "a file system without O_DIRECT uses its pages");
	if (direct >= 0)
		close(direct);
	bed_shut(bed, file);
}
