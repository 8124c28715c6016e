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
static int64_t pipe_read(struct fixture *fixture, struct store_file *file, size_t at, uint32_t len,
			 uint64_t off)
{
	struct fixture_io bio;
	int64_t result, got = 0;
	char more;

	fixture_submit_pipe(fixture, &bio, file, ends[1], len, off);
	result = fixture_wait(fixture, &bio);
	while (got < result) {
		ssize_t n = read(ends[0], fixture->staging + at + got, (size_t)(result - got));

		cr_assert_gt(n, 0, "%ld of %ld bytes came", (long)got, (long)result);
		got += n;
	}
	cr_assert_eq(read(ends[0], &more, 1), -1);
	return result;
}

/* The same place read in both ways: the same result and the same bytes. */
static void compare(struct fixture *fixture, struct store_file *file, uint32_t len, uint64_t off)
{
	const size_t other = FIXTURE_STAGING / 2;
	int64_t got = fixture_read(fixture, file, 0, len, off, 0);

	cr_assert_eq(pipe_read(fixture, file, other, len, off), got, "%u at %lu", len, (long)off);
	cr_assert(got <= 0 || !memcmp(fixture->staging, fixture->staging + other, (size_t)got));
}

POSIX_STORE(reads_into_a_pipe_equal_reads_into_memory)
{
	struct store_file *file = fixture_create(fixture, "f");
	uint32_t seed = 77;

	cr_assert(file->pipes);
	pipe_open();
	compare(fixture, file, 1000, 0);
	for (size_t i = 0; i < 700001; i++)
		fixture->staging[i] = (char)fixture_random(&seed);
	cr_assert_eq(fixture_write(fixture, file, 0, 700001, 100), 700001);
	cr_assert_eq(fixture_write(fixture, file, 0, 5, 3u << 20), 5, "behind a hole");
	for (int i = 0; i < 300; i++)
		compare(fixture, file, 1 + fixture_random(&seed) % 300000,
			fixture_random(&seed) % (4u << 20));
	compare(fixture, file, 262144, 0);
	compare(fixture, file, 262144, 4095);
	compare(fixture, file, 262144, (3u << 20) - 262143);
	compare(fixture, file, 1, (3u << 20) + 5);
	compare(fixture, file, 300000, INT64_MAX - 10);
	compare(fixture, file, 0, 0);
	pipe_close();
	fixture_shut(fixture, file);
}

/* What was in the page cache before does not come back. */
POSIX_STORE(a_pipe_gets_what_was_written_last)
{
	struct store_file *file = fixture_create(fixture, "f");

	pipe_open();
	for (char c = 'a'; c <= 'z'; c++) {
		memset(fixture->staging, c, 300000);
		cr_assert_eq(fixture_write(fixture, file, 0, 300000, 7), 300000);
		memset(fixture->staging, 0, 300000);
		cr_assert_eq(pipe_read(fixture, file, 0, 262144, 7), 262144);
		for (size_t i = 0; i < 262144; i++)
			cr_assert_eq(fixture->staging[i], c);
	}
	pipe_close();
	fixture_shut(fixture, file);
}

POSIX_STORE(who_may_not_read_gets_nothing_into_a_pipe)
{
	struct store_file *file = fixture_create(fixture, "f"), *blind;
	struct fixture_io bio;
	char more;

	fixture_shut(fixture, file);
	blind = fixture_file(fixture, "f", OPEN_WRITE, NULL);
	cr_assert_not(blind->pipes);
	pipe_open();
	fixture_submit_pipe(fixture, &bio, blind, ends[1], 100, 0);
	cr_assert_eq(fixture_wait(fixture, &bio), -EBADF);
	cr_assert_eq(read(ends[0], &more, 1), -1);
	pipe_close();
	fixture_shut(fixture, blind);
}

/* Directories have no data, and what bypasses the page cache has no pages to give. */
POSIX_STORE(only_files_with_pages_take_pipes)
{
	struct store_file *file = fixture_create(fixture, "f");
	char path[128];
	int direct;

	fixture_shut(fixture, file);
	file = fixture_file(fixture, "", OPEN_READ | OPEN_DIRECTORY, NULL);
	cr_assert_not(file->pipes);
	fixture_shut(fixture, file);

	snprintf(path, sizeof(path), "%s/f", fixture->dir);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	file = fixture_file(fixture, "f", OPEN_READ | OPEN_DIRECT, NULL);
	cr_assert_eq(file->pipes, direct < 0, "a file system without O_DIRECT uses its pages");
	if (direct >= 0)
		close(direct);
	fixture_shut(fixture, file);
}
