/*
 * The functions of usrbio.h that take a path or a descriptor. Each makes one call to the server. No
 * state; any thread.
 */
#include "client/usrbio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/cancel.h"
#include "client/files/file.h"
#include "client/api/api_fs.h"
#include "client/files/path.h"
#include "client/files/unsynced.h"

int api_fs_locate(const char *path, bool follow, struct resolved_path *place)
{
	int err = path_open(path, follow, place);

	return err == -ENOTTY ? -ENOENT : err;
}

int api_fs_path_call(const char *path, bool follow, struct call *call, struct answer *answer)
{
	struct resolved_path place;
	int err = api_fs_locate(path, follow, &place);

	if (err)
		return err;
	call->path = api_fs_text(place.path);
	err = mount_call(place.mount, call, answer);
	path_close(&place);
	return err;
}

int api_fs_call(int fd, struct call *call, struct answer *answer)
{
	struct file *file = file_opened(fd);
	int err;

	if (!file)
		return -EBADF;
	err = file_call(file, call, answer);
	file_put(file);
	return err;
}

int api_fs_change(int fd, const struct call *call)
{
	struct file *file = file_opened(fd);
	int err;

	if (!file)
		return -EBADF;
	err = file_change(file, call);
	file_put(file);
	return err;
}

/*
 * Find the part of the caller's path that is equal to the canonical path `below`. NULL: the path
 * does not end in it.
 */
static const char *find_tail(const char *path, const char *below)
{
	size_t len = strlen(path), tail = strlen(below);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!tail)
		return path + strlen(path);
	if (tail > len || memcmp(path + len - tail, below, tail))
		return NULL;
	return tail == len || path[len - tail - 1] == '/' ? path + len - tail : NULL;
}

int usrbio_mount_point(const char *path, char *mount_point, size_t size, const char **rest)
{
	NOT_CANCELLED;
	char below[PATH_MAX];
	struct mountspec spec;
	const char *tail;
	size_t need;
	int err;

	if (!path)
		return -EINVAL;
	err = path_of_url(path, true, &spec, &tail);
	if (err == -ENOTTY) {
		err = path_find(path, true, &spec, below);
		tail = err ? NULL : find_tail(path, below);
	}
	if (err)
		return err == -ENOTTY ? -ENOENT : err;
	if (rest && !tail)
		return -EINVAL;
	need = strlen(spec.mount_point) + 1;
	if (mount_point && size >= need)
		memcpy(mount_point, spec.mount_point, need);
	if (rest)
		*rest = tail;
	return (int)need;
}

uint32_t api_fs_open_flags(int flags)
{
	static const struct {
		int theirs;
		uint32_t ours;
	} table[] = {
		{O_CREAT, OPEN_CREATE},	 {O_EXCL, OPEN_EXCLUSIVE},	{O_TRUNC, OPEN_TRUNCATE},
		{O_DIRECT, OPEN_DIRECT}, {O_DIRECTORY, OPEN_DIRECTORY}, {O_NOFOLLOW, OPEN_NOFOLLOW},
	};
	uint32_t how = (flags & O_ACCMODE) == O_WRONLY ? 0 : OPEN_READ;

	if ((flags & O_ACCMODE) != O_RDONLY)
		how |= OPEN_WRITE;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		how |= flags & table[i].theirs ? table[i].ours : 0;
	return how;
}

int api_fs_published(int fd, struct file *file, int err)
{
	if (!err)
		file_publish(file, fd);
	else if (fd >= 0)
		close(fd);
	return err ? err : fd;
}

int usrbio_open(const char *path, int flags, mode_t mode)
{
	NOT_CANCELLED;
	/* O_EXCL and O_NOFOLLOW forbid to follow a link, here as at the server. */
	bool follow = !(flags & (O_NOFOLLOW | O_EXCL));
	struct file *file = NULL;
	struct resolved_path place;
	int err = api_fs_locate(path, follow, &place), fd;

	if (err)
		return err;
	fd = file_reserve();
	err = fd < 0 ? fd
		     : file_open(place.mount, NULL, place.path, api_fs_open_flags(flags),
				 mode & 07777, &file, NULL);
	path_close(&place);
	return api_fs_published(fd, file, err);
}

int usrbio_close(int fd)
{
	NOT_CANCELLED;
	return file_unpublish(fd);
}

struct usrbio_stat api_fs_stat_of(const struct file_attr *attr, uint64_t host)
{
	return (struct usrbio_stat){
		.mode = attr->mode,
		.nlink = attr->nlink,
		.uid = attr->uid,
		.gid = attr->gid,
		.ino = attr->ino,
		.dev = attr->dev,
		.size = attr->size,
		.blocks = attr->blocks,
		.atime_ns = attr->atime_ns,
		.mtime_ns = attr->mtime_ns,
		.ctime_ns = attr->ctime_ns,
		.host = host,
	};
}

/* Get the attributes of a path, or of a descriptor if path is NULL. */
static int attributes(const char *path, int fd, bool follow, struct usrbio_stat *st)
{
	struct call call = {.op = CALL_STAT, .flags = follow ? 0 : CALL_NOFOLLOW};
	struct answer *answer = malloc(sizeof(*answer)); /* too large for small stacks */
	int err;

	if (!answer)
		return -ENOMEM;
	err = path ? api_fs_path_call(path, follow, &call, answer) : api_fs_call(fd, &call, answer);
	if (!err)
		*st = api_fs_stat_of(&answer->reply.attr, answer->host);
	free(answer);
	return err;
}

int usrbio_fstat(int fd, struct usrbio_stat *st)
{
	NOT_CANCELLED;
	return st ? attributes(NULL, fd, true, st) : -EINVAL;
}

int usrbio_stat(const char *path, struct usrbio_stat *st)
{
	NOT_CANCELLED;
	return path && st ? attributes(path, -1, true, st) : -EINVAL;
}

int usrbio_lstat(const char *path, struct usrbio_stat *st)
{
	NOT_CANCELLED;
	return path && st ? attributes(path, -1, false, st) : -EINVAL;
}

int usrbio_fsync(int fd)
{
	NOT_CANCELLED;
	struct file *file = file_opened(fd);
	int err;

	if (!file)
		return -EBADF;
	err = file_sync(file);
	file_put(file);
	return err;
}

int usrbio_ftruncate(int fd, uint64_t len)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_TRUNCATE, .len = len};

	return api_fs_change(fd, &call);
}

int usrbio_fallocate(int fd, int mode, uint64_t off, uint64_t len)
{
	NOT_CANCELLED;
	/* FALLOC_FL_* have the numbers of ALLOCATE_*; the server refuses those that it has not. */
	struct call call = {.op = CALL_FALLOCATE, .flags = (uint32_t)mode, .off = off, .len = len};

	return api_fs_change(fd, &call);
}

int usrbio_truncate(const char *path, uint64_t len)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_TRUNCATE, .len = len};

	return api_fs_path_call(path, true, &call, NULL);
}

int usrbio_unlink(const char *path)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_UNLINK};

	return api_fs_path_call(path, false, &call, NULL);
}

int usrbio_rmdir(const char *path)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_RMDIR};

	return api_fs_path_call(path, false, &call, NULL);
}

int usrbio_mkdir(const char *path, mode_t mode)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_MKDIR, .mode = mode & 07777};

	return api_fs_path_call(path, false, &call, NULL);
}

int api_fs_paths_call(const char *from, const char *to, struct call *call)
{
	struct resolved_path old, new;
	int err = api_fs_locate(from, false, &old);

	if (err)
		return err;
	err = api_fs_locate(to, false, &new);
	if (err)
		goto out_old;
	call->path = api_fs_text(old.path);
	call->path2 = api_fs_text(new.path);
	err = mount_same(old.mount, new.mount) ? mount_call(old.mount, call, NULL) : -EXDEV;
	if (!err && call->op == CALL_RENAME)
		file_renamed(old.mount, NULL, old.path, NULL, new.path,
			     call->flags & CALL_EXCHANGE);
	path_close(&new);
out_old:
	path_close(&old);
	return err;
}

int api_fs_rename_flags(unsigned flags, uint32_t *ours)
{
	if (flags && flags != RENAME_NOREPLACE && flags != RENAME_EXCHANGE)
		return -EINVAL;
	*ours = !flags ? 0 : flags == RENAME_EXCHANGE ? CALL_EXCHANGE : CALL_NOREPLACE;
	return 0;
}

int usrbio_rename_flags(const char *from, const char *to, unsigned flags)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_RENAME};

	if (api_fs_rename_flags(flags, &call.flags))
		return -EINVAL;
	return api_fs_paths_call(from, to, &call);
}

int usrbio_rename(const char *from, const char *to)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_RENAME};

	return api_fs_paths_call(from, to, &call);
}
