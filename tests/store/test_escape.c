/*
 * Ways out of an export: none leads anywhere. Each path goes through every call; afterwards what is
 * outside is as it was, and whatever was opened or looked at lies inside.
 *
 * Prints RESULT escapes paths= attempts= opened_outside=
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/escapes.h"
#include "tests/store/outside.h"

static struct file_attr wanted;
static unsigned nr_attempts, nr_outside;

static int is_wanted(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return st->st_ino == wanted.ino && st->st_dev == wanted.dev;
}

static void check_inside(struct fixture *fixture, const char *what, const char *path,
			 const struct file_attr *attr)
{
	wanted = *attr;
	if (nftw(fixture->dir, is_wanted, 16, FTW_PHYS) == 1)
		return;
	nr_outside++;
	printf("%s of %s got out\n", what, path);
}

static void try_opens(struct fixture *fixture, const char *path)
{
	static const uint32_t flags[] = {
		OPEN_READ,
		OPEN_READ | OPEN_DIRECTORY,
		OPEN_READ | OPEN_NOFOLLOW,
		OPEN_READ | OPEN_DIRECT,
		OPEN_WRITE | OPEN_TRUNCATE,
		OPEN_READ | OPEN_WRITE | OPEN_CREATE,
		OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE,
		OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE,
		OPEN_WRITE | OPEN_CREATE | OPEN_NOFOLLOW,
	};
	struct store_file *file;
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++, nr_attempts++) {
		if (fixture->store->ops->open_file(fixture->store, NULL, path, flags[i], 0666,
						   &file, &attr))
			continue;
		check_inside(fixture, "open", path, &attr);
		fixture_shut(fixture, file);
	}
}

static void check_listing(const char *path, const struct store_dirents *dirents)
{
	for (size_t at = 0; at < dirents->used; at += strlen(dirents->names + at) + 1)
		if (!strcmp(dirents->names + at, "secret")) {
			nr_outside++;
			printf("listing of %s got out\n", path);
		}
}

/* What answers from memory, and for many paths at once, says what stat_path does, or nothing. */
static void try_other_stats(struct fixture *fixture, const char *path)
{
	const struct store_ops *ops = fixture->store->ops;
	struct attr_row rows[2];
	struct file_attr attr;
	size_t len = strlen(path) + 1;
	char *paths = malloc(2 * len);

	memcpy(paths, path, len);
	memcpy(paths + len, path, len);
	for (int nofollow = 0; nofollow < 2; nofollow++) {
		int err = ops->stat_path(fixture->store, NULL, path, nofollow, &attr), cached;

		store_stat_paths(fixture->store, paths, 2, nofollow, rows);
		cr_assert_eq(rows[0].status, err, "%s", path);
		cr_assert_eq(rows[1].status, err, "%s", path);
		cr_assert(err || rows[1].ino == attr.ino, "%s", path);
		cached = ops->stat_cached(fixture->store, NULL, path, nofollow, &attr);
		cr_assert(cached == -EAGAIN || cached == err, "%s: %d", path, cached);
		if (!cached)
			check_inside(fixture, "stat from memory", path, &attr);
	}
	free(paths);
}

static void try_names(struct fixture *fixture, const char *path)
{
	const struct store_ops *ops = fixture->store->ops;
	char names[4096];
	uint32_t types[64];
	struct store_dirents out = {
		.names = names, .room = sizeof(names), .types = types, .max = 64};
	struct file_attr attr;

	for (int nofollow = 0; nofollow < 2; nofollow++)
		if (!ops->stat_path(fixture->store, NULL, path, nofollow, &attr))
			check_inside(fixture, "stat", path, &attr);
	try_other_stats(fixture, path);
	if (!ops->readdir(fixture->store, path, 0, &out))
		check_listing(path, &out);
	ops->mkdir(fixture->store, NULL, path, 0777);
	ops->rename(fixture->store, NULL, "file", NULL, path, CALL_NOREPLACE);
	ops->rename(fixture->store, NULL, path, NULL, "taken", CALL_NOREPLACE);
	ops->rename(fixture->store, NULL, "taken", NULL, path, CALL_NOREPLACE);
	ops->link(fixture->store, NULL, "file", NULL, path);
	ops->link(fixture->store, NULL, path, NULL, "linked");
	if (!ops->stat_path(fixture->store, NULL, "linked", false, &attr))
		check_inside(fixture, "link", path, &attr);
	ops->unlink(fixture->store, NULL, "linked");
	nr_attempts += 9;
}

/* The same as a name in a directory: a whole path is none, a link is not followed but on demand. */
static void try_in_directory(struct fixture *fixture, struct store_file *at, const char *name)
{
	static const uint32_t flags[] = {
		OPEN_READ, OPEN_READ | OPEN_FOLLOW, OPEN_READ | OPEN_WRITE | OPEN_CREATE,
		OPEN_WRITE | OPEN_CREATE | OPEN_FOLLOW, OPEN_READ | OPEN_DIRECTORY | OPEN_FOLLOW};
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file;
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (!ops->open_file(fixture->store, at, name, flags[i], 0666, &file, &attr)) {
			check_inside(fixture, "open in a directory", name, &attr);
			fixture_shut(fixture, file);
		}
	for (int nofollow = 0; nofollow < 2; nofollow++)
		if (!ops->stat_path(fixture->store, at, name, nofollow, &attr))
			check_inside(fixture, "stat in a directory", name, &attr);
	ops->mkdir(fixture->store, at, name, 0777);
	ops->rename(fixture->store, NULL, "file", at, name, CALL_NOREPLACE);
	ops->rename(fixture->store, at, name, NULL, "taken", CALL_NOREPLACE);
	ops->rename(fixture->store, NULL, "taken", at, name, CALL_NOREPLACE);
	ops->link(fixture->store, NULL, "file", at, name);
	ops->link(fixture->store, at, name, NULL, "linked");
	if (!ops->stat_path(fixture->store, NULL, "linked", false, &attr))
		check_inside(fixture, "link from a directory", name, &attr);
	ops->unlink(fixture->store, NULL, "linked");
	nr_attempts += 14;
}

static void try_at(struct fixture *fixture, const char *path)
{
	static const char *const dirs[] = {"", "dir", "dir/deeper", "mount"};
	const char *last = strrchr(path, '/');

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		int err;
		struct store_file *at =
			fixture_file(fixture, dirs[i], OPEN_READ | OPEN_DIRECTORY, &err);

		if (!at)
			continue;
		try_in_directory(fixture, at, path);
		if (last)
			try_in_directory(fixture, at, last + 1);
		fixture_shut(fixture, at);
	}
}

static void try_removal_at(struct fixture *fixture, const char *path)
{
	struct store_file *root = fixture_file(fixture, "", OPEN_READ | OPEN_DIRECTORY, NULL);

	fixture->store->ops->unlink(fixture->store, root, path);
	fixture->store->ops->rmdir(fixture->store, root, path);
	fixture_shut(fixture, root);
	nr_attempts += 2;
}

static void try_removal(struct fixture *fixture, const char *path)
{
	fixture->store->ops->unlink(fixture->store, NULL, path);
	fixture->store->ops->rmdir(fixture->store, NULL, path);
	nr_attempts += 2;
}

static void try_all(struct fixture *fixture, void (*try)(struct fixture *fixture, const char *path))
{
	/* Up again and again, and down and up, as far as a path can be; and further. */
	static const char *const steps[] = {"../", "dir/../", "./", "out/../", "deeper/../"};
	static char path[2 * PATH_MAX];

	for (size_t i = 0; i < nr_escape_paths; i++)
		try(fixture, escape_paths[i]);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		for (size_t room = PATH_MAX / 2; room <= sizeof(path); room *= 2) {
			size_t len = 0;

			for (; len + 40 < room; len += strlen(steps[i]))
				strcpy(path + len, steps[i]);
			strcpy(path + len, "../outside/secret");
			try(fixture, path);
		}
}

static void try_path(struct fixture *fixture, const char *path)
{
	try_opens(fixture, path);
	try_names(fixture, path);
}

POSIX_STORE(no_path_leads_out)
{
	char *before, *after;

	outside_prepare(fixture);
	before = outside_snapshot();
	try_all(fixture, try_path);
	try_all(fixture, try_at);
	try_all(fixture, try_removal_at);
	try_all(fixture, try_removal);
	after = outside_snapshot();
	printf("RESULT escapes paths=%zu attempts=%u opened_outside=%u\n", nr_escape_paths,
	       nr_attempts, nr_outside);
	cr_assert_eq(nr_outside, 0);
	cr_assert_str_eq(before, after);
	cr_assert_neq(access("/tmp/usrbio-escaped", F_OK), 0);
	cr_assert_neq(access("/etc/usrbio-escaped", F_OK), 0);
	cr_assert_neq(access("/dev/shm/usrbio-escaped", F_OK), 0);
	free(before);
	free(after);
	outside_leave(fixture);
}

POSIX_STORE(escapes_are_said_to_be_denied)
{
	struct file_attr attr;

	outside_prepare(fixture);
	cr_assert_eq(
		fixture->store->ops->stat_path(fixture->store, NULL, "../outside", false, &attr),
		-EACCES);
	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, "/etc", false, &attr),
		     -EACCES);
	cr_assert_eq(
		fixture->store->ops->stat_path(fixture->store, NULL, "out/secret", false, &attr),
		-EACCES);
	cr_assert_eq(fixture->store->ops->mkdir(fixture->store, NULL, "out/new", 0755), -EACCES);
	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, "loop1", false, &attr),
		     -ELOOP);
	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, "loop1", true, &attr), 0);
	cr_assert_eq(
		fixture->store->ops->stat_path(fixture->store, NULL, "dir/../dir", false, &attr),
		0);
	outside_leave(fixture);
}

Test(memory, no_path_leads_above_the_root)
{
	static const char *const up[] = {"..", "../x", "d/../..", "d/../../x", "/", "/d", "./.."};
	struct file_attr attr;
	struct fixture fixture;

	fixture_open(&fixture, "memory");
	cr_assert_eq(fixture.store->ops->mkdir(fixture.store, NULL, "d", 0755), 0);
	for (size_t i = 0; i < sizeof(up) / sizeof(*up); i++)
		cr_assert_eq(
			fixture.store->ops->stat_path(fixture.store, NULL, up[i], false, &attr),
			-EACCES, "%s", up[i]);
	fixture_close(&fixture);
}
