/* Attributes that are set: which ones, of what, and what stays as it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/fixture.h"

/* Set attributes of a path; -errno or 0. */
static int set(struct fixture *fixture, const char *path, struct store_attrs attrs)
{
	return fixture->store->ops->set_attr_path(fixture->store, NULL, path, &attrs);
}

static struct file_attr attr_of(struct fixture *fixture, const char *path)
{
	struct file_attr attr;

	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, path, true, &attr), 0,
		     "%s", path);
	return attr;
}

EACH_STORE(times_are_set_to_the_nanosecond)
{
	static const int64_t times[] = {
		0, 1, -1, 1234567890123456789, -1999999999, 4000000000000000000};
	struct store_file *file = fixture_create(fixture, "f");
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		int64_t atime = times[i], mtime = times[(i + 1) % 5];

		/* No file system here keeps years like that. */
		if (atime > 2000000000000000000 || mtime > 2000000000000000000)
			continue;
		cr_assert_eq(set(fixture, "f",
				 (struct store_attrs){.set = SET_ATIME | SET_MTIME,
						      .atime_ns = atime,
						      .mtime_ns = mtime}),
			     0);
		attr = attr_of(fixture, "f");
		cr_assert_eq(attr.atime_ns, atime);
		cr_assert_eq(attr.mtime_ns, mtime);
	}
	/* One alone, by the open file. */
	attr = attr_of(fixture, "f");
	cr_assert_eq(fixture->store->ops->set_attr(
			     file, &(struct store_attrs){.set = SET_MTIME, .mtime_ns = 5}),
		     0);
	cr_assert_eq(attr_of(fixture, "f").atime_ns, attr.atime_ns);
	cr_assert_eq(attr_of(fixture, "f").mtime_ns, 5);
	cr_assert_eq(set(fixture, "f", (struct store_attrs){.set = SET_MTIME_NOW}), 0);
	attr = attr_of(fixture, "f");
	cr_assert_gt(attr.mtime_ns, 1000000000000000000);
	cr_assert_leq(attr.mtime_ns, attr.ctime_ns);
	cr_assert_eq(set(fixture, "f", (struct store_attrs){.set = SET_ATIME_NOW}), 0);
	cr_assert_gt(attr_of(fixture, "f").atime_ns, 1000000000000000000);
	fixture_shut(fixture, file);
}

EACH_STORE(modes_by_path)
{
	const struct store_ops *ops = fixture->store->ops;
	const struct store_attrs mode = {.set = SET_MODE, .mode = 07741};

	fixture_touch(fixture, "f");
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->symlink(fixture->store, NULL, "l", "d"), 0);
	cr_assert_eq(set(fixture, "f", mode), 0);
	cr_assert_eq(attr_of(fixture, "f").mode, S_IFREG | 0741u);
	cr_assert_eq(set(fixture, "l", mode), 0);
	cr_assert_eq(attr_of(fixture, "d").mode, S_IFDIR | 0741u);
	cr_assert_eq(set(fixture, "l",
			 (struct store_attrs){.set = SET_MODE | SET_NOFOLLOW, .mode = 0700}),
		     -EOPNOTSUPP);
	cr_assert_eq(attr_of(fixture, "d").mode, S_IFDIR | 0741u);
	cr_assert_eq(set(fixture, "none", mode), -ENOENT);
	cr_assert_eq(set(fixture, "f/x", mode), -ENOTDIR);
	cr_assert_eq(set(fixture, "..", mode), -EACCES);
}

EACH_STORE(owners)
{
	const struct store_ops *ops = fixture->store->ops;
	struct file_attr attr;

	if (getuid())
		cr_skip_test("only root gives files away");
	fixture_touch(fixture, "f");
	cr_assert_eq(ops->symlink(fixture->store, NULL, "l", "f"), 0);
	cr_assert_eq(set(fixture, "l", (struct store_attrs){.set = SET_UID, .uid = 12}), 0);
	cr_assert_eq(set(fixture, "f", (struct store_attrs){.set = SET_GID, .gid = 34}), 0);
	attr = attr_of(fixture, "f");
	cr_assert_eq(attr.uid, 12);
	cr_assert_eq(attr.gid, 34);
	cr_assert_eq(set(fixture, "l",
			 (struct store_attrs){
				 .set = SET_UID | SET_GID | SET_NOFOLLOW, .uid = 56, .gid = 78}),
		     0);
	cr_assert_eq(attr_of(fixture, "l").uid, 56);
	cr_assert_eq(attr_of(fixture, "l").gid, 78);
	cr_assert_eq(attr_of(fixture, "f").uid, 12);
}

/* A device in the export stands for more than a file. */
Test(posix, devices_keep_their_attributes)
{
	struct fixture fixture;
	char path[128];

	fixture_open(&fixture, "posix");
	snprintf(path, sizeof(path), "%s/null", fixture.dir);
	if (mknod(path, S_IFCHR | 0600, 0x103)) {
		fixture_close(&fixture);
		cr_skip_test("no devices can be made here");
	}
	cr_assert_eq(set(&fixture, "null", (struct store_attrs){.set = SET_MODE, .mode = 0666}),
		     -EPERM);
	cr_assert_eq(set(&fixture, "null", (struct store_attrs){.set = SET_UID, .uid = 12}),
		     -EPERM);
	cr_assert_eq(attr_of(&fixture, "null").mode, S_IFCHR | 0600u);
	fixture_close(&fixture);
}
