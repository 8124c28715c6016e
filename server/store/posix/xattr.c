/*
 * Extended attributes of objects of the posix store. Their calls take no descriptor of O_PATH, so
 * they go by its name in /proc, which leads to the object itself, also if that is a symbolic link.
 * The server owns the store. This code has no state, and any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/name.h"
#include "server/store/posix/posix.h"

#define LIST_MAX 65536u /* bytes; the kernel's limit */

/* Get a descriptor of an object, and whether it must be closed. The descriptor, or -errno. */
static int hold(struct posix_store *store, const struct store_object *object, bool *own)
{
	struct store_file *at = object->at;
	const char *path = object->path;
	char room[PATH_MAX];
	int err;

	*own = path;
	if (!path)
		return posix_file_of(at)->fd;
	err = object->nofollow ? 0 : posix_follow(store, &at, &path, room);
	if (err)
		return err;
	return posix_open_at(store, at, path, O_PATH | (object->nofollow ? O_NOFOLLOW : 0), 0);
}

static void let_go(int fd, bool own)
{
	if (own)
		close(fd);
}

int posix_get_xattr(struct store *base, const struct store_object *object, const char *name,
		    void *value, size_t size)
{
	char proc[PROC_FD_MAX];
	bool own;
	int fd = hold(posix_store_of(base), object, &own);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = getxattr(posix_proc_fd(fd, proc), name, value, size);
	if (len < 0)
		len = errno == ERANGE ? -E2BIG : -errno;
	let_go(fd, own);
	return (int)len;
}

/* Copy the names that clients may use. Returns the length of all, or -E2BIG. */
static int choose(const char *from, size_t len, char *names, size_t size)
{
	size_t used = 0;

	for (size_t at = 0, n; at < len; at += n) {
		n = strlen(from + at) + 1;
		if (!name_is_xattr(from + at, n - 1))
			continue;
		if (n > size - used)
			return -E2BIG;
		memcpy(names + used, from + at, n);
		used += n;
	}
	return (int)used;
}

int posix_list_xattr(struct store *base, const struct store_object *object, char *names,
		     size_t size)
{
	char proc[PROC_FD_MAX], *all = malloc(LIST_MAX);
	bool own;
	ssize_t len;
	int fd, result;

	if (!all)
		return -ENOMEM;
	fd = hold(posix_store_of(base), object, &own);
	result = fd;
	if (fd < 0)
		goto out;
	len = listxattr(posix_proc_fd(fd, proc), all, LIST_MAX);
	result = len < 0 ? -errno : choose(all, (size_t)len, names, size);
	let_go(fd, own);
out:
	free(all);
	return result;
}

/* Hold an object that is to be changed, and enter its fence. The descriptor, or -errno. */
static int begin(struct store *base, const struct store_object *object, bool *own)
{
	struct posix_store *store = posix_store_of(base);
	struct stat st;
	int fd = base->read_only ? -EROFS : hold(store, object, own), err;

	if (fd < 0)
		return fd;
	err = posix_attr_enter(store, fd, &st);
	if (!err)
		return fd;
	let_go(fd, *own);
	return err;
}

static int end(struct store *base, const struct store_object *object, int fd, bool own, int err)
{
	if (!err && !own && base->sync)
		err = posix_sync_file(object->at, false);
	else if (!err && own)
		err = posix_attr_sync(posix_store_of(base), fd);
	let_go(fd, own);
	return err;
}

int posix_set_xattr(struct store *base, const struct store_object *object, const char *name,
		    struct bytes value, uint32_t flags)
{
	const int how = (flags & CALL_CREATE ? XATTR_CREATE : 0) |
			(flags & CALL_REPLACE ? XATTR_REPLACE : 0);
	char proc[PROC_FD_MAX];
	bool own;
	int fd = begin(base, object, &own);

	if (fd < 0)
		return fd;
	return end(base, object, fd, own,
		   setxattr(posix_proc_fd(fd, proc), name, value.data, value.len, how) ? -errno
										       : 0);
}

int posix_remove_xattr(struct store *base, const struct store_object *object, const char *name)
{
	char proc[PROC_FD_MAX];
	bool own;
	int fd = begin(base, object, &own);

	if (fd < 0)
		return fd;
	return end(base, object, fd, own, removexattr(posix_proc_fd(fd, proc), name) ? -errno : 0);
}
