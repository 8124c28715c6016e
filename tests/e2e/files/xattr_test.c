/* Extended attributes over the wire, beside those that the kernel has of the same files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { LIMIT = 8192 };

static char big[LIMIT + 1];

E2E(xattr, is_what_the_kernel_has)
{
	char value[64];

	e2e_needs_local_files();
	file_make("f", 1, 100);
	if (setxattr(path_of("f"), "user.local", "here", 4, 0))
		cr_skip_test("this file system has no extended attributes");
	cr_assert_eq(usrbio_getxattr(url_of("f"), "user.local", value, sizeof(value)), 4);
	cr_assert_eq(memcmp(value, "here", 4), 0);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "user.wire", "there", 5, 0), 0);
	cr_assert_eq(getxattr(path_of("f"), "user.wire", value, sizeof(value)), 5);
	cr_assert_eq(memcmp(value, "there", 5), 0);
	cr_assert_eq(usrbio_removexattr(url_of("f"), "user.local"), 0);
	cr_assert_eq(getxattr(path_of("f"), "user.local", value, sizeof(value)), -1);
	cr_assert_eq(usrbio_listxattr(url_of("f"), value, sizeof(value)), 10);
	cr_assert_str_eq(value, "user.wire");
	/* One that is set here and is too long for the wire: it is not cut. */
	if (!setxattr(path_of("f"), "user.big", big, sizeof(big), 0))
		cr_assert_eq(usrbio_getxattr(url_of("f"), "user.big", value, 0), -E2BIG);
}

E2E(xattr, by_paths_names_and_files)
{
	char value[64];
	int dir, fd;

	cr_assert_eq(usrbio_mkdir(url_of("d"), 0755), 0);
	file_make("d/f", 1, 100);
	cr_assert_eq(usrbio_symlink("f", url_of("d/l")), 0);
	dir = usrbio_open(url_of("d"), O_RDONLY | O_DIRECTORY, 0);
	cr_assert_geq(dir, 0);
	fd = usrbio_open(url_of("d/f"), O_RDONLY, 0);
	cr_assert_geq(fd, 0);
	if (usrbio_setxattr(url_of("d/l"), "user.a", "1", 1, XATTR_CREATE) == -EOPNOTSUPP)
		cr_skip_test("this file system has no extended attributes");
	cr_assert_eq(usrbio_fsetxattr(fd, "user.b", "22", 2, 0), 0);
	cr_assert_eq(usrbio_setxattrat(dir, "l", 0, "user.c", "333", 3, 0), 0);
	cr_assert_eq(usrbio_fgetxattr(fd, "user.a", value, sizeof(value)), 1);
	cr_assert_eq(usrbio_getxattrat(dir, "f", 0, "user.b", value, sizeof(value)), 2);
	cr_assert_eq(usrbio_getxattr(url_of("d/l"), "user.c", value, sizeof(value)), 3);
	cr_assert_eq(memcmp(value, "333", 3), 0);
	cr_assert_eq(usrbio_flistxattr(fd, value, sizeof(value)), 21);
	cr_assert_eq(usrbio_listxattrat(dir, "l", 0, value, 0), 21);
	cr_assert_eq(usrbio_listxattr(url_of("d/l"), value, 20), -ERANGE);
	/* Of the link itself. */
	cr_assert_eq(usrbio_llistxattr(url_of("d/l"), value, sizeof(value)), 0);
	cr_assert_eq(usrbio_listxattrat(dir, "l", AT_SYMLINK_NOFOLLOW, value, sizeof(value)), 0);
	cr_assert_eq(usrbio_lgetxattr(url_of("d/l"), "user.a", value, sizeof(value)), -ENODATA);
	cr_assert_eq(usrbio_lsetxattr(url_of("d/l"), "user.a", "x", 1, 0), -EPERM);
	cr_assert_eq(usrbio_setxattrat(dir, "l", AT_SYMLINK_NOFOLLOW, "user.a", "x", 1, 0), -EPERM);
	cr_assert_eq(usrbio_lremovexattr(url_of("d/l"), "user.a"), -EPERM);
	cr_assert_eq(usrbio_removexattrat(dir, "l", AT_SYMLINK_NOFOLLOW, "user.a"), -EPERM);
	cr_assert_eq(usrbio_removexattrat(dir, "l", 0, "user.a"), 0);
	cr_assert_eq(usrbio_fremovexattr(fd, "user.a"), -ENODATA);
	cr_assert_eq(usrbio_fremovexattr(fd, "user.b"), 0);
	cr_assert_eq(usrbio_removexattr(url_of("d/f"), "user.c"), 0);
	cr_assert_eq(usrbio_listxattr(url_of("d/f"), NULL, 0), 0);
	usrbio_close(fd);
	cr_assert_eq(usrbio_fgetxattr(fd, "user.b", value, sizeof(value)), -EBADF);
	cr_assert_eq(usrbio_fsetxattr(fd, "user.b", "x", 1, 0), -EBADF);
	cr_assert_eq(usrbio_getxattrat(dir, "../d", 0, "user.b", value, 1), -EINVAL);
	cr_assert_eq(usrbio_getxattrat(dir, "f", AT_EMPTY_PATH, "user.b", value, 1), -EINVAL);
	usrbio_close(dir);
}

E2E(xattr, sizes_flags_and_names)
{
	static char got[LIMIT], name[257];
	int err;

	file_make("f", 1, 100);
	memset(big, 'b', sizeof(big));
	err = usrbio_setxattr(url_of("f"), "user.a", "1", 1, XATTR_REPLACE);
	if (err == -EOPNOTSUPP)
		cr_skip_test("this file system has no extended attributes");
	cr_assert_eq(err, -ENODATA);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "user.a", NULL, 0, XATTR_CREATE), 0);
	cr_assert_eq(usrbio_getxattr(url_of("f"), "user.a", got, sizeof(got)), 0);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "user.a", "1", 1, XATTR_CREATE), -EEXIST);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "user.a", "1", 1, 4), -EINVAL);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "user.a", NULL, 1, 0), -EINVAL);
	cr_assert_eq(usrbio_setxattr(url_of("f"), NULL, "1", 1, 0), -EINVAL);
	cr_assert_eq(usrbio_setxattr(NULL, "user.a", "1", 1, 0), -EINVAL);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "", "1", 1, 0), -ERANGE);
	memset(name, 'n', 256);
	memcpy(name, "user.", 5);
	cr_assert_eq(usrbio_setxattr(url_of("f"), name, "1", 1, 0), -ERANGE);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "security.capability", "1", 1, 0), -EOPNOTSUPP);
	cr_assert_eq(usrbio_getxattr(url_of("f"), "trusted.a", got, 1), -EOPNOTSUPP);
	cr_assert_eq(usrbio_setxattr(url_of("f"), "user.a", big, LIMIT + 1, 0), -E2BIG);
	cr_assert_eq(usrbio_getxattr(url_of("none"), "user.a", got, 1), -ENOENT);
	err = usrbio_setxattr(url_of("f"), "user.a", big, LIMIT, 0);
	if (err) { /* some file systems have a block for all attributes of a file */
		cr_assert_eq(err, -ENOSPC);
		return;
	}
	cr_assert_eq(usrbio_getxattr(url_of("f"), "user.a", got, LIMIT), LIMIT);
	cr_assert_eq(memcmp(got, big, LIMIT), 0);
	cr_assert_eq(usrbio_getxattr(url_of("f"), "user.a", got, LIMIT - 1), -ERANGE);
	cr_assert_eq(usrbio_getxattr(url_of("f"), "user.a", NULL, 0), LIMIT);
}
