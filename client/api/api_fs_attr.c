/*
 * The functions of usrbio.h that set attributes of a path, of a name in an open directory or of an
 * open file. Each makes one call to the server. No state; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "client/api/api_fs.h"
#include "client/base/cancel.h"

/* Set attributes of a path. */
static int set_path(const char *path, bool follow, struct call *call)
{
	call->op = CALL_SETATTR;
	if (!follow)
		call->flags |= SET_NOFOLLOW;
	return path ? api_fs_path_call(path, follow, call, NULL) : -EINVAL;
}

/* Set attributes of a name in an open directory; flags: 0 or AT_SYMLINK_NOFOLLOW. */
static int set_name(int dirfd, const char *name, int flags, struct call *call)
{
	call->op = CALL_SETATTR;
	if (flags & ~AT_SYMLINK_NOFOLLOW)
		return -EINVAL;
	if (flags)
		call->flags |= SET_NOFOLLOW;
	return api_fs_name_call(dirfd, name, call, NULL);
}

static int set_file(int fd, struct call *call)
{
	call->op = CALL_SETATTR;
	return api_fs_change(fd, call);
}

static struct call mode_call(mode_t mode)
{
	return (struct call){.flags = SET_MODE, .mode = mode & 0777};
}

int usrbio_chmod(const char *path, mode_t mode)
{
	NOT_CANCELLED;
	struct call call = mode_call(mode);

	return set_path(path, true, &call);
}

int usrbio_fchmod(int fd, mode_t mode)
{
	NOT_CANCELLED;
	struct call call = mode_call(mode);

	return set_file(fd, &call);
}

int usrbio_fchmodat(int dirfd, const char *name, mode_t mode, int flags)
{
	NOT_CANCELLED;
	struct call call = mode_call(mode);

	return set_name(dirfd, name, flags, &call);
}

/* Fill in the owner and group that are not -1. False: both are. */
static bool owner_call(uid_t uid, gid_t gid, struct call *call)
{
	*call = (struct call){
		.flags = (uid == (uid_t)-1 ? 0u : SET_UID) | (gid == (gid_t)-1 ? 0u : SET_GID),
		.uid = uid,
		.gid = gid,
	};
	return call->flags;
}

int usrbio_chown(const char *path, uid_t uid, gid_t gid)
{
	NOT_CANCELLED;
	struct call call;

	return owner_call(uid, gid, &call) ? set_path(path, true, &call) : -EINVAL;
}

int usrbio_lchown(const char *path, uid_t uid, gid_t gid)
{
	NOT_CANCELLED;
	struct call call;

	return owner_call(uid, gid, &call) ? set_path(path, false, &call) : -EINVAL;
}

int usrbio_fchown(int fd, uid_t uid, gid_t gid)
{
	NOT_CANCELLED;
	struct call call;

	return owner_call(uid, gid, &call) ? set_file(fd, &call) : -EINVAL;
}

int usrbio_fchownat(int dirfd, const char *name, uid_t uid, gid_t gid, int flags)
{
	NOT_CANCELLED;
	struct call call;

	return owner_call(uid, gid, &call) ? set_name(dirfd, name, flags, &call) : -EINVAL;
}

/*
 * Convert one time. Returns the flag of it: `set`, `now`, or 0 if it is left out. -EINVAL: it is no
 * time that 64 bits of nanoseconds can hold.
 */
static int64_t time_flag(const struct timespec *time, uint32_t set, uint32_t now, int64_t *ns)
{
	int64_t whole;

	if (!time || time->tv_nsec == UTIME_NOW)
		return now;
	if (time->tv_nsec == UTIME_OMIT)
		return 0;
	if (time->tv_nsec < 0 || time->tv_nsec > 999999999 ||
	    __builtin_mul_overflow((int64_t)time->tv_sec, 1000000000, &whole) ||
	    __builtin_add_overflow(whole, (int64_t)time->tv_nsec, ns))
		return -EINVAL;
	return set;
}

/* Fill in the times: of the last access, and of the last change; NULL: both now. 0 or -EINVAL. */
static int times_call(const struct timespec *times, struct call *call)
{
	int64_t atime, mtime;

	*call = (struct call){0};
	atime = time_flag(times, SET_ATIME, SET_ATIME_NOW, &call->atime_ns);
	mtime = time_flag(times ? times + 1 : NULL, SET_MTIME, SET_MTIME_NOW, &call->mtime_ns);
	if (atime < 0 || mtime < 0 || !(atime | mtime))
		return -EINVAL;
	call->flags = (uint32_t)(atime | mtime);
	return 0;
}

int usrbio_utimens(const char *path, const struct timespec *times)
{
	NOT_CANCELLED;
	struct call call;
	int err = times_call(times, &call);

	return err ? err : set_path(path, true, &call);
}

int usrbio_futimens(int fd, const struct timespec *times)
{
	NOT_CANCELLED;
	struct call call;
	int err = times_call(times, &call);

	return err ? err : set_file(fd, &call);
}

int usrbio_utimensat(int dirfd, const char *name, const struct timespec *times, int flags)
{
	NOT_CANCELLED;
	struct call call;
	int err = times_call(times, &call);

	return err ? err : set_name(dirfd, name, flags, &call);
}
