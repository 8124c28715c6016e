/* Names: what link, rename, mkdir and the others promise, listings, locks, and what is refused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/fixture.h"

#define NR_LISTED 10000

static bool exists(struct fixture *fixture, const char *path)
{
	struct file_attr attr;

	return !fixture_stat(fixture, path, &attr);
}

EACH_STORE(opening_means_what_the_flags_say)
{
	struct store_file *file;
	struct file_attr attr;
	int err;

	cr_assert_null(fixture_file(fixture, "file", OPEN_READ, &err));
	cr_assert_eq(err, -ENOENT);
	cr_assert_null(fixture_file(fixture, "no/file", OPEN_WRITE | OPEN_CREATE, &err));
	cr_assert_eq(err, -ENOENT);
	fixture_shut(fixture, fixture_file(fixture, "file",
					   OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, NULL));
	cr_assert_null(
		fixture_file(fixture, "file", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, &err));
	cr_assert_eq(err, -EEXIST);
	fixture_shut(fixture, fixture_file(fixture, "file", OPEN_READ | OPEN_CREATE, NULL));
	cr_assert_null(fixture_file(fixture, "file", OPEN_READ | OPEN_DIRECTORY, &err));
	cr_assert_eq(err, -ENOTDIR);
	cr_assert_null(fixture_file(fixture, "file/", OPEN_READ, &err));
	cr_assert_eq(err, -ENOTDIR);
	cr_assert_null(fixture_file(fixture, "file/x", OPEN_READ, &err));
	cr_assert_eq(err, -ENOTDIR);
	cr_assert_null(fixture_file(fixture, "", OPEN_WRITE, &err));
	cr_assert_eq(err, -EISDIR);
	cr_assert_null(fixture_file(fixture, ".", OPEN_READ | OPEN_CREATE, &err));
	cr_assert_eq(err, -EISDIR);
	cr_assert_null(fixture_file(fixture, "new/", OPEN_WRITE | OPEN_CREATE, &err));
	cr_assert_eq(err, -EISDIR);
	cr_assert_null(fixture_file(fixture, "file", 0, &err));
	cr_assert_eq(err, -EINVAL);
	cr_assert_null(fixture_file(fixture, "file", OPEN_READ | OPEN_TRUNCATE, &err));
	cr_assert_eq(err, -EINVAL);
	cr_assert_null(fixture_file(fixture, "file", OPEN_READ | 0x1000, &err));
	cr_assert_eq(err, -EINVAL);
	cr_assert_null(
		fixture_file(fixture, "file", OPEN_READ | OPEN_CREATE | OPEN_DIRECTORY, &err));
	cr_assert_eq(err, -EINVAL);
	/* Nobody gets to run files with the server's identity. */
	cr_assert_eq(fixture->store->ops->open_file(fixture->store, NULL, "suid",
						    OPEN_WRITE | OPEN_CREATE, 07755, &file, &attr),
		     0);
	cr_assert_eq(attr.mode & 07777, 0755);
	fixture_shut(fixture, file);
	fixture_shut(fixture, fixture_file(fixture, "./", OPEN_READ | OPEN_DIRECTORY, NULL));
	fixture_shut(fixture, fixture_file(fixture, ".//./file", OPEN_READ | OPEN_NOFOLLOW, NULL));
}

EACH_STORE(directories_come_and_go)
{
	const struct store_ops *ops = fixture->store->ops;
	struct file_attr attr;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "a", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "a", 0755), -EEXIST);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "a/b/", 07755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "x/b", 0755), -ENOENT);
	cr_assert_eq(fixture_stat(fixture, "a/b", &attr), 0);
	cr_assert(S_ISDIR(attr.mode));
	cr_assert_eq(attr.mode & 07000, 0);
	cr_assert_eq(fixture_stat(fixture, "a/b/../../a/./b/..", &attr), 0);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "a"), -ENOTEMPTY);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "a/b"), -EISDIR);
	fixture_touch(fixture, "a/f");
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "a/f"), -ENOTDIR);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "a/f/"), -ENOTDIR);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "a/f/x", 0755), -ENOTDIR);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "a/f"), 0);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "a/f"), -ENOENT);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "a/b//"), 0);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "a"), 0);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "a"), -ENOENT);
}

EACH_STORE(the_root_and_dots_cannot_be_changed)
{
	static const char *const names[] = {"",	   ".",	   "..",    "./", "//",
					    "a/.", "a/..", "a/../", "a/."};
	const struct store_ops *ops = fixture->store->ops;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "a", 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		cr_assert_lt(ops->unlink(fixture->store, NULL, names[i]), 0, "%s", names[i]);
		cr_assert_lt(ops->rmdir(fixture->store, NULL, names[i]), 0, "%s", names[i]);
		cr_assert_lt(ops->mkdir(fixture->store, NULL, names[i], 0755), 0, "%s", names[i]);
		cr_assert_lt(ops->rename(fixture->store, NULL, names[i], NULL, "b", 0), 0, "%s",
			     names[i]);
		cr_assert_lt(ops->rename(fixture->store, NULL, "a", NULL, names[i], 0), 0, "%s",
			     names[i]);
		cr_assert_lt(ops->link(fixture->store, NULL, names[i], NULL, "b"), 0, "%s",
			     names[i]);
	}
	cr_assert(exists(fixture, "a"));
	cr_assert_not(exists(fixture, "b"));
}

EACH_STORE(renames_replace_only_what_fits)
{
	const struct store_ops *ops = fixture->store->ops;
	struct file_attr before, after;

	fixture_touch(fixture, "f");
	fixture_touch(fixture, "g");
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "e", 0755), 0);
	fixture_touch(fixture, "e/full");
	cr_assert_eq(fixture_stat(fixture, "f", &before), 0);
	cr_assert_eq(ops->rename(fixture->store, NULL, "f", NULL, "g", CALL_NOREPLACE), -EEXIST);
	cr_assert_eq(ops->rename(fixture->store, NULL, "none", NULL, "g", 0), -ENOENT);
	cr_assert_eq(ops->rename(fixture->store, NULL, "f", NULL, "g", 0), 0);
	cr_assert_not(exists(fixture, "f"));
	cr_assert_eq(fixture_stat(fixture, "g", &after), 0);
	cr_assert_eq(before.ino, after.ino);
	cr_assert_eq(ops->rename(fixture->store, NULL, "g", NULL, "d", 0), -EISDIR);
	cr_assert_eq(ops->rename(fixture->store, NULL, "d", NULL, "g", 0), -ENOTDIR);
	cr_assert_eq(ops->rename(fixture->store, NULL, "d", NULL, "e", 0), -ENOTEMPTY);
	cr_assert_eq(ops->rename(fixture->store, NULL, "d", NULL, "d/in", 0), -EINVAL);
	cr_assert_eq(ops->rename(fixture->store, NULL, "g", NULL, "g", 0), 0);
	cr_assert_eq(ops->rename(fixture->store, NULL, "g", NULL, "h", CALL_NOREPLACE), 0);
	cr_assert_eq(ops->rename(fixture->store, NULL, "e", NULL, "d", 0), 0);
	cr_assert(exists(fixture, "d/full"));
	cr_assert_eq(ops->rename(fixture->store, NULL, "d", NULL, "d2/", 0), 0);
	cr_assert_eq(ops->rename(fixture->store, NULL, "h", NULL, "d2/../d2/h", 0), 0);
	cr_assert(exists(fixture, "d2/h"));
	cr_assert_eq(fixture_stat(fixture, "d2/h", &after), 0);
	cr_assert_eq(after.nlink, 1);
}

EACH_STORE(links_are_the_same_file)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file = fixture_create(fixture, "f");
	struct file_attr a, b;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->link(fixture->store, NULL, "f", NULL, "d/g"), 0);
	cr_assert_eq(ops->link(fixture->store, NULL, "f", NULL, "d/g"), -EEXIST);
	cr_assert_eq(ops->link(fixture->store, NULL, "none", NULL, "x"), -ENOENT);
	cr_assert_eq(ops->link(fixture->store, NULL, "d", NULL, "x"), -EPERM);
	cr_assert_eq(ops->link_file(file, NULL, "h"), 0);
	cr_assert_eq(ops->link_file(file, NULL, "h"), -EEXIST);
	cr_assert_eq(ops->link_file(file, NULL, "d/.."), -EEXIST);
	cr_assert_eq(ops->link(fixture->store, NULL, "f", NULL, "d"), -EEXIST);
	cr_assert_eq(ops->link(fixture->store, NULL, "f", NULL, "d/."), -EEXIST);
	cr_assert_eq(ops->link(fixture->store, NULL, "f", NULL, ""), -EEXIST);
	cr_assert_eq(ops->link(fixture->store, NULL, "", NULL, "x"), -EPERM);
	cr_assert_eq(ops->link(fixture->store, NULL, "d/..", NULL, "x"), -EPERM);
	memcpy(fixture->staging, "hello", 5);
	cr_assert_eq(fixture_write(fixture, file, 0, 5, 0), 5);
	cr_assert_eq(fixture_stat(fixture, "d/g", &a), 0);
	cr_assert_eq(fixture_stat(fixture, "h", &b), 0);
	cr_assert_eq(a.ino, b.ino);
	cr_assert_eq(a.nlink, 3);
	cr_assert_eq(b.size, 5);
	/* Two names of one file: a rename between them does nothing. */
	cr_assert_eq(ops->rename(fixture->store, NULL, "f", NULL, "h", 0), 0);
	cr_assert(exists(fixture, "f"));
	cr_assert_eq(ops->unlink(fixture->store, NULL, "f"), 0);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "d/g"), 0);
	cr_assert_eq(ops->stat_file(file, &a), 0);
	cr_assert_eq(a.nlink, 1);
	fixture_shut(fixture, file);
	cr_assert(exists(fixture, "h"));
}

EACH_STORE(long_names_and_deep_paths_end_where_linux_does)
{
	const struct store_ops *ops = fixture->store->ops;
	char name[300], *path = malloc(8192);
	struct file_attr attr;
	size_t len = 0;

	cr_assert(path);
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	cr_assert_eq(ops->mkdir(fixture->store, NULL, name, 0755), -ENAMETOOLONG);
	cr_assert_eq(fixture_stat(fixture, name, &attr), -ENAMETOOLONG);
	name[255] = '\0';
	fixture_touch(fixture, name);
	cr_assert(exists(fixture, name));
	while (len < 4000) {
		len += (size_t)sprintf(path + len, "%sdeep", len ? "/" : "");
		cr_assert_eq(ops->mkdir(fixture->store, NULL, path, 0755), 0, "%zu", len);
	}
	strcpy(path + len, "/file");
	fixture_touch(fixture, path);
	cr_assert(exists(fixture, path));
	memset(path, '/', 8191);
	path[8191] = '\0';
	path[0] = '.';
	cr_assert_eq(fixture_stat(fixture, path, &attr), -ENAMETOOLONG);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, path, 0755), -ENAMETOOLONG);
	free(path);
}

/* Lists "" and counts each name "keep-N", 10,000 of them, while others come and go. */
static void list_all(struct fixture *fixture, uint8_t *seen)
{
	static char names[6000];
	static uint32_t types[100];
	struct store_dirents out = {
		.names = names, .room = sizeof(names), .types = types, .max = 100};
	int batches = 0;
	uint64_t at = 0;

	do {
		const char *name = names;
		char other[32];

		cr_assert_eq(fixture->store->ops->readdir(fixture->store, "", at, &out), 0);
		cr_assert_leq(out.n, out.max);
		cr_assert_leq(out.used, out.room);
		for (size_t i = 0; i < out.n; i++, name += strlen(name) + 1) {
			cr_assert_str_neq(name, ".");
			cr_assert_str_neq(name, "..");
			cr_assert_eq(types[i], (uint32_t)DT_REG);
			if (!strncmp(name, "keep-", 5))
				seen[atoi(name + 5)]++;
		}
		cr_assert_eq((size_t)(name - names), out.used);
		sprintf(other, "gone-%d", batches);
		fixture->store->ops->unlink(fixture->store, NULL, other);
		sprintf(other, "new-%d", batches++);
		fixture_touch(fixture, other);
		at = out.next;
	} while (at);
	cr_assert_geq(batches, 100);
}

EACH_STORE(a_long_listing_shows_each_name_once)
{
	uint8_t *seen = calloc(NR_LISTED, 1);
	char name[32];

	for (int i = 0; i < NR_LISTED; i++) {
		sprintf(name, "keep-%d", i);
		fixture_touch(fixture, name);
		if (i < 50) {
			sprintf(name, "gone-%d", i);
			fixture_touch(fixture, name);
		}
	}
	list_all(fixture, seen);
	for (int i = 0; i < NR_LISTED; i++)
		cr_assert_eq(seen[i], 1, "keep-%d seen %d times", i, seen[i]);
	free(seen);
}

EACH_STORE(listings_mind_their_limits)
{
	char names[8];
	uint32_t types[4];
	struct store_dirents out = {.names = names, .room = 8, .types = types, .max = 4};
	const struct store_ops *ops = fixture->store->ops;

	cr_assert_eq(ops->readdir(fixture->store, "", 0, &out), 0);
	cr_assert_eq(out.n, 0);
	cr_assert_eq(out.next, 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "seven77", 0755), 0);
	cr_assert_eq(ops->readdir(fixture->store, ".", 0, &out), 0);
	cr_assert_eq(out.n, 1);
	cr_assert_eq(out.used, 8);
	cr_assert_eq(types[0], (uint32_t)DT_DIR);
	cr_assert_str_eq(names, "seven77");
	fixture_touch(fixture, "seven77/eight888");
	cr_assert_eq(ops->readdir(fixture->store, "seven77", 0, &out), -EINVAL);
	cr_assert_eq(ops->readdir(fixture->store, "seven77/eight888", 0, &out), -ENOTDIR);
	cr_assert_eq(ops->readdir(fixture->store, "none", 0, &out), -ENOENT);
}

EACH_STORE(no_descriptor_is_lost)
{
	const struct store_ops *ops = fixture->store->ops;
	int before = fixture_count_fds(), err;
	struct file_attr attr;

	for (int i = 0; i < 100; i++) {
		fixture_touch(fixture, "f");
		ops->mkdir(fixture->store, NULL, "d", 0755);
		ops->mkdir(fixture->store, NULL, "d/e/f", 0755);
		ops->rename(fixture->store, NULL, "d/x", NULL, "d/y", 0);
		ops->rename(fixture->store, NULL, "d/x", NULL, "../d/y", 0);
		ops->rename(fixture->store, NULL, "f", NULL, "d/f", CALL_NOREPLACE);
		ops->link(fixture->store, NULL, "d/f", NULL, "f");
		ops->link(fixture->store, NULL, "d/f", NULL, "none/f");
		fixture_stat(fixture, "d", &attr);
		fixture_file(fixture, "d", OPEN_WRITE | OPEN_CREATE, &err);
		fixture_file(fixture, "d", OPEN_READ | OPEN_CREATE, &err);
		fixture_file(fixture, "d/f", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, &err);
		fixture_shut(fixture, fixture_file(fixture, "d/f", OPEN_READ | OPEN_DIRECT, NULL));
		ops->unlink(fixture->store, NULL, "d/f");
		ops->rmdir(fixture->store, NULL, "d/none");
		ops->rmdir(fixture->store, NULL, "d");
	}
	cr_assert_eq(fixture_count_fds(), before);
}
