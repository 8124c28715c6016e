/* hf3fs_punchhole: 0 or +errno; what it zeroes, what it leaves, and whom it refuses. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"
#include "tests/support/tiny.h"

enum { SIZE = 1 << 20, SEED = 1, RANGES = 1000 };

/* Each call of this file leaves errno as its return value says, and alone when that is 0. */
static int call_checked(int fd, int n, const size_t *start, const size_t *end, size_t flags)
{
	int err;

	errno = ERANGE;
	err = hf3fs_punchhole(fd, n, start, end, flags);
	cr_assert_eq(errno, err ? err : ERANGE, "%d and errno %d", err, errno);
	return err;
}

#define hf3fs_punchhole call_checked

static int punch_one(int fd, size_t start, size_t end)
{
	return hf3fs_punchhole(fd, 1, &start, &end, 0);
}

/* A file of SIZE bytes, open and never registered. */
static int make_file(void)
{
	int fd;

	file_make("file", SEED, SIZE);
	fd = usrbio_open(url_of("file"), O_RDWR, 0);
	cr_assert_geq(fd, 0);
	return fd;
}

/* The file is as if it had been changed like this copy of it. */
static void check(const char *model)
{
	char *got = malloc(SIZE);

	cr_assert(got);
	cr_assert_eq(file_size("file"), SIZE);
	file_read("file", got, SIZE, 0);
	for (size_t i = 0; i < SIZE; i++)
		cr_assert_eq(got[i], model[i], "at %zu", i);
	free(got);
}

static char *new_model(void)
{
	char *model = malloc(SIZE);

	cr_assert(model);
	pattern_fill(model, SIZE, SEED, 0);
	return model;
}

E2E(punch, no_ranges_are_no_work)
{
	size_t start = 0, end = SIZE;
	int fd = make_file();

	cr_assert_eq(hf3fs_punchhole(fd, 0, &start, &end, 0), 0);
	cr_assert_eq(hf3fs_punchhole(fd, -1, &start, &end, 0), 0);
	cr_assert_eq(hf3fs_punchhole(fd, INT_MIN, &start, &end, 0), 0);
	cr_assert_eq(hf3fs_punchhole(fd, 0, NULL, NULL, 0), 0);
	cr_assert_eq(hf3fs_punchhole(-1, 0, NULL, NULL, 0), 0);
	file_check("file", SEED, 0, SIZE);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(punch, wrong_arguments_are_refused_and_change_nothing)
{
	size_t start[RANGES + 1] = {0}, end[RANGES + 1] = {SIZE};
	int fd = make_file();

	cr_assert_eq(hf3fs_punchhole(fd, RANGES + 1, start, end, 0), EINVAL);
	cr_assert_eq(hf3fs_punchhole(fd, INT_MAX, start, end, 0), EINVAL);
	cr_assert_eq(hf3fs_punchhole(fd, 1, NULL, end, 0), EINVAL);
	cr_assert_eq(hf3fs_punchhole(fd, 1, start, NULL, 0), EINVAL);
	file_check("file", SEED, 0, SIZE);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(punch, empty_and_backward_ranges_do_nothing)
{
	size_t start[] = {0, 5000, 70000, SIZE_MAX, SIZE_MAX, (size_t)INT64_MAX + 1};
	size_t end[] = {0, 5000, 60000, 0, SIZE_MAX, SIZE_MAX};
	int fd = make_file();

	cr_assert_eq(hf3fs_punchhole(fd, 6, start, end, 0), 0);
	file_check("file", SEED, 0, SIZE);
	/* They spoil nothing for their neighbours. */
	start[2] = 59999;
	cr_assert_eq(hf3fs_punchhole(fd, 6, start, end, 0), 0);
	file_check("file", SEED, 0, 59999);
	file_check_zero("file", 59999, 1);
	file_check("file", SEED, 60000, SIZE - 60000);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(punch, a_thousand_unaligned_ranges_at_once)
{
	size_t start[RANGES], end[RANGES];
	char *model = new_model();
	int fd = make_file();

	for (size_t i = 0; i < RANGES; i++) {
		start[i] = i * (SIZE / RANGES) + i % 7;
		end[i] = start[i] + 1 + i % 500;
		memset(model + start[i], 0, end[i] - start[i]);
	}
	cr_assert_eq(hf3fs_punchhole(fd, RANGES, start, end, 0), 0);
	check(model);
	free(model);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(punch, random_overlapping_ranges_equal_zeros_in_a_buffer)
{
	char *model = new_model();
	uint64_t random = 20240229;
	int fd = make_file();

	for (int i = 0; i < full_or_quick(50, 4); i++) {
		size_t start[8], end[8];

		for (int j = 0; j < 8; j++) {
			start[j] = next_random(&random) % SIZE;
			end[j] = start[j] + next_random(&random) % 20000;
			if (j % 4 == 3) /* overlaps the one before */
				start[j] = (start[j - 1] + end[j - 1]) / 2;
			if (end[j] > SIZE)
				end[j] = SIZE;
			if (start[j] < end[j])
				memset(model + start[j], 0, end[j] - start[j]);
		}
		/* flags mean nothing. */
		cr_assert_eq(hf3fs_punchhole(fd, 8, start, end, next_random(&random)), 0);
		check(model);
	}
	free(model);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(punch, the_length_stays_even_beyond_the_end)
{
	static const size_t ends[] = {SIZE,	 SIZE + 1,	   2 * SIZE,	 1ull << 40,
				      INT64_MAX, INT64_MAX + 1ull, SIZE_MAX - 1, SIZE_MAX};
	int fd = make_file();

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t from = SIZE - 1 - i * 5000;

		cr_assert_eq(punch_one(fd, SIZE, ends[i]), 0, "%zx", ends[i]);
		cr_assert_eq(punch_one(fd, SIZE + 12345, ends[i]), 0, "%zx", ends[i]);
		cr_assert_eq(punch_one(fd, INT64_MAX - 1, ends[i]), 0, "%zx", ends[i]);
		cr_assert_eq(punch_one(fd, from, ends[i]), 0, "%zx", ends[i]);
		cr_assert_eq(file_size("file"), SIZE);
		file_check("file", SEED, 0, from);
		file_check_zero("file", from, SIZE - from);
	}
	cr_assert_eq(punch_one(fd, 0, SIZE_MAX), 0);
	cr_assert_eq(file_size("file"), SIZE);
	file_check_zero("file", 0, SIZE);
	cr_assert_eq(usrbio_close(fd), 0);
}

static uint64_t blocks_of(int fd)
{
	struct usrbio_stat st;

	cr_assert_eq(usrbio_fstat(fd, &st), 0);
	return st.blocks * 512;
}

E2E(punch, the_space_is_given_back)
{
	uint64_t before;
	int fd = make_file();

	cr_assert_eq(usrbio_fsync(fd), 0); /* some allocate blocks no earlier */
	before = blocks_of(fd);
	cr_assert_geq(before, SIZE);
	cr_assert_eq(punch_one(fd, 65536, 65536 + SIZE / 2), 0);
	cr_assert_leq(blocks_of(fd), before - SIZE / 2 + 65536);
	cr_assert_eq(punch_one(fd, 0, SIZE_MAX), 0);
	cr_assert_leq(blocks_of(fd), 65536);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(punch, rings_see_the_zeros_at_once)
{
	struct rw rw;
	int fd;

	file_make("file", SEED, SIZE);
	fd = file_reg(url_of("file"), O_RDWR);
	rw_open(&rw, NULL, SIZE);
	for (size_t i = 0; i < 20; i++) {
		cr_assert_eq(punch_one(fd, i * 50000 + 1, i * 50000 + 30001), 0);
		cr_assert_eq(rw_read(&rw, fd, i * 50000, 50000), 50000);
		cr_assert_eq(pattern_diff(rw.base, 1, SEED, i * 50000), -1);
		cr_assert_eq(bytes_diff(rw.base + 1, 30000, 0), -1);
		cr_assert_eq(pattern_diff(rw.base + 30001, 19999, SEED, i * 50000 + 30001), -1);
	}
	rw_close(&rw);
	file_unreg(fd);
}

static void expect_refused(int fd, const char *what)
{
	cr_assert_eq(punch_one(fd, 0, 4096), EBADF, "%s", what);
	cr_assert_eq(punch_one(fd, 4096, 0), EBADF, "%s, an empty range", what);
}

E2E(punch, needs_a_writable_descriptor_of_ours)
{
	int fd = make_file(), dir = usrbio_open(url_of(""), O_RDONLY | O_DIRECTORY, 0);
	int read_only = usrbio_open(url_of("file"), O_RDONLY, 0), null;

	cr_assert_eq(usrbio_close(fd), 0);
	expect_refused(fd, "closed");
	expect_refused(-1, "-1");
	expect_refused(INT_MIN, "INT_MIN");
	expect_refused(INT_MAX, "INT_MAX");
	expect_refused(read_only, "read-only");
	expect_refused(dir, "a directory");
	null = open_file("/dev/null", O_RDWR);
	expect_refused(null, "/dev/null");
	close(null);
	file_check("file", SEED, 0, SIZE);
	cr_assert_eq(usrbio_close(read_only), 0);
	cr_assert_eq(usrbio_close(dir), 0);
}

E2E(punch, takes_descriptors_of_the_kernel_too)
{
	int fd, other;

	attach_export();
	file_make("file", SEED, SIZE);
	other = open_file(path_of("file"), O_RDONLY);
	expect_refused(other, "read-only");
	close(other);
	other = open_file(path_of("file"), O_PATH);
	expect_refused(other, "O_PATH");
	close(other);
	other = open_file(e2e_dir, O_RDONLY | O_DIRECTORY);
	expect_refused(other, "a directory");
	close(other);
	file_check("file", SEED, 0, SIZE);
	fd = open_file(path_of("file"), O_WRONLY);
	cr_assert_eq(punch_one(fd, 1, 100), 0);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
	cr_assert_eq(punch_one(fd, 5000, 9000), 0);
	hf3fs_dereg_fd(fd);
	file_check("file", SEED, 0, 1);
	file_check_zero("file", 1, 99);
	file_check("file", SEED, 100, 4900);
	file_check_zero("file", 5000, 4000);
	file_check("file", SEED, 9000, SIZE - 9000);
	close(fd);
}

E2E(punch, a_read_only_export_says_so)
{
	char path[600], url[400];
	int fd;

	e2e_needs_local_files();
	snprintf(path, sizeof(path), "%s/file", e2e_read_only_dir);
	fd = open_file(path, O_RDWR | O_CREAT);
	cr_assert_eq(write(fd, "abcdefgh", 8), 8);
	attach(e2e_read_only, e2e_read_only_dir);
	cr_assert_eq(punch_one(fd, 0, 4), EROFS);
	snprintf(url, sizeof(url), "%s/file", e2e_read_only);
	cr_assert_eq(usrbio_open(url, O_RDWR, 0), -EROFS);
	cr_assert_eq(pread(fd, path, 8, 0), 8);
	cr_assert_eq(memcmp(path, "abcdefgh", 8), 0);
	close(fd);
}

/* A file system that cannot, such as ramfs. */
E2E(punch, a_file_system_without_holes_says_so)
{
	char url[400], path[600], got[8];
	struct tiny tiny;
	int fd;

	tiny_open(&tiny, "ramfs", NULL);
	snprintf(path, sizeof(path), "%s/file", tiny.dir);
	snprintf(url, sizeof(url), "%s/file", tiny.mount);
	fd = open_file(path, O_RDWR | O_CREAT);
	cr_assert_eq(write(fd, "abcdefgh", 8), 8);
	cr_assert_eq(close(fd), 0);
	fd = usrbio_open(url, O_RDWR, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(punch_one(fd, 0, 4), EOPNOTSUPP);
	cr_assert_eq(punch_one(fd, 4, 0), 0);
	cr_assert_eq(usrbio_close(fd), 0);
	fd = open_file(path, O_RDONLY);
	cr_assert_eq(pread(fd, got, 8, 0), 8);
	cr_assert_eq(memcmp(got, "abcdefgh", 8), 0);
	close(fd);
	tiny_close(&tiny);
}
