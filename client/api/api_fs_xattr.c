/*
 * The functions of usrbio.h about extended attributes of a path, of a name in an open directory or
 * of an open file. Each makes one call to the server. No state; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "client/api/api_fs.h"
#include "client/base/cancel.h"

/* What a call is about. */
enum object_kind { PATH, NAME, FILE_OF_FD };
struct object {
	enum object_kind kind;
	const char *path; /* or the name in the directory */
	int fd;		  /* or that of the directory */
	bool follow;
	bool invalid; /* an argument is wrong */
};

static struct object path_object(const char *path, bool follow)
{
	return (struct object){.kind = PATH, .path = path, .follow = follow, .invalid = !path};
}

static struct object fd_object(int fd)
{
	return (struct object){.kind = FILE_OF_FD, .fd = fd};
}

static struct object name_object(int dirfd, const char *file, int at_flags)
{
	return (struct object){.kind = NAME,
			       .path = file,
			       .fd = dirfd,
			       .follow = !at_flags,
			       .invalid = !file || at_flags & ~AT_SYMLINK_NOFOLLOW};
}

/* Make a call about an object. 0 or -errno. */
static int ask(const struct object *object, struct call *call, struct answer *answer)
{
	if (object->invalid)
		return -EINVAL;
	switch (object->kind) {
	case PATH:
		call->flags |= object->follow ? 0 : CALL_NOFOLLOW;
		return api_fs_path_call(object->path, object->follow, call, answer);
	case NAME:
		call->flags |= object->follow ? CALL_FOLLOW : CALL_NOFOLLOW;
		return api_fs_name_call(object->fd, object->path, call, answer);
	case FILE_OF_FD:
		break;
	}
	return answer ? api_fs_call(object->fd, call, answer) : api_fs_change(object->fd, call);
}

/* Take the name of an attribute, which must fit into a message. 0 or -errno. */
static int take_name(const char *name, struct call *call)
{
	if (!name)
		return -EINVAL;
	if (!*name || strlen(name) > PROTO_NAME_MAX)
		return -ERANGE;
	call->name = api_fs_text(name);
	return 0;
}

/* Make a call that returns a value, and copy it. Returns its length, or -errno. */
static int ask_value(struct object object, struct call *call, void *value, size_t size)
{
	struct answer *answer;
	int len;

	if (!value && size)
		return -EINVAL;
	answer = malloc(sizeof(*answer)); /* too large for small stacks */
	if (!answer)
		return -ENOMEM;
	len = ask(&object, call, answer);
	if (!len)
		len = (int)answer->reply.value.len;
	if (len > 0 && size && (size_t)len > size)
		len = -ERANGE;
	if (len > 0 && size)
		memcpy(value, answer->reply.value.data, (size_t)len);
	free(answer);
	return len;
}

static int get(struct object object, const char *name, void *value, size_t size)
{
	struct call call = {.op = CALL_GETXATTR};
	int err = take_name(name, &call);

	return err ? err : ask_value(object, &call, value, size);
}

static int list(struct object object, char *names, size_t size)
{
	struct call call = {.op = CALL_LISTXATTR};

	return ask_value(object, &call, names, size);
}

static int set(struct object object, const char *name, const void *value, size_t size, int flags)
{
	struct call call = {
		.op = CALL_SETXATTR,
		.flags = (flags & XATTR_CREATE ? CALL_CREATE : 0u) |
			 (flags & XATTR_REPLACE ? CALL_REPLACE : 0u),
		.value = {value, size},
	};
	int err = take_name(name, &call);

	if ((!value && size) || flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (size > XATTR_VALUE_MAX)
		return -E2BIG;
	return err ? err : ask(&object, &call, NULL);
}

static int remove_one(struct object object, const char *name)
{
	struct call call = {.op = CALL_REMOVEXATTR};
	int err = take_name(name, &call);

	return err ? err : ask(&object, &call, NULL);
}

int usrbio_getxattr(const char *path, const char *name, void *value, size_t size)
{
	NOT_CANCELLED;
	return get(path_object(path, true), name, value, size);
}

int usrbio_lgetxattr(const char *path, const char *name, void *value, size_t size)
{
	NOT_CANCELLED;
	return get(path_object(path, false), name, value, size);
}

int usrbio_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	NOT_CANCELLED;
	return get(fd_object(fd), name, value, size);
}

int usrbio_getxattrat(int dirfd, const char *file, int at_flags, const char *name, void *value,
		      size_t size)
{
	NOT_CANCELLED;
	return get(name_object(dirfd, file, at_flags), name, value, size);
}

int usrbio_setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	NOT_CANCELLED;
	return set(path_object(path, true), name, value, size, flags);
}

int usrbio_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	NOT_CANCELLED;
	return set(path_object(path, false), name, value, size, flags);
}

int usrbio_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	NOT_CANCELLED;
	return set(fd_object(fd), name, value, size, flags);
}

int usrbio_setxattrat(int dirfd, const char *file, int at_flags, const char *name,
		      const void *value, size_t size, int flags)
{
	NOT_CANCELLED;
	return set(name_object(dirfd, file, at_flags), name, value, size, flags);
}

int usrbio_listxattr(const char *path, char *names, size_t size)
{
	NOT_CANCELLED;
	return list(path_object(path, true), names, size);
}

int usrbio_llistxattr(const char *path, char *names, size_t size)
{
	NOT_CANCELLED;
	return list(path_object(path, false), names, size);
}

int usrbio_flistxattr(int fd, char *names, size_t size)
{
	NOT_CANCELLED;
	return list(fd_object(fd), names, size);
}

int usrbio_listxattrat(int dirfd, const char *file, int at_flags, char *names, size_t size)
{
	NOT_CANCELLED;
	return list(name_object(dirfd, file, at_flags), names, size);
}

int usrbio_removexattr(const char *path, const char *name)
{
	NOT_CANCELLED;
	return remove_one(path_object(path, true), name);
}

int usrbio_lremovexattr(const char *path, const char *name)
{
	NOT_CANCELLED;
	return remove_one(path_object(path, false), name);
}

int usrbio_fremovexattr(int fd, const char *name)
{
	NOT_CANCELLED;
	return remove_one(fd_object(fd), name);
}

int usrbio_removexattrat(int dirfd, const char *file, int at_flags, const char *name)
{
	NOT_CANCELLED;
	return remove_one(name_object(dirfd, file, at_flags), name);
}
