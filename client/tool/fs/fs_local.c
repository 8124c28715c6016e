/* The local file system, by system calls; see fs.h. No state; any thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tool/fs/fs.h"
#include "common/base/clock.h"

static int result(int n)
{
	return n < 0 ? -errno : n;
}

static int local_open(const char *path, int flags, mode_t mode)
{
	return result(open(path, flags | O_CLOEXEC | O_NOCTTY, mode));
}

/*
 * O_NONBLOCK has no effect on files. It keeps the call from blocking if a FIFO has replaced the
 * file.
 */
static int local_openat(int dir, const char *name, int flags, mode_t mode)
{
	if (!fs_is_component(name))
		return -EINVAL;
	return result(openat(dir, name, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode));
}

static int local_close(int fd)
{
	return result(close(fd));
}

static int64_t nanoseconds(const struct timespec *ts)
{
	return file_time_ns(ts->tv_sec, ts->tv_nsec);
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
		.host = usrbio_host(),
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

static int local_fstatat(int dir, const char *name, struct usrbio_stat *st, int flags)
{
	struct stat from;

	if (!fs_is_component(name))
		return -EINVAL;
	return attributes(fstatat(dir, name, &from, flags), &from, st);
}

static int local_fsync(int fd)
{
	return result(fsync(fd));
}

static int local_truncate(int fd, uint64_t len)
{
	return result(ftruncate(fd, (off_t)len));
}

static int local_chmod(int fd, mode_t mode)
{
	return result(fchmod(fd, mode));
}

/* Give the file to the owner and group of the model, as far as this user is allowed to. */
static void give(int fd, const struct stat *st, const struct usrbio_stat *model)
{
	if (st->st_uid == model->uid && st->st_gid == model->gid)
		return;
	if (fchown(fd, model->uid, model->gid) && fchown(fd, (uid_t)-1, model->gid))
		return;
}

static int local_imitate(int fd, const struct usrbio_stat *model)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	give(fd, &st, model);
	return (st.st_mode & 0777) == (model->mode & 0777) ? 0
							   : local_chmod(fd, model->mode & 0777);
}

static int64_t local_seek(int fd, uint64_t off, int whence)
{
	off_t at = lseek(fd, (off_t)off, whence);

	return at < 0 ? -errno : at;
}

static int local_mkdirat(int dir, const char *name, mode_t mode)
{
	return fs_is_component(name) ? result(mkdirat(dir, name, mode)) : -EINVAL;
}

static int local_unlinkat(int dir, const char *name, int flags)
{
	return fs_is_component(name) ? result(unlinkat(dir, name, flags)) : -EINVAL;
}

static int local_renameat(int dir, const char *from, const char *to, unsigned flags)
{
	if (!fs_is_component(from) || !fs_is_component(to))
		return -EINVAL;
	return result(renameat2(dir, from, dir, to, flags));
}

static int local_symlinkat(const char *text, int dir, const char *name)
{
	return fs_is_component(name) ? result(symlinkat(text, dir, name)) : -EINVAL;
}

static int local_readlinkat(int dir, const char *name, char *text, size_t size)
{
	ssize_t n = fs_is_component(name) ? readlinkat(dir, name, text, size) : -1;

	if (n < 0)
		return fs_is_component(name) ? -errno : -EINVAL;
	if ((size_t)n == size)
		return -ERANGE;
	text[n] = '\0';
	return 0;
}

static int local_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (!fs_is_component(from) || !fs_is_component(to))
		return -EINVAL;
	return result(linkat(from_dir, from, to_dir, to, 0));
}

static int local_chownat(int dir, const char *name, uid_t uid, gid_t gid)
{
	if (name && !fs_is_component(name))
		return -EINVAL;
	return result(name ? fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW)
			   : fchown(dir, uid, gid));
}

static int local_utimensat(int dir, const char *name, const struct timespec *times)
{
	if (name && !fs_is_component(name))
		return -EINVAL;
	return result(name ? utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW)
			   : futimens(dir, times));
}

static int local_chmodat(int dir, const char *name, mode_t mode)
{
	if (!fs_is_component(name))
		return -EINVAL;
	return result(fchmodat(dir, name, mode, AT_SYMLINK_NOFOLLOW));
}

/* The last directory is the one whose ".." is itself, or whose ".." cannot be opened. */
static int local_ancestors(int dir, struct usrbio_id *ids, size_t room)
{
	int at = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0;

	while (at >= 0 && n < room) {
		struct usrbio_stat st;
		int err = local_fstat(at, &st), up;

		ids[n] = id_of(&st);
		if (err || (n && id_equal(&ids[n], &ids[n - 1])))
			break;
		n++;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = up;
	}
	if (at >= 0)
		close(at);
	else if (!n)
		return -errno;
	return (int)n;
}

static int local_list_open(int dir, void **state)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	int err = -errno;

	if (listing) {
		*state = listing;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int local_list_next(void *state, struct usrbio_dirent *entry)
{
	struct dirent *from;

	do {
		errno = 0;
		from = readdir(state);
	} while (from && (!strcmp(from->d_name, ".") || !strcmp(from->d_name, "..")));
	if (!from)
		return -errno;
	*entry = (struct usrbio_dirent){.name = from->d_name, .type = from->d_type};
	return 1;
}

static void local_list_close(void *state)
{
	closedir(state);
}

const struct fs fs_local = {
	.masks = true,
	.close_tells = true,
	.open = local_open,
	.stat = local_stat,
	.openat = local_openat,
	.follow = fs_follow_link,
	.fstatat = local_fstatat,
	.mkdirat = local_mkdirat,
	.unlinkat = local_unlinkat,
	.renameat = local_renameat,
	.symlinkat = local_symlinkat,
	.readlinkat = local_readlinkat,
	.linkat = local_linkat,
	.chownat = local_chownat,
	.utimensat = local_utimensat,
	.chmodat = local_chmodat,
	.close = local_close,
	.fstat = local_fstat,
	.fsync = local_fsync,
	.truncate = local_truncate,
	.imitate = local_imitate,
	.chmod = local_chmod,
	.seek = local_seek,
	.ancestors = local_ancestors,
	.list_open = local_list_open,
	.list_next = local_list_next,
	.list_close = local_list_close,
};
