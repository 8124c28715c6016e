/*
 * Sets attributes of objects of the posix store. The server owns the store. This code has no state,
 * and any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "server/store/posix/posix.h"

static int set_owner(int fd, const struct store_attrs *attrs)
{
	const uid_t uid = attrs->set & SET_UID ? attrs->uid : (uid_t)-1;
	const gid_t gid = attrs->set & SET_GID ? attrs->gid : (gid_t)-1;

	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) ? -errno : 0;
}

/*
 * Set the permission bits. A client never sets set-id bits. A directory keeps its own, which decide
 * the group of new files.
 */
static int set_mode(int fd, mode_t old, uint32_t mode)
{
	char name[PROC_FD_MAX];

	if (S_ISLNK(old))
		return -EOPNOTSUPP;
	mode = (mode & 0777) | (S_ISDIR(old) ? old & 07000 : 0);
	/* The descriptor may be one of O_PATH, which fchmod() does not take. */
	return chmod(posix_proc_fd(fd, name), mode) ? -errno : 0;
}

static struct timespec time_of(bool set, bool now, int64_t ns)
{
	if (set)
		return file_time_of(ns);
	return (struct timespec){.tv_nsec = now ? UTIME_NOW : UTIME_OMIT};
}

static int set_times(int fd, const struct store_attrs *attrs)
{
	const struct timespec times[2] = {
		time_of(attrs->set & SET_ATIME, attrs->set & SET_ATIME_NOW, attrs->atime_ns),
		time_of(attrs->set & SET_MTIME, attrs->set & SET_MTIME_NOW, attrs->mtime_ns),
	};

	return utimensat(fd, "", times, AT_EMPTY_PATH) ? -errno : 0;
}

int posix_attr_enter(struct posix_store *store, int fd, struct stat *st)
{
	int err = posix_check_held(store, fd);

	if (!err && fstat(fd, st))
		err = -errno;
	if (!err && (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)))
		err = -EPERM;
	return err ? err : posix_inode_enter(&fd, 1);
}

/* Set the attributes of an open or held object, if a client may change it. Returns 0 or -errno. */
static int set_attr(struct posix_store *store, int fd, const struct store_attrs *attrs)
{
	struct stat st;
	int err = posix_attr_enter(store, fd, &st);

	if (!err && attrs->set & (SET_UID | SET_GID))
		err = set_owner(fd, attrs);
	if (!err && attrs->set & SET_MODE)
		err = set_mode(fd, st.st_mode, attrs->mode);
	if (!err && attrs->set & ~(uint32_t)(SET_UID | SET_GID | SET_MODE | SET_NOFOLLOW))
		err = set_times(fd, attrs);
	return err;
}

int posix_set_attr(struct store_file *base, const struct store_attrs *attrs)
{
	int err;

	if (base->store->read_only)
		return -EROFS;
	err = set_attr(posix_store_of(base->store), posix_file_of(base)->fd, attrs);
	return err || !base->store->sync ? err : posix_sync_file(base, false);
}

int posix_attr_sync(struct posix_store *store, int held)
{
	char name[PROC_FD_MAX];
	struct stat st;
	int fd = -1, err;

	if (!store->base.sync)
		return 0;
	if (!fstat(held, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		fd = open(posix_proc_fd(held, name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	/* Not everybody who may change the attributes may open the object. */
	if (fd < 0)
		return syncfs(store->root) ? -errno : 0;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int posix_set_attr_path(struct store *base, struct store_file *at, const char *path,
			const struct store_attrs *attrs)
{
	struct posix_store *store = posix_store_of(base);
	bool nofollow = attrs->set & SET_NOFOLLOW;
	char room[PATH_MAX];
	int err, held;

	if (base->read_only)
		return -EROFS;
	err = nofollow ? 0 : posix_follow(store, &at, &path, room);
	if (err)
		return err;
	held = posix_open_at(store, at, path, O_PATH | (nofollow ? O_NOFOLLOW : 0), 0);
	if (held < 0)
		return held;
	err = set_attr(store, held, attrs);
	if (!err)
		err = posix_attr_sync(store, held);
	close(held);
	return err;
}
