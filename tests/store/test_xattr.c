/* Extended attributes, by each store: values, names, limits, and beside the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/store/fixture.h"

static struct store_object at_path(const char *path, bool nofollow)
{
	return (struct store_object){.path = path, .nofollow = nofollow};
}

static int set(struct fixture *fixture, const char *path, const char *name, const char *value,
	       uint32_t flags)
{
	const struct store_object object = at_path(path, false);

	return fixture->store->ops->set_xattr(fixture->store, &object, name,
					      (struct bytes){(const uint8_t *)value, strlen(value)},
					      flags);
}

static int get(struct fixture *fixture, const char *path, const char *name, char *value,
	       size_t size)
{
	const struct store_object object = at_path(path, false);

	return fixture->store->ops->get_xattr(fixture->store, &object, name, value, size);
}

static int list(struct fixture *fixture, const char *path, char *names, size_t size)
{
	const struct store_object object = at_path(path, false);

	return fixture->store->ops->list_xattr(fixture->store, &object, names, size);
}

static int remove_one(struct fixture *fixture, const char *path, const char *name)
{
	const struct store_object object = at_path(path, false);

	return fixture->store->ops->remove_xattr(fixture->store, &object, name);
}

static void expect(struct fixture *fixture, const char *path, const char *name, const char *value)
{
	char got[XATTR_VALUE_MAX];

	cr_assert_eq(get(fixture, path, name, got, sizeof(got)), (int)strlen(value), "%s", name);
	cr_assert_eq(memcmp(got, value, strlen(value)), 0, "%s", name);
}

EACH_STORE(values_are_kept)
{
	char names[100];

	fixture_touch(fixture, "f");
	cr_assert_eq(fixture->store->ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(fixture->store->ops->symlink(fixture->store, NULL, "l", "f"), 0);
	cr_assert_eq(list(fixture, "f", names, sizeof(names)), 0);
	cr_assert_eq(set(fixture, "l", "user.a", "one", 0), 0);
	cr_assert_eq(set(fixture, "f", "user.b/c", "", CALL_CREATE), 0);
	expect(fixture, "f", "user.a", "one");
	expect(fixture, "f", "user.b/c", "");
	cr_assert_eq(set(fixture, "f", "user.a", "two", CALL_CREATE), -EEXIST);
	cr_assert_eq(set(fixture, "f", "user.a", "three", CALL_REPLACE), 0);
	expect(fixture, "l", "user.a", "three");
	cr_assert_eq(set(fixture, "f", "user.none", "x", CALL_REPLACE), -ENODATA);
	cr_assert_eq(get(fixture, "f", "user.none", names, sizeof(names)), -ENODATA);
	cr_assert_eq(get(fixture, "f", "user.a", names, 4), -E2BIG);
	cr_assert_eq(list(fixture, "f", names, sizeof(names)), 7 + 9);
	cr_assert(memmem(names, 16, "user.a", 7));
	cr_assert(memmem(names, 16, "user.b/c", 9));
	cr_assert_eq(list(fixture, "f", names, 15), -E2BIG);
	cr_assert_eq(remove_one(fixture, "f", "user.a"), 0);
	cr_assert_eq(remove_one(fixture, "f", "user.a"), -ENODATA);
	cr_assert_eq(list(fixture, "f", names, sizeof(names)), 9);
	cr_assert_eq(set(fixture, "d", "user.dir", "x", 0), 0);
	expect(fixture, "d", "user.dir", "x");
	cr_assert_eq(set(fixture, "none", "user.a", "x", 0), -ENOENT);
	cr_assert_eq(set(fixture, "f/x", "user.a", "x", 0), -ENOTDIR);
	cr_assert_eq(set(fixture, "..", "user.a", "x", 0), -EACCES);
}

EACH_STORE(of_open_files_and_names_in_directories)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file = fixture_create(fixture, "f"), *dir;
	const struct bytes value = {(const uint8_t *)"v", 1};
	const struct store_object open = {.at = file};
	struct store_object named;
	struct file_attr before, after;
	char got[8];

	cr_assert_eq(ops->symlink(fixture->store, NULL, "l", "f"), 0);
	dir = fixture_file(fixture, "", OPEN_READ, NULL);
	named = (struct store_object){.at = dir, .path = "l"};
	cr_assert_eq(ops->stat_file(file, &before), 0);
	cr_assert_eq(ops->set_xattr(fixture->store, &open, "user.a", value, 0), 0);
	cr_assert_eq(ops->stat_file(file, &after), 0);
	cr_assert_gt(after.ctime_ns, before.ctime_ns - 1);
	cr_assert_eq(after.mtime_ns, before.mtime_ns);
	cr_assert_eq(ops->get_xattr(fixture->store, &named, "user.a", got, sizeof(got)), 1);
	cr_assert_eq(ops->list_xattr(fixture->store, &open, got, sizeof(got)), 7);
	/* A link itself has none, and gets none. */
	named.nofollow = true;
	cr_assert_eq(ops->get_xattr(fixture->store, &named, "user.a", got, sizeof(got)), -ENODATA);
	cr_assert_eq(ops->set_xattr(fixture->store, &named, "user.a", value, 0), -EPERM);
	cr_assert_eq(ops->remove_xattr(fixture->store, &named, "user.a"), -EPERM);
	named.path = "../f";
	cr_assert_eq(ops->get_xattr(fixture->store, &named, "user.a", got, sizeof(got)), -EINVAL);
	cr_assert_eq(ops->unlink(fixture->store, NULL, "f"), 0);
	cr_assert_eq(ops->remove_xattr(fixture->store, &open, "user.a"), 0);
	fixture_shut(fixture, dir);
	fixture_shut(fixture, file);
}

/* A list of the server's own attributes is not for clients. */
POSIX_STORE(other_names_are_not_listed)
{
	char path[128], names[100];

	fixture_touch(fixture, "f");
	snprintf(path, sizeof(path), "%s/f", fixture->dir);
	if (setxattr(path, "trusted.secret", "x", 1, 0))
		cr_skip_test("no attributes of root can be made here");
	cr_assert_eq(setxattr(path, "user.a", "x", 1, 0), 0);
	cr_assert_eq(list(fixture, "f", names, sizeof(names)), 7);
	cr_assert_str_eq(names, "user.a");
	/* One that is too long for a frame. */
	memset(fixture->staging, 'x', XATTR_VALUE_MAX + 1);
	if (!setxattr(path, "user.a", fixture->staging, XATTR_VALUE_MAX + 1, 0))
		cr_assert_eq(get(fixture, "f", "user.a", fixture->staging, XATTR_VALUE_MAX),
			     -E2BIG);
}

/* An access control list for user 12, as Linux has it; it shows in the mode. */
static const uint8_t acl[] = {2,  0, 0, 0,			/* version */
			      1,  0, 6, 0, 255, 255, 255, 255,	/* the owner: rw */
			      2,  0, 4, 0, 12,	0,   0,	  0,	/* user 12: r */
			      4,  0, 0, 0, 255, 255, 255, 255,	/* the group: nothing */
			      16, 0, 4, 0, 255, 255, 255, 255,	/* the mask: r */
			      32, 0, 0, 0, 255, 255, 255, 255}; /* others: nothing */

POSIX_STORE(access_control_lists)
{
	const struct store_object object = at_path("f", false), dir = at_path("d", false);
	const struct store_ops *ops = fixture->store->ops;
	struct file_attr attr;
	char got[100], path[128];
	int local;

	fixture_touch(fixture, "f");
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	snprintf(path, sizeof(path), "%s/f", fixture->dir);
	local = setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0) ? -errno : 0;
	cr_assert_eq(ops->set_xattr(fixture->store, &object, "system.posix_acl_access",
				    (struct bytes){acl, sizeof(acl)}, 0),
		     local);
	if (local)
		cr_skip_test("this file system has no access control lists");
	cr_assert_eq(get(fixture, "f", "system.posix_acl_access", got, sizeof(got)), sizeof(acl));
	cr_assert_eq(memcmp(got, acl, sizeof(acl)), 0);
	cr_assert_eq(fixture_stat(fixture, "f", &attr), 0);
	cr_assert_eq(attr.mode & 0777, 0640);
	cr_assert_eq(list(fixture, "f", got, sizeof(got)), 24);
	cr_assert_eq(ops->set_xattr(fixture->store, &object, "system.posix_acl_access",
				    (struct bytes){acl, sizeof(acl) - 1}, 0),
		     -EINVAL);
	cr_assert_eq(ops->set_xattr(fixture->store, &object, "system.posix_acl_default",
				    (struct bytes){acl, sizeof(acl)}, 0),
		     -EACCES, "a file hands nothing down");
	cr_assert_eq(ops->set_xattr(fixture->store, &dir, "system.posix_acl_default",
				    (struct bytes){acl, sizeof(acl)}, 0),
		     0);
	cr_assert_eq(remove_one(fixture, "d", "system.posix_acl_default"), 0);
	cr_assert_eq(remove_one(fixture, "f", "system.posix_acl_access"), 0);
}

POSIX_STORE(reserved_objects_and_devices_keep_theirs)
{
	char path[128], value[8];

	snprintf(path, sizeof(path), "%s/3fs-virt", fixture->dir);
	cr_assert_eq(mkdir(path, 0755), 0);
	cr_assert_eq(setxattr(path, "user.a", "x", 1, 0), 0);
	cr_assert_eq(set(fixture, "3fs-virt", "user.a", "y", 0), -EPERM);
	cr_assert_eq(remove_one(fixture, "3fs-virt", "user.a"), -EPERM);
	cr_assert_eq(get(fixture, "3fs-virt", "user.a", value, sizeof(value)), 1);
	snprintf(path, sizeof(path), "%s/null", fixture->dir);
	if (mknod(path, S_IFCHR | 0600, 0x103))
		return;
	cr_assert_eq(set(fixture, "null", "user.a", "y", 0), -EPERM);
	cr_assert_eq(set(fixture, "null", "system.posix_acl_access", "y", 0), -EPERM);
}

Test(memory, attributes_have_a_limit)
{
	char value[XATTR_VALUE_MAX + 1], name[32];
	uint64_t before[NR_FS_NUMBERS], after[NR_FS_NUMBERS];
	struct fixture fixture;
	int n;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	fixture_open(&fixture, "memory:16");
	cr_assert_eq(fixture.store->ops->stat_fs(fixture.store, "", before), 0);
	fixture_touch(&fixture, "f");
	for (n = 0; n < 100; n++) {
		int err;

		snprintf(name, sizeof(name), "user.%d", n);
		err = set(&fixture, "f", name, value, 0);
		if (!err)
			continue;
		cr_assert_eq(err, -ENOSPC);
		break;
	}
	cr_assert_eq(n, 7, "64 KiB with their names");
	/* In place of another there is room. */
	cr_assert_eq(set(&fixture, "f", "user.0", value, 0), 0);
	cr_assert_eq(set(&fixture, "f", "user.0", "", 0), 0);
	cr_assert_eq(set(&fixture, "f", "user.more", "short", 0), 0);
	expect(&fixture, "f", "user.6", value);
	cr_assert_eq(set(&fixture, "f", "system.posix_acl_access", "", 0), -EOPNOTSUPP);
	cr_assert_eq(get(&fixture, "f", "system.posix_acl_default", value, 10), -EOPNOTSUPP);
	cr_assert_eq(fixture.store->ops->stat_fs(fixture.store, "", after), 0);
	cr_assert_lt(after[FS_BLOCKS_FREE] + 10, before[FS_BLOCKS_FREE]);
	cr_assert_eq(fixture.store->ops->unlink(fixture.store, NULL, "f"), 0);
	cr_assert_eq(fixture.store->ops->stat_fs(fixture.store, "", after), 0);
	cr_assert_eq(after[FS_BLOCKS_FREE], before[FS_BLOCKS_FREE]);
	fixture_close(&fixture);
}

/* Many files with attributes fill the store as data does. */
Test(memory, attributes_count)
{
	char value[XATTR_VALUE_MAX + 1], name[32];
	struct store_file *file;
	struct fixture fixture;
	int err = 0, n;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	fixture_open(&fixture, "memory:1");
	for (n = 0; n < 1000 && !err; n++) {
		snprintf(name, sizeof(name), "f%d", n);
		file = fixture_file(&fixture, name, OPEN_WRITE | OPEN_CREATE, &err);
		if (!file)
			break;
		fixture_shut(&fixture, file);
		err = set(&fixture, name, "user.a", value, 0);
	}
	cr_assert_eq(err, -ENOSPC);
	cr_assert_gt(n, 100);
	cr_assert_lt(n, 129);
	fixture_close(&fixture);
}

Test(null, has_no_attributes)
{
	struct fixture fixture;
	char names[8];

	fixture_open(&fixture, "null:1M");
	cr_assert_eq(set(&fixture, "f", "user.a", "x", 0), -EOPNOTSUPP);
	cr_assert_eq(get(&fixture, "f", "user.a", names, 8), -EOPNOTSUPP);
	cr_assert_eq(list(&fixture, "f", names, 8), -EOPNOTSUPP);
	cr_assert_eq(remove_one(&fixture, "f", "user.a"), -EOPNOTSUPP);
	fixture_close(&fixture);
}

Test(fault, rules_of_attributes)
{
	struct fixture fixture;
	char names[16];

	fixture_open(&fixture, "fault:getxattr.eio=#1,setxattr.edquot=#1,listxattr.eacces=#1,"
			       "removexattr.eperm=#1:memory:");
	fixture_touch(&fixture, "f");
	cr_assert_eq(set(&fixture, "f", "user.a", "x", 0), -EDQUOT);
	cr_assert_eq(set(&fixture, "f", "user.a", "x", 0), 0);
	cr_assert_eq(get(&fixture, "f", "user.a", names, 16), -EIO);
	cr_assert_eq(get(&fixture, "f", "user.a", names, 16), 1);
	cr_assert_eq(list(&fixture, "f", names, 16), -EACCES);
	cr_assert_eq(list(&fixture, "f", names, 16), 7);
	cr_assert_eq(remove_one(&fixture, "f", "user.a"), -EPERM);
	cr_assert_eq(remove_one(&fixture, "f", "user.a"), 0);
	fixture_close(&fixture);
}
