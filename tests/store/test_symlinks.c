/*
 * Symbolic links: they are made and read as any text, followed beneath the export and nowhere else,
 * and acted on themselves by the calls that make, move and remove names.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/store/fixture.h"

#define RW_NEW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static int link_to(struct fixture *fixture, const char *target, const char *path)
{
	return fixture->store->ops->symlink(fixture->store, NULL, path, target);
}

static int read_back(struct fixture *fixture, const char *path, char *target)
{
	return fixture->store->ops->readlink(fixture->store, NULL, path, target);
}

static uint64_t ino_of(struct fixture *fixture, const char *path, bool nofollow)
{
	struct file_attr attr;
	int err = fixture->store->ops->stat_path(fixture->store, NULL, path, nofollow, &attr);

	return err ? (uint64_t)err : attr.ino;
}

EACH_STORE(a_link_is_read_as_it_was_made)
{
	static const char *const targets[] = {"f",  "no/such",	 "/etc/passwd",
					      "..", "../..//x/", " "};
	char target[PROTO_PATH_MAX + 1], longest[PROTO_PATH_MAX + 1], path[16];
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		snprintf(path, sizeof(path), "link%zu", i);
		cr_assert_eq(link_to(fixture, targets[i], path), 0);
		cr_assert_eq(read_back(fixture, path, target), (int)strlen(targets[i]));
		cr_assert_str_eq(target, targets[i]);
		cr_assert_eq(
			fixture->store->ops->stat_path(fixture->store, NULL, path, true, &attr), 0);
		cr_assert(S_ISLNK(attr.mode));
		cr_assert_eq(attr.size, strlen(targets[i]));
		cr_assert_eq(link_to(fixture, "other", path), -EEXIST);
	}
	memset(longest, 'n', PROTO_PATH_MAX);
	longest[PROTO_PATH_MAX] = '\0';
	/* Some file systems take no target that fills a whole block. */
	if (!link_to(fixture, longest, "longest")) {
		cr_assert_eq(read_back(fixture, "longest", target), PROTO_PATH_MAX);
		cr_assert_str_eq(target, longest);
	}
	fixture_touch(fixture, "f");
	cr_assert_eq(read_back(fixture, "f", target), -EINVAL);
	cr_assert_eq(read_back(fixture, "", target), -EINVAL);
	cr_assert_eq(read_back(fixture, "none", target), -ENOENT);
	cr_assert_eq(read_back(fixture, "f/x", target), -ENOTDIR);
	cr_assert_eq(link_to(fixture, "f", "none/x"), -ENOENT);
	cr_assert_eq(link_to(fixture, "f", "f/x"), -ENOTDIR);
}

EACH_STORE(paths_lead_through_links)
{
	const struct store_ops *ops = fixture->store->ops;
	int err;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d/e", 0755), 0);
	fixture_touch(fixture, "d/e/f");
	cr_assert_eq(link_to(fixture, "d/e", "le"), 0);
	cr_assert_eq(link_to(fixture, "../d/./e/f", "d/lf"), 0);
	cr_assert_eq(link_to(fixture, "d/lf", "llf"), 0);
	cr_assert_eq(link_to(fixture, "f/", "d/e/ls"), 0);
	cr_assert_eq(ino_of(fixture, "le/f", false), ino_of(fixture, "d/e/f", false));
	cr_assert_eq(ino_of(fixture, "d/lf", false), ino_of(fixture, "d/e/f", false));
	cr_assert_eq(ino_of(fixture, "llf", false), ino_of(fixture, "d/e/f", false));
	cr_assert_eq(ino_of(fixture, "le/", true), ino_of(fixture, "d/e", false));
	cr_assert_eq(ino_of(fixture, "le/..", false), ino_of(fixture, "d", false));
	cr_assert_eq(ino_of(fixture, "le/../lf", false), ino_of(fixture, "d/e/f", false));
	cr_assert_neq(ino_of(fixture, "le", true), ino_of(fixture, "d/e", false));
	cr_assert_eq((int)ino_of(fixture, "llf/", false), -ENOTDIR);
	cr_assert_eq((int)ino_of(fixture, "llf/x", false), -ENOTDIR);
	cr_assert_eq((int)ino_of(fixture, "d/e/ls", false), -ENOTDIR);
	fixture_shut(fixture, fixture_file(fixture, "llf", OPEN_READ, NULL));
	cr_assert_null(fixture_file(fixture, "llf", OPEN_READ | OPEN_NOFOLLOW, &err));
	cr_assert_eq(err, -ELOOP);
	cr_assert_null(fixture_file(fixture, "llf", RW_NEW | OPEN_EXCLUSIVE, &err));
	cr_assert_eq(err, -EEXIST);
	cr_assert_null(
		fixture_file(fixture, "le", OPEN_READ | OPEN_DIRECTORY | OPEN_NOFOLLOW, &err));
	cr_assert_eq(err, -ENOTDIR);
	fixture_shut(fixture, fixture_file(fixture, "le", OPEN_READ | OPEN_DIRECTORY, NULL));
	fixture_touch(fixture, "le/new");
	cr_assert_eq(ino_of(fixture, "d/e/new", false), ino_of(fixture, "le/new", true));
}

EACH_STORE(links_that_lead_out_or_round)
{
	char path[16], target[16];
	int err;

	cr_assert_eq(link_to(fixture, "/", "root"), 0);
	cr_assert_eq(link_to(fixture, "..", "up"), 0);
	cr_assert_eq(link_to(fixture, "me", "me"), 0);
	cr_assert_eq(link_to(fixture, "pong", "ping"), 0);
	cr_assert_eq(link_to(fixture, "ping", "pong"), 0);
	cr_assert_eq((int)ino_of(fixture, "root", false), -EACCES);
	cr_assert_eq((int)ino_of(fixture, "root/etc", false), -EACCES);
	cr_assert_eq((int)ino_of(fixture, "up", false), -EACCES);
	cr_assert_eq((int)ino_of(fixture, "me", false), -ELOOP);
	cr_assert_eq((int)ino_of(fixture, "me/x", false), -ELOOP);
	cr_assert_eq((int)ino_of(fixture, "ping", false), -ELOOP);
	cr_assert_null(fixture_file(fixture, "me", RW_NEW, &err));
	cr_assert_eq(err, -ELOOP);
	cr_assert_null(fixture_file(fixture, "up", OPEN_READ, &err));
	cr_assert_eq(err, -EACCES);
	fixture_touch(fixture, "l0");
	for (int i = 1; i <= 41; i++) {
		snprintf(path, sizeof(path), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		cr_assert_eq(link_to(fixture, target, path), 0);
	}
	cr_assert_eq(ino_of(fixture, "l40", false), ino_of(fixture, "l0", false));
	cr_assert_eq((int)ino_of(fixture, "l41", false), -ELOOP);
}

EACH_STORE(creating_through_a_dangling_link)
{
	const struct store_ops *ops = fixture->store->ops;
	int err;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(link_to(fixture, "d/new", "link"), 0);
	cr_assert_null(fixture_file(fixture, "link", OPEN_READ, &err));
	cr_assert_eq(err, -ENOENT);
	fixture_touch(fixture, "link");
	cr_assert_eq(ino_of(fixture, "d/new", false), ino_of(fixture, "link", false));
	cr_assert_eq(link_to(fixture, "none/new", "astray"), 0);
	cr_assert_null(fixture_file(fixture, "astray", RW_NEW, &err));
	cr_assert_eq(err, -ENOENT);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "astray", 0755), -EEXIST);
}

EACH_STORE(names_of_links_are_their_own)
{
	const struct store_ops *ops = fixture->store->ops;
	char target[PROTO_PATH_MAX + 1];
	struct file_attr attr;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	fixture_touch(fixture, "f");
	cr_assert_eq(link_to(fixture, "f", "l"), 0);
	cr_assert_eq(link_to(fixture, "d", "ld"), 0);
	cr_assert_eq(ops->rename(fixture->store, NULL, "l", NULL, "d/l", 0), 0);
	cr_assert_eq(read_back(fixture, "d/l", target), 1);
	cr_assert_eq((int)ino_of(fixture, "d/l", false), -ENOENT);
	cr_assert_eq(ops->link(fixture->store, NULL, "d/l", NULL, "l2"), 0);
	cr_assert_eq(ino_of(fixture, "l2", true), ino_of(fixture, "d/l", true));
	cr_assert_eq(ops->stat_path(fixture->store, NULL, "l2", true, &attr), 0);
	cr_assert_eq(attr.nlink, 2);
	cr_assert_eq(ops->rename(fixture->store, NULL, "f", NULL, "ld", 0), 0);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "l2"), -ENOTDIR);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "l2"), 0);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "d/l"), 0);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "d"), 0);
	cr_assert(S_ISREG(
		(uint32_t)(ops->stat_path(fixture->store, NULL, "ld", true, &attr), attr.mode)));
}

EACH_STORE(links_in_a_directory)
{
	const struct store_ops *ops = fixture->store->ops;
	char target[PROTO_PATH_MAX + 1], names[64];
	struct store_file *dir, *file;
	struct file_attr attr;
	uint32_t types[4];
	struct store_dirents out = {.names = names, .room = 64, .types = types, .max = 4};

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	fixture_touch(fixture, "f");
	dir = fixture_file(fixture, "d", OPEN_READ | OPEN_DIRECTORY, NULL);
	cr_assert_eq(ops->symlink(fixture->store, dir, "l", "../f"), 0);
	cr_assert_eq(ops->readlink(fixture->store, dir, "l", target), 4);
	cr_assert_str_eq(target, "../f");
	cr_assert_eq(ops->open_file(fixture->store, dir, "l", OPEN_READ, 0, &file, &attr), -ELOOP);
	cr_assert_eq(fixture_open_at(fixture, dir, "l", OPEN_READ | OPEN_FOLLOW), 0);
	cr_assert_eq(ops->stat_path(fixture->store, dir, "l", false, &attr), 0);
	cr_assert_eq(attr.ino, ino_of(fixture, "f", false));
	cr_assert_eq(ops->readdir_file(dir, 0, &out), 0);
	cr_assert_eq(out.n, 1);
	cr_assert_eq(types[0], (uint32_t)DT_LNK);
	fixture_shut(fixture, dir);
}
