/*
 * The functions of usrbio.h about symbolic and hard links. Each makes one call to the server. No
 * state; any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/api/api_fs.h"
#include "client/base/cancel.h"

/* Check the target of a new symbolic link, as symlink(2) does. 0 or -errno. */
static int check_target(const char *target)
{
	if (!target)
		return -EINVAL;
	if (!*target)
		return -ENOENT;
	return strlen(target) > PROTO_PATH_MAX ? -ENAMETOOLONG : 0;
}

int usrbio_symlink(const char *target, const char *path)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_SYMLINK};
	int err = check_target(target);

	if (err)
		return err;
	call.target = api_fs_text(target);
	return api_fs_path_call(path, false, &call, NULL);
}

int usrbio_symlinkat(const char *target, int dirfd, const char *name)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_SYMLINK};
	int err = check_target(target);

	if (err)
		return err;
	call.target = api_fs_text(target);
	return api_fs_name_call(dirfd, name, &call, NULL);
}

/* Read the link at a path, or of a name in dirfd if `name` is not NULL. */
static int read_link(const char *path, int dirfd, const char *name, char *target, size_t size)
{
	struct call call = {.op = CALL_READLINK};
	struct answer *answer;
	int len;

	if (!target)
		return -EINVAL;
	answer = malloc(sizeof(*answer)); /* too large for small stacks */
	if (!answer)
		return -ENOMEM;
	len = name ? api_fs_name_call(dirfd, name, &call, answer)
		   : api_fs_path_call(path, false, &call, answer);
	if (!len && answer->reply.target.len >= size)
		len = -ERANGE;
	if (!len) {
		len = (int)answer->reply.target.len;
		memcpy(target, answer->reply.target.data, (size_t)len);
		target[len] = '\0';
	}
	free(answer);
	return len;
}

int usrbio_readlink(const char *path, char *target, size_t size)
{
	NOT_CANCELLED;
	return path ? read_link(path, -1, NULL, target, size) : -EINVAL;
}

int usrbio_readlinkat(int dirfd, const char *name, char *target, size_t size)
{
	NOT_CANCELLED;
	return name ? read_link(NULL, dirfd, name, target, size) : -EINVAL;
}

int usrbio_link(const char *from, const char *to)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_LINK};

	return api_fs_paths_call(from, to, &call);
}

int usrbio_linkat(int olddirfd, const char *from, int newdirfd, const char *to)
{
	NOT_CANCELLED;
	struct call call = {.op = CALL_LINK};

	return api_fs_names_call(olddirfd, from, newdirfd, to, &call);
}
