/* Names in an open directory: what each call does with them, what is no name, and what becomes of a
 * directory that is renamed, removed, or moved out of the export meanwhile. */
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

static int stat_at(struct fixture *fixture, struct store_file *at, const char *name, bool nofollow,
		   struct file_attr *attr)
{
	return fixture->store->ops->stat_path(fixture->store, at, name, nofollow, attr);
}

/* Every call with a name in `at`, and whatever makes it succeed elsewhere; all say `err`. */
static void expect_all(struct fixture *fixture, struct store_file *at, const char *name, int err)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store *store = fixture->store;
	struct store_file *file = fixture_create(fixture, "whole");
	const struct store_attrs attrs = {.set = SET_MTIME_NOW | SET_NOFOLLOW};
	char target[PROTO_PATH_MAX + 1];
	struct file_attr attr;

	cr_expect_eq(fixture_open_at(fixture, at, name, OPEN_READ), err, "%s", name);
	cr_expect_eq(fixture_open_at(fixture, at, name, OPEN_READ | OPEN_FOLLOW), err, "%s", name);
	cr_expect_eq(fixture_open_at(fixture, at, name, RW_NEW), err, "%s", name);
	cr_expect_eq(fixture_open_at(fixture, at, name, RW_NEW | OPEN_EXCLUSIVE), err, "%s", name);
	cr_expect_eq(stat_at(fixture, at, name, true, &attr), err, "%s", name);
	cr_expect_eq(stat_at(fixture, at, name, false, &attr), err, "%s", name);
	cr_expect_eq(ops->mkdir(store, at, name, 0755), err, "%s", name);
	cr_expect_eq(ops->unlink(store, at, name), err, "%s", name);
	cr_expect_eq(ops->rmdir(store, at, name), err, "%s", name);
	cr_expect_eq(ops->symlink(store, at, name, "whole"), err, "%s", name);
	cr_expect_eq(ops->readlink(store, at, name, target), err, "%s", name);
	cr_expect_eq(ops->set_attr_path(store, at, name, &attrs), err, "%s", name);
	cr_expect_eq(ops->rename(store, at, name, NULL, "moved", 0), err, "%s", name);
	cr_expect_eq(ops->rename(store, NULL, "whole", at, name, 0), err, "%s", name);
	cr_expect_eq(ops->link(store, at, name, NULL, "linked"), err, "%s", name);
	cr_expect_eq(ops->link(store, NULL, "whole", at, name), err, "%s", name);
	cr_expect_eq(ops->link_file(file, at, name), err, "%s", name);
	cr_expect_eq(fixture_open_at(fixture, NULL, "whole", OPEN_READ), 0,
		     "nothing has happened to it");
	fixture_shut(fixture, file);
}

EACH_STORE(names_in_a_directory)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store *store = fixture->store;
	struct store_file *one, *two, *file;
	struct file_attr attr, same;

	cr_assert_eq(ops->mkdir(store, NULL, "one", 0755), 0);
	cr_assert_eq(ops->mkdir(store, NULL, "two", 0755), 0);
	one = open_dir(fixture, "one");
	two = open_dir(fixture, "two");
	cr_assert_eq(fixture_open_at(fixture, one, "f", OPEN_READ), -ENOENT);
	cr_assert_eq(ops->open_file(store, one, "f", RW_NEW, 07644, &file, &attr), 0);
	cr_assert_eq(attr.mode & 07777, 0644);
	cr_assert_eq(fixture_open_at(fixture, one, "f", RW_NEW | OPEN_EXCLUSIVE), -EEXIST);
	cr_assert_eq(stat_at(fixture, NULL, "one/f", false, &same), 0);
	cr_assert_eq(same.ino, attr.ino);
	cr_assert_eq(stat_at(fixture, one, "f", true, &same), 0);
	cr_assert_eq(same.ino, attr.ino);
	cr_assert_eq(ops->rename(store, one, "f", two, "g", 0), 0);
	cr_assert_eq(ops->link(store, two, "g", one, "h"), 0);
	cr_assert_eq(ops->link_file(file, one, "i"), 0);
	cr_assert_eq(ops->rename(store, two, "g", one, "h", CALL_NOREPLACE), -EEXIST);
	cr_assert_eq(stat_at(fixture, NULL, "one/i", false, &same), 0);
	cr_assert_eq(same.ino, attr.ino);
	cr_assert_eq(same.nlink, 3);
	cr_assert_eq(ops->mkdir(store, two, "d", 07755), 0);
	cr_assert_eq(stat_at(fixture, NULL, "two/d", false, &same), 0);
	cr_assert_eq(same.mode & 07777, 0755);
	cr_assert_eq(ops->unlink(store, two, "d"), -EISDIR);
	cr_assert_eq(ops->rmdir(store, one, "h"), -ENOTDIR);
	cr_assert_eq(ops->rmdir(store, two, "d"), 0);
	cr_assert_eq(ops->unlink(store, two, "g"), 0);
	cr_assert_eq(ops->unlink(store, one, "h"), 0);
	cr_assert_eq(ops->unlink(store, one, "h"), -ENOENT);
	cr_assert_eq(fixture_open_at(fixture, NULL, "one/i", OPEN_READ), 0);
	fixture_shut(fixture, file);
	fixture_shut(fixture, one);
	fixture_shut(fixture, two);
}

EACH_STORE(what_is_no_name)
{
	static const char *const names[] = {"",	  ".",	  "..",	 "/",	"a/",	"a/b",
					    "/a", "../a", "./a", "a//", "...//"};
	char longest[PROTO_NAME_MAX + 2];
	struct store_file *root = open_dir(fixture, ""), *file = fixture_create(fixture, "f");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		expect_all(fixture, root, names[i], -EINVAL);
	memset(longest, 'n', sizeof(longest));
	longest[PROTO_NAME_MAX + 1] = 0;
	expect_all(fixture, root, longest, -ENAMETOOLONG);
	longest[PROTO_NAME_MAX] = 0;
	cr_assert_eq(fixture_open_at(fixture, root, longest, RW_NEW), 0);
	cr_assert_eq(fixture_open_at(fixture, root, "...", RW_NEW), 0);
	expect_all(fixture, file, "f", -ENOTDIR);
	fixture_shut(fixture, file);
	fixture_shut(fixture, root);
}

/* It is the directory, not its name. */
EACH_STORE(a_directory_that_moves)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store *store = fixture->store;
	struct store_file *dir;

	cr_assert_eq(ops->mkdir(store, NULL, "deep", 0755), 0);
	cr_assert_eq(ops->mkdir(store, NULL, "d", 0755), 0);
	dir = open_dir(fixture, "d");
	cr_assert_eq(fixture_open_at(fixture, dir, "f", RW_NEW), 0);
	cr_assert_eq(ops->rename(store, NULL, "d", NULL, "deep/e", 0), 0);
	cr_assert_eq(ops->mkdir(store, NULL, "d", 0755), 0);
	cr_assert_eq(fixture_open_at(fixture, dir, "f", OPEN_READ), 0);
	cr_assert_eq(fixture_open_at(fixture, dir, "g", RW_NEW), 0);
	cr_assert_eq(fixture_open_at(fixture, NULL, "deep/e/g", OPEN_READ), 0);
	cr_assert_eq(fixture_open_at(fixture, NULL, "d/g", OPEN_READ), -ENOENT);
	cr_assert_eq(ops->rename(store, NULL, "deep", dir, "in", 0), -EINVAL);
	/* And when it goes, there is nothing in it, and nothing comes. */
	cr_assert_eq(ops->unlink(store, dir, "f") | ops->unlink(store, dir, "g"), 0);
	cr_assert_eq(ops->rmdir(store, NULL, "deep/e"), 0);
	expect_all(fixture, dir, "f", -ENOENT);
	fixture_shut(fixture, dir);
}

static int list(struct fixture *fixture, struct store_file *dir, uint64_t *next, char *names,
		size_t room)
{
	uint32_t types[64];
	struct store_dirents out = {.names = names, .room = room, .types = types, .max = 64};
	int err = fixture->store->ops->readdir_file(dir, *next, &out);

	*next = out.next;
	return err ? err : (int)out.n;
}

EACH_STORE(a_directory_lists_what_is_in_it)
{
	char names[64];
	struct store_file *dir, *file = fixture_create(fixture, "file");
	uint64_t next = 0, other = 0;

	cr_assert_eq(fixture->store->ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	dir = open_dir(fixture, "d");
	cr_assert_eq(list(fixture, dir, &next, names, sizeof(names)), 0);
	cr_assert_eq(fixture_open_at(fixture, dir, "a", RW_NEW) |
			     fixture_open_at(fixture, dir, "b", RW_NEW),
		     0);
	cr_assert_eq(fixture->store->ops->rename(fixture->store, NULL, "d", NULL, "e", 0), 0);
	/* Two that go through it at once are not in each other's way. */
	cr_assert_eq(list(fixture, dir, &next, names, 3), 1);
	cr_assert_eq(list(fixture, dir, &other, names + 2, 3), 1);
	cr_assert_str_eq(names, names + 2);
	cr_assert_eq(list(fixture, dir, &next, names + 2, 3), 1);
	cr_assert_eq(names[0] + names[2], 'a' + 'b');
	if (next)
		cr_assert_eq(list(fixture, dir, &next, names, 3), 0);
	cr_assert_eq(next, 0);
	cr_assert_eq(list(fixture, file, &next, names, sizeof(names)), -ENOTDIR);
	fixture_shut(fixture, file);
	fixture_shut(fixture, dir);
}

/* What says where a file's data is: holes of 64 KiB at least, whatever the file system's blocks. */
EACH_STORE(data_and_holes_are_found)
{
	enum { BIG = 1 << 20 };
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file = fixture_create(fixture, "f"), *dir = open_dir(fixture, "");
	uint64_t at = 99;

	cr_assert_eq(ops->seek(file, 0, false, &at), -ENXIO);
	cr_assert_eq(ops->seek(file, 0, true, &at), -ENXIO);
	cr_assert_eq(ops->seek(dir, 0, false, &at), -EBADF);
	cr_assert_eq(fixture_write(fixture, file, 0, 65536, BIG), 65536);
	cr_assert_eq(ops->truncate_file(file, 3 * BIG), 0);
	cr_assert_eq(ops->seek(file, 0, false, &at), 0);
	cr_assert_eq(at, BIG);
	cr_assert_eq(ops->seek(file, BIG + 7, false, &at), 0);
	cr_assert_eq(at, BIG + 7);
	cr_assert_eq(ops->seek(file, BIG + 7, true, &at), 0);
	cr_assert_eq(at, BIG + 65536);
	cr_assert_eq(ops->seek(file, 5, true, &at), 0);
	cr_assert_eq(at, 5);
	cr_assert_eq(ops->seek(file, BIG + 65536, false, &at), -ENXIO);
	cr_assert_eq(ops->seek(file, 3 * BIG - 1, true, &at), 0);
	cr_assert_eq(at, 3 * BIG - 1);
	cr_assert_eq(ops->seek(file, 3 * BIG, true, &at), -ENXIO);
	cr_assert_eq(ops->seek(file, 1ull << 63, true, &at), -ENXIO);
	cr_assert_eq(fixture_write(fixture, file, 0, 10, 3 * BIG), 10);
	cr_assert_eq(ops->seek(file, 3 * BIG, true, &at), 0);
	cr_assert_eq(at, 3 * BIG + 10, "the end");
	fixture_shut(fixture, dir);
	fixture_shut(fixture, file);
}

EACH_STORE(permissions_are_nine_bits)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file = fixture_file(fixture, "f", OPEN_READ | OPEN_CREATE, NULL);
	struct store_file *dir = open_dir(fixture, "");
	struct file_attr attr;

	cr_assert_eq(fixture_chmod(file, 07741), 0);
	cr_assert_eq(ops->stat_file(file, &attr), 0);
	cr_assert_eq(attr.mode, S_IFREG | 0741);
	cr_assert_eq(fixture_chmod(dir, 0710), 0);
	cr_assert_eq(ops->stat_file(dir, &attr), 0);
	cr_assert_eq(attr.mode, S_IFDIR | 0710);
	fixture_shut(fixture, dir);
	fixture_shut(fixture, file);
}

POSIX_STORE(set_id_bits_go_from_files_and_stay_with_directories)
{
	struct store_file *file = fixture_create(fixture, "f"), *dir;
	struct file_attr attr;

	cr_assert_eq(chdir(fixture->dir), 0);
	cr_assert_eq(mkdir("d", 0755) | chmod("d", 03775) | chmod("f", 06755), 0);
	dir = open_dir(fixture, "d");
	cr_assert_eq(fixture_chmod(file, 0755), 0);
	cr_assert_eq(fixture_chmod(dir, 0700), 0);
	cr_assert_eq(fixture->store->ops->stat_file(file, &attr), 0);
	cr_assert_eq(attr.mode, S_IFREG | 0755);
	cr_assert_eq(fixture->store->ops->stat_file(dir, &attr), 0);
	cr_assert_eq(attr.mode, S_IFDIR | 03700);
	fixture_shut(fixture, dir);
	fixture_shut(fixture, file);
}

EACH_STORE(what_a_directory_lies_in)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *dir, *file = fixture_create(fixture, "f");
	uint64_t ids[2 * 64];
	struct file_attr attr;
	static const char *const paths[] = {"a/b", "a", ""};

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "a", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "a/b", 0755), 0);
	dir = open_dir(fixture, "a/b");
	cr_assert_geq(ops->ancestors(dir, ids, 64), 3);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(stat_at(fixture, NULL, paths[i], false, &attr), 0);
		cr_expect_eq(ids[2 * i], attr.dev);
		cr_expect_eq(ids[2 * i + 1], attr.ino);
	}
	ids[4] = 7;
	cr_assert_eq(ops->ancestors(dir, ids, 2), 2);
	cr_assert_eq(ids[4], 7);
	cr_assert_eq(ops->ancestors(file, ids, 64), -ENOTDIR);
	fixture_shut(fixture, file);
	fixture_shut(fixture, dir);
}

/* A removed directory has no parent: its former parent may be removed and freed before it. */
Test(memory, the_way_up_ends_at_a_removed_directory)
{
	struct store_file *removed, *replaced;
	const struct store_ops *ops;
	struct fixture fixture;
	uint64_t ids[2 * 64];

	fixture_open(&fixture, "memory");
	ops = fixture.store->ops;
	cr_assert_eq(ops->mkdir(fixture.store, NULL, "a", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture.store, NULL, "a/b", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture.store, NULL, "a/c", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture.store, NULL, "d", 0755), 0);
	removed = open_dir(&fixture, "a/b");
	replaced = open_dir(&fixture, "a/c");
	cr_assert_eq(ops->rmdir(fixture.store, NULL, "a/b"), 0);
	cr_assert_eq(ops->rename(fixture.store, NULL, "d", NULL, "a/c", 0), 0);
	cr_assert_eq(ops->rmdir(fixture.store, NULL, "a/c"), 0);
	cr_assert_eq(ops->rmdir(fixture.store, NULL, "a"), 0);
	cr_expect_eq(ops->ancestors(removed, ids, 64), 1);
	cr_expect_eq(ops->ancestors(replaced, ids, 64), 1);
	fixture_shut(&fixture, removed);
	fixture_shut(&fixture, replaced);
	fixture_close(&fixture);
}

POSIX_STORE(the_way_up_ends_at_the_top)
{
	struct store_file *root = open_dir(fixture, "");
	char up[PATH_MAX];
	uint64_t ids[2 * 64];
	struct stat st;
	int n = fixture->store->ops->ancestors(root, ids, 64);

	snprintf(up, sizeof(up), "%s", fixture->dir);
	cr_assert_gt(n, 1);
	for (int i = 0; i < n; i++) {
		cr_assert_eq(stat(up, &st), 0);
		cr_expect_eq(ids[2 * i], st.st_dev, "%s", up);
		cr_expect_eq(ids[2 * i + 1], st.st_ino, "%s", up);
		strcat(up, "/..");
	}
	cr_assert_eq(stat("/", &st), 0);
	cr_assert_eq(ids[2 * n - 1], st.st_ino);
	fixture_shut(fixture, root);
}

POSIX_STORE(links_are_followed_when_a_flag_says_so)
{
	struct store_file *dir;
	struct file_attr attr, target;

	cr_assert_eq(chdir(fixture->dir), 0);
	cr_assert_eq(mkdir("d", 0755) | symlink("../f", "d/up") | symlink("sub", "d/down") |
			     mkdir("d/sub", 0755) | symlink("../../out", "d/out") |
			     symlink("/etc/passwd", "d/absolute") | symlink("../new", "d/new") |
			     symlink("loop", "d/loop") | symlink("/proc/self/cwd", "d/magic"),
		     0);
	fixture_shut(fixture, fixture_create(fixture, "f"));
	dir = open_dir(fixture, "d");
	cr_assert_eq(stat_at(fixture, NULL, "f", false, &target), 0);
	cr_assert_eq(fixture_open_at(fixture, dir, "up", OPEN_READ), -ELOOP);
	cr_assert_eq(fixture_open_at(fixture, dir, "up", RW_NEW), -ELOOP);
	cr_assert_eq(fixture_open_at(fixture, dir, "new", RW_NEW), -ELOOP);
	cr_assert_lt(fixture_open_at(fixture, dir, "down", OPEN_READ | OPEN_DIRECTORY), 0);
	cr_assert_eq(stat_at(fixture, dir, "up", true, &attr), 0);
	cr_assert(S_ISLNK(attr.mode));
	cr_assert_eq(stat_at(fixture, dir, "up", false, &attr), 0);
	cr_assert_eq(attr.ino, target.ino);
	cr_assert_eq(fixture_open_at(fixture, dir, "up", OPEN_READ | OPEN_FOLLOW), 0);
	cr_assert_eq(
		fixture_open_at(fixture, dir, "down", OPEN_READ | OPEN_DIRECTORY | OPEN_FOLLOW), 0);
	cr_assert_eq(fixture_open_at(fixture, dir, "out", OPEN_READ | OPEN_FOLLOW), -EACCES);
	cr_assert_eq(fixture_open_at(fixture, dir, "absolute", OPEN_READ | OPEN_FOLLOW), -EACCES);
	cr_assert_eq(stat_at(fixture, dir, "magic", false, &attr), -EACCES);
	cr_assert_eq(fixture_open_at(fixture, dir, "loop", OPEN_READ | OPEN_FOLLOW), -ELOOP);
	cr_assert_eq(fixture_open_at(fixture, dir, "up", OPEN_READ | OPEN_FOLLOW | OPEN_NOFOLLOW),
		     -EINVAL);
	/* As by a path: what a link promises comes into being where it points. */
	cr_assert_eq(fixture_open_at(fixture, dir, "new", RW_NEW | OPEN_FOLLOW), 0);
	cr_assert_eq(access("new", F_OK), 0);
	fixture_shut(fixture, dir);
}

/* Somebody local takes it away: it is not the export's any more, and nothing happens there. */
POSIX_STORE(a_directory_that_leaves_the_export)
{
	char names[64], there[100];
	struct store_file *dir, *below;
	struct stat st, before;
	uint64_t next = 0;

	cr_assert_eq(chdir(fixture->base), 0);
	cr_assert_eq(mkdir("export/d", 0755) | mkdir("export/d/e", 0755) | mkdir("away", 0755), 0);
	dir = open_dir(fixture, "d");
	below = open_dir(fixture, "d/e");
	cr_assert_eq(fixture_open_at(fixture, dir, "f", RW_NEW) |
			     fixture_open_at(fixture, below, "f", RW_NEW),
		     0);
	cr_assert_eq(rename("export/d", "away/d"), 0);
	cr_assert_eq(stat("away/d", &before), 0);
	expect_all(fixture, dir, "f", -ESTALE);
	expect_all(fixture, below, "f", -ESTALE);
	expect_all(fixture, dir, "new", -ESTALE);
	cr_assert_eq(list(fixture, dir, &next, names, sizeof(names)), -ESTALE);
	cr_assert_eq(stat("away/d", &st), 0);
	cr_assert_eq(memcmp(&st, &before, sizeof(st)), 0);
	/* Back, and deeper than it was. */
	cr_assert_eq(mkdir("export/x", 0755) | rename("away/d", "export/x/d"), 0);
	cr_assert_eq(fixture_open_at(fixture, dir, "f", OPEN_READ) |
			     fixture_open_at(fixture, below, "f", OPEN_READ),
		     0);
	/* A directory whose path only begins like the export's. */
	snprintf(there, sizeof(there), "%s-too", fixture->dir);
	cr_assert_eq(rename("export/x/d", there), 0);
	expect_all(fixture, dir, "f", -ESTALE);
	fixture_shut(fixture, below);
	fixture_shut(fixture, dir);
}

/* Deeper than any path is long, and than one look reaches. */
POSIX_STORE(a_directory_deeper_than_a_path)
{
	enum { DEEP = PATH_MAX / 32 };
	char name[64];
	struct store_file *at = open_dir(fixture, ""), *next;
	struct file_attr attr;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	for (int i = 0; i < DEEP; i++) {
		cr_assert_eq(fixture->store->ops->mkdir(fixture->store, at, name, 0755), 0, "%d",
			     i);
		cr_assert_eq(fixture->store->ops->open_file(fixture->store, at, name,
							    OPEN_READ | OPEN_DIRECTORY, 0, &next,
							    &attr),
			     0, "%d", i);
		fixture_shut(fixture, at);
		at = next;
	}
	cr_assert_eq(fixture_open_at(fixture, at, "f", RW_NEW | OPEN_FOLLOW), 0);
	cr_assert_eq(fixture->store->ops->unlink(fixture->store, at, "f"), 0);
	fixture_shut(fixture, at);
	cr_assert_eq(chdir(fixture->dir), 0);
	cr_assert_eq(system("rm -rf d*"), 0); /* our own clearing away goes by paths */
}

Test(null, names_in_the_root)
{
	struct store_file *root, *file, *same;
	struct file_attr attr, other;
	struct fixture fixture;
	uint64_t at;

	fixture_open(&fixture, "null:1M");
	root = open_dir(&fixture, "");
	cr_assert_eq(
		fixture.store->ops->open_file(fixture.store, root, "f", OPEN_READ, 0, &file, &attr),
		0);
	same = fixture_file(&fixture, "f", OPEN_READ, NULL);
	cr_assert_eq(fixture.store->ops->stat_file(same, &other), 0);
	cr_assert_eq(attr.ino, other.ino);
	cr_assert_eq(fixture.store->ops->seek(file, 5, false, &at), 0);
	cr_assert_eq(at, 5);
	cr_assert_eq(fixture.store->ops->seek(file, 5, true, &at), 0);
	cr_assert_eq(at, 1 << 20);
	cr_assert_eq(fixture.store->ops->seek(file, 1 << 20, true, &at), -ENXIO);
	fixture_shut(&fixture, same);
	fixture_shut(&fixture, file);
	fixture_shut(&fixture, root);
	fixture_close(&fixture);
}

Test(posix, a_read_only_store_stays_as_it_is)
{
	struct store_file *dir;
	struct store *store;
	struct fixture fixture;

	fixture_open(&fixture, "posix");
	fixture_shut(&fixture, fixture_create(&fixture, "f"));
	fixture_reopen(&fixture, STORE_READ_ONLY);
	store = fixture.store;
	dir = open_dir(&fixture, "");
	cr_assert_eq(fixture_chmod(dir, 0777), -EROFS);
	cr_assert_eq(store->ops->unlink(store, dir, "f"), -EROFS);
	cr_assert_eq(store->ops->rmdir(store, dir, "f"), -EROFS);
	cr_assert_eq(store->ops->mkdir(store, dir, "d", 0755), -EROFS);
	cr_assert_eq(store->ops->rename(store, dir, "f", dir, "g", 0), -EROFS);
	cr_assert_eq(store->ops->link(store, dir, "f", dir, "g"), -EROFS);
	cr_assert_eq(fixture_open_at(&fixture, dir, "f", OPEN_WRITE), -EROFS);
	cr_assert_eq(fixture_open_at(&fixture, dir, "new", RW_NEW), -EROFS);
	cr_assert_eq(fixture_open_at(&fixture, dir, "f", OPEN_READ), 0);
	fixture_shut(&fixture, dir);
	fixture_close(&fixture);
}
