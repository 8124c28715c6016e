/* Names that are exchanged, by each store and beside the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/fixture.h"

static int exchange(struct fixture *fixture, const char *one, const char *other)
{
	return fixture->store->ops->rename(fixture->store, NULL, one, NULL, other, CALL_EXCHANGE);
}

static struct file_attr attr_of(struct fixture *fixture, const char *path)
{
	struct file_attr attr;

	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, path, true, &attr), 0,
		     "%s", path);
	return attr;
}

/* Two trees: a file and a directory with things in it. */
static void make_tree(struct fixture *fixture)
{
	const struct store_ops *ops = fixture->store->ops;

	fixture_touch(fixture, "f");
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d/e", 0755), 0);
	fixture_touch(fixture, "d/e/g");
	cr_assert_eq(ops->symlink(fixture->store, NULL, "l", "f"), 0);
}

EACH_STORE(each_gets_the_name_of_the_other)
{
	const struct store_ops *ops = fixture->store->ops;
	uint64_t file, dir;
	struct file_attr attr;

	make_tree(fixture);
	file = attr_of(fixture, "f").ino;
	dir = attr_of(fixture, "d/e").ino;
	cr_assert_eq(exchange(fixture, "f", "d/e"), 0);
	cr_assert_eq(attr_of(fixture, "f").ino, dir);
	cr_assert_eq(attr_of(fixture, "d/e").ino, file);
	cr_assert_eq(attr_of(fixture, "d/e").nlink, 1);
	/* The directory is where it was moved, also upwards. */
	cr_assert(S_ISREG(attr_of(fixture, "f/g").mode));
	cr_assert_eq(ops->stat_path(fixture->store, NULL, "f/../d/e", true, &attr), 0);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "f"), -ENOTEMPTY);
	/* Within one directory, and a link itself. */
	cr_assert_eq(exchange(fixture, "l", "f"), 0);
	cr_assert(S_ISDIR(attr_of(fixture, "l").mode));
	cr_assert(S_ISLNK(attr_of(fixture, "f").mode));
	cr_assert_eq(exchange(fixture, "l", "f"), 0);
	/* One and the same, or two names of one file: nothing happens. */
	cr_assert_eq(exchange(fixture, "d", "d"), 0);
	cr_assert_eq(ops->link(fixture->store, NULL, "d/e", NULL, "h"), 0);
	cr_assert_eq(exchange(fixture, "d/e", "h"), 0);
	cr_assert_eq(attr_of(fixture, "h").ino, file);
	cr_assert_eq(attr_of(fixture, "h").nlink, 2);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "h"), 0);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "d/e"), 0);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "f/g"), 0);
	cr_assert_eq(ops->rmdir(fixture->store, NULL, "f"), 0);
}

/* A name without the slash at its end. */
static const char *plain(const char *name)
{
	return !strcmp(name, "f/") ? "f" : !strcmp(name, "d/") ? "d" : name;
}

/* True for a file with a slash at its end. */
static bool is_file(const char *name)
{
	return !strcmp(name, "f/");
}

/* Each pair in a directory of the kernel's as well: the same errors. */
EACH_STORE(what_cannot_be_exchanged)
{
	static const char *const names[] = {"f",    "d",  "d/e", "d/e/g", "l",
					    "none", "f/", "d/",	 "d/x"};
	const size_t n = sizeof(names) / sizeof(*names);
	const char *one, *other;
	char path[200], root[128];
	int at;

	make_tree(fixture);
	snprintf(root, sizeof(root), "%s/beside", fixture->base);
	cr_assert_eq(mkdir(root, 0755), 0);
	at = open(root, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(at, 0);
	snprintf(path, sizeof(path), "%s/f", root);
	cr_assert_eq(mknod(path, S_IFREG | 0600, 0), 0);
	cr_assert_eq(mkdirat(at, "d", 0755) | mkdirat(at, "d/e", 0755), 0);
	snprintf(path, sizeof(path), "%s/d/e/g", root);
	cr_assert_eq(mknod(path, S_IFREG | 0600, 0), 0);
	cr_assert_eq(symlinkat("l", at, "l"), 0);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			int local =
				renameat2(at, names[i], at, names[j], RENAME_EXCHANGE) ? -errno : 0;
			int err = exchange(fixture, names[i], names[j]);

			/* Of two reasons, memory may name the other one. */
			if (err == -ENOTDIR && local == -ENOENT &&
			    (is_file(names[i]) || is_file(names[j])))
				continue;
			cr_assert_eq(err, local, "%s and %s: %d, not %d", names[i], names[j], err,
				     local);
			if (local)
				continue;
			/* Back, without slashes: a file does not take one. */
			one = plain(names[i]);
			other = plain(names[j]);
			cr_assert_eq(exchange(fixture, one, other), 0);
			cr_assert_eq(renameat2(at, one, at, other, RENAME_EXCHANGE), 0);
		}
	cr_assert_lt(exchange(fixture, "", "f"), 0);
	cr_assert_lt(exchange(fixture, "f", "d/.."), 0);
	close(at);
}

EACH_STORE(reserved_names_are_not_exchanged)
{
	make_tree(fixture);
	cr_assert_eq(exchange(fixture, "f", "3fs-virt"), -EPERM);
	cr_assert_eq(exchange(fixture, ".usrbio", "f"), -EPERM);
}
