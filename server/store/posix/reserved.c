/*
 * Names that clients may not change: see store_name_reserved(). The kernel's path of an open
 * directory decides, so that symbolic links, dots and handles are no way around. This code has no
 * state and owns nothing. Any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "server/store/posix/posix.h"

#define LEVELS_MAX 65536 /* the same as in climb.c */

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static bool is_root(const struct posix_store *store, int dir)
{
	struct stat root, st;

	if (dir == store->root)
		return true;
	return !fstat(store->root, &root) && !fstat(dir, &st) && is_same(&root, &st);
}

/* True if a path from the root has a reserved component. */
static bool leads_through(const char *path)
{
	const char *at = path;

	while (*at) {
		size_t len = strcspn(at, "/");

		if (store_name_reserved(at, len, at == path))
			return true;
		at += len + (at[len] == '/');
	}
	return false;
}

/* True if this object is the entry `name` of the directory above it. */
static bool is_named(const struct stat *st, int above, const char *name)
{
	struct stat entry;

	return !fstatat(above, name, &entry, AT_SYMLINK_NOFOLLOW) && is_same(&entry, st);
}

/*
 * Check a directory and its parents up to the root. This is for a path that is longer than the
 * kernel can write.
 */
static int check_climbing(const struct posix_store *store, int dir)
{
	int at = dir, err = 0;
	bool top = false;

	for (int level = 0; !err && !top && !is_root(store, at); level++) {
		struct stat st;
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (up < 0 || fstat(at, &st))
			err = -errno;
		else if (level == LEVELS_MAX || is_named(&st, up, "3fs-virt"))
			err = -EPERM;
		else if ((top = is_root(store, up)) && is_named(&st, up, ".usrbio"))
			err = -EPERM;
		if (at != dir)
			close(at);
		at = up;
	}
	if (at >= 0 && at != dir)
		close(at);
	return err;
}

int posix_check_held(struct posix_store *store, int held)
{
	char path[PATH_MAX];
	struct stat st;

	if (held == store->root)
		return 0;
	if (!posix_path_of(store, held, path))
		return leads_through(path) ? -EPERM : 0;
	if (fstat(held, &st))
		return -errno;
	/* A file that deep is below no mount: a mount's name has 255 bytes. */
	return S_ISDIR(st.st_mode) ? check_climbing(store, held) : 0;
}

int posix_check_name(struct posix_store *store, const struct posix_parent *parent)
{
	size_t len = strcspn(parent->name, "/");

	if (store_name_reserved(parent->name, len, false))
		return -EPERM;
	if (store_name_reserved(parent->name, len, true) && is_root(store, parent->fd))
		return -EPERM;
	return posix_check_held(store, parent->fd);
}
