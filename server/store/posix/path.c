/*
 * Paths beneath the export, which the kernel resolves: no component, symbolic link or concurrent
 * rename leads outside. Also the names that clients send: a path from the root, or a name in an
 * open directory; and the directory of a name that is to be made, renamed or removed. This code has
 * no state and owns nothing. Any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/store/posix/posix.h"

/* A rename elsewhere can make the kernel fail at ".." with EAGAIN: then the call is repeated. */
#define RACE_TRIES 128

int posix_open_beneath(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
	};
	long fd = -1;

	for (int i = 0; i < RACE_TRIES && fd < 0; i++) {
		fd = syscall(SYS_openat2, dir, *path ? path : ".", &how, sizeof(how));
		if (fd < 0 && (resolve & RESOLVE_CACHED || (errno != EAGAIN && errno != EINTR)))
			break;
	}
	if (fd >= 0)
		return (int)fd;
	/* EXDEV, "cross-device link", would not tell the user the cause. */
	return errno == EXDEV ? -EACCES : -errno;
}

int posix_path_open(struct posix_store *store, const char *path, int flags, mode_t mode)
{
	return posix_open_beneath(store->root, path, flags, mode, 0);
}

const char *posix_proc_fd(int fd, char name[PROC_FD_MAX])
{
	snprintf(name, PROC_FD_MAX, "/proc/self/fd/%d", fd);
	return name;
}

int posix_path_of(struct posix_store *store, int held, char path[PATH_MAX])
{
	char link[PROC_FD_MAX], root[PATH_MAX];
	ssize_t root_len = readlink(posix_proc_fd(store->root, link), root, PATH_MAX);
	ssize_t len = readlink(posix_proc_fd(held, link), path, PATH_MAX);

	if (root_len < 0 || root_len == PATH_MAX || len < root_len || len == PATH_MAX ||
	    memcmp(path, root, (size_t)root_len))
		return -ESTALE;
	if (root_len == 1) /* "/" */
		root_len = 0;
	if (len > root_len && path[root_len] != '/')
		return -ESTALE;
	if (len > root_len)
		root_len++;
	memmove(path, path + root_len, (size_t)(len - root_len));
	path[len - root_len] = '\0';
	return 0;
}

void posix_describe_file(struct store_file *file, char *text, size_t size)
{
	char path[PATH_MAX];
	int err = posix_path_of(posix_store_of(file->store), posix_file_of(file)->fd, path);

	snprintf(text, size, "%s", err ? "(a file outside of the export)" : path);
}

/* Check that this is a valid name, and that the directory is beneath the export. 0 or -errno. */
static int check_at(struct posix_store *store, struct store_file *at, const char *name)
{
	int err = store_check_name(at, name);

	return err ? err : posix_check_beneath(store, posix_file_of(at));
}

int posix_open_at(struct posix_store *store, struct store_file *at, const char *path, int flags,
		  mode_t mode)
{
	int err;

	if (!at)
		return posix_path_open(store, path, flags, mode);
	err = check_at(store, at, path);
	return err ? err
		   : posix_open_beneath(posix_file_of(at)->fd, path, flags, mode,
					RESOLVE_NO_SYMLINKS);
}

static bool is_special(const char *name, size_t len)
{
	return !len || (len == 1 && name[0] == '.') || (len == 2 && !memcmp(name, "..", 2));
}

static int parent_at(struct posix_store *store, struct store_file *at, const char *name,
		     struct posix_parent *parent)
{
	*parent = (struct posix_parent){.fd = posix_file_of(at)->fd, .name = name};
	return check_at(store, at, name);
}

int posix_parent_open(struct posix_store *store, struct store_file *at, const char *path,
		      struct posix_parent *parent)
{
	size_t end = strlen(path), start;
	char dir[PATH_MAX];
	int fd;

	if (at)
		return parent_at(store, at, path, parent);
	if (end >= PATH_MAX)
		return -ENAMETOOLONG;
	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/';)
		start--;
	if (is_special(path + start, end - start))
		return -EINVAL;
	parent->name = path + start;
	parent->own = start > 0;
	parent->fd = store->root;
	if (!parent->own)
		return 0;
	memcpy(dir, path, start);
	dir[start] = '\0';
	fd = posix_path_open(store, dir, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	parent->fd = fd;
	return 0;
}

void posix_parent_close(struct posix_parent *parent)
{
	if (parent->own)
		close(parent->fd);
}

int posix_parent_create(const struct posix_parent *parent, int flags, mode_t mode)
{
	return posix_open_beneath(parent->fd, parent->name, flags | O_CREAT | O_NOFOLLOW, mode, 0);
}
