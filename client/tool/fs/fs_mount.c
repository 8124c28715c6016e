/*
 * The file system of a mount, by calls of the library; see fs.h. The server follows links, and only
 * within its export. No state; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "client/tool/fs/fs.h"

/*
 * The server may have no free descriptor, too; one in this process (loop://) shares ours. The
 * callers of functions that open a file free descriptors. The other functions wait here for up to
 * two seconds, until other threads have closed theirs.
 */
#define SHORT_TRIES    100
#define SHORT_PAUSE_NS 20000000 /* 20 ms */

/* Pause, and return true, if a call has failed for want of a descriptor and may be repeated. */
static bool again(int err, unsigned *tries)
{
	struct timespec pause = {.tv_nsec = SHORT_PAUSE_NS};

	if ((err != -EMFILE && err != -ENFILE) || ++*tries > SHORT_TRIES)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

#define PATIENTLY(call)                       \
	({                                    \
		unsigned tries = 0;           \
		int err;                      \
                                              \
		do {                          \
			err = (call);         \
		} while (again(err, &tries)); \
		err;                          \
	})

static int mount_fstatat(int dir, const char *name, struct usrbio_stat *st, int flags)
{
	return PATIENTLY(usrbio_fstatat(dir, name, st, flags));
}

static int mount_mkdirat(int dir, const char *name, mode_t mode)
{
	return PATIENTLY(usrbio_mkdirat(dir, name, mode));
}

static int mount_unlinkat(int dir, const char *name, int flags)
{
	return PATIENTLY(usrbio_unlinkat(dir, name, flags));
}

static int mount_follow(int dir, const char *name)
{
	struct usrbio_stat st;
	int fd = usrbio_openat(dir, name, O_RDONLY, 0), err;

	if (fd < 0)
		return fd;
	err = usrbio_fstat(fd, &st);
	if (!err && !S_ISREG(st.mode) && !S_ISDIR(st.mode))
		err = -EINVAL;
	if (!err)
		return fd;
	usrbio_close(fd);
	return err;
}

static int mount_renameat(int dir, const char *from, const char *to, unsigned flags)
{
	return PATIENTLY(usrbio_renameat(dir, from, dir, to, flags));
}

/* Only the mode is set: the server decides which user owns a file. */
static int mount_imitate(int fd, const struct usrbio_stat *model)
{
	return usrbio_fchmod(fd, model->mode & 0777);
}

static int mount_readlinkat(int dir, const char *name, char *text, size_t size)
{
	int n = PATIENTLY(usrbio_readlinkat(dir, name, text, size));

	return n < 0 ? n : 0;
}

static int mount_symlinkat(const char *text, int dir, const char *name)
{
	return PATIENTLY(usrbio_symlinkat(text, dir, name));
}

static int mount_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
	return PATIENTLY(usrbio_linkat(from_dir, from, to_dir, to));
}

static int mount_chownat(int dir, const char *name, uid_t uid, gid_t gid)
{
	return name ? PATIENTLY(usrbio_fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW))
		    : usrbio_fchown(dir, uid, gid);
}

static int mount_utimensat(int dir, const char *name, const struct timespec *times)
{
	return name ? PATIENTLY(usrbio_utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW))
		    : usrbio_futimens(dir, times);
}

static int mount_chmodat(int dir, const char *name, mode_t mode)
{
	return PATIENTLY(usrbio_fchmodat(dir, name, mode, AT_SYMLINK_NOFOLLOW));
}

static int mount_list_open(int dir, void **state)
{
	struct usrbio_dir *listing;
	int err = usrbio_fdopendir(dir, &listing);

	if (!err)
		*state = listing;
	return err;
}

static int mount_list_next(void *state, struct usrbio_dirent *entry)
{
	return usrbio_readdir(state, entry);
}

static void mount_list_close(void *state)
{
	usrbio_closedir(state);
}

static int mount_list(const char *path,
		      int (*visit)(const char *name, unsigned char type, void *arg), void *arg)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	int err = usrbio_opendir(path, &dir);

	if (err)
		return err;
	while ((err = usrbio_readdir(dir, &entry)) > 0) {
		err = visit(entry.name, entry.type, arg);
		if (err)
			break;
	}
	usrbio_closedir(dir);
	return err;
}

const struct fs fs_mount = {
	.rings = true,
	.open = usrbio_open,
	.stat = usrbio_stat,
	.openat = usrbio_openat,
	.follow = mount_follow,
	.fstatat = mount_fstatat,
	.mkdirat = mount_mkdirat,
	.unlinkat = mount_unlinkat,
	.renameat = mount_renameat,
	.symlinkat = mount_symlinkat,
	.readlinkat = mount_readlinkat,
	.linkat = mount_linkat,
	.chownat = mount_chownat,
	.utimensat = mount_utimensat,
	.chmodat = mount_chmodat,
	.close = usrbio_close,
	.fstat = usrbio_fstat,
	.fsync = usrbio_fsync,
	.truncate = usrbio_ftruncate,
	.imitate = mount_imitate,
	.chmod = usrbio_fchmod,
	.seek = usrbio_seek,
	.ancestors = usrbio_ancestors,
	.list_open = mount_list_open,
	.list_next = mount_list_next,
	.list_close = mount_list_close,
	.list = mount_list,
};
