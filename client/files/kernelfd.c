/*
 * Opens the server's file for a descriptor of the kernel; see kernelfd.h. The kernel has a name for
 * the descriptor. This checks that the name still leads to the same file. No state; the caller owns
 * the file; any thread.
 */
#include "client/files/kernelfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/host.h"
#include "common/host/local_fs.h"
#include "common/base/log.h"

#define NAME_TRIES 8

/*
 * Get the kernel's name of fd (PATH_MAX bytes) and its attributes; only of files and directories.
 */
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

/* True if the name still leads to the file. */
static bool name_holds(const char *path, const struct stat *st)
{
	struct stat now;

	return !lstat(path, &now) && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

/*
 * This also works for a deleted file: the kernel appends " (deleted)" to its name, which leaves the
 * directory as it was.
 */
bool kernelfd_is_ours(int fd)
{
	struct mountspec spec;
	char path[PATH_MAX];
	const char *rest;
	struct stat st;

	return !name_of(fd, path, &st) && !mountspec_of_canonical(path, &spec, &rest);
}

static uint32_t open_flags(int flags, bool directory)
{
	static const uint32_t modes[] = {
		[O_RDONLY] = OPEN_READ,
		[O_WRONLY] = OPEN_WRITE,
		[O_RDWR] = OPEN_READ | OPEN_WRITE,
		[O_ACCMODE] = 0, /* a descriptor for ioctls, without reading and writing */
	};

	if (directory)
		return OPEN_READ | OPEN_DIRECTORY;
	return modes[flags & O_ACCMODE] | (flags & O_DIRECT ? OPEN_DIRECT : 0);
}

/*
 * True if the server's file is the file of fd. It may not be, because a directory can be attached
 * to a wrong export. Both have the same inode number, which network mounts keep. On a file system
 * that only this host mounts, host and device must be the same, too.
 */
static bool same_file(int fd, const struct stat *st, const struct file *file,
		      const struct file_attr *attr)
{
	return attr->ino == st->st_ino &&
	       ((file->host == host_id() && attr->dev == st->st_dev) || !local_fs(fd));
}

/*
 * Open the file of fd by its present name, which must lead to it before and after. 0 or -errno.
 * *other: the server has another file by that name.
 */
static int open_by_name(int fd, int flags, struct file **file, bool *other)
{
	struct file_attr attr;
	struct mountspec spec;
	struct mount *mount;
	char path[PATH_MAX];
	const char *rest;
	struct stat st;
	uint32_t how;
	int err;

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
	err = file_open(mount, NULL, rest, how, 0, file, &attr);
	mount_put(mount);
	*other = !err && !same_file(fd, &st, *file, &attr);
	if (!*other && name_holds(path, &st))
		return err;
	if (!err)
		file_put(*file);
	return -ESTALE;
}

/* Return why a descriptor has no name any more, and what the user can do, as text. */
static const char *why_gone(int fd, int flags)
{
	struct stat st;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return "its file was made without a name (O_TMPFILE); give it one by linkat(2) and "
		       "open that";
	if (fstat(fd, &st) || !st.st_nlink)
		return "its file has been unlinked; register descriptors before that";
	return "its file has been renamed, or the name it was opened by removed; open it by a name "
	       "that it has";
}

/* Log why a descriptor cannot be used. The rate is limited, because programs may try again. */
static void say_stale(int fd, int flags, bool other)
{
	log_peer("descriptor %d cannot be registered (ESTALE): %s", fd,
		 other ? "the server has another file by its name; is the mounted directory the "
			 "export?"
		       : why_gone(fd, flags));
}

int kernelfd_open(int fd, struct file **file)
{
	int flags = fcntl(fd, F_GETFL), err = -EBADF;
	bool other = false;

	if (flags < 0 || flags & O_PATH)
		return -EBADF;
	/* Try again: a file that was renamed meanwhile has another name now. */
	for (int i = 0; i < NAME_TRIES; i++) {
		err = open_by_name(fd, flags, file, &other);
		if (err != -ESTALE && err != -ENOENT)
			break;
	}
	if (err == -ESTALE)
		say_stale(fd, flags, other);
	return err;
}
