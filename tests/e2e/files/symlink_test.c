/*
 * Symbolic links over the wire: made, read, followed beneath the export, and moved themselves; and
 * hard links by usrbio_link.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 10000, SEED = 1 };

static void expect_target(const char *url, const char *wanted)
{
	char target[5000];

	cr_expect_eq(usrbio_readlink(url, target, sizeof(target)), (int)strlen(wanted), "%s", url);
	cr_expect_str_eq(target, wanted);
}

static uint64_t ino_of(const char *url)
{
	struct usrbio_stat st;
	int err = usrbio_stat(url, &st);

	return err ? (uint64_t)err : st.ino;
}

E2E(symlink, is_read_as_it_was_made)
{
	char longest[4097], target[4096];
	struct usrbio_stat st;

	memset(longest, 'n', sizeof(longest));
	longest[4096] = '\0';
	cr_assert_eq(usrbio_symlink("no/such file", url_of("link")), 0);
	expect_target(url_of("link"), "no/such file");
	cr_assert_eq(usrbio_lstat(url_of("link"), &st), 0);
	cr_assert(S_ISLNK(st.mode));
	cr_assert_eq(st.size, strlen("no/such file"));
	cr_assert_eq(usrbio_stat(url_of("link"), &st), -ENOENT);
	cr_assert_eq(usrbio_symlink("x", url_of("link")), -EEXIST);
	cr_assert_eq(usrbio_symlink("", url_of("empty")), -ENOENT);
	cr_assert_eq(usrbio_symlink(NULL, url_of("empty")), -EINVAL);
	cr_assert_eq(usrbio_symlink(longest, url_of("long")), -ENAMETOOLONG);
	longest[3000] = '\0';
	cr_assert_eq(usrbio_symlink(longest, url_of("long")), 0);
	expect_target(url_of("long"), longest);
	cr_assert_eq(usrbio_readlink(url_of("link"), target, 12), -ERANGE);
	cr_assert_eq(usrbio_readlink(url_of("link"), target, 0), -ERANGE);
	cr_assert_eq(usrbio_readlink(url_of("link"), target, 13), 12);
	cr_assert_eq(usrbio_readlink(url_of("link"), NULL, 13), -EINVAL);
	cr_assert_eq(usrbio_readlink(url_of("none"), target, sizeof(target)), -ENOENT);
	file_make("file", SEED, SIZE);
	cr_assert_eq(usrbio_readlink(url_of("file"), target, sizeof(target)), -EINVAL);
}

E2E(symlink, leads_beneath_the_export_only)
{
	cr_assert_eq(usrbio_mkdir(url_of("d"), 0755), 0);
	file_make("d/file", SEED, SIZE);
	cr_assert_eq(usrbio_symlink("d/file", url_of("link")), 0);
	cr_assert_eq(usrbio_symlink("../d", url_of("d/round")), 0);
	cr_assert_eq(usrbio_symlink("/etc/passwd", url_of("absolute")), 0);
	cr_assert_eq(usrbio_symlink("../../../../etc/passwd", url_of("up")), 0);
	cr_assert_eq(usrbio_symlink("self", url_of("self")), 0);
	file_check("link", SEED, 0, SIZE);
	file_check("d/round/round/file", SEED, 0, SIZE);
	cr_assert_eq(ino_of(url_of("link")), ino_of(url_of("d/file")));
	cr_assert_eq((int)ino_of(url_of("absolute")), -EACCES);
	cr_assert_eq((int)ino_of(url_of("up")), -EACCES);
	cr_assert_eq((int)ino_of(url_of("self")), -ELOOP);
	cr_assert_eq(usrbio_open(url_of("absolute"), O_RDWR | O_CREAT, 0644), -EACCES);
	cr_assert_eq(usrbio_open(url_of("link"), O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
	/* Names are the links themselves. */
	cr_assert_eq(usrbio_rename(url_of("link"), url_of("d/link")), 0);
	expect_target(url_of("d/link"), "d/file");
	cr_assert_eq(usrbio_unlink(url_of("d/link")), 0);
	file_check("d/file", SEED, 0, SIZE);
}

E2E(symlink, in_an_open_directory)
{
	char target[16];
	int dir, fd;

	cr_assert_eq(usrbio_mkdir(url_of("d"), 0755), 0);
	file_make("file", SEED, SIZE);
	dir = usrbio_open(url_of("d"), O_RDONLY | O_DIRECTORY, 0);
	cr_assert_geq(dir, 0);
	cr_assert_eq(usrbio_symlinkat("../file", dir, "l"), 0);
	cr_assert_eq(usrbio_readlinkat(dir, "l", target, sizeof(target)), 7);
	cr_assert_str_eq(target, "../file");
	cr_assert_eq(usrbio_symlinkat("x", dir, "a/b"), -EINVAL);
	cr_assert_eq(usrbio_symlinkat("x", dir, "l"), -EEXIST);
	cr_assert_eq(usrbio_readlinkat(dir, "none", target, sizeof(target)), -ENOENT);
	cr_assert_eq(usrbio_readlinkat(dir, NULL, target, sizeof(target)), -EINVAL);
	cr_assert_eq(usrbio_symlinkat("x", 1000000, "l"), -EBADF);
	fd = usrbio_openat(dir, "l", O_RDONLY, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_openat(dir, "l", O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
	usrbio_close(fd);
	cr_assert_eq(usrbio_linkat(dir, "l", dir, "l2"), 0);
	cr_assert_eq(usrbio_readlinkat(dir, "l2", target, sizeof(target)), 7);
	cr_assert_eq(usrbio_linkat(dir, "none", dir, "l3"), -ENOENT);
	cr_assert_eq(usrbio_linkat(dir, "l", dir, "."), -EINVAL);
	usrbio_close(dir);
}

E2E(symlink, hard_links)
{
	struct usrbio_stat st;

	file_make("file", SEED, SIZE);
	cr_assert_eq(usrbio_mkdir(url_of("d"), 0755), 0);
	cr_assert_eq(usrbio_link(url_of("file"), url_of("d/more")), 0);
	cr_assert_eq(usrbio_stat(url_of("file"), &st), 0);
	cr_assert_eq(st.nlink, 2);
	cr_assert_eq(st.ino, ino_of(url_of("d/more")));
	cr_assert_eq(usrbio_link(url_of("file"), url_of("d/more")), -EEXIST);
	cr_assert_eq(usrbio_link(url_of("d"), url_of("e")), -EPERM);
	cr_assert_eq(usrbio_link(url_of("none"), url_of("e")), -ENOENT);
}
