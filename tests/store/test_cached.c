/* Attributes from memory: what is answered there, and what a thread has to be asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/store/fixture.h"

static int cached(struct fixture *fixture, struct store_file *at, const char *path, bool nofollow,
		  struct file_attr *attr)
{
	return fixture->store->ops->stat_cached(fixture->store, at, path, nofollow, attr);
}

/* What was just made is in memory, in the stores that have the call. */
static void answers(struct fixture *fixture)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file = fixture_create(fixture, "file");
	struct file_attr attr, other;

	fixture_write(fixture, file, 0, 5000, 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "dir", 0750), 0);
	cr_assert_eq(ops->symlink(fixture->store, NULL, "dir/link", "../file"), 0);
	fixture_stat(fixture, "dir/link", &other);
	cr_assert_eq(cached(fixture, NULL, "file", false, &attr), 0);
	cr_assert_eq(attr.size, 5000);
	cr_assert_eq(cached(fixture, NULL, "dir/link", false, &attr), 0);
	fixture_same_attr(&attr, &other);
	cr_assert_eq(cached(fixture, NULL, "dir/link", true, &attr), 0);
	cr_assert(S_ISLNK(attr.mode));
	cr_assert_eq(cached(fixture, file, NULL, false, &attr), 0);
	fixture_same_attr(&attr, &other);
	cr_assert_eq(cached(fixture, NULL, "", false, &attr), 0);
	cr_assert_eq(attr.mode & S_IFMT, S_IFDIR);
	fixture_shut(fixture, file);
}

FIXTURE_CASE(answered)
static void case_answered(struct fixture *fixture)
{
	answers(fixture);
}

Test(posix, attributes_are_answered_from_memory)
{
	over_answered("posix");
}

Test(memory, attributes_are_answered_from_memory)
{
	over_answered("memory");
}

/* A time that 64 bits of nanoseconds do not hold becomes the nearest one. */
POSIX_STORE(times_beyond_what_fits)
{
	const struct timespec times[2] = {{.tv_sec = 10000000000}, {.tv_sec = 10000000000}};
	struct file_attr attr;
	char path[128];
	struct stat st;

	fixture_touch(fixture, "far");
	snprintf(path, sizeof(path), "%s/far", fixture->dir);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	cr_assert_eq(stat(path, &st), 0);
	if (st.st_mtim.tv_sec != 10000000000)
		cr_skip_test("this file system has no such times");
	cr_assert_eq(fixture_stat(fixture, "far", &attr), 0);
	cr_assert_eq(attr.mtime_ns, INT64_MAX);
}

/* Nothing outside is ever found, also if it is in memory. */
POSIX_STORE(cached_names_stay_inside)
{
	struct file_attr attr;
	char path[128];
	struct stat st;

	cr_assert_eq(stat("/etc/passwd", &st), 0);
	snprintf(path, sizeof(path), "%s/out", fixture->dir);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_assert_eq(cached(fixture, NULL, "out", false, &attr), -EAGAIN);
	cr_assert_eq(cached(fixture, NULL, "../../etc/passwd", false, &attr), -EAGAIN);
	cr_assert_eq(cached(fixture, NULL, "/etc/passwd", false, &attr), -EAGAIN);
	cr_assert_eq(cached(fixture, NULL, "out", true, &attr), 0);
}

/* Another file system may ask a peer, and so threads ask it. */
POSIX_STORE(other_file_systems_are_asked_by_threads)
{
	struct store_file *file;
	struct file_attr attr;
	char path[128];

	snprintf(path, sizeof(path), "%s/other", fixture->dir);
	cr_assert_eq(mkdir(path, 0755), 0);
	if (mount("none", path, "tmpfs", 0, "size=1m"))
		cr_skip_test("this test may not mount");
	file = fixture_create(fixture, "other/file");
	cr_assert_eq(fixture_stat(fixture, "other/file", &attr), 0);
	cr_assert_eq(cached(fixture, NULL, "other/file", false, &attr), -EAGAIN);
	cr_assert_eq(cached(fixture, NULL, "other", false, &attr), -EAGAIN);
	cr_assert_eq(cached(fixture, file, NULL, false, &attr), -EAGAIN);
	fixture_shut(fixture, file);
	cr_assert_eq(umount(path), 0);
}
