/* Who is believed: owners of FUSE mounts in made-up mount tables, and links on the way to a file.
 */
#include "common/host/trusted.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/host/fuse_owner.h"

static char base[] = "/tmp/usrbio-trusted-XXXXXX";

static const char *below(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static void begin(void)
{
	cr_assert(mkdtemp(base));
}

static void end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", base);
	cr_assert_eq(system(command), 0);
}

TestSuite(trusted, .init = begin, .fini = end);

static void write_file(const char *name, const void *text, size_t len)
{
	FILE *file = fopen(below(name), "we");

	cr_assert(file);
	cr_assert_eq(fwrite(text, 1, len, file), len);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(chmod(below(name), 0644), 0);
}

/* The owner that a line of a mount table gives for the device 0:57, or -errno. */
static long owner(const char *line)
{
	char text[1024];
	uid_t uid;
	int err;

	snprintf(text, sizeof(text),
		 "25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw,user_id=7\n%s\n"
		 "99 1 0:58 / /x rw - fuse.x x rw,user_id=8,group_id=0\n",
		 line);
	write_file("mountinfo", text, strlen(text));
	err = fuse_owner(below("mountinfo"), makedev(0, 57), &uid);
	return err ? err : (long)uid;
}

Test(trusted, fuse_belongs_to_who_mounted_it)
{
	static const struct {
		const char *line;
		long uid;
	} cases[] = {
		{"40 25 0:57 / /mnt rw - fuse.sshfs host: rw,user_id=1000,group_id=5", 1000},
		{"40 25 0:57 / /mnt rw shared:9 master:2 - fuse x rw,user_id=0,group_id=0", 0},
		{"40 25 0:57 / /mnt rw - fuseblk /dev/sdb1 rw,user_id=0,allow_other", 0},
		{"40 25 0:57 / /mnt rw - virtiofs tag rw", 0},
		{"40 25 0:57 / /mnt rw - fuse x rw,allow_other", -ENOENT},
		{"40 25 0:57 / /mnt rw - fuse x rw,user_id=", -ENOENT},
		{"40 25 0:57 / /mnt rw - fuse x rw,user_id=-1", -ENOENT},
		{"40 25 0:57 / /mnt rw - fuse x rw,user_id=0x0", -ENOENT},
		{"40 25 0:57 / /mnt rw - fuse x rw,user_id=4294967296", -ENOENT},
		{"40 25 0:57 / /mnt rw - fuse x rw,xuser_id=0,user_id=12", 12},
		/* What users may choose is no option, and begins no field. */
		{"40 25 0:57 / /mnt\\040-\\040virtiofs\\040x rw - fuse user_id=0,x rw,user_id=13",
		 13},
		{"40 25 0:57 / /user_id=0 rw - fuse.user_id=0 user_id=0 rw,user_id=14", 14},
		{"40 25 0:57 / /mnt rw", -ENOENT},
		{"40 25 0:57 / /mnt rw - fuse", -ENOENT},
		{"40 25 0:5 / /mnt rw - fuse x rw,user_id=0", -ENOENT},
		{"", -ENOENT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		cr_expect_eq(owner(cases[i].line), cases[i].uid, "%s: %ld", cases[i].line,
			     owner(cases[i].line));
}

static void expect_walk(const char *path, const char *want)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_place place;
	int err = trusted_walk(path, &place, reason);

	cr_assert_eq(err, 0, "%s: %d %s", path, err, reason);
	cr_expect_str_eq(place.path, want, "%s: %s", path, place.path);
	close(place.dir);
}

static void expect_lost(const char *path, int want)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_place place;

	cr_expect_eq(trusted_walk(path, &place, reason), want, "%s", path);
}

Test(trusted, paths_lead_where_the_kernel_leads)
{
	char other[PATH_MAX];

	cr_assert_eq(mkdir(below("a"), 0755), 0);
	cr_assert_eq(mkdir(below("a/b"), 0755), 0);
	write_file("a/b/file", "x", 1);
	cr_assert_eq(symlink("a/b", below("rel")), 0);
	cr_assert_eq(symlink(below("a"), below("abs")), 0);
	cr_assert_eq(symlink("../../rel/file", below("a/b/up")), 0);
	cr_assert_eq(symlink("around", below("around")), 0);
	cr_assert_eq(symlink("/", below("root")), 0);
	snprintf(other, sizeof(other), "%s/a/b/file", base);
	expect_walk(below("a/b/file"), other);
	expect_walk(below("a//./b/../b/file"), other);
	expect_walk(below("rel/file"), other);
	expect_walk(below("abs/b/up"), other);
	snprintf(other, sizeof(other), "%s/a/b", base);
	expect_walk(below("rel/"), other);
	expect_walk(below("a/b/."), other);
	expect_walk(below("root"), "/");
	expect_walk("/..//", "/");
	cr_assert_eq(chdir(below("a")), 0);
	expect_walk("b", other);
	expect_walk("../rel", other);
	expect_lost("b/file/x", -ENOTDIR);
	expect_lost("none", -ENOENT);
	expect_lost("none/x", -ENOENT);
	expect_lost("../around", -ELOOP);
	expect_lost("", -ENOENT);
	cr_assert_eq(chdir("/"), 0);
}

Test(trusted, links_of_others_are_not_followed)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_place place;

	if (geteuid())
		cr_skip_test("only root can give links away");
	cr_assert_eq(mkdir(below("a"), 0755), 0);
	cr_assert_eq(symlink("a", below("link")), 0);
	cr_assert_eq(lchown(below("link"), 12345, 12345), 0);
	cr_expect_eq(trusted_walk(below("link"), &place, reason), -ELOOP);
	cr_expect(strstr(reason, "12345"), "%s", reason);
	cr_expect_eq(trusted_walk(below("link/."), &place, reason), -ELOOP);
	cr_assert_eq(lchown(below("link"), 0, 0), 0);
	expect_walk(below("link"), below("a"));
}

static void expect_unread(const char *name, size_t max, const char *why)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_text text;

	cr_expect_neq(trusted_read_path(below(name), max, &text, reason), 0, "%s", name);
	cr_expect(strstr(reason, why), "%s: %s", name, reason);
}

Test(trusted, files_that_are_not_read)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_text text;

	write_file("zero", "one\0two", 7);
	write_file("fits", "12345678", 8);
	write_file("writable", "x", 1);
	cr_assert_eq(chmod(below("writable"), 0664), 0);
	cr_assert_eq(mkfifo(below("fifo"), 0644), 0);
	expect_unread("zero", 100, "zero byte");
	expect_unread("fits", 7, "larger than 7");
	expect_unread("writable", 100, "its group");
	expect_unread("fifo", 100, "no regular file");
	expect_unread(".", 100, "no regular file");
	cr_assert_eq(trusted_read_path(below("fits"), 8, &text, reason), 0);
	cr_expect_str_eq(text.data, "12345678");
	cr_expect(text.own);
	free(text.data);
	/* What the kernel makes up is nobody's word, and /dev/null is no file. */
	cr_expect_eq(trusted_read_path("/proc/self/status", 100000, &text, reason), -EACCES);
	cr_expect_eq(trusted_read_path("/dev/null", 100, &text, reason), -ENOENT);
	cr_expect_str_eq(reason, "");
}

Test(trusted, a_sticky_directory_is_good_for_own_files_only)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_text text;

	cr_assert_eq(mkdir(below("open"), 0755), 0);
	cr_assert_eq(chmod(below("open"), 01777), 0);
	write_file("open/file", "x", 1);
	cr_assert_eq(trusted_read_path(below("open/file"), 100, &text, reason), 0, "%s", reason);
	free(text.data);
	cr_assert_eq(link(below("open/file"), below("open/second")), 0);
	expect_unread("open/file", 100, "everybody");
	cr_assert_eq(unlink(below("open/second")), 0);
	cr_assert_eq(chmod(below("open"), 0777), 0);
	expect_unread("open/file", 100, "everybody");
}
