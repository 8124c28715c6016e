/*
 * The names that clients may read and not change: 3fs-virt everywhere, .usrbio in the root. By
 * every call, and by every way to them: dots, symbolic links, open directories, open files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/fixture.h"

#define RW_NEW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static struct store_file *open_dir(struct fixture *fixture, const char *path)
{
	return fixture_file(fixture, path, OPEN_READ | OPEN_DIRECTORY, NULL);
}

/* Every call that makes, replaces, links or removes a name. */
static void expect_no_name(struct fixture *fixture, struct store_file *at, const char *name)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store *store = fixture->store;
	struct store_file *file = fixture_create(fixture, "whole");

	cr_expect_eq(fixture_open_at(fixture, at, name, RW_NEW | OPEN_EXCLUSIVE), -EPERM, "%s",
		     name);
	cr_expect_eq(ops->mkdir(store, at, name, 0755), -EPERM, "%s", name);
	cr_expect_eq(ops->unlink(store, at, name), -EPERM, "%s", name);
	cr_expect_eq(ops->rmdir(store, at, name), -EPERM, "%s", name);
	cr_expect_eq(ops->rename(store, at, name, NULL, "moved", 0), -EPERM, "%s", name);
	cr_expect_eq(ops->rename(store, NULL, "whole", at, name, 0), -EPERM, "%s", name);
	cr_expect_eq(ops->rename(store, NULL, "whole", at, name, CALL_NOREPLACE), -EPERM, "%s",
		     name);
	cr_expect_eq(ops->link(store, at, name, NULL, "linked"), -EPERM, "%s", name);
	cr_expect_eq(ops->link(store, NULL, "whole", at, name), -EPERM, "%s", name);
	cr_expect_eq(ops->link_file(file, at, name), -EPERM, "%s", name);
	cr_expect_eq(fixture_open_at(fixture, NULL, "whole", OPEN_READ), 0,
		     "nothing has happened to it");
	cr_expect_eq(fixture_open_at(fixture, NULL, "moved", OPEN_READ), -ENOENT);
	cr_expect_eq(fixture_open_at(fixture, NULL, "linked", OPEN_READ), -ENOENT);
	fixture_shut(fixture, file);
}

EACH_STORE(reserved_names_are_not_made)
{
	static const char *const names[] = {"3fs-virt",	  "./3fs-virt",	     "d/../3fs-virt",
					    "d/3fs-virt", "d/e/../3fs-virt", "3FS-Virt",
					    ".usrbio",	  "./d/../.usrbio",  "d/e/../../.usrbio"};
	static const char *const dirs[] = {"3fs-virt/", "d/3fs-virt//"};
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *root, *d;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d/e", 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		expect_no_name(fixture, NULL, names[i]);
		cr_expect_eq(fixture_open_at(fixture, NULL, names[i], RW_NEW), -EPERM, "%s",
			     names[i]);
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		cr_expect_eq(ops->mkdir(fixture->store, NULL, dirs[i], 0755), -EPERM);
		cr_expect_eq(ops->rename(fixture->store, NULL, "d/e", NULL, dirs[i], 0), -EPERM);
	}
	root = open_dir(fixture, ".");
	d = open_dir(fixture, "d");
	expect_no_name(fixture, root, "3fs-virt");
	expect_no_name(fixture, root, ".usrbio");
	expect_no_name(fixture, d, "3fs-virt");
	fixture_shut(fixture, root);
	fixture_shut(fixture, d);
}

/* What only looks like them, and .usrbio further down. */
EACH_STORE(other_names_are_free)
{
	static const char *const names[] = {"3fs-virt2", "3fs-vir",   "x3fs-virt",   ".usrbio2",
					    ".usrbi",	 "d/.usrbio", "usrbio.conf", "d/iovs"};
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *d;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		cr_expect_eq(fixture_open_at(fixture, NULL, names[i], RW_NEW), 0, "%s", names[i]);
		cr_expect_eq(ops->unlink(fixture->store, NULL, names[i]), 0, "%s", names[i]);
	}
	d = open_dir(fixture, "d");
	cr_expect_eq(fixture_open_at(fixture, d, ".usrbio", RW_NEW), 0);
	fixture_shut(fixture, d);
}

/* Files below the export's directory, and what is in one of them. */
static const char *below(const struct fixture *fixture, const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", fixture->dir, name);
	return path;
}

/* As the administrator of the server's machine does, in the root and in a directory. */
static void attach_locally(const struct fixture *fixture)
{
	static const char *const dirs[] = {"3fs-virt",	 "3fs-virt/iovs", "d",
					   "d/3fs-virt", "d/sub",	  ".usrbio"};
	static const char *const files[] = {"3fs-virt/usrbio.conf", "d/3fs-virt/usrbio.conf",
					    ".usrbio/file"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		cr_assert_eq(mkdir(below(fixture, dirs[i]), 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		FILE *file = fopen(below(fixture, files[i]), "we");

		cr_assert(file && fputs("tcp://good/e\n", file) >= 0 && !fclose(file));
	}
}

static void expect_untouched(const struct fixture *fixture)
{
	static const char *const files[] = {"3fs-virt/usrbio.conf", "d/3fs-virt/usrbio.conf",
					    ".usrbio/file"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char text[32] = "";
		struct stat st;
		FILE *file = fopen(below(fixture, files[i]), "re");

		cr_assert(file && fgets(text, sizeof(text), file) && !fstat(fileno(file), &st));
		cr_expect_str_eq(text, "tcp://good/e\n");
		cr_expect_eq(st.st_nlink, 1, "%s", files[i]);
		fclose(file);
	}
}

/* Everything that changes what is there, by one way to a conf file and by one to its directory. */
static void expect_only_readable(struct fixture *fixture, const char *conf, const char *dir)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store *store = fixture->store;
	struct store_file *file, *at;
	char new[PATH_MAX];

	cr_expect_eq(fixture_open_at(fixture, NULL, conf, OPEN_READ), 0, "%s", conf);
	cr_expect_eq(fixture_open_at(fixture, NULL, conf, OPEN_WRITE), -EPERM, "%s", conf);
	cr_expect_eq(fixture_open_at(fixture, NULL, conf, OPEN_READ | OPEN_WRITE), -EPERM, "%s",
		     conf);
	cr_expect_eq(fixture_open_at(fixture, NULL, conf, RW_NEW), -EPERM, "%s", conf);
	cr_expect_eq(fixture_open_at(fixture, NULL, conf, OPEN_WRITE | OPEN_TRUNCATE), -EPERM, "%s",
		     conf);
	cr_expect_eq(ops->unlink(store, NULL, conf), -EPERM, "%s", conf);
	cr_expect_eq(ops->rename(store, NULL, conf, NULL, "out", 0), -EPERM, "%s", conf);
	cr_expect_eq(ops->rename(store, NULL, "free", NULL, conf, 0), -EPERM, "%s", conf);
	cr_expect_eq(ops->link(store, NULL, conf, NULL, "out"), -EPERM, "%s", conf);
	file = fixture_file(fixture, conf, OPEN_READ, NULL);
	cr_expect_eq(ops->link_file(file, NULL, "out"), -EPERM, "%s", conf);
	cr_expect_eq(fixture_chmod(file, 0666), -EPERM, "%s", conf);
	fixture_shut(fixture, file);

	snprintf(new, sizeof(new), "%s/new", dir);
	expect_no_name(fixture, NULL, new);
	cr_expect_eq(fixture_open_at(fixture, NULL, new, RW_NEW), -EPERM, "%s", new);
	at = open_dir(fixture, dir);
	expect_no_name(fixture, at, "new");
	cr_expect_eq(fixture_open_at(fixture, at, "new", RW_NEW), -EPERM, "%s", dir);
	cr_expect_eq(fixture_chmod(at, 0777), -EPERM, "%s", dir);
	fixture_shut(fixture, at);
	expect_untouched(fixture);
}

POSIX_STORE(what_an_administrator_has_attached_is_read_only)
{
	struct store_file *at;

	attach_locally(fixture);
	fixture_shut(fixture, fixture_create(fixture, "free"));
	expect_only_readable(fixture, "3fs-virt/usrbio.conf", "3fs-virt");
	expect_only_readable(fixture, "./d/..//3fs-virt/./usrbio.conf", "3fs-virt/iovs");
	expect_only_readable(fixture, "3fs-virt/iovs/../usrbio.conf", "d/sub/../../3fs-virt");
	expect_only_readable(fixture, "d/3fs-virt/usrbio.conf", "d/3fs-virt");
	expect_only_readable(fixture, ".usrbio/file", ".usrbio");
	at = open_dir(fixture, "3fs-virt");
	cr_expect_eq(fixture_open_at(fixture, at, "usrbio.conf", OPEN_READ), 0);
	cr_expect_eq(fixture_open_at(fixture, at, "usrbio.conf", OPEN_WRITE), -EPERM);
	cr_expect_eq(fixture_open_at(fixture, at, "usrbio.conf", OPEN_WRITE | OPEN_FOLLOW), -EPERM);
	expect_no_name(fixture, at, "usrbio.conf");
	fixture_shut(fixture, at);
	expect_untouched(fixture);
}

/* By links that a local user has put into the export, one of them to a name that is not there. */
POSIX_STORE(links_lead_to_nothing_else)
{
	struct store_file *sub;
	struct stat st;

	attach_locally(fixture);
	fixture_shut(fixture, fixture_create(fixture, "free"));
	cr_assert_eq(symlink("3fs-virt", below(fixture, "virt")), 0);
	cr_assert_eq(symlink("3fs-virt/usrbio.conf", below(fixture, "conf")), 0);
	cr_assert_eq(symlink("../3fs-virt/planted", below(fixture, "d/new")), 0);
	cr_assert_eq(symlink("d/new", below(fixture, "again")), 0);
	cr_assert_eq(symlink("../d/sub/../3fs-virt", below(fixture, "d/sub-virt")), 0);
	cr_assert_eq(symlink("3fs-virt", below(fixture, "d/sub/up")), 0);
	cr_assert_eq(symlink("file", below(fixture, "d/sub/to-file")), 0);
	cr_assert_eq(symlink("around", below(fixture, "around")), 0);
	expect_only_readable(fixture, "virt/usrbio.conf", "virt");
	expect_only_readable(fixture, "d/sub-virt/usrbio.conf", "d/sub-virt");
	cr_expect_eq(fixture_open_at(fixture, NULL, "conf", OPEN_WRITE), -EPERM);
	cr_expect_eq(fixture_open_at(fixture, NULL, "conf", OPEN_WRITE | OPEN_TRUNCATE), -EPERM);
	cr_expect_eq(fixture_open_at(fixture, NULL, "d/new", RW_NEW), -EPERM);
	cr_expect_eq(fixture_open_at(fixture, NULL, "again", RW_NEW), -EPERM);
	cr_expect_eq(fixture_open_at(fixture, NULL, "around", RW_NEW), -ELOOP);
	sub = open_dir(fixture, "d/sub");
	cr_expect_eq(fixture_open_at(fixture, sub, "up", RW_NEW | OPEN_FOLLOW), -EPERM,
		     "made by following");
	/* As other links do: what they name is made where it is. */
	cr_expect_eq(fixture_open_at(fixture, sub, "to-file", RW_NEW | OPEN_FOLLOW), 0);
	cr_expect_eq(lstat(below(fixture, "d/sub/file"), &st), 0);
	fixture_shut(fixture, sub);
	cr_expect_eq(lstat(below(fixture, "3fs-virt/planted"), &st), -1);
	expect_untouched(fixture);
}

/* A directory that the handle stands for is asked where it is, not what it was called. */
POSIX_STORE(handles_lead_nowhere_else)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *d, *file;
	struct file_attr attr;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d/x", 0755), 0);
	d = open_dir(fixture, "d/x");
	file = fixture_create(fixture, "d/x/file");
	/* The administrator makes it the reserved one. */
	cr_assert_eq(rename(below(fixture, "d"), below(fixture, "3fs-virt")), 0);
	expect_no_name(fixture, d, "new");
	expect_no_name(fixture, d, "file");
	cr_expect_eq(fixture_open_at(fixture, d, "file", OPEN_WRITE), -EPERM);
	cr_expect_eq(ops->link_file(file, NULL, "out"), -EPERM);
	cr_expect_eq(fixture_chmod(file, 0666), -EPERM);
	cr_assert_eq(ops->stat_file(file, &attr), 0);
	cr_expect_eq(attr.nlink, 1);
	fixture_shut(fixture, d);
	fixture_shut(fixture, file);
}

/* So deep that the kernel does not spell its path. */
POSIX_STORE(depth_is_no_way_around)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *at = open_dir(fixture, "."), *next;
	struct file_attr attr;
	char name[201], command[300];

	memset(name, 'n', 200);
	name[200] = '\0';
	for (int i = 0; i < 25; i++) {
		cr_assert_eq(ops->mkdir(fixture->store, at, name, 0755), 0);
		cr_assert_eq(ops->open_file(fixture->store, at, name, OPEN_READ | OPEN_DIRECTORY, 0,
					    &next, &attr),
			     0);
		fixture_shut(fixture, at);
		at = next;
	}
	expect_no_name(fixture, at, "3fs-virt");
	cr_expect_eq(fixture_open_at(fixture, at, "file", RW_NEW), 0);
	cr_expect_eq(fixture_open_at(fixture, at, "file", OPEN_WRITE), 0);
	cr_expect_eq(ops->unlink(fixture->store, at, "file"), 0);
	cr_expect_eq(ops->mkdir(fixture->store, at, ".usrbio", 0755), 0);
	fixture_shut(fixture, at);
	snprintf(command, sizeof(command), "rm -r %s", below(fixture, "nnn*"));
	cr_assert_eq(system(command), 0);
}
