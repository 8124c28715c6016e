/*
 * The functions of usrbio.h that take an open directory and a name in it, and those about
 * properties of an open file or directory. Each makes one call to the server. No state; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/cancel.h"
#include "client/files/file.h"
#include "client/api/api_fs.h"
#include "common/host/host.h"
#include "proto/name.h"

/*
 * Check a name as the server does: 0, -EINVAL, -ENAMETOOLONG. It is checked here, because a very
 * long name does not fit into a message.
 */
static int check_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!name || !name_is_plain(name, len))
		return -EINVAL;
	return len > PROTO_NAME_MAX ? -ENAMETOOLONG : 0;
}

int api_fs_name_call(int dirfd, const char *name, struct call *call, struct answer *answer)
{
	int err = check_name(name);
	struct file *dir;

	if (err)
		return err;
	dir = file_opened(dirfd);
	if (!dir)
		return -EBADF;
	call->path = api_fs_text(name);
	err = mount_call_at(dir->mount, &dir->remote, NULL, call, answer);
	file_put(dir);
	return err;
}

int usrbio_openat(int dirfd, const char *name, int flags, mode_t mode)
{
	NOT_CANCELLED;
	bool follow = !(flags & (O_NOFOLLOW | O_EXCL));
	struct file *dir, *file = NULL;
	int err = check_name(name), fd;

	if (err)
		return err;
	dir = file_opened(dirfd);
	if (!dir)
		return -EBADF;
	fd = file_reserve();
	err = fd < 0 ? fd
		     : file_open(dir->mount, dir, name,
				 api_fs_open_flags(flags) | (follow ? OPEN_FOLLOW : 0),
				 mode & 07777, &file, NULL);
	file_put(dir);
	return api_fs_published(fd, file, err);
}

int usrbio_fstatat(int dirfd, const char *name, struct usrbio_stat *st, int flags)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_STAT,
			    .flags = flags & AT_SYMLINK_NOFOLLOW ? CALL_NOFOLLOW : CALL_FOLLOW};
	struct answer *answer;
	int err;

	if (!st || flags & ~AT_SYMLINK_NOFOLLOW)
		return -EINVAL;
	answer = malloc(sizeof(*answer)); /* too large for small stacks */
	if (!answer)
		return -ENOMEM;
	err = api_fs_name_call(dirfd, name, &call, answer);
	if (!err)
		*st = api_fs_stat_of(&answer->reply.attr, answer->host);
	free(answer);
	return err;
}

int usrbio_mkdirat(int dirfd, const char *name, mode_t mode)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_MKDIR, .mode = mode & 07777};

	return api_fs_name_call(dirfd, name, &call, NULL);
}

int usrbio_unlinkat(int dirfd, const char *name, int flags)
{
	NOT_CANCELLED;
	struct call call = {.op = flags & AT_REMOVEDIR ? CALL_RMDIR : CALL_UNLINK};

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return api_fs_name_call(dirfd, name, &call, NULL);
}

int api_fs_names_call(int olddirfd, const char *from, int newdirfd, const char *to,
		      struct call *call)
{
	struct file *old, *new;
	int err = check_name(from);

	if (!err)
		err = check_name(to);
	if (err)
		return err;
	err = -EBADF;
	old = file_opened(olddirfd);
	if (!old)
		return -EBADF;
	new = file_opened(newdirfd);
	if (!new)
		goto out_old;
	call->path = api_fs_text(from);
	call->path2 = api_fs_text(to);
	err = mount_same(old->mount, new->mount)
		      ? mount_call_at(old->mount, &old->remote, &new->remote, call, NULL)
		      : -EXDEV;
	if (!err && call->op == CALL_RENAME)
		file_renamed(old->mount, old, from, new, to, call->flags & CALL_EXCHANGE);
	file_put(new);
out_old:
	file_put(old);
	return err;
}

int usrbio_renameat(int olddirfd, const char *from, int newdirfd, const char *to, unsigned flags)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_RENAME};

	if (api_fs_rename_flags(flags, &call.flags))
		return -EINVAL;
	return api_fs_names_call(olddirfd, from, newdirfd, to, &call);
}

int64_t usrbio_seek(int fd, uint64_t off, int whence)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_SEEK, .off = off};
	struct answer *answer;
	int64_t found;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	call.flags = whence == SEEK_DATA ? CALL_DATA : CALL_HOLE;
	answer = malloc(sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	found = api_fs_call(fd, &call, answer);
	if (!found)
		found = (int64_t)answer->reply.next; /* reply_check.c has checked it */
	free(answer);
	return found;
}

int usrbio_ancestors(int dirfd, struct usrbio_id *ids, size_t room)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_ANCESTORS};
	struct answer *answer;
	int n;

	if (!ids && room)
		return -EINVAL;
	answer = malloc(sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	n = api_fs_call(dirfd, &call, answer);
	if (!n)
		n = (int)answer->reply.nr_ids;
	for (int i = 0; i < n && (size_t)i < room; i++)
		ids[i] = (struct usrbio_id){.host = answer->host,
					    .dev = answer->reply.ids[2 * i],
					    .ino = answer->reply.ids[2 * i + 1]};
	free(answer);
	return n;
}

uint64_t usrbio_host(void)
{
	NOT_CANCELLED;
	return host_id();
}
