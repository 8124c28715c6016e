/* The calls of usrbio.h about paths and descriptors: what each asks the server for. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "files_fake.h"
#include "tests/client/spec/spec_dirs.h"

static void set_up(void)
{
	fake_reset();
	dirs_open();
	dirs_make("/mnt/sub");
	dirs_make("/plain");
	dirs_table("@/mnt tcp://h/e\n");
}

TestSuite(fs, .init = set_up, .fini = dirs_close);

static void expect_call(int result, uint32_t op, const char *path)
{
	cr_expect_eq(result, 0);
	cr_expect_eq(fake.op, op);
	cr_expect_str_eq(fake.path, path);
	cr_expect_eq(fake.mounts, 0);
}

Test(fs, paths)
{
	struct usrbio_stat st;

	expect_call(usrbio_unlink("tcp://h/e/a/b"), CALL_UNLINK, "a/b");
	expect_call(usrbio_rmdir("tcp://h/e//a/"), CALL_RMDIR, "a/");
	expect_call(usrbio_mkdir("tcp://h/e?timeout=1/a", 0171755), CALL_MKDIR, "a");
	cr_expect_eq(fake.call_mode, 01755);
	expect_call(usrbio_truncate("tcp://h/e/a", 12345), CALL_TRUNCATE, "a");
	cr_expect_eq(fake.len, 12345);
	expect_call(usrbio_stat("tcp://h/e", &st), CALL_STAT, "");
	cr_expect_eq(fake.flags, 0);
	expect_call(usrbio_lstat("tcp://h/e/a", &st), CALL_STAT, "a");
	cr_expect_eq(fake.flags, CALL_NOFOLLOW);
	expect_call(usrbio_rename("tcp://h/e/a", "tcp://h/e/b"), CALL_RENAME, "a");
	cr_expect_str_eq(fake.path2, "b");
	expect_call(usrbio_mkdir(dirs_path("/mnt/new/"), 0755), CALL_MKDIR, "new/");
	expect_call(usrbio_mkdir(dirs_path("/mnt/./sub/../new"), 0755), CALL_MKDIR, "new");
	expect_call(usrbio_stat(dirs_path("/mnt"), &st), CALL_STAT, "");
	expect_call(usrbio_stat(dirs_path("/mnt/sub"), &st), CALL_STAT, "sub");
	/* What a slash at the end asks of a name, the server says; of the mount it asks nothing. */
	expect_call(usrbio_stat(dirs_path("/mnt/sub/"), &st), CALL_STAT, "sub/");
	expect_call(usrbio_stat(dirs_path("/mnt//"), &st), CALL_STAT, "");
	expect_call(usrbio_stat(dirs_path("/mnt/sub/../"), &st), CALL_STAT, "");
}

/* The directory may be a mere name here; what is below it is the server's to know. */
Test(fs, what_does_not_exist_here)
{
	struct usrbio_stat st;

	expect_call(usrbio_mkdir(dirs_path("/mnt/none/a//b/"), 0755), CALL_MKDIR, "none/a//b/");
	expect_call(usrbio_stat(dirs_path("/mnt/none/x"), &st), CALL_STAT, "none/x");
	cr_assert_eq(chdir(dirs_path("/mnt/sub")), 0);
	expect_call(usrbio_unlink("none/x"), CALL_UNLINK, "sub/none/x");
	expect_call(usrbio_unlink("none"), CALL_UNLINK, "sub/none");
	expect_call(usrbio_rmdir("../none"), CALL_RMDIR, "none");
	expect_call(usrbio_rmdir("."), CALL_RMDIR, "sub");
	dirs_table("/ tcp://h/root\n");
	expect_call(usrbio_stat("/no/such", &st), CALL_STAT, "no/such");
	expect_call(usrbio_stat("/", &st), CALL_STAT, "");
}

/* A link at the end is ours to follow or not; one on the way always is followed. */
Test(fs, symbolic_links)
{
	struct usrbio_stat st;

	cr_assert_eq(symlink(dirs_path("/mnt/sub"), dirs_path("/mnt/link")), 0);
	expect_call(usrbio_stat(dirs_path("/mnt/link"), &st), CALL_STAT, "sub");
	expect_call(usrbio_lstat(dirs_path("/mnt/link"), &st), CALL_STAT, "link");
	expect_call(usrbio_unlink(dirs_path("/mnt/link")), CALL_UNLINK, "link");
	expect_call(usrbio_unlink(dirs_path("/mnt/link/x")), CALL_UNLINK, "sub/x");
}

Test(fs, what_is_not_ours)
{
	struct usrbio_stat st;
	struct usrbio_dir *dir;

	cr_expect_eq(usrbio_stat(dirs_path("/plain"), &st), -ENOENT);
	cr_expect_eq(usrbio_open(dirs_path("/plain/x"), O_RDONLY, 0), -ENOENT);
	cr_expect_eq(usrbio_opendir(dirs_path("/plain"), &dir), -ENOENT);
	cr_expect_eq(usrbio_unlink(dirs_path("/mnt/none/../x")), -ENOENT);
	cr_expect_eq(usrbio_unlink("http://h/e/x"), -ENOENT);
	cr_expect_eq(usrbio_unlink("tcp://h"), -EINVAL);
	cr_expect_eq(usrbio_unlink(""), -ENOENT);
	cr_expect_eq(usrbio_unlink(NULL), -EINVAL);
	cr_expect_eq(usrbio_stat(NULL, &st), -EINVAL);
	cr_expect_eq(usrbio_stat("tcp://h/e", NULL), -EINVAL);
	cr_expect_eq(usrbio_rename("tcp://h/e/a", "tcp://g/e/b"), -EXDEV);
	cr_expect_eq(fake.calls, 0);
	cr_expect_eq(fake.mounts, 0);
}

static const struct {
	int theirs;
	uint32_t ours;
} flags[] = {
	{O_RDONLY, OPEN_READ},
	{O_WRONLY, OPEN_WRITE},
	{O_RDWR, OPEN_READ | OPEN_WRITE},
	{O_WRONLY | O_CREAT, OPEN_WRITE | OPEN_CREATE},
	{O_WRONLY | O_CREAT | O_EXCL, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE},
	{O_RDWR | O_TRUNC, OPEN_READ | OPEN_WRITE | OPEN_TRUNCATE},
	{O_RDONLY | O_DIRECT, OPEN_READ | OPEN_DIRECT},
	{O_RDONLY | O_DIRECTORY, OPEN_READ | OPEN_DIRECTORY},
	{O_RDONLY | O_NOFOLLOW, OPEN_READ | OPEN_NOFOLLOW},
	{O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_APPEND | O_NOATIME, OPEN_READ},
};

Test(fs, open_flags)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		int fd = usrbio_open("tcp://h/e/f", flags[i].theirs, 0170640);

		cr_assert_geq(fd, 0);
		cr_expect_eq(fake.flags, flags[i].ours, "%x gave %x", flags[i].theirs, fake.flags);
		cr_expect_eq(fake.call_mode, 0640);
		cr_expect_eq(usrbio_close(fd), 0);
	}
}

Test(fs, descriptors)
{
	int fd = usrbio_open("tcp://h/e/f", O_RDWR, 0);
	struct usrbio_stat st;
	uint64_t handle;

	cr_assert_geq(fd, 0);
	cr_expect_eq(usrbio_fstat(fd, &st), 0);
	handle = fake.file;
	cr_expect(handle);
	cr_expect_eq(st.nlink, 2);
	cr_expect_eq(st.uid, 3);
	cr_expect_eq(st.gid, 4);
	cr_expect_eq(st.ino, 5);
	cr_expect_eq(st.dev, 6);
	cr_expect_eq(st.size, 7);
	cr_expect_eq(st.blocks, 8);
	cr_expect_eq(st.atime_ns, 9);
	cr_expect_eq(st.mtime_ns, 10);
	cr_expect_eq(st.ctime_ns, 11);
	cr_expect_eq(usrbio_fsync(fd), 0);
	cr_expect_eq(fake.op, CALL_FSYNC);
	cr_expect_eq(fake.file, handle);
	cr_expect_eq(usrbio_ftruncate(fd, 77), 0);
	cr_expect_eq(fake.op, CALL_TRUNCATE);
	cr_expect_eq(fake.len, 77);
	cr_expect_eq(fake.file, handle);
	fake.status = -ENOSPC;
	cr_expect_eq(usrbio_fsync(fd), -ENOSPC);
	cr_expect_eq(usrbio_fstat(fd, &st), -ENOSPC);
	cr_expect_eq(usrbio_fstat(fd, NULL), -EINVAL);
	usrbio_close(fd);
	cr_expect_eq(usrbio_fsync(fd), -EBADF);
	cr_expect_eq(usrbio_fstat(fd, &st), -EBADF);
	cr_expect_eq(usrbio_ftruncate(0, 0), -EBADF);
}

static void expect_mount_point(const char *path, const char *want, const char *tail)
{
	char buf[256] = "untouched";
	const char *rest = "untouched";
	int need = (int)strlen(want) + 1;

	cr_expect_eq(usrbio_mount_point(path, buf, sizeof(buf), &rest), need, "%s", path);
	cr_expect_str_eq(buf, want);
	cr_expect_str_eq(rest, tail, "%s: %s", path, rest);
	cr_expect(rest >= path && rest <= path + strlen(path));
	strcpy(buf, "untouched");
	cr_expect_eq(usrbio_mount_point(path, buf, (size_t)need - 1, NULL), need);
	cr_expect_str_eq(buf, "untouched");
}

Test(fs, mount_point)
{
	const char *mnt = dirs_path("/mnt"), *rest;
	char buf[256];

	expect_mount_point("tcp://h/e/a/b", "tcp://h/e", "a/b");
	expect_mount_point("tcp://h/e", "tcp://h/e", "");
	expect_mount_point(dirs_path("/mnt"), mnt, "");
	expect_mount_point(dirs_path("/mnt/"), mnt, "");
	expect_mount_point(dirs_path("/mnt/sub"), mnt, "sub");
	expect_mount_point(dirs_path("/mnt/sub/"), mnt, "sub/");
	expect_mount_point(dirs_path("/mnt/sub/new"), mnt, "sub/new");
	cr_assert_eq(chdir(dirs_path("/mnt")), 0);
	expect_mount_point("sub/x", mnt, "sub/x");
	expect_mount_point("sub/../y", mnt, "y");
	cr_assert_eq(symlink("sub", "link"), 0);
	cr_expect_eq(usrbio_mount_point("link/y", buf, sizeof(buf), &rest), -EINVAL);
	cr_expect_eq(usrbio_mount_point("link/y", buf, sizeof(buf), NULL), (int)strlen(mnt) + 1);
	cr_expect_eq(usrbio_mount_point("/", buf, sizeof(buf), &rest), -ENOENT);
	cr_expect_eq(usrbio_mount_point("tcp://h", buf, sizeof(buf), &rest), -EINVAL);
	cr_expect_eq(usrbio_mount_point(NULL, buf, sizeof(buf), &rest), -EINVAL);
}

/* By a directory: what is asked for goes along with the handle of where. */
Test(fs, names_in_a_directory)
{
	struct usrbio_stat st;
	struct usrbio_dir *dir;
	struct usrbio_id id;
	int one, two, file;

	fake.mode = S_IFDIR | 0700;
	one = usrbio_open("tcp://h/e/one", O_RDONLY | O_DIRECTORY, 0);
	two = usrbio_open("tcp://h/e/two", O_RDONLY | O_DIRECTORY, 0);
	cr_assert_eq(usrbio_fstat(one, &st), 0);
	file = usrbio_openat(one, "f", O_RDWR | O_CREAT, 0171755);
	cr_assert_geq(file, 0);
	cr_expect_eq(fake.op, CALL_OPEN);
	cr_expect_eq(fake.flags, OPEN_READ | OPEN_WRITE | OPEN_CREATE | OPEN_FOLLOW);
	cr_expect_eq(fake.call_mode, 01755);
	cr_expect_str_eq(fake.path, "f");
	cr_expect_neq(fake.at, 0);
	usrbio_close(usrbio_openat(one, "g", O_RDONLY | O_NOFOLLOW, 0));
	cr_expect_eq(fake.flags, OPEN_READ | OPEN_NOFOLLOW);
	usrbio_close(usrbio_openat(one, "g", O_RDONLY | O_CREAT | O_EXCL, 0));
	cr_expect_eq(fake.flags, OPEN_READ | OPEN_CREATE | OPEN_EXCLUSIVE);
	cr_assert_eq(usrbio_fstatat(one, "f", &st, 0), 0);
	cr_expect(fake.op == CALL_STAT && fake.flags == CALL_FOLLOW);
	cr_expect_eq(st.host, usrbio_host());
	cr_assert_eq(usrbio_fstatat(one, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	cr_expect_eq(fake.flags, CALL_NOFOLLOW);
	cr_assert_eq(usrbio_mkdirat(one, "d", 0755), 0);
	cr_expect(fake.op == CALL_MKDIR && fake.call_mode == 0755);
	cr_assert_eq(usrbio_unlinkat(one, "d", 0), 0);
	cr_expect_eq(fake.op, CALL_UNLINK);
	cr_assert_eq(usrbio_unlinkat(one, "d", AT_REMOVEDIR), 0);
	cr_expect_eq(fake.op, CALL_RMDIR);
	cr_assert_eq(usrbio_renameat(one, "a", two, "b", RENAME_NOREPLACE), 0);
	cr_expect(fake.op == CALL_RENAME && fake.flags == CALL_NOREPLACE);
	cr_expect(fake.at && fake.at2 && fake.at != fake.at2);
	cr_expect_str_eq(fake.path2, "b");
	cr_assert_eq(usrbio_renameat(one, "a", two, "b", RENAME_EXCHANGE), 0);
	cr_expect(fake.op == CALL_RENAME && fake.flags == CALL_EXCHANGE);
	cr_expect_eq(usrbio_renameat(one, "a", two, "b", RENAME_EXCHANGE | RENAME_NOREPLACE),
		     -EINVAL);
	cr_expect_eq(usrbio_renameat(one, "a", two, "b", RENAME_WHITEOUT), -EINVAL);
	cr_assert_eq(usrbio_fchmod(file, 07751), 0);
	cr_expect(fake.op == CALL_SETATTR && fake.flags == SET_MODE && fake.call_mode == 0751);
	cr_assert_eq(usrbio_seek(file, 0, SEEK_HOLE), 0);
	cr_expect(fake.op == CALL_SEEK && fake.flags == CALL_HOLE);
	cr_assert_eq(usrbio_ancestors(one, &id, 1), 0);
	cr_assert_eq(usrbio_fdopendir(one, &dir), 0);
	cr_expect(fake.op == CALL_READDIR && fake.file && !fake.at);
	usrbio_closedir(dir);
	usrbio_close(file);
	usrbio_close(one);
	usrbio_close(two);
	cr_expect_eq(fake.mounts, 0);
	cr_expect_eq(fake.handles, 0);
}

/* What would not even fit into a message is not sent. */
Test(fs, what_is_no_name)
{
	static char name[6000];
	struct usrbio_stat st;
	int dir = usrbio_open("tcp://h/e/d", O_RDONLY | O_DIRECTORY, 0), calls = fake.calls;

	cr_expect_eq(usrbio_openat(dir, "a/b", O_RDONLY, 0), -EINVAL);
	cr_expect_eq(usrbio_mkdirat(dir, "..", 0), -EINVAL);
	cr_expect_eq(usrbio_unlinkat(dir, "", 0), -EINVAL);
	cr_expect_eq(usrbio_renameat(dir, "a", dir, ".", 0), -EINVAL);
	cr_expect_eq(usrbio_fstatat(dir, NULL, &st, 0), -EINVAL);
	memset(name, 'n', sizeof(name) - 1);
	cr_expect_eq(usrbio_fstatat(dir, name, &st, 0), -ENAMETOOLONG);
	cr_expect_eq(usrbio_mkdirat(-1, "a", 0), -EBADF);
	cr_expect_eq(usrbio_mkdirat(0, "a", 0), -EBADF);
	cr_expect_eq(fake.calls, calls);
	usrbio_close(dir);
}
