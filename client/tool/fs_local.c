/* The local file system. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tool/fs.h"

static int result(int n)
{
	return n < 0 ? -errno : n;
}

/* A new file gets its mode whatever the umask is, like a mount's. */
static int local_open(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	if (flags & O_EXCL && fchmod(fd, mode)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int local_close(int fd)
{
	return result(close(fd));
}

static int64_t nanoseconds(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

static int attributes(int err, const struct stat *from, struct usrbio_stat *st)
{
	if (err)
		return -errno;
	*st = (struct usrbio_stat){
		.mode = from->st_mode,
		.nlink = (uint32_t)from->st_nlink,
		.uid = from->st_uid,
		.gid = from->st_gid,
		.ino = from->st_ino,
		.dev = from->st_dev,
		.size = (uint64_t)from->st_size,
		.blocks = (uint64_t)from->st_blocks,
		.atime_ns = nanoseconds(&from->st_atim),
		.mtime_ns = nanoseconds(&from->st_mtim),
		.ctime_ns = nanoseconds(&from->st_ctim),
	};
	return 0;
}

static int local_fstat(int fd, struct usrbio_stat *st)
{
	struct stat from;

	return attributes(fstat(fd, &from), &from, st);
}

static int local_stat(const char *path, struct usrbio_stat *st)
{
	struct stat from;

	return attributes(stat(path, &from), &from, st);
}

static int local_lstat(const char *path, struct usrbio_stat *st)
{
	struct stat from;

	return attributes(lstat(path, &from), &from, st);
}

static int local_truncate(int fd, uint64_t len)
{
	return result(ftruncate(fd, (off_t)len));
}

static int local_mkdir(const char *path, mode_t mode)
{
	return result(mkdir(path, mode));
}

static int local_unlink(const char *path)
{
	return result(unlink(path));
}

static int local_rmdir(const char *path)
{
	return result(rmdir(path));
}

static int local_list(const char *path,
		      int (*visit)(const char *name, unsigned char type, void *arg), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = visit(entry->d_name, entry->d_type, arg);
	}
	if (!err)
		err = -errno;
	closedir(dir);
	return err;
}

const struct fs fs_local = {
	.open = local_open,
	.close = local_close,
	.fstat = local_fstat,
	.stat = local_stat,
	.lstat = local_lstat,
	.truncate = local_truncate,
	.mkdir = local_mkdir,
	.unlink = local_unlink,
	.rmdir = local_rmdir,
	.list = local_list,
};
