/* The numbers of a file system over the wire, beside those of the kernel for the same directory. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

static void expect_local(const struct statvfs *remote)
{
	struct statvfs local;

	cr_assert_eq(statvfs(e2e_dir, &local), 0);
	cr_assert_eq(remote->f_bsize, local.f_bsize);
	cr_assert_eq(remote->f_frsize, local.f_frsize);
	cr_assert_eq(remote->f_blocks, local.f_blocks);
	cr_assert_eq(remote->f_bfree - remote->f_bavail, local.f_bfree - local.f_bavail);
	cr_assert_eq(remote->f_namemax, local.f_namemax);
	cr_assert_eq(remote->f_fsid, local.f_fsid);
}

E2E(statfs, numbers_of_the_export)
{
	struct statvfs by_path, by_file;
	int fd;

	file_make("f", 1, 100);
	fd = usrbio_open(url_of("f"), O_RDONLY, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_statfs(url_of(""), &by_path), 0);
	cr_assert_eq(usrbio_fstatfs(fd, &by_file), 0);
	cr_assert_gt(by_path.f_frsize, 0);
	cr_assert_gt(by_path.f_blocks, 0);
	cr_assert_eq(by_path.f_favail, by_path.f_ffree);
	if (e2e_dir)
		expect_local(&by_path);
	cr_assert_eq(by_path.f_flag, 0);
	cr_assert_eq(by_file.f_fsid, by_path.f_fsid);
	cr_assert_eq(by_file.f_blocks, by_path.f_blocks);
	cr_assert_eq(usrbio_statfs(url_of("none"), &by_path), -ENOENT);
	cr_assert_eq(usrbio_statfs(url_of("f/x"), &by_path), -ENOTDIR);
	cr_assert_eq(usrbio_statfs(NULL, &by_path), -EINVAL);
	cr_assert_eq(usrbio_statfs(url_of("f"), NULL), -EINVAL);
	cr_assert_eq(usrbio_fstatfs(fd, NULL), -EINVAL);
	usrbio_close(fd);
	cr_assert_eq(usrbio_fstatfs(fd, &by_file), -EBADF);
}
