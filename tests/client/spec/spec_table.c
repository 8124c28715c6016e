/* Directories as mounts: the table, conf files, nesting, symbolic links. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/spec/mountspec.h"
#include "spec_dirs.h"

TestSuite(table, .init = dirs_open, .fini = dirs_close);

/* The mount of a path: its export and what is below it. */
static void expect_mount(const char *path, const char *export, const char *below)
{
	struct mountspec spec;
	char canonical[PATH_MAX];
	const char *rest;

	cr_assert_eq(mountspec_of_path(path, &spec, canonical, &rest), 0, "%s", path);
	cr_expect_str_eq(spec.export, export, "%s lies on %s", path, spec.export);
	cr_expect_str_eq(rest, below, "%s: below is %s", path, rest);
}

static void expect_none(const char *path, int err)
{
	struct mountspec spec;
	char canonical[PATH_MAX];
	const char *rest;

	cr_expect_eq(mountspec_of_path(path, &spec, canonical, &rest), err, "%s", path);
}

static void expect_find(const char *mount_point, int err, const char *name)
{
	struct mountspec spec;
	int got = mountspec_find(mount_point, &spec);

	cr_expect_eq(got, err, "%s gave %d", mount_point, got);
	if (!got)
		cr_expect_str_eq(spec.mount_point, name);
}

Test(table, lines)
{
	dirs_make("/a/deep/er");
	dirs_make("/b");
	dirs_make("/with space");
	dirs_make("/ab");
	dirs_table("# a comment\n"
		   "\n"
		   "   # another\n"
		   "@/a tcp://h/ea   # why\n"
		   "\t@//b/\ttcp://h:5/eb?timeout=2\n"
		   "@/with\\040space tcp://h/es\n"
		   "@/missing tcp://h/em\n"
		   "lonely\n"
		   "@/ab tcp://h/eab");
	expect_mount(dirs_path("/a"), "ea", "");
	expect_mount(dirs_path("/a/"), "ea", "");
	expect_mount(dirs_path("/a/deep/er"), "ea", "deep/er");
	expect_mount(dirs_path("/a/./deep/../deep"), "ea", "deep");
	expect_mount(dirs_path("/b"), "eb", "");
	expect_mount(dirs_path("/with space"), "es", "");
	expect_mount(dirs_path("/ab"), "eab", "");
	expect_none(dirs_path("/a/missing"), -ENOENT);
	expect_none(dirs_path("/missing"), -ENOENT);
	expect_none(dirs_path("/"), -ENOENT);
	expect_none("/", -ENOENT);
	expect_none("", -ENOENT);
	expect_find(dirs_path("/a"), 0, dirs_path("/a"));
	expect_find(dirs_path("//a//"), 0, dirs_path("/a"));
	expect_find(dirs_path("/b"), 0, dirs_path("/b"));
	expect_find(dirs_path("/a/deep"), -ENOENT, NULL);
	expect_find(dirs_path("/missing"), -ENOENT, NULL);
}

Test(table, whole_components_only)
{
	dirs_make("/mnt");
	dirs_make("/mnt2/x");
	dirs_table("@/mnt tcp://h/e\n");
	expect_none(dirs_path("/mnt2/x"), -ENOENT);
}

Test(table, the_deepest_mount_wins)
{
	dirs_make("/a/b/c/d");
	dirs_make("/a/b/c2");
	dirs_table("@/a tcp://h/one\n@/a/b/c tcp://h/three\n@/a/b tcp://h/two\n");
	expect_mount(dirs_path("/a"), "one", "");
	expect_mount(dirs_path("/a/b"), "two", "");
	expect_mount(dirs_path("/a/b/c2"), "two", "c2");
	expect_mount(dirs_path("/a/b/c/d"), "three", "d");
}

Test(table, the_root_may_be_a_mount)
{
	dirs_make("/a");
	dirs_table("/ tcp://h/root\n");
	expect_mount("/", "root", "");
	expect_mount(dirs_path("/a"), "root", dirs_path("/a") + 1);
	expect_find("/", 0, "/");
}

Test(table, the_earlier_line_and_file_win)
{
	char list[2 * PATH_MAX];

	dirs_make("/a");
	dirs_make("/b");
	dirs_write("/second", "@/a tcp://h/late\n@/b tcp://h/second\n");
	dirs_table("@/a tcp://h/first\n@/a tcp://h/again\n");
	snprintf(list, sizeof(list), "/nowhere::%s:%s", dirs_path("/table"), dirs_path("/second"));
	setenv("USRBIO_MOUNTS", list, 1);
	expect_mount(dirs_path("/a"), "first", "");
	expect_mount(dirs_path("/b"), "second", "");
}

Test(table, symbolic_links)
{
	dirs_make("/real/sub");
	cr_assert_eq(symlink(dirs_path("/real"), dirs_path("/link")), 0);
	cr_assert_eq(symlink(dirs_path("/link/sub"), dirs_path("/into")), 0);
	dirs_table("@/link/ tcp://h/e\n");
	expect_mount(dirs_path("/real/sub"), "e", "sub");
	expect_mount(dirs_path("/link/sub"), "e", "sub");
	expect_mount(dirs_path("/into"), "e", "sub");
	/* One mount has one name, whichever way it is reached: the table's. */
	expect_find(dirs_path("/link"), 0, dirs_path("/link"));
	expect_find(dirs_path("/real"), 0, dirs_path("/link"));
}

Test(table, a_bad_url_is_invalid)
{
	dirs_make("/a");
	dirs_make("/b");
	dirs_make("/c");
	dirs_table("@/a tcp://h\n@/b http://h/e\n@/c tcp://h/e/sub\n");
	expect_none(dirs_path("/a"), -EINVAL);
	expect_none(dirs_path("/b"), -EINVAL);
	expect_none(dirs_path("/c"), -EINVAL);
	expect_find(dirs_path("/a"), -EINVAL, NULL);
}

static void attach(const char *dir, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/3fs-virt", dir);
	dirs_make(path);
	snprintf(path, sizeof(path), "%s/3fs-virt/usrbio.conf", dir);
	dirs_write(path, text);
}

Test(table, conf_files)
{
	dirs_make("/a/b/c");
	dirs_make("/plain");
	attach("/a", "# by hand\n\n  tcp://h/outer  \n");
	expect_mount(dirs_path("/a"), "outer", "");
	expect_mount(dirs_path("/a/b/c"), "outer", "b/c");
	expect_mount(dirs_path("/a/3fs-virt/usrbio.conf"), "outer", "3fs-virt/usrbio.conf");
	expect_none(dirs_path("/plain"), -ENOENT);
	expect_find(dirs_path("/a//"), 0, dirs_path("/a"));
	attach("/a/b", "tcp://h/inner?timeout=1");
	expect_mount(dirs_path("/a/b/c"), "inner", "c");
	attach("/a/b", "# nothing\n");
	expect_mount(dirs_path("/a/b/c"), "outer", "b/c");
}

Test(table, table_and_conf)
{
	dirs_make("/a/b/c");
	attach("/a", "tcp://h/conf-a\n");
	attach("/a/b/c", "tcp://h/conf-c\n");
	dirs_table("@/a tcp://h/table-a\n@/a/b tcp://h/table-b\n");
	expect_mount(dirs_path("/a"), "table-a", ""); /* equal depth: the table */
	expect_mount(dirs_path("/a/b"), "table-b", "");
	expect_mount(dirs_path("/a/b/c"), "conf-c", "");
}

Test(table, a_stranger_cannot_attach)
{
	dirs_make("/a");
	attach("/a", "tcp://evil/e\n");
	if (geteuid())
		cr_skip_test("only root can give files away");
	cr_assert_eq(chown(dirs_path("/a/3fs-virt/usrbio.conf"), 12345, 12345), 0);
	expect_none(dirs_path("/a"), -ENOENT);
	cr_assert_eq(chown(dirs_path("/a/3fs-virt/usrbio.conf"), 0, 0), 0);
	cr_assert_eq(chmod(dirs_path("/a/3fs-virt/usrbio.conf"), 0666), 0);
	expect_none(dirs_path("/a"), -ENOENT);
	cr_assert_eq(chmod(dirs_path("/a/3fs-virt/usrbio.conf"), 0644), 0);
	expect_mount(dirs_path("/a"), "e", "");
}

Test(table, a_directory_of_too_long_a_name)
{
	char name[300] = "/";

	for (int i = 0; i < 2; i++) {
		size_t used = strlen(name);

		memset(name + used, 'x', 130);
		strcpy(name + used + 130, i ? "" : "/");
	}
	dirs_make(name);
	attach(name, "tcp://h/e\n");
	expect_find(dirs_path("%s", name), -EINVAL, NULL);
	expect_none(dirs_path("%s", name), -EINVAL);
}
