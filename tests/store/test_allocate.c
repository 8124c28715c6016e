/* What fallocate(2) does, by each store: beside the kernel, and within the limit of memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/fixture.h"

#define MIB  ((uint64_t)1 << 20)
#define SIZE 300000u

static int allocate(struct store_file *file, uint32_t how, uint64_t off, uint64_t len)
{
	return file->store->ops->allocate(file, how, off, len);
}

static uint64_t blocks_of(struct store_file *file)
{
	struct file_attr attr;

	cr_assert_eq(file->store->ops->stat_file(file, &attr), 0);
	return attr.blocks;
}

/* A file of the kernel's beside the export, with the same SIZE bytes as the store's. */
static int open_beside(struct fixture *fixture, struct store_file *file)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/beside", fixture->base);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	cr_assert_geq(fd, 0);
	memset(fixture->staging, 'x', SIZE);
	cr_assert_eq(pwrite(fd, fixture->staging, SIZE, 0), SIZE);
	cr_assert_eq(file->store->ops->truncate_file(file, 0), 0);
	cr_assert_eq(fixture_write(fixture, file, 0, SIZE, 0), SIZE);
	return fd;
}

static void expect_same(struct fixture *fixture, struct store_file *file, int fd)
{
	static char local[4 * SIZE];
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_leq(st.st_size, (off_t)sizeof(local));
	cr_assert_eq(fixture_size(fixture, file), (uint64_t)st.st_size);
	cr_assert_eq(pread(fd, local, sizeof(local), 0), st.st_size);
	memset(fixture->staging, 'y', sizeof(local));
	cr_assert_eq(fixture_read(fixture, file, 0, sizeof(local), 0, 0), st.st_size);
	cr_assert_eq(memcmp(local, fixture->staging, (size_t)st.st_size), 0);
}

EACH_STORE(as_the_kernel_does_it)
{
	static const uint32_t hows[] = {
		0, ALLOCATE_KEEP_SIZE, ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE,
		ALLOCATE_ZERO_RANGE, ALLOCATE_ZERO_RANGE | ALLOCATE_KEEP_SIZE};
	static const struct {
		uint64_t off, len;
	} ranges[] = {{0, 1},	      {1000, 70000},	   {65536, 65536},	 {SIZE - 1, 1},
		      {SIZE, 100000}, {SIZE - 10, 131072}, {2 * SIZE, SIZE + 1}, {0, 3 * SIZE}};
	struct store_file *file = fixture_create(fixture, "f");

	for (size_t how = 0; how < sizeof(hows) / sizeof(*hows); how++)
		for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
			int fd = open_beside(fixture, file);
			int local = fallocate(fd, (int)hows[how], (off_t)ranges[i].off,
					      (off_t)ranges[i].len)
					    ? -errno
					    : 0;
			int err = allocate(file, hows[how], ranges[i].off, ranges[i].len);

			/* Memory can do all of it. */
			if (err || fixture->store->local || fixture->store->inner)
				cr_assert_eq(err, local, "%u, range %zu: %d", hows[how], i, err);
			if (!local)
				expect_same(fixture, file, fd);
			close(fd);
		}
	fixture_shut(fixture, file);
}

EACH_STORE(only_files_that_are_open_for_writing)
{
	struct store_file *file;

	fixture_touch(fixture, "f");
	file = fixture_file(fixture, "f", OPEN_READ, NULL);
	cr_assert_eq(allocate(file, 0, 0, 1), -EBADF);
	cr_assert_eq(allocate(file, ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE, 0, 1), -EBADF);
	fixture_shut(fixture, file);
	file = fixture_file(fixture, "", OPEN_READ, NULL);
	cr_assert_eq(allocate(file, 0, 0, 1), -EBADF);
	fixture_shut(fixture, file);
}

/* What is allocated takes room and stays when the file becomes longer, not when shorter. */
EACH_STORE(room_is_kept)
{
	struct store_file *file = fixture_create(fixture, "f");

	cr_assert_eq(fixture_write(fixture, file, 0, 10, 0), 10);
	cr_assert_eq(allocate(file, ALLOCATE_KEEP_SIZE, 0, 2 * MIB), 0);
	cr_assert_geq(blocks_of(file), 2 * MIB / 512);
	cr_assert_eq(fixture_size(fixture, file), 10);
	cr_assert_eq(file->store->ops->truncate_file(file, 9), 0);
	cr_assert_lt(blocks_of(file), MIB / 512, "what was beyond the end, too");
	cr_assert_eq(allocate(file, ALLOCATE_KEEP_SIZE, 0, 2 * MIB), 0);
	cr_assert_eq(file->store->ops->truncate_file(file, 3 * MIB), 0);
	cr_assert_geq(blocks_of(file), 2 * MIB / 512);
	cr_assert_eq(file->store->ops->truncate_file(file, 5), 0);
	cr_assert_lt(blocks_of(file), MIB / 512);
	cr_assert_eq(allocate(file, 0, MIB, MIB), 0);
	cr_assert_eq(fixture_size(fixture, file), 2 * MIB);
	cr_assert_eq(allocate(file, ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE, MIB, MIB), 0);
	cr_assert_lt(blocks_of(file), MIB / 512);
	cr_assert_eq(fixture_size(fixture, file), 2 * MIB);
	fixture_shut(fixture, file);
}

Test(memory, what_does_not_fit_is_not_begun)
{
	struct store_file *file;
	struct fixture fixture;
	uint64_t before;

	fixture_open(&fixture, "memory:16");
	file = fixture_create(&fixture, "f");
	cr_assert_eq(fixture_write(&fixture, file, 0, 10, 0), 10);
	before = blocks_of(file);
	cr_assert_eq(allocate(file, 0, 0, 17 * MIB), -ENOSPC);
	cr_assert_eq(allocate(file, 0, 1 << 30, 1ull << 42), -ENOSPC);
	cr_assert_eq(allocate(file, 0, 1, INT64_MAX - 1), -EFBIG);
	cr_assert_eq(blocks_of(file), before);
	cr_assert_eq(allocate(file, 0, 0, 15 * MIB), 0);
	cr_assert_eq(fixture_size(&fixture, file), 15 * MIB);
	/* There is no room for another 2 MiB, but what is allocated can be written. */
	cr_assert_eq(fixture_write(&fixture, file, 0, 2 * MIB, 15 * MIB), -ENOSPC);
	cr_assert_eq(fixture_write(&fixture, file, 0, 8 * MIB, 7 * MIB), 8 * MIB);
	cr_assert_eq(allocate(file, 0, 0, 15 * MIB), 0);
	fixture_shut(&fixture, file);
	cr_assert_eq(fixture.store->ops->unlink(fixture.store, NULL, "f"), 0);
	file = fixture_create(&fixture, "g");
	cr_assert_eq(allocate(file, ALLOCATE_ZERO_RANGE | ALLOCATE_KEEP_SIZE, 0, 15 * MIB), 0);
	cr_assert_eq(fixture_size(&fixture, file), 0);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}

Test(fault, rules_of_fallocate)
{
	struct store_file *file;
	struct fixture fixture;

	fixture_open(&fixture, "fault:fallocate.enospc=#1:memory:16");
	file = fixture_create(&fixture, "f");
	cr_assert_eq(allocate(file, 0, 0, 1), -ENOSPC);
	cr_assert_eq(allocate(file, 0, 0, 1), 0);
	cr_assert_eq(fixture_size(&fixture, file), 1);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}

Test(null, nothing_is_allocated)
{
	struct store_file *file;
	struct fixture fixture;

	fixture_open(&fixture, "null:1M");
	file = fixture_file(&fixture, "f", OPEN_WRITE, NULL);
	cr_assert_eq(allocate(file, 0, 0, 1ull << 50), 0);
	cr_assert_eq(fixture_size(&fixture, file), MIB);
	fixture_shut(&fixture, file);
	file = fixture_file(&fixture, "f", OPEN_READ, NULL);
	cr_assert_eq(allocate(file, 0, 0, 1), -EBADF);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}
