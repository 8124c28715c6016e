/*
 * Paths beneath the export, resolved by the kernel: no component, symbolic link or concurrent
 * rename leads outside. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/posix/posix.h"

/* A rename elsewhere on the machine makes the kernel give up on ".."; it asks for another try. */
#define RACE_TRIES 128

int posix_path_open(struct posix_store *store, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int i = 0; i < RACE_TRIES && fd < 0; i++) {
		fd = syscall(SYS_openat2, store->root, *path ? path : ".", &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
	if (fd >= 0)
		return (int)fd;
	/* "Cross-device link" would be the truth about the kernel and puzzle the user. */
	return errno == EXDEV ? -EACCES : -errno;
}

static bool is_special(const char *name, size_t len)
{
	return !len || (len == 1 && name[0] == '.') || (len == 2 && !memcmp(name, "..", 2));
}

int posix_parent_open(struct posix_store *store, const char *path, struct posix_parent *parent)
{
	size_t end = strlen(path), start;
	char dir[PATH_MAX];
	int fd;

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

const char *posix_proc_fd(int fd, char name[PROC_FD_MAX])
{
	snprintf(name, PROC_FD_MAX, "/proc/self/fd/%d", fd);
	return name;
}
