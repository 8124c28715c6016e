/* hf3fs_hardlink: like link(2), 0 or +errno. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { SIZE = 10000, SEED = 1 };

/* Each call of this file leaves errno as its return value says, and alone when that is 0. */
static int call_checked(const char *target, const char *link_name)
{
	int err;

	errno = ERANGE;
	err = hf3fs_hardlink(target, link_name);
	cr_assert_eq(errno, err ? err : ERANGE, "%d and errno %d", err, errno);
	return err;
}

#define hf3fs_hardlink call_checked

static void expect_same(const char *one, const char *two, unsigned links)
{
	struct usrbio_stat a, b;

	cr_assert_eq(usrbio_lstat(one, &a), 0, "%s", one);
	cr_assert_eq(usrbio_lstat(two, &b), 0, "%s", two);
	cr_assert_eq(a.ino, b.ino);
	cr_assert_eq(a.nlink, links);
	cr_assert_eq(b.nlink, links);
}

E2E(hardlink, two_names_of_one_file)
{
	struct rw rw;
	int fd;

	file_make("file", SEED, SIZE);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("linked")), 0);
	expect_same(url_of("file"), url_of("linked"), 2);
	/* What one writes the other reads, and either may go. */
	rw_open(&rw, NULL, SIZE);
	fd = file_reg(url_of("file"), O_WRONLY);
	rw_put(&rw, fd, 5, 0, SIZE);
	file_unreg(fd);
	file_check("linked", 5, 0, SIZE);
	cr_assert_eq(usrbio_unlink(url_of("file")), 0);
	expect_same(url_of("linked"), url_of("linked"), 1);
	file_check("linked", 5, 0, SIZE);
	cr_assert_eq(hf3fs_hardlink(url_of("linked"), url_of("file")), 0);
	expect_same(url_of("file"), url_of("linked"), 2);
	rw_close(&rw);
}

E2E(hardlink, refusals_are_those_of_link)
{
	char name[300];

	file_make("file", SEED, SIZE);
	file_make("other", 2, SIZE);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0755), 0);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("other")), EEXIST);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("file")), EEXIST);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("dir")), EEXIST);
	cr_assert_eq(hf3fs_hardlink(url_of("missing"), url_of("new")), ENOENT);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("missing/new")), ENOENT);
	cr_assert_eq(hf3fs_hardlink(url_of("dir"), url_of("new")), EPERM);
	cr_assert_eq(hf3fs_hardlink(url_of("file/x"), url_of("new")), ENOTDIR);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("other/new")), ENOTDIR);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of(name)), ENAMETOOLONG);
	/* None of them did anything. */
	expect_same(url_of("file"), url_of("file"), 1);
	file_check("other", 2, 0, SIZE);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("dir/new")), 0);
	expect_same(url_of("file"), url_of("dir/new"), 2);
	cr_assert_eq(usrbio_unlink(url_of("dir/new")), 0);
	cr_assert_eq(usrbio_rmdir(url_of("dir")), 0);
}

E2E(hardlink, what_is_not_ours)
{
	const char *outside = scratch_file("outside");

	file_make("file", SEED, SIZE);
	close(open_file(outside, O_WRONLY | O_CREAT));
	cr_assert_eq(hf3fs_hardlink(outside, scratch_file("new")), ENOTTY);
	cr_assert_eq(hf3fs_hardlink(outside, url_of("new")), ENOTTY);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), scratch_file("new")), ENOTTY);
	cr_assert_eq(hf3fs_hardlink("/dev/null", "/dev/usrbio-new"), ENOTTY);
	cr_assert_eq(hf3fs_hardlink("/missing/file", "/missing/new"), ENOTTY);
	cr_assert_eq(hf3fs_hardlink(NULL, url_of("new")), EINVAL);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), NULL), EINVAL);
	cr_assert_eq(hf3fs_hardlink("", url_of("new")), ENOENT);
	cr_assert_neq(access(scratch_file("new"), F_OK), 0);
}

E2E(hardlink, another_mount)
{
	char url[400];

	e2e_needs_local_files();
	file_make("file", SEED, SIZE);
	snprintf(url, sizeof(url), "%s/new", e2e_read_only);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url), EXDEV);
	snprintf(url, sizeof(url), "%s/missing", e2e_read_only);
	cr_assert_eq(hf3fs_hardlink(url, url_of("new")), EXDEV);
	expect_same(url_of("file"), url_of("file"), 1);
}

E2E(hardlink, a_read_only_export)
{
	char path[600], from[400], to[400];

	e2e_needs_local_files();
	snprintf(path, sizeof(path), "%s/file", e2e_read_only_dir);
	snprintf(from, sizeof(from), "%s/file", e2e_read_only);
	snprintf(to, sizeof(to), "%s/new", e2e_read_only);
	close(open_file(path, O_WRONLY | O_CREAT));
	cr_assert_eq(hf3fs_hardlink(from, to), EROFS);
	expect_same(from, from, 1);
}

/* Like link(2), which does not follow either. */
E2E(hardlink, a_symbolic_link_is_linked_itself)
{
	struct stat st;

	attach_export();
	file_make("file", SEED, SIZE);
	cr_assert_eq(symlink("file", path_of("link")), 0);
	cr_assert_eq(symlink("nowhere", path_of("dangling")), 0);
	cr_assert_eq(hf3fs_hardlink(path_of("link"), path_of("by path")), 0);
	cr_assert_eq(hf3fs_hardlink(url_of("link"), url_of("by url")), 0);
	cr_assert_eq(hf3fs_hardlink(path_of("dangling"), path_of("new")), 0);
	cr_assert_eq(lstat(path_of("by path"), &st), 0);
	cr_assert(S_ISLNK(st.st_mode));
	expect_same(url_of("link"), url_of("by url"), 3);
	expect_same(url_of("dangling"), url_of("new"), 2);
	expect_same(url_of("file"), url_of("file"), 1);
	/* A dangling one where the new name should be is a name, too. */
	cr_assert_eq(hf3fs_hardlink(path_of("file"), path_of("dangling")), EEXIST);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("dangling")), EEXIST);
	/* But on the way they are followed, as far as the mount goes. */
	cr_assert_eq(mkdir(path_of("dir"), 0755), 0);
	cr_assert_eq(symlink("dir", path_of("way")), 0);
	cr_assert_eq(symlink(e2e_scratch, path_of("out")), 0);
	cr_assert_eq(hf3fs_hardlink(path_of("file"), path_of("way/one")), 0);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("way/two")), 0);
	expect_same(url_of("file"), url_of("dir/two"), 3);
	cr_assert_eq(hf3fs_hardlink(path_of("file"), path_of("out/new")), ENOTTY);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("out/new")), EACCES);
}

E2E(hardlink, relative_names_below_an_attached_directory)
{
	attach_export();
	file_make("file", SEED, SIZE);
	cr_assert_eq(mkdir(path_of("dir"), 0755), 0);
	cr_assert_eq(chdir(e2e_dir), 0);
	cr_assert_eq(hf3fs_hardlink("file", "two"), 0);
	cr_assert_eq(hf3fs_hardlink("./file", "dir/../three"), 0);
	cr_assert_eq(chdir("dir"), 0);
	cr_assert_eq(hf3fs_hardlink("../file", "four"), 0);
	cr_assert_eq(hf3fs_hardlink("four", path_of("five")), 0);
	cr_assert_eq(hf3fs_hardlink("missing", "new"), ENOENT);
	cr_assert_eq(hf3fs_hardlink("four", "../dir/four"), EEXIST);
	cr_assert_eq(hf3fs_hardlink("..", "new"), EPERM);
	cr_assert_eq(hf3fs_hardlink("four", "../../outside"), ENOTTY);
	expect_same(url_of("dir/four"), url_of("three"), 5);
	expect_same(path_of("two"), path_of("five"), 5);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(hf3fs_hardlink("dev/null", "new"), ENOTTY);
}

/* The export at its URL and at a directory: two mounts, as two bind mounts are to link(2). */
/* What is attached to a URL is of its mount; a URL with other options is of another one. */
E2E(hardlink, a_url_and_a_path_are_of_one_mount)
{
	char other[600];

	attach_export();
	file_make("file", SEED, SIZE);
	snprintf(other, sizeof(other), "%s/%snew", mount_with("timeout=60"), e2e_prefix);
	cr_assert_eq(hf3fs_hardlink(path_of("file"), other), EXDEV);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), other), EXDEV);
	expect_same(url_of("file"), path_of("file"), 1);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), path_of("new")), 0);
	cr_assert_eq(hf3fs_hardlink(path_of("file"), url_of("newer")), 0);
	expect_same(url_of("new"), path_of("newer"), 3);
}
