/* The numbers of file systems: whose they are, and what moves them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "tests/store/fixture.h"

#define MIB ((uint64_t)1 << 20)

static int ask(struct fixture *fixture, const char *path, uint64_t fs[NR_FS_NUMBERS])
{
	return fixture->store->ops->stat_fs(fixture->store, path, fs);
}

EACH_STORE(a_file_system_has_numbers)
{
	uint64_t by_path[NR_FS_NUMBERS], by_file[NR_FS_NUMBERS];
	struct store_file *file = fixture_create(fixture, "f");

	cr_assert_eq(fixture->store->ops->symlink(fixture->store, NULL, "l", "f"), 0);
	cr_assert_eq(fixture->store->ops->symlink(fixture->store, NULL, "away", "/"), 0);
	cr_assert_eq(ask(fixture, "", by_path), 0);
	cr_assert_eq(fixture->store->ops->stat_fs_file(file, by_file), 0);
	cr_assert_gt(by_path[FS_BLOCK_SIZE], 0);
	cr_assert_gt(by_path[FS_IO_SIZE], 0);
	cr_assert_gt(by_path[FS_BLOCKS], 0);
	cr_assert_leq(by_path[FS_BLOCKS_FREE], by_path[FS_BLOCKS]);
	cr_assert_leq(by_path[FS_BLOCKS_AVAILABLE], by_path[FS_BLOCKS_FREE]);
	cr_assert_leq(by_path[FS_FILES_FREE], by_path[FS_FILES]);
	cr_assert_eq(by_path[FS_NAME_MAX], 255);
	cr_assert_eq(by_path[FS_FLAGS], 0);
	cr_assert_eq(by_path[FS_BLOCK_SIZE], by_file[FS_BLOCK_SIZE]);
	cr_assert_eq(by_path[FS_BLOCKS], by_file[FS_BLOCKS]);
	cr_assert_eq(by_path[FS_ID], by_file[FS_ID]);
	cr_assert_eq(ask(fixture, "l", by_path), 0);
	cr_assert_eq(ask(fixture, "none", by_path), -ENOENT);
	cr_assert_eq(ask(fixture, "f/x", by_path), -ENOTDIR);
	cr_assert_eq(ask(fixture, "away", by_path), -EACCES);
	cr_assert_eq(ask(fixture, "..", by_path), -EACCES);
	fixture_shut(fixture, file);
}

/* What statvfs(3) says of the same directory; others may write there meanwhile. */
POSIX_STORE(the_numbers_are_those_of_the_kernel)
{
	uint64_t fs[NR_FS_NUMBERS];
	struct statvfs st;

	cr_assert_eq(statvfs(fixture->dir, &st), 0);
	cr_assert_eq(ask(fixture, "", fs), 0);
	cr_assert_eq(fs[FS_BLOCK_SIZE], st.f_frsize);
	cr_assert_eq(fs[FS_IO_SIZE], st.f_bsize);
	cr_assert_eq(fs[FS_BLOCKS], st.f_blocks);
	cr_assert_eq(fs[FS_BLOCKS_FREE] - fs[FS_BLOCKS_AVAILABLE], st.f_bfree - st.f_bavail);
	cr_assert_eq(fs[FS_ID], st.f_fsid);
	cr_assert_eq(fs[FS_NAME_MAX], st.f_namemax);
	cr_assert_lt(llabs((int64_t)(fs[FS_FILES] - st.f_files)), 1000000);
}

Test(memory, the_numbers_are_those_of_its_limit)
{
	uint64_t before[NR_FS_NUMBERS], fs[NR_FS_NUMBERS];
	struct store_file *file;
	struct fixture fixture;

	fixture_open(&fixture, "memory:64");
	cr_assert_eq(ask(&fixture, "", before), 0);
	cr_assert_eq(before[FS_BLOCK_SIZE] * before[FS_BLOCKS], 64 * MIB);
	cr_assert_gt(before[FS_BLOCK_SIZE] * before[FS_BLOCKS_FREE], 63 * MIB);
	file = fixture_create(&fixture, "f");
	cr_assert_eq(ask(&fixture, "", fs), 0);
	cr_assert_eq(fs[FS_FILES] - fs[FS_FILES_FREE],
		     before[FS_FILES] - before[FS_FILES_FREE] + 1);
	cr_assert_lt(fs[FS_FILES_FREE], before[FS_FILES_FREE]);
	cr_assert_eq(fixture_write(&fixture, file, 0, 4 * MIB, 0), 4 * MIB);
	cr_assert_eq(ask(&fixture, "", fs), 0);
	cr_assert_leq(fs[FS_BLOCKS_FREE] + 4 * MIB / fs[FS_BLOCK_SIZE], before[FS_BLOCKS_FREE]);
	cr_assert_eq(fs[FS_BLOCKS], before[FS_BLOCKS]);
	cr_assert_eq(fs[FS_BLOCKS_AVAILABLE], fs[FS_BLOCKS_FREE]);
	fixture_shut(&fixture, file);
	cr_assert_eq(fixture.store->ops->unlink(fixture.store, NULL, "f"), 0);
	cr_assert_eq(ask(&fixture, "", fs), 0);
	cr_assert_arr_eq(fs, before, sizeof(fs));
	fixture_close(&fixture);
}

/* Nothing fills it. */
Test(null, the_numbers_are_those_of_its_size)
{
	uint64_t fs[NR_FS_NUMBERS];
	struct fixture fixture;

	fixture_open(&fixture, "null:10000");
	cr_assert_eq(ask(&fixture, "any", fs), 0);
	cr_assert_eq(fs[FS_BLOCK_SIZE], 4096);
	cr_assert_eq(fs[FS_BLOCKS], 3);
	cr_assert_eq(fs[FS_BLOCKS_FREE], 3);
	cr_assert_eq(fs[FS_BLOCKS_AVAILABLE], 3);
	cr_assert_eq(fs[FS_FILES], 0);
	cr_assert_eq(fs[FS_NAME_MAX], 255);
	fixture_close(&fixture);
}

Test(fault, rules_of_statfs)
{
	uint64_t fs[NR_FS_NUMBERS] = {7};
	struct store_file *file;
	struct fixture fixture;

	fixture_open(&fixture, "fault:statfs.eio=1/2:memory:16");
	file = fixture_create(&fixture, "f");
	cr_assert_eq(ask(&fixture, "", fs), 0);
	cr_assert_eq(fixture.store->ops->stat_fs_file(file, fs), -EIO);
	cr_assert_eq(fixture.store->ops->stat_fs_file(file, fs), 0);
	cr_assert_eq(ask(&fixture, "", fs), -EIO);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}
