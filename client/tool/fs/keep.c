/* Gives attributes to objects; see keep.h. No state; any thread. */
#include "client/tool/fs/keep.h"

#include <errno.h>
#include <sys/stat.h>

#include "common/base/clock.h"

/* True if the owner cannot be set: this user must not, or there are no such owners there. */
static bool no_owners(int err)
{
	return err == -EPERM || err == -EACCES || err == -EINVAL || err == -EOPNOTSUPP ||
	       err == -ENOSYS;
}

/* Set owner and group, or only the group; both may be refused. 0 or -errno. */
static int set_owner(const struct fs *fs, int dir, const char *name, const struct usrbio_stat *now,
		     const struct usrbio_stat *model)
{
	int err;

	if (now && now->uid == model->uid && now->gid == model->gid)
		return 0;
	err = fs->chownat(dir, name, model->uid, model->gid);
	if (no_owners(err) && !(now && now->gid == model->gid))
		err = fs->chownat(dir, name, (uid_t)-1, model->gid);
	return no_owners(err) ? 0 : err;
}

static int set_mode(const struct fs *fs, int dir, const char *name, const struct usrbio_stat *now,
		    const struct usrbio_stat *model)
{
	mode_t mode = model->mode & 0777;

	if (S_ISLNK(model->mode) || (now && (now->mode & 0777) == mode))
		return 0;
	return name ? fs->chmodat(dir, name, mode) : fs->chmod(dir, mode);
}

/* The owner comes first: changing it may clear bits of the mode. The times are last. */
int keep_set(const struct fs *fs, int dir, const char *name, const struct usrbio_stat *now,
	     const struct usrbio_stat *model)
{
	const struct timespec times[2] = {file_time_of(model->atime_ns),
					  file_time_of(model->mtime_ns)};
	int err = set_owner(fs, dir, name, now, model);

	if (!err)
		err = set_mode(fs, dir, name, now, model);
	if (!err && !(now && now->mtime_ns == model->mtime_ns))
		err = fs->utimensat(dir, name, times);
	return err;
}

bool keep_differs(const struct usrbio_stat *now, const struct usrbio_stat *model)
{
	return now->mtime_ns != model->mtime_ns ||
	       (!S_ISLNK(model->mode) && (now->mode & 0777) != (model->mode & 0777));
}
