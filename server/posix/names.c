/*
 * Names of the posix store: each call opens the directory beneath the export and acts on its last
 * component there, which these calls of the kernel never follow. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "server/posix/posix.h"

int posix_stat_path(struct store *base, const char *path, bool nofollow, struct file_attr *attr)
{
	int fd = posix_path_open(posix_store_of(base), path, O_PATH | (nofollow ? O_NOFOLLOW : 0),
				 0);
	struct stat st;
	int err;

	if (fd < 0)
		return fd;
	err = fstat(fd, &st) ? -errno : 0;
	close(fd);
	if (!err)
		posix_attr(&st, attr);
	return err;
}

/*
 * The names were reached by a descriptor that cannot be synced (O_PATH). Who may change a directory
 * may not always read it: then the whole file system is synced, as the change has happened.
 */
int posix_sync_dir(struct posix_store *store, int dir)
{
	int fd, err;

	if (!store->sync)
		return 0;
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES && !syncfs(store->root) ? 0 : -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int posix_sync_parent(struct posix_store *store, const char *path)
{
	struct posix_parent parent;
	int err = posix_parent_open(store, path, &parent);

	if (err)
		return err;
	err = posix_sync_dir(store, parent.fd);
	posix_parent_close(&parent);
	return err;
}

static int sync_parent(struct store *base, const struct posix_parent *parent)
{
	return posix_sync_dir(posix_store_of(base), parent->fd);
}

static int change_parent(struct store *base, const char *path, struct posix_parent *parent)
{
	if (base->read_only)
		return -EROFS;
	return posix_parent_open(posix_store_of(base), path, parent);
}

static int remove_name(struct store *base, const char *path, int flags)
{
	struct posix_parent parent;
	int err = change_parent(base, path, &parent);

	if (err)
		return err;
	err = unlinkat(parent.fd, parent.name, flags) ? -errno : sync_parent(base, &parent);
	posix_parent_close(&parent);
	return err;
}

int posix_unlink(struct store *base, const char *path)
{
	return remove_name(base, path, 0);
}

int posix_rmdir(struct store *base, const char *path)
{
	return remove_name(base, path, AT_REMOVEDIR);
}

int posix_mkdir(struct store *base, const char *path, uint32_t mode)
{
	struct posix_parent parent;
	int err = change_parent(base, path, &parent);

	if (err)
		return err;
	err = mkdirat(parent.fd, parent.name, mode & 0777) ? -errno : sync_parent(base, &parent);
	posix_parent_close(&parent);
	return err;
}

int posix_rename(struct store *base, const char *from, const char *to, bool noreplace)
{
	struct posix_parent old, new;
	int err = change_parent(base, from, &old);

	if (err)
		return err;
	err = change_parent(base, to, &new);
	if (err)
		goto out_old;
	err = renameat2(old.fd, old.name, new.fd, new.name, noreplace ? RENAME_NOREPLACE : 0)
		      ? -errno
		      : sync_parent(base, &new);
	if (!err)
		err = sync_parent(base, &old);
	posix_parent_close(&new);
out_old:
	posix_parent_close(&old);
	return err;
}

/* Where a new name goes. What has no last component ("", ".", "..") is a directory already. */
static int link_parent(struct store *base, const char *to, struct posix_parent *new)
{
	int err = change_parent(base, to, new);

	return err == -EINVAL ? -EEXIST : err;
}

int posix_link(struct store *base, const char *from, const char *to)
{
	struct posix_parent old, new;
	int err = change_parent(base, from, &old);

	if (err)
		return err == -EINVAL ? -EPERM : err;
	err = link_parent(base, to, &new);
	if (err)
		goto out_old;
	err = linkat(old.fd, old.name, new.fd, new.name, 0) ? -errno : sync_parent(base, &new);
	posix_parent_close(&new);
out_old:
	posix_parent_close(&old);
	return err;
}

int posix_link_file(struct store_file *file, const char *to)
{
	char name[PROC_FD_MAX];
	struct posix_parent new;
	int err = link_parent(file->store, to, &new);

	if (err)
		return err;
	/* AT_EMPTY_PATH would do without /proc, but only for a privileged server. */
	err = linkat(AT_FDCWD, posix_proc_fd(posix_file_of(file)->fd, name), new.fd, new.name,
		     AT_SYMLINK_FOLLOW)
		      ? -errno
		      : sync_parent(file->store, &new);
	posix_parent_close(&new);
	return err;
}
