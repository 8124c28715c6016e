/*
 * From a kernel descriptor to the server's file: by the name the kernel knows it under, checked to
 * lead to the same file still.
 */
#include "client/kernelfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DELETED " (deleted)"

/* The kernel's name for it (PATH_MAX bytes), for files and directories only. */
static int name_of(int fd, char *path, struct stat *st)
{
	char link[64];
	ssize_t n;

	if (fd < 0 || fstat(fd, st) || !(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)))
		return -EBADF;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return -EBADF;
	path[n] = '\0';
	return 0;
}

/* Does the name lead to the file still? */
static bool name_holds(const char *path, const struct stat *st)
{
	struct stat now;

	return !lstat(path, &now) && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

/* A deleted file lies where it lay. */
static void strip_deleted(char *path)
{
	size_t len = strlen(path), tail = sizeof(DELETED) - 1;

	if (len > tail && !strcmp(path + len - tail, DELETED))
		path[len - tail] = '\0';
}

bool kernelfd_is_ours(int fd)
{
	struct mountspec spec;
	char path[PATH_MAX];
	const char *rest;
	struct stat st;

	if (name_of(fd, path, &st))
		return false;
	if (!name_holds(path, &st))
		strip_deleted(path);
	return !mountspec_of_canonical(path, &spec, &rest);
}

static uint32_t open_flags(int flags, bool directory)
{
	static const uint32_t modes[] = {
		[O_RDONLY] = OPEN_READ,
		[O_WRONLY] = OPEN_WRITE,
		[O_RDWR] = OPEN_READ | OPEN_WRITE,
		[O_ACCMODE] = 0, /* neither: for device ioctls */
	};

	if (directory)
		return OPEN_READ | OPEN_DIRECTORY;
	return modes[flags & O_ACCMODE] | (flags & O_DIRECT ? OPEN_DIRECT : 0);
}

int kernelfd_open(int fd, struct file **file)
{
	int flags = fcntl(fd, F_GETFL), err;
	struct mountspec spec;
	struct mount *mount;
	char path[PATH_MAX];
	const char *rest;
	struct stat st;
	uint32_t how;

	if (flags < 0 || flags & O_PATH)
		return -EBADF;
	if (name_of(fd, path, &st) || mountspec_of_canonical(path, &spec, &rest))
		return -EBADF;
	how = open_flags(flags, S_ISDIR(st.st_mode));
	if (!(how & (OPEN_READ | OPEN_WRITE)))
		return -EBADF;
	if (!name_holds(path, &st))
		return -ESTALE;
	err = mount_get_spec(&spec, &mount);
	if (err)
		return err;
	err = file_open(mount, rest, how, 0, file, NULL);
	mount_put(mount);
	return err;
}
