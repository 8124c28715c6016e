/* Names in open directories, as the *at calls of POSIX have them, and what else usrbio.h says of an
 * open file or directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"
#include "tests/e2e/survive/again.h"

enum { SIZE = 10000, SEED = 1 };

/* It must open. */
static int dir_of(const char *url)
{
	int fd = usrbio_open(url, O_RDONLY | O_DIRECTORY, 0);

	cr_assert_geq(fd, 0, "%s: %s", url, strerror(-fd));
	return fd;
}

static int new_dir(const char *name)
{
	cr_assert_eq(usrbio_mkdir(url_of(name), 0755), 0, "%s", name);
	return dir_of(url_of(name));
}

static int touch_at(int dir, const char *name)
{
	int fd = usrbio_openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	return fd < 0 ? fd : usrbio_close(fd);
}

static int try_open(int dir, const char *name, int flags)
{
	int fd = usrbio_openat(dir, name, flags, 0644);

	return fd < 0 ? fd : usrbio_close(fd);
}

/* Every call about a name says `err`. */
static void expect_all(int dir, const char *name, int err)
{
	struct usrbio_stat st;

	cr_expect_eq(try_open(dir, name, O_RDONLY), err, "%.20s", name);
	cr_expect_eq(try_open(dir, name, O_RDONLY | O_NOFOLLOW), err, "%.20s", name);
	cr_expect_eq(try_open(dir, name, O_RDWR | O_CREAT), err, "%.20s", name);
	cr_expect_eq(usrbio_fstatat(dir, name, &st, 0), err, "%.20s", name);
	cr_expect_eq(usrbio_fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), err, "%.20s", name);
	cr_expect_eq(usrbio_mkdirat(dir, name, 0755), err, "%.20s", name);
	cr_expect_eq(usrbio_unlinkat(dir, name, 0), err, "%.20s", name);
	cr_expect_eq(usrbio_unlinkat(dir, name, AT_REMOVEDIR), err, "%.20s", name);
	cr_expect_eq(usrbio_renameat(dir, name, dir, "to", 0), err, "%.20s", name);
}

E2E(dirfd, names_in_a_directory)
{
	int one = new_dir("one"), two = new_dir("two"), fd;
	struct usrbio_stat st, same;
	struct rw rw;

	rw_open(&rw, NULL, SIZE);
	fd = usrbio_openat(one, "f", O_RDWR | O_CREAT | O_EXCL, 0640);
	cr_assert_geq(fd, 0);
	cr_assert_leq(hf3fs_reg_fd(fd, 0), 0);
	rw_put(&rw, fd, SEED, 0, SIZE);
	hf3fs_dereg_fd(fd);
	file_check("one/f", SEED, 0, SIZE);
	cr_assert_eq(usrbio_fstat(fd, &st), 0);
	cr_assert_eq(st.mode, S_IFREG | 0640);
	cr_assert_eq(usrbio_fstatat(one, "f", &same, 0), 0);
	cr_assert_eq(memcmp(&st, &same, sizeof(st)), 0);
	cr_assert_eq(touch_at(one, "f"), -EEXIST);
	cr_assert_eq(usrbio_renameat(one, "f", two, "g", 0), 0);
	cr_assert_eq(usrbio_fstatat(one, "f", &same, 0), -ENOENT);
	cr_assert_eq(usrbio_stat(url_of("two/g"), &same), 0);
	cr_assert_eq(same.ino, st.ino);
	cr_assert_eq(touch_at(one, "f"), 0);
	cr_assert_eq(usrbio_renameat(two, "g", one, "f", RENAME_NOREPLACE), -EEXIST);
	cr_assert_eq(usrbio_renameat(two, "g", one, "f", 0), 0);
	cr_assert_eq(usrbio_mkdirat(two, "d", 0711), 0);
	cr_assert_eq(usrbio_mkdirat(two, "d", 0711), -EEXIST);
	cr_assert_eq(usrbio_stat(url_of("two/d"), &same), 0);
	cr_assert_eq(same.mode, S_IFDIR | 0711);
	cr_assert_eq(usrbio_unlinkat(two, "d", 0), -EISDIR);
	cr_assert_eq(usrbio_unlinkat(one, "f", AT_REMOVEDIR), -ENOTDIR);
	cr_assert_eq(usrbio_unlinkat(two, "d", AT_REMOVEDIR), 0);
	cr_assert_eq(usrbio_unlinkat(one, "f", 0), 0);
	cr_assert_eq(usrbio_unlinkat(one, "f", 0), -ENOENT);
	cr_assert_eq(usrbio_fstat(fd, &st), 0);
	cr_assert_eq(st.nlink, 0);
	usrbio_close(fd);
	usrbio_close(one);
	usrbio_close(two);
	cr_assert_eq(usrbio_rmdir(url_of("one")) | usrbio_rmdir(url_of("two")), 0);
	rw_close(&rw);
}

E2E(dirfd, what_is_no_name)
{
	static const char *const names[] = {"", ".", "..", "/", "a/", "a/b", "/a", "../f"};
	char name[5000];
	struct usrbio_stat st;
	int dir = new_dir("d"), file;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		expect_all(dir, names[i], -EINVAL);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	expect_all(dir, name, -ENAMETOOLONG);
	name[256] = 0;
	expect_all(dir, name, -ENAMETOOLONG);
	name[255] = 0;
	cr_assert_eq(touch_at(dir, name), 0);
	cr_assert_eq(usrbio_fstatat(dir, name, &st, 0), 0);
	cr_assert_eq(usrbio_unlinkat(dir, name, 0), 0);
	cr_assert_eq(usrbio_openat(dir, NULL, O_RDONLY, 0), -EINVAL);
	cr_assert_eq(usrbio_fstatat(dir, "f", NULL, 0), -EINVAL);
	cr_assert_eq(usrbio_fstatat(dir, "f", &st, 1), -EINVAL);
	cr_assert_eq(usrbio_unlinkat(dir, "f", 1), -EINVAL);
	cr_assert_eq(usrbio_renameat(dir, "f", dir, "g", 4), -EINVAL);
	cr_assert_eq(usrbio_renameat(dir, "f", dir, "g/h", 0), -EINVAL);
	/* And what is no directory. */
	cr_assert_eq(touch_at(dir, "f"), 0);
	file = usrbio_openat(dir, "f", O_RDWR, 0);
	cr_assert_geq(file, 0);
	expect_all(file, "f", -ENOTDIR);
	cr_assert_eq(usrbio_renameat(dir, "f", file, "f", 0), -ENOTDIR);
	usrbio_close(file);
	expect_all(file, "f", -EBADF);
	expect_all(-1, "f", -EBADF);
	expect_all(STDOUT_FILENO, "f", -EBADF);
	cr_assert_eq(usrbio_renameat(dir, "f", file, "g", 0), -EBADF);
	cr_assert_eq(usrbio_fstatat(dir, "f", &st, 0), 0);
	usrbio_close(dir);
}

E2E(dirfd, links)
{
	struct usrbio_stat st;
	int dir;

	e2e_needs_local_files();
	dir = new_dir("d");
	file_make("f", SEED, SIZE);
	cr_assert_eq(symlink("../f", path_of("d/in")) | symlink("/etc/passwd", path_of("d/out")) |
			     symlink("..", path_of("d/up")) | symlink("../new", path_of("d/new")),
		     0);
	cr_assert_eq(usrbio_fstatat(dir, "in", &st, AT_SYMLINK_NOFOLLOW), 0);
	cr_assert(S_ISLNK(st.mode));
	cr_assert_eq(usrbio_fstatat(dir, "in", &st, 0), 0);
	cr_assert_eq(st.size, SIZE);
	cr_assert_eq(try_open(dir, "in", O_RDONLY), 0);
	cr_assert_eq(try_open(dir, "in", O_RDONLY | O_NOFOLLOW), -ELOOP);
	cr_assert_eq(try_open(dir, "in", O_RDWR | O_CREAT | O_NOFOLLOW), -ELOOP);
	cr_assert_eq(try_open(dir, "in", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	cr_assert_eq(try_open(dir, "up", O_RDONLY | O_DIRECTORY), 0);
	cr_assert_eq(try_open(dir, "up", O_RDONLY | O_DIRECTORY | O_NOFOLLOW), -ENOTDIR);
	cr_assert_eq(try_open(dir, "out", O_RDONLY), -EACCES);
	cr_assert_eq(try_open(dir, "new", O_RDWR | O_CREAT), 0);
	cr_assert_eq(access(path_of("new"), F_OK), 0);
	/* What they point to is left alone. */
	cr_assert_eq(usrbio_unlinkat(dir, "in", 0), 0);
	cr_assert_eq(usrbio_unlinkat(dir, "up", AT_REMOVEDIR), -ENOTDIR);
	cr_assert_eq(usrbio_unlinkat(dir, "up", 0), 0);
	file_check("f", SEED, 0, SIZE);
	usrbio_close(dir);
}

E2E(dirfd, a_directory_that_moves_or_goes)
{
	struct usrbio_dir *list;
	int dir = new_dir("d"), fd;

	cr_assert_eq(touch_at(dir, "f"), 0);
	cr_assert_eq(usrbio_rename(url_of("d"), url_of("e")), 0);
	cr_assert_eq(usrbio_mkdir(url_of("d"), 0755), 0);
	cr_assert_eq(touch_at(dir, "g"), 0);
	fd = usrbio_open(url_of("e/g"), O_RDONLY, 0);
	cr_assert_geq(fd, 0);
	usrbio_close(fd);
	cr_assert_eq(usrbio_unlinkat(dir, "f", 0) | usrbio_unlinkat(dir, "g", 0), 0);
	cr_assert_eq(usrbio_rmdir(url_of("e")), 0);
	expect_all(dir, "f", -ENOENT);
	cr_assert_eq(usrbio_fdopendir(dir, &list), -ENOENT);
	usrbio_close(dir);
	/* Out of the export, where a client has no business. */
	if (!e2e_dir)
		return;
	dir = dir_of(url_of("d"));
	cr_assert_eq(touch_at(dir, "f"), 0);
	cr_assert_eq(rename(path_of("d"), scratch_file("away")), 0);
	expect_all(dir, "f", -ESTALE);
	cr_assert_eq(usrbio_fdopendir(dir, &list), -ESTALE);
	cr_assert_eq(access(scratch_file("away/f"), F_OK), 0);
	cr_assert_eq(unlink(scratch_file("away/f")) | rmdir(scratch_file("away")), 0);
	usrbio_close(dir);
}

static unsigned count(struct usrbio_dir *list)
{
	struct usrbio_dirent entry;
	unsigned n = 0;
	int more;

	while ((more = usrbio_readdir(list, &entry)) > 0)
		n++;
	cr_assert_eq(more, 0);
	return n;
}

E2E(dirfd, a_listing)
{
	enum { N = 1000 };
	struct usrbio_dir *one, *two;
	struct usrbio_dirent entry;
	int dir = new_dir("d"), file;
	char name[40];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "a-name-of-some-length-%d", i);
		cr_assert_eq(touch_at(dir, name), 0);
	}
	cr_assert_eq(usrbio_fdopendir(dir, &one) | usrbio_fdopendir(dir, &two), 0);
	cr_assert_eq(usrbio_readdir(one, &entry), 1);
	cr_assert_eq(count(two), N);
	usrbio_closedir(two);
	file = usrbio_openat(dir, name, O_RDONLY, 0);
	cr_assert_eq(usrbio_fdopendir(file, &two), -ENOTDIR);
	usrbio_close(file);
	cr_assert_eq(usrbio_fdopendir(file, &two), -EBADF);
	/* It lives without its descriptor, which was the caller's. */
	usrbio_close(dir);
	cr_assert_eq(count(one), N - 1);
	usrbio_closedir(one);
}

E2E(dirfd, modes)
{
	struct usrbio_stat st;
	int dir = new_dir("d"), file;

	cr_assert_eq(touch_at(dir, "f"), 0);
	file = usrbio_openat(dir, "f", O_RDONLY, 0);
	cr_assert_eq(usrbio_fchmod(file, 07451), 0);
	cr_assert_eq(usrbio_fstat(file, &st), 0);
	cr_assert_eq(st.mode, S_IFREG | 0451);
	cr_assert_eq(usrbio_fchmod(dir, 0700), 0);
	cr_assert_eq(usrbio_fstat(dir, &st), 0);
	cr_assert_eq(st.mode, S_IFDIR | 0700);
	usrbio_close(file);
	cr_assert_eq(usrbio_fchmod(file, 0600), -EBADF);
	usrbio_close(dir);
}

E2E(dirfd, data_and_holes)
{
	enum { BIG = 1 << 20 };
	struct rw rw;
	int dir = new_dir("d"), fd;

	fd = usrbio_openat(dir, "f", O_RDWR | O_CREAT, 0644);
	cr_assert_eq(usrbio_seek(fd, 0, SEEK_DATA), -ENXIO);
	cr_assert_eq(usrbio_ftruncate(fd, 3 * BIG), 0);
	rw_open(&rw, NULL, 65536);
	cr_assert_leq(hf3fs_reg_fd(fd, 0), 0);
	rw_put(&rw, fd, SEED, BIG, 65536);
	hf3fs_dereg_fd(fd);
	cr_assert_eq(usrbio_seek(fd, 0, SEEK_DATA), BIG);
	cr_assert_eq(usrbio_seek(fd, 0, SEEK_HOLE), 0);
	cr_assert_eq(usrbio_seek(fd, BIG, SEEK_HOLE), BIG + 65536);
	cr_assert_eq(usrbio_seek(fd, 2 * BIG, SEEK_DATA), -ENXIO);
	cr_assert_eq(usrbio_seek(fd, 3 * BIG, SEEK_HOLE), -ENXIO);
	cr_assert_eq(usrbio_seek(fd, UINT64_MAX, SEEK_HOLE), -ENXIO);
	cr_assert_eq(usrbio_seek(fd, 0, SEEK_SET), -EINVAL);
	cr_assert_eq(usrbio_seek(dir, 0, SEEK_DATA), -EBADF);
	usrbio_close(fd);
	cr_assert_eq(usrbio_seek(fd, 0, SEEK_DATA), -EBADF);
	usrbio_close(dir);
	rw_close(&rw);
}

/* Whoever is asked, a file is one file. */
E2E(dirfd, what_a_file_is)
{
	struct usrbio_id ids[300], few[1];
	struct usrbio_stat st, other;
	int dir = new_dir("d"), root = dir_of(e2e_mount), n, file;
	struct stat here;
	char url[600];

	cr_assert_eq(touch_at(dir, "f"), 0);
	cr_assert_eq(usrbio_fstatat(dir, "f", &st, 0), 0);
	cr_assert_neq(st.host, 0);
	cr_assert_neq(usrbio_host(), 0);
	n = usrbio_ancestors(dir, ids, 300);
	cr_assert_geq(n, 2);
	cr_assert_eq(usrbio_fstat(dir, &st), 0);
	cr_assert(ids[0].host == st.host && ids[0].dev == st.dev && ids[0].ino == st.ino);
	cr_assert_eq(usrbio_fstat(root, &st), 0);
	cr_assert(ids[1].host == st.host && ids[1].dev == st.dev && ids[1].ino == st.ino);
	few[0].ino = 0;
	cr_assert_eq(usrbio_ancestors(dir, few, 1), n);
	cr_assert_eq(few[0].ino, ids[0].ino);
	cr_assert_eq(usrbio_ancestors(dir, NULL, 0), n);
	cr_assert_eq(usrbio_ancestors(dir, NULL, 1), -EINVAL);
	file = usrbio_openat(dir, "f", O_RDONLY, 0);
	cr_assert_eq(usrbio_ancestors(file, ids, 300), -ENOTDIR);
	usrbio_close(file);
	cr_assert_eq(usrbio_ancestors(file, ids, 300), -EBADF);
	if (e2e_dir) {
		cr_assert_eq(stat(path_of("d/f"), &here), 0);
		cr_assert_eq(usrbio_fstatat(dir, "f", &st, 0), 0);
		cr_assert(st.host == usrbio_host() && st.dev == here.st_dev &&
			  st.ino == here.st_ino);
		/* By a second way to the same directory, through this process. */
		snprintf(url, sizeof(url), "loop://%s/d?ro/f", e2e_dir);
		cr_assert_eq(usrbio_stat(url, &other), 0, "%s", url);
		cr_assert(st.host == other.host && st.dev == other.dev && st.ino == other.ino);
	}
	usrbio_close(root);
	usrbio_close(dir);
}

E2E(dirfd, a_read_only_export)
{
	struct usrbio_stat st;
	int dir, fd;

	e2e_needs_local_files();
	fd = open(path_of("../ro/f"), O_RDWR | O_CREAT, 0644);
	cr_assert_geq(fd, 0);
	close(fd);
	dir = dir_of(e2e_read_only);
	cr_assert_eq(usrbio_fchmod(dir, 0777), -EROFS);
	cr_assert_eq(usrbio_mkdirat(dir, "d", 0755), -EROFS);
	cr_assert_eq(usrbio_unlinkat(dir, "f", 0), -EROFS);
	cr_assert_eq(usrbio_unlinkat(dir, "f", AT_REMOVEDIR), -EROFS);
	cr_assert_eq(usrbio_renameat(dir, "f", dir, "g", 0), -EROFS);
	cr_assert_eq(try_open(dir, "f", O_RDWR), -EROFS);
	cr_assert_eq(try_open(dir, "new", O_RDONLY | O_CREAT), -EROFS);
	cr_assert_eq(try_open(dir, "f", O_RDONLY), 0);
	cr_assert_eq(usrbio_fstatat(dir, "f", &st, 0), 0);
	cr_assert_gt(usrbio_ancestors(dir, NULL, 0), 1);
	usrbio_close(dir);
}

E2E(dirfd, two_mounts)
{
	int one = dir_of(e2e_mount), two;

	e2e_needs_local_files();
	two = dir_of(e2e_read_only);
	cr_assert_eq(touch_at(one, "f"), 0);
	cr_assert_eq(usrbio_renameat(one, "f", two, "f", 0), -EXDEV);
	usrbio_close(one);
	usrbio_close(two);
}

/* Its successor knows neither the handles nor the session; directories and files are found again.
 */
E2E(dirfd, a_server_that_comes_back)
{
	struct usrbio_dir *list;
	struct usrbio_stat st, before;
	int dir, below, file;

	e2e_needs_server_process();
	dir = new_dir("d");
	cr_assert_eq(usrbio_mkdirat(dir, "e", 0755), 0);
	below = usrbio_openat(dir, "e", O_RDONLY | O_DIRECTORY, 0);
	cr_assert_geq(below, 0);
	file = usrbio_openat(below, "f", O_RDWR | O_CREAT, 0644);
	cr_assert_geq(file, 0);
	cr_assert_eq(usrbio_fstat(file, &before), 0);
	server_kill_and_again();
	cr_assert_eq(usrbio_fstat(file, &st), 0);
	cr_assert_eq(st.ino, before.ino);
	cr_assert_eq(st.host, before.host);
	cr_assert_eq(usrbio_fstatat(below, "f", &st, 0), 0);
	cr_assert_eq(touch_at(below, "g"), 0);
	cr_assert_eq(usrbio_fdopendir(below, &list), 0);
	cr_assert_eq(count(list), 2);
	usrbio_closedir(list);
	/* What is gone when it comes back is gone. */
	cr_assert_eq(usrbio_unlinkat(below, "f", 0) | usrbio_unlinkat(below, "g", 0), 0);
	server_kill(&e2e_server);
	cr_assert_eq(rename(path_of("d"), scratch_file("away")), 0);
	server_again();
	cr_assert_eq(usrbio_fstatat(below, "f", &st, 0), -ESTALE);
	cr_assert_eq(touch_at(dir, "h"), -ESTALE);
	cr_assert_eq(rmdir(scratch_file("away/e")) | rmdir(scratch_file("away")), 0);
	usrbio_close(file);
	usrbio_close(below);
	usrbio_close(dir);
}
