/*
 * Paths beneath the export, which the kernel resolves: no component, symbolic link or concurrent
 * rename leads outside. This code has no state and owns nothing. Any thread may call it.
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
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
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
