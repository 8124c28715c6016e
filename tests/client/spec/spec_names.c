/* Odd tables and conf files: names with blanks, broken lines, files that cannot be read. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/spec/mountspec.h"
#include "spec_dirs.h"

TestSuite(names, .init = dirs_open, .fini = dirs_close);

/* The export a path lies on, "-" for none. */
static void expect_mount(const char *path, const char *export)
{
	struct mountspec spec = {.export = "-"};
	char canonical[PATH_MAX];
	const char *rest;

	mountspec_of_path(path, &spec, canonical, &rest);
	cr_expect_str_eq(spec.export, export, "%s lies on %s", path, spec.export);
}

static const char *const odd[] = {
	"/a b",	  "/tab\there",	   "/new\nline",   "/back\\slash",	"/\\040",
	"/#hash", "/gr\303\274n ", "/x (deleted)", "/carriage\rreturn", "/\377\376",
	"/a:b",	  "/%s?&=",	   "/tcp:/h/e",	   "/blank # hash",
};
enum { NR_ODD = sizeof(odd) / sizeof(*odd) };

static void escape(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (strchr(" \t\r\n\\", *text))
			fprintf(file, "\\%03o", *text);
		else
			putc(*text, file);
	}
}

Test(names, of_any_bytes_in_the_table)
{
	FILE *file = fopen(dirs_path("/table"), "we");

	cr_assert(file);
	for (int i = 0; i < NR_ODD; i++) {
		dirs_make(odd[i]);
		escape(file, dirs_path("%s", odd[i]));
		fprintf(file, " tcp://h/e%d\n", i);
	}
	fclose(file);
	setenv("USRBIO_MOUNTS", dirs_path("/table"), 1);
	for (int i = 0; i < NR_ODD; i++) {
		struct mountspec spec;
		char export[20];

		snprintf(export, sizeof(export), "e%d", i);
		expect_mount(dirs_path("%s", odd[i]), export);
		cr_assert_eq(mountspec_find(dirs_path("%s", odd[i]), &spec), 0, "%s", odd[i]);
		cr_expect_str_eq(spec.mount_point, dirs_path("%s", odd[i]));
	}
}

static void write_conf(const char *dir, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/3fs-virt", dir);
	dirs_make(path);
	strcat(path, "/usrbio.conf");
	dirs_write(path, text);
}

Test(names, of_any_bytes_of_attached_directories)
{
	for (int i = 0; i < NR_ODD; i++) {
		char sub[PATH_MAX];

		write_conf(odd[i], "tcp://h/e\n");
		expect_mount(dirs_path("%s", odd[i]), "e");
		snprintf(sub, sizeof(sub), "%s%s", odd[i], odd[NR_ODD - 1 - i]);
		expect_mount(dirs_make(sub), "e");
	}
}

static void expect_conf(const char *text, const char *export)
{
	write_conf("/in/a", text);
	expect_mount(dirs_path("/in/a"), export);
}

Test(names, what_a_conf_file_may_hold)
{
	struct mountspec spec;

	write_conf("/in", "tcp://h/outer");
	expect_conf("tcp://h/e", "e");
	expect_conf("# first\r\n\r\n \t tcp://h/e\r\n", "e");
	expect_conf("\n\n#tcp://h/no\ntcp://h/e # why\ntcp://h/later\n", "e");
	/* Nothing in it: as if it were not there. */
	expect_conf("", "outer");
	expect_conf("\r\n# tcp://h/e", "outer");
	/* Garbage is no reason to take another mount for it. */
	expect_conf("garbage\n", "-");
	expect_conf("tcp://h/e/sub\n", "-");
	expect_conf("\001\377\n", "-");
	cr_expect_eq(mountspec_find(dirs_path("/in/a"), &spec), -EINVAL);
	expect_mount(dirs_path("/in"), "outer");
	write_conf("/in/a", "loop://@/with\\040blank");
	dirs_make("/with blank");
	cr_assert_eq(mountspec_find(dirs_path("/in/a"), &spec), 0);
	cr_expect_str_eq(spec.serve, dirs_path("/with blank"));
}

Test(names, a_conf_that_is_no_file)
{
	dirs_make("/dir/3fs-virt/usrbio.conf");
	expect_mount(dirs_path("/dir"), "-");
	dirs_make("/fifo/3fs-virt");
	cr_assert_eq(mkfifo(dirs_path("/fifo/3fs-virt/usrbio.conf"), 0644), 0);
	expect_mount(dirs_path("/fifo"), "-");
	dirs_make("/loop/3fs-virt");
	cr_assert_eq(symlink("usrbio.conf", dirs_path("/loop/3fs-virt/usrbio.conf")), 0);
	expect_mount(dirs_path("/loop"), "-");
	dirs_make("/dev/3fs-virt");
	cr_assert_eq(symlink("/dev/zero", dirs_path("/dev/3fs-virt/usrbio.conf")), 0);
	expect_mount(dirs_path("/dev"), "-");
}

Test(names, broken_lines_hide_no_good_ones)
{
	static char text[300000];
	size_t used;

	dirs_make("/a");
	dirs_make("/b");
	used = (size_t)sprintf(text, "lonely\r\n\r\nrelative tcp://h/no\n@ \n@/a\n@/b/\n#\n\\\n"
				     "@/a\\ tcp://h/no\n@/a\\04 tcp://h/no\n/a/");
	memset(text + used, 'x', 200000);
	strcpy(text + used + 200000, " tcp://h/no\n@/a tcp://h/a more words\r\n@/b\ttcp://h/b");
	dirs_table(text);
	expect_mount(dirs_path("/a"), "a");
	expect_mount(dirs_path("/b"), "b");
}

Test(names, a_deeper_mount_of_a_later_file_wins)
{
	char list[2 * PATH_MAX];

	dirs_make("/a/b/c");
	dirs_write("/first", "@/a tcp://h/a1\n@/a/b/c tcp://h/c1\n");
	dirs_write("/second", "@/a/b/c tcp://h/c2\n@/a/b tcp://h/b2\n@/a tcp://h/a2\n");
	snprintf(list, sizeof(list), "%s:%s:", dirs_path("/first"), dirs_path("/second"));
	setenv("USRBIO_MOUNTS", list, 1);
	expect_mount(dirs_path("/a"), "a1");
	expect_mount(dirs_path("/a/b"), "b2");
	expect_mount(dirs_path("/a/b/c"), "c1");
}

Test(names, a_table_that_changes)
{
	dirs_make("/a");
	dirs_table("@/a tcp://h/before\n");
	expect_mount(dirs_path("/a"), "before");
	dirs_table("@/a tcp://h/after\n");
	expect_mount(dirs_path("/a"), "after");
	cr_assert_eq(unlink(dirs_path("/table")), 0);
	expect_mount(dirs_path("/a"), "-");
}

/* A directory, a file of somebody else's, and none at all: the next one counts. */
Test(names, tables_that_cannot_be_read)
{
	char list[4 * PATH_MAX];

	dirs_make("/a");
	dirs_make("/dir");
	dirs_write("/closed", "@/a tcp://h/no\n");
	dirs_write("/open", "@/a tcp://h/e\n");
	snprintf(list, sizeof(list), "%s:%s/none:%s:%s", dirs_path("/dir"), dirs_path("/"),
		 dirs_path("/closed"), dirs_path("/open"));
	setenv("USRBIO_MOUNTS", list, 1);
	cr_assert_eq(chmod(dirs_path("/closed"), 0), 0);
	cr_assert_eq(chmod(dirs_path("/"), 0755), 0);
	if (!geteuid())
		cr_assert_eq(seteuid(65534), 0);
	expect_mount(dirs_path("/a"), "e");
	if (!getuid())
		cr_assert_eq(seteuid(0), 0);
}

/* With an /etc of our own, which only this process sees. */
Test(names, the_system_table_comes_last)
{
	dirs_make("/a/b");
	dirs_make("/c");
	dirs_make("/etc/usrbio");
	dirs_write("/etc/usrbio/mounts", "@/a tcp://h/etc-a\n@/a/b tcp://h/etc-b\n@/c tcp://h/c\n");
	dirs_table("@/a tcp://h/env-a\n");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) ||
	    mount(dirs_path("/etc"), "/etc", NULL, MS_BIND, NULL))
		cr_skip_test("mounting is not allowed here");
	expect_mount(dirs_path("/a"), "env-a");
	expect_mount(dirs_path("/a/b"), "etc-b");
	expect_mount(dirs_path("/c"), "c");
	unsetenv("USRBIO_MOUNTS");
	expect_mount(dirs_path("/a"), "etc-a");
	cr_assert_eq(umount2("/etc", MNT_DETACH), 0);
}
