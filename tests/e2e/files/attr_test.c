/* Modes, owners and times that are set over the wire: by path, by name and by open file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { SIZE = 100, SEED = 1 };

static struct usrbio_stat stat_of(const char *name)
{
	struct usrbio_stat st;

	cr_assert_eq(usrbio_lstat(url_of(name), &st), 0, "%s", name);
	return st;
}

static int dir_of(const char *name)
{
	int fd;

	cr_assert_eq(usrbio_mkdir(url_of(name), 0755), 0);
	fd = usrbio_open(url_of(name), O_RDONLY | O_DIRECTORY, 0);
	cr_assert_geq(fd, 0);
	return fd;
}

E2E(attr, times)
{
	struct timespec times[2] = {{1234567890, 123456789}, {-5, 999999999}};
	int dir = dir_of("d"), fd;

	file_make("d/f", SEED, SIZE);
	/* The first file that a server opens for reading may count as read. */
	fd = usrbio_open(url_of("d/f"), O_RDONLY, 0);
	cr_assert_eq(usrbio_utimens(url_of("d/f"), times), 0);
	cr_assert_eq(stat_of("d/f").atime_ns, 1234567890123456789);
	cr_assert_eq(stat_of("d/f").mtime_ns, -4000000001);
	times[0].tv_nsec = UTIME_OMIT;
	times[1] = (struct timespec){77, 7};
	cr_assert_eq(usrbio_utimensat(dir, "f", times, 0), 0);
	cr_assert_eq(stat_of("d/f").atime_ns, 1234567890123456789);
	cr_assert_eq(stat_of("d/f").mtime_ns, 77000000007);
	times[1].tv_nsec = UTIME_NOW;
	cr_assert_eq(usrbio_futimens(fd, times), 0);
	cr_assert_gt(stat_of("d/f").mtime_ns, 1000000000000000000);
	cr_assert_eq(stat_of("d/f").atime_ns, 1234567890123456789);
	cr_assert_eq(usrbio_futimens(fd, NULL), 0);
	cr_assert_gt(stat_of("d/f").atime_ns, 1700000000000000000);
	/* Of a link itself. */
	cr_assert_eq(usrbio_symlinkat("f", dir, "l"), 0);
	times[0] = times[1] = (struct timespec){1, 0};
	cr_assert_eq(usrbio_utimensat(dir, "l", times, AT_SYMLINK_NOFOLLOW), 0);
	cr_assert_eq(stat_of("d/l").mtime_ns, 1000000000);
	cr_assert_gt(stat_of("d/f").mtime_ns, 1000000000000000000);
	times[1].tv_nsec = 1000000000;
	cr_assert_eq(usrbio_utimens(url_of("d/f"), times), -EINVAL);
	times[1] = (struct timespec){INT64_MAX / 1000000000 + 1, 0};
	cr_assert_eq(usrbio_utimens(url_of("d/f"), times), -EINVAL);
	times[0].tv_nsec = times[1].tv_nsec = UTIME_OMIT;
	cr_assert_eq(usrbio_utimens(url_of("d/f"), times), -EINVAL);
	cr_assert_eq(usrbio_utimens(url_of("none"), NULL), -ENOENT);
	cr_assert_eq(usrbio_utimensat(dir, "f", NULL, AT_SYMLINK_FOLLOW), -EINVAL);
	cr_assert_eq(usrbio_futimens(-1, NULL), -EBADF);
	usrbio_close(fd);
	usrbio_close(dir);
}

E2E(attr, modes)
{
	int dir = dir_of("d");

	file_make("d/f", SEED, SIZE);
	cr_assert_eq(usrbio_symlinkat("f", dir, "l"), 0);
	cr_assert_eq(usrbio_chmod(url_of("d/l"), 07640), 0);
	cr_assert_eq(stat_of("d/f").mode, S_IFREG | 0640u);
	cr_assert_eq(usrbio_fchmodat(dir, "f", 0444, 0), 0);
	cr_assert_eq(stat_of("d/f").mode, S_IFREG | 0444u);
	cr_assert_eq(usrbio_fchmodat(dir, "l", 0600, AT_SYMLINK_NOFOLLOW), -EOPNOTSUPP);
	cr_assert_eq(usrbio_chmod(url_of("none"), 0600), -ENOENT);
	cr_assert_eq(usrbio_fchmodat(dir, "..", 0600, 0), -EINVAL);
	cr_assert_eq(usrbio_fchmodat(dir, "f", 0600, AT_REMOVEDIR), -EINVAL);
	usrbio_close(dir);
}

E2E(attr, owners)
{
	const uid_t none = (uid_t)-1;
	int dir = dir_of("d"), fd;

	file_make("d/f", SEED, SIZE);
	fd = usrbio_open(url_of("d/f"), O_RDONLY, 0);
	cr_assert_eq(usrbio_chown(url_of("d/f"), none, none), -EINVAL);
	cr_assert_eq(usrbio_chown(url_of("none"), 1, none), -ENOENT);
	/* Everybody may give a file what it has. */
	cr_assert_eq(usrbio_fchown(fd, stat_of("d/f").uid, stat_of("d/f").gid), 0);
	if (stat_of("d/f").uid == 0) {
		cr_assert_eq(usrbio_symlinkat("f", dir, "l"), 0);
		cr_assert_eq(usrbio_chown(url_of("d/l"), 12, none), 0);
		cr_assert_eq(stat_of("d/f").uid, 12);
		cr_assert_eq(usrbio_fchown(fd, none, 34), 0);
		cr_assert_eq(stat_of("d/f").gid, 34);
		cr_assert_eq(usrbio_lchown(url_of("d/l"), 56, 78), 0);
		cr_assert_eq(stat_of("d/l").gid, 78);
		cr_assert_eq(usrbio_fchownat(dir, "l", 90, none, AT_SYMLINK_NOFOLLOW), 0);
		cr_assert_eq(stat_of("d/l").uid, 90);
		cr_assert_eq(stat_of("d/f").uid, 12);
	}
	usrbio_close(fd);
	usrbio_close(dir);
}
