/* usrbio_fallocate beside fallocate(2) for a file of the same directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { SIZE = 200000, SEED = 1 };

static int local_of(int fd, int mode, uint64_t off, uint64_t len)
{
	return fallocate(fd, mode, (off_t)off, (off_t)len) ? -errno : 0;
}

E2E(fallocate, says_what_the_kernel_says)
{
	static const struct {
		int mode;
		uint64_t off, len;
	} cases[] = {
		{0, 0, 0},
		{0, 100, 1000000},
		{0, 1ull << 63, 1},
		{0, 1, 1ull << 63},
		{0, 1, INT64_MAX},
		{0, INT64_MAX - 1, 1},
		{FALLOC_FL_KEEP_SIZE, 2000000, 1000000},
		{FALLOC_FL_PUNCH_HOLE, 0, 4096},
		{FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 100000},
		{FALLOC_FL_ZERO_RANGE, 0, 10},
		{FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 150000, 100000},
		{FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 10},
		{1 << 20, 0, 10},
		{-1, 0, 10},
	};
	struct usrbio_stat st;
	struct stat local;
	char path[600];
	int fd, beside;

	e2e_needs_local_files();
	snprintf(path, sizeof(path), "%s/beside", e2e_dir);
	beside = open(path, O_RDWR | O_CREAT, 0600);
	cr_assert_geq(beside, 0);
	fd = usrbio_open(url_of("f"), O_RDWR | O_CREAT, 0600);
	cr_assert_geq(fd, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int err = usrbio_fallocate(fd, cases[i].mode, cases[i].off, cases[i].len);

		cr_assert_eq(err, local_of(beside, cases[i].mode, cases[i].off, cases[i].len),
			     "case %zu: %d", i, err);
		cr_assert_eq(usrbio_fstat(fd, &st), 0);
		cr_assert_eq(fstat(beside, &local), 0);
		cr_assert_eq(st.size, (uint64_t)local.st_size, "case %zu", i);
		cr_assert_eq(st.blocks, (uint64_t)local.st_blocks, "case %zu", i);
	}
	/* What moves data is not offered, also where the kernel has it. */
	cr_assert_eq(usrbio_fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	cr_assert_eq(usrbio_fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096), -EOPNOTSUPP);
	cr_assert_eq(usrbio_fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, 4096), -EOPNOTSUPP);
	usrbio_close(fd);
	cr_assert_eq(usrbio_fallocate(fd, 0, 0, 1), -EBADF);
	fd = usrbio_open(url_of("f"), O_RDONLY, 0);
	cr_assert_eq(usrbio_fallocate(fd, 0, 0, 1), -EBADF);
	usrbio_close(fd);
	close(beside);
}

E2E(fallocate, leaves_the_rest_alone)
{
	struct rw rw;
	int fd;

	rw_open(&rw, e2e_mount, SIZE);
	fd = file_reg(url_of("f"), O_RDWR | O_CREAT);
	rw_put(&rw, fd, SEED, 0, SIZE);
	cr_assert_eq(usrbio_fallocate(fd, 0, 1000, 2 * SIZE), 0);
	rw_expect(&rw, fd, SEED, 0, SIZE);
	cr_assert_eq(usrbio_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 5000),
		     0);
	rw_expect(&rw, fd, SEED, 0, 1000);
	cr_assert_eq(rw_read(&rw, fd, 1000, 5000), 5000);
	for (size_t i = 0; i < 5000; i++)
		cr_assert_eq(((const char *)rw.base)[i], 0);
	rw_expect(&rw, fd, SEED, 6000, SIZE - 6000);
	cr_assert_eq(usrbio_fsync(fd), 0);
	file_unreg(fd);
	rw_close(&rw);
}
