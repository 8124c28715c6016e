/* The hf3fs_ functions about files and mounts, over directories of the table and a fake server. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/files/file.h"
#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "files_fake.h"
#include "tests/client/spec/spec_dirs.h"

static void set_up(void)
{
	fake_reset();
	dirs_open();
	dirs_make("/mnt/sub");
	dirs_make("/other");
	dirs_make("/plain");
	dirs_write("/mnt/sub/file", "hello");
	dirs_write("/plain/file", "hello");
	dirs_table("@/mnt tcp://h/e\n@/other tcp://h/o\n");
}

TestSuite(api, .init = set_up, .fini = dirs_close);

static int open_file(const char *name, int flags)
{
	int fd = open(dirs_path("%s", name), flags | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%s", name);
	return fd;
}

Test(api, is_hf3fs)
{
	int file = open_file("/mnt/sub/file", O_RDONLY), dir = open_file("/mnt", O_RDONLY);
	int plain = open_file("/plain/file", O_RDONLY);
	int url = usrbio_open("tcp://h/e/x", O_RDONLY, 0);
	int sock = socket(AF_UNIX, SOCK_STREAM, 0), zero = open("/dev/zero", O_RDONLY);

	cr_expect(hf3fs_is_hf3fs(file));
	cr_expect(hf3fs_is_hf3fs(dir));
	cr_expect(hf3fs_is_hf3fs(url));
	cr_expect_not(hf3fs_is_hf3fs(plain));
	cr_expect_not(hf3fs_is_hf3fs(sock));
	cr_expect_not(hf3fs_is_hf3fs(zero));
	cr_expect_not(hf3fs_is_hf3fs(-1));
	cr_expect_not(hf3fs_is_hf3fs(INT_MIN));
	close(file);
	cr_expect_not(hf3fs_is_hf3fs(file));
	cr_assert_eq(unlink(dirs_path("/mnt/sub/file")), 0);
}

Test(api, a_deleted_file_is_ours_and_stale)
{
	int fd = open_file("/mnt/sub/file", O_RDONLY);

	cr_assert_eq(unlink(dirs_path("/mnt/sub/file")), 0);
	cr_expect(hf3fs_is_hf3fs(fd));
	cr_expect_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	dirs_write("/mnt/sub/file", "a new one");
	cr_expect_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	cr_expect_eq(fake.calls, 0);
}

/* The directory is not what the server exports, though it has such a name as well. */
Test(api, another_file_at_the_server_is_stale)
{
	int fd = open_file("/mnt/sub/file", O_RDWR);

	fake.other_ino = 1;
	cr_expect_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
	fake.other_ino = 0;
	cr_expect_eq(hf3fs_reg_fd(fd, 0), -fd);
}

/* Numbers alone prove nothing where every small file system counts from one. */
Test(api, the_same_number_on_another_device_or_host_is_stale)
{
	char dir[] = "/dev/shm/usrbio-test-XXXXXX", line[100];
	int dirfd, fd;

	cr_assert(mkdtemp(dir));
	snprintf(line, sizeof(line), "%s tcp://h/e\n", dir);
	dirs_table(line);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dirfd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_geq(fd, 0);
	fake.other_dev = 1;
	cr_expect_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	fake.other_dev = 0;
	fake.other_host = 1;
	cr_expect_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	fake.other_host = 0;
	cr_expect_eq(hf3fs_reg_fd(fd, 0), -fd);
	unlinkat(dirfd, "file", 0);
	rmdir(dir);
}

static void expect_extract(const char *path, const char *want)
{
	char buf[PATH_MAX];
	int need = want ? (int)strlen(want) + 1 : -1;

	strcpy(buf, "untouched");
	cr_expect_eq(hf3fs_extract_mount_point(buf, sizeof(buf), path), need, "%s", path);
	cr_expect_str_eq(buf, want ? want : "untouched");
	if (!want)
		return;
	strcpy(buf, "untouched");
	cr_expect_eq(hf3fs_extract_mount_point(buf, need - 1, path), need);
	cr_expect_str_eq(buf, "untouched");
	cr_expect_eq(hf3fs_extract_mount_point(buf, need, path), need);
	cr_expect_str_eq(buf, want);
	cr_expect_eq(hf3fs_extract_mount_point(NULL, 0, path), need);
	cr_expect_eq(hf3fs_extract_mount_point(buf, -1, path), need);
}

Test(api, extract_mount_point)
{
	const char *mnt = dirs_path("/mnt");

	cr_assert_eq(symlink(dirs_path("/mnt/sub"), dirs_path("/plain/link")), 0);
	expect_extract(dirs_path("/mnt"), mnt);
	expect_extract(dirs_path("/mnt//"), mnt);
	expect_extract(dirs_path("/mnt/sub/file"), mnt);
	expect_extract(dirs_path("/plain/link/file"), mnt);
	expect_extract(dirs_path("/plain/file"), NULL);
	expect_extract(dirs_path("/mnt/missing"), NULL);
	expect_extract("/dev/zero", NULL);
	expect_extract("tcp://h/e/file", NULL);
	expect_extract("", NULL);
	cr_expect_eq(hf3fs_extract_mount_point(NULL, 0, NULL), -1);
	cr_assert_eq(chdir(dirs_path("/mnt/sub")), 0);
	expect_extract("file", mnt);
	expect_extract("..", mnt);
	dirs_table("/ tcp://h/root\n");
	expect_extract("/dev/zero", NULL);
	expect_extract("/dev", "/");
}

Test(api, reg_fd_signs)
{
	int fd = open_file("/mnt/sub/file", O_RDONLY), closed = open_file("/mnt", O_RDONLY);

	close(closed);
	cr_expect_eq(hf3fs_reg_fd(fd, 1), -fd);
	cr_expect_eq(hf3fs_reg_fd(fd, 0), EINVAL);
	cr_expect_eq(hf3fs_reg_fd(closed, 0), EBADF);
	cr_expect_eq(hf3fs_reg_fd(-1, 0), EBADF);
	cr_expect_eq(hf3fs_reg_fd(-fd, 0), EBADF);
	cr_expect_eq(hf3fs_reg_fd(INT_MIN, 0), EBADF);
	cr_expect_eq(hf3fs_reg_fd(open_file("/plain/file", O_RDONLY), 0), EBADF);
	cr_expect_eq(hf3fs_reg_fd(open_file("/mnt/sub/file", O_PATH), 0), EBADF);
	hf3fs_dereg_fd(fd);
	hf3fs_dereg_fd(fd);
	hf3fs_dereg_fd(closed);
	hf3fs_dereg_fd(INT_MIN);
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
	fake.status = -EREMOTEIO;
	cr_expect_eq(hf3fs_reg_fd(fd, 0), EREMOTEIO);
	fake.status = 0;
	cr_expect_eq(hf3fs_reg_fd(fd, 0), -fd);
}

Test(api, descriptor_zero)
{
	int fd = open_file("/mnt/sub/file", O_RDONLY);

	cr_assert_eq(dup2(fd, 0), 0);
	cr_expect_eq(hf3fs_reg_fd(0, 0), 0);
	cr_expect_eq(hf3fs_reg_fd(0, 0), EINVAL);
	hf3fs_dereg_fd(0);
}

static void expect_open(const char *name, int flags, uint32_t want)
{
	int fd = open_file(name, flags);

	cr_expect_eq(hf3fs_reg_fd(fd, 0), -fd);
	cr_expect_eq(fake.flags, want, "%s %x asked for %x", name, flags, fake.flags);
	hf3fs_dereg_fd(fd);
	close(fd);
}

Test(api, what_reg_fd_opens)
{
	char procname[64];
	int fd;

	expect_open("/mnt/sub/file", O_RDONLY, OPEN_READ);
	cr_expect_str_eq(fake.path, "sub/file");
	cr_expect_str_eq(fake.mount_point, dirs_path("/mnt"));
	expect_open("/mnt/sub/file", O_WRONLY, OPEN_WRITE);
	expect_open("/mnt/sub/file", O_RDWR, OPEN_READ | OPEN_WRITE);
	expect_open("/mnt/sub/file", O_RDWR | O_APPEND, OPEN_READ | OPEN_WRITE);
	expect_open("/mnt/sub/new", O_WRONLY | O_CREAT | O_EXCL, OPEN_WRITE);
	expect_open("/mnt/sub/new", O_WRONLY | O_TRUNC, OPEN_WRITE);
	fake.mode = S_IFDIR | 0755;
	expect_open("/mnt/sub", O_RDONLY | O_DIRECTORY, OPEN_READ | OPEN_DIRECTORY);
	expect_open("/mnt", O_RDONLY, OPEN_READ | OPEN_DIRECTORY);
	cr_expect_str_eq(fake.path, "");
	/* A name that looks as if it were deleted is a name. */
	expect_open("/mnt/x (deleted)", O_RDONLY | O_CREAT, OPEN_READ);
	cr_expect_str_eq(fake.path, "x (deleted)");
	fd = open_file("/mnt/sub/file", O_RDONLY);
	snprintf(procname, sizeof(procname), "/proc/self/fd/%d", fd);
	cr_assert_eq(rename(dirs_path("/mnt/sub/file"), dirs_path("/mnt/moved")), 0);
	cr_expect_eq(hf3fs_reg_fd(fd, 0), -fd);
	cr_expect_str_eq(fake.path, "moved");
}

Test(api, a_directory_is_no_regular_file)
{
	int fd = open_file("/mnt", O_RDONLY);
	struct file *file;

	fake.mode = S_IFDIR | 0755;
	cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
	file = file_registered(fd);
	cr_expect_not(file->regular);
	file_put(file);
}

Test(api, hardlink)
{
	char target[PATH_MAX], missing[PATH_MAX], name[PATH_MAX], plain[PATH_MAX];

	strcpy(target, dirs_path("/mnt/sub/file"));
	strcpy(missing, dirs_path("/mnt/none/file"));
	strcpy(name, dirs_path("/mnt/name"));
	strcpy(plain, dirs_path("/plain/file"));
	cr_expect_eq(hf3fs_hardlink(target, name), 0);
	cr_expect_eq(fake.op, CALL_LINK);
	cr_expect_str_eq(fake.path, "sub/file");
	cr_expect_str_eq(fake.path2, "name");
	cr_assert_eq(chdir(dirs_path("/mnt/sub")), 0);
	cr_expect_eq(hf3fs_hardlink("file", "../rel"), 0);
	cr_expect_str_eq(fake.path, "sub/file");
	cr_expect_str_eq(fake.path2, "rel");
	cr_expect_eq(hf3fs_hardlink("tcp://h/e/a", "tcp://h/e/b"), 0);
	cr_expect_eq(hf3fs_hardlink(plain, name), ENOTTY);
	cr_expect_eq(hf3fs_hardlink(target, plain), ENOTTY);
	cr_expect_eq(hf3fs_hardlink(target, dirs_path("/other/x")), EXDEV);
	cr_expect_eq(hf3fs_hardlink(missing, name), 0, "the server knows better");
	cr_expect_str_eq(fake.path, "none/file");
	cr_expect_eq(hf3fs_hardlink(NULL, name), EINVAL);
	cr_expect_eq(hf3fs_hardlink(target, NULL), EINVAL);
	fake.status = -EEXIST;
	cr_expect_eq(hf3fs_hardlink(target, name), EEXIST);
	cr_expect_eq(fake.mounts, 0);
}

/* A link is made to the symbolic link, as link(2) does; so is a link over one. */
Test(api, hardlink_of_a_symbolic_link)
{
	cr_assert_eq(symlink("sub/file", dirs_path("/mnt/soft")), 0);
	cr_expect_eq(hf3fs_hardlink(dirs_path("/mnt/soft"), dirs_path("/mnt/name")), 0);
	cr_expect_str_eq(fake.path, "soft");
}

Test(api, punchhole)
{
	static size_t start[1001], end[1001];
	int fd = open_file("/mnt/sub/file", O_RDWR), ro = open_file("/mnt/sub/file", O_RDONLY);
	int url = usrbio_open("tcp://h/e/x", O_WRONLY, 0);

	start[0] = 5;
	end[0] = 7;
	start[1] = end[1] = 9;
	start[2] = 12;
	end[2] = 11;
	start[3] = 20;
	end[3] = SIZE_MAX;
	cr_expect_eq(hf3fs_punchhole(fd, 4, start, end, 99), 0);
	cr_expect_eq(fake.op, CALL_PUNCH);
	cr_expect_eq(fake.nr_ranges, 2);
	cr_expect_eq(fake.range[0], 5);
	cr_expect_eq(fake.range[1], 7);
	cr_expect_eq(fake.range[2], 20);
	cr_expect_eq(fake.range[3], INT64_MAX);
	cr_expect_eq(hf3fs_punchhole(url, 1, start, end, 0), 0);
	cr_expect_eq(hf3fs_punchhole(ro, 1, start, end, 0), EBADF);
	cr_expect_eq(hf3fs_punchhole(ro, 1, start + 1, end + 1, 0), EBADF, "empty, not writable");
	cr_expect_eq(hf3fs_punchhole(-1, 1, start, end, 0), EBADF);
	cr_expect_eq(hf3fs_punchhole(-1, 0, NULL, NULL, 0), 0);
	cr_expect_eq(hf3fs_punchhole(-1, -5, NULL, NULL, 0), 0);
	cr_expect_eq(hf3fs_punchhole(fd, 1001, start, end, 0), EINVAL);
	cr_expect_eq(hf3fs_punchhole(fd, 1, NULL, end, 0), EINVAL);
	cr_expect_eq(hf3fs_punchhole(fd, 1000, start, end, 0), 0);
	fake.op = 0;
	cr_expect_eq(hf3fs_punchhole(url, 2, start + 1, end + 1, 0), 0);
	cr_expect_eq(fake.op, 0, "nothing to punch, nobody asked");
	fake.status = -EROFS;
	cr_expect_eq(hf3fs_punchhole(url, 1, start, end, 0), EROFS);
	fake.status = 0;
	usrbio_close(url);
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
}
