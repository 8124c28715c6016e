/*
 * Calls about names of the posix store. Each call opens the directory beneath the export, and then
 * acts on the last component, which these system calls never follow. The server owns the store.
 * This code has no state, and any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/store/posix/posix.h"

static int join(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path), more = strlen(name);

	if (len + 1 + more >= PATH_MAX)
		return -ENAMETOOLONG;
	if (len)
		path[len++] = '/';
	memcpy(path + len, name, more + 1);
	return 0;
}

int posix_follow(struct posix_store *store, struct store_file **at, const char **path,
		 char room[PATH_MAX])
{
	int err = store_check_name(*at, *path);
	struct stat st;

	if (!*at || err)
		return err;
	/* If this fails, the next call reports the reason. */
	if (fstatat(posix_file_of(*at)->fd, *path, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISLNK(st.st_mode))
		return 0;
	err = posix_path_of(store, posix_file_of(*at)->fd, room);
	if (!err)
		err = join(room, *path);
	if (err)
		return err;
	*at = NULL;
	*path = room;
	return 0;
}

int posix_stat_path(struct store *base, struct store_file *at, const char *path, bool nofollow,
		    struct file_attr *attr)
{
	struct posix_store *store = posix_store_of(base);
	char room[PATH_MAX];
	struct stat st;
	int err = nofollow ? 0 : posix_follow(store, &at, &path, room), fd;

	if (err)
		return err;
	fd = posix_open_at(store, at, path, O_PATH | (nofollow ? O_NOFOLLOW : 0), 0);
	if (fd < 0)
		return fd;
	err = fstat(fd, &st) ? -errno : 0;
	close(fd);
	if (!err)
		posix_attr(&st, attr);
	return err;
}

/*
 * The descriptor of the directory cannot be synced (O_PATH), so the directory is opened again. A
 * user that may change a directory may not always read it. Then the whole file system is synced,
 * because the change has already happened.
 */
int posix_sync_dir(struct posix_store *store, int dir)
{
	int fd, err;

	if (!store->base.sync)
		return 0;
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES && !syncfs(store->root) ? 0 : -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

static int sync_parent(struct store *base, const struct posix_parent *parent)
{
	return posix_sync_dir(posix_store_of(base), parent->fd);
}

static int change_parent(struct store *base, struct store_file *at, const char *path,
			 struct posix_parent *parent)
{
	int err = base->read_only ? -EROFS
				  : posix_parent_open(posix_store_of(base), at, path, parent);

	if (err)
		return err;
	err = posix_check_name(posix_store_of(base), parent);
	if (err)
		posix_parent_close(parent);
	return err;
}

static int remove_name(struct store *base, struct store_file *at, const char *path, int flags)
{
	struct posix_parent parent;
	int err = change_parent(base, at, path, &parent);

	if (err)
		return err;
	err = posix_inode_enter(&parent.fd, 1);
	if (!err)
		err = unlinkat(parent.fd, parent.name, flags) ? -errno : sync_parent(base, &parent);
	posix_parent_close(&parent);
	return err;
}

int posix_unlink(struct store *base, struct store_file *at, const char *path)
{
	return remove_name(base, at, path, 0);
}

int posix_rmdir(struct store *base, struct store_file *at, const char *path)
{
	return remove_name(base, at, path, AT_REMOVEDIR);
}

int posix_mkdir(struct store *base, struct store_file *at, const char *path, uint32_t mode)
{
	struct posix_parent parent;
	int err = change_parent(base, at, path, &parent);

	if (err)
		return err;
	err = posix_inode_enter(&parent.fd, 1);
	if (!err)
		err = mkdirat(parent.fd, parent.name, mode & 0777) ? -errno
								   : sync_parent(base, &parent);
	posix_parent_close(&parent);
	return err;
}

int posix_symlink(struct store *base, struct store_file *at, const char *path, const char *target)
{
	struct posix_parent parent;
	int err = change_parent(base, at, path, &parent);

	if (err)
		return err;
	err = posix_inode_enter(&parent.fd, 1);
	if (!err)
		err = symlinkat(target, parent.fd, parent.name) ? -errno
								: sync_parent(base, &parent);
	posix_parent_close(&parent);
	return err;
}

int posix_readlink(struct store *base, struct store_file *at, const char *path, char *target)
{
	int fd = posix_open_at(posix_store_of(base), at, path, O_PATH | O_NOFOLLOW, 0);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = readlinkat(fd, "", target, PROTO_PATH_MAX);
	if (len < 0)
		/* The kernel says ENOENT of an open file that is no link. */
		len = errno == ENOENT ? -EINVAL : -errno;
	else
		target[len] = '\0';
	close(fd);
	return (int)len;
}

static unsigned kernel_flags(uint32_t flags)
{
	return (flags & CALL_NOREPLACE ? RENAME_NOREPLACE : 0u) |
	       (flags & CALL_EXCHANGE ? RENAME_EXCHANGE : 0u);
}

int posix_rename(struct store *base, struct store_file *at, const char *from,
		 struct store_file *at2, const char *to, uint32_t flags)
{
	struct posix_parent old, new;
	int err = change_parent(base, at, from, &old);

	if (err)
		return err;
	err = change_parent(base, at2, to, &new);
	if (err)
		goto out_old;
	err = posix_inode_enter((const int[]){old.fd, new.fd}, 2);
	if (!err)
		err = renameat2(old.fd, old.name, new.fd, new.name, kernel_flags(flags))
			      ? -errno
			      : sync_parent(base, &new);
	if (!err)
		err = sync_parent(base, &old);
	posix_parent_close(&new);
out_old:
	posix_parent_close(&old);
	return err;
}

/* Open the directory of a new name. A path that ends in "", "." or ".." exists already. */
static int link_parent(struct store *base, struct store_file *at, const char *to,
		       struct posix_parent *new)
{
	int err = change_parent(base, at, to, new);

	return err == -EINVAL && !at ? -EEXIST : err;
}

int posix_link(struct store *base, struct store_file *at, const char *from, struct store_file *at2,
	       const char *to)
{
	struct posix_parent old, new;
	int err = change_parent(base, at, from, &old);

	if (err)
		return err == -EINVAL && !at ? -EPERM : err;
	err = link_parent(base, at2, to, &new);
	if (err)
		goto out_old;
	err = posix_inode_enter((const int[]){old.fd, new.fd}, 2);
	if (!err)
		err = linkat(old.fd, old.name, new.fd, new.name, 0) ? -errno
								    : sync_parent(base, &new);
	posix_parent_close(&new);
out_old:
	posix_parent_close(&old);
	return err;
}

int posix_link_file(struct store_file *file, struct store_file *at, const char *to)
{
	char name[PROC_FD_MAX];
	struct posix_parent new;
	int err = posix_check_held(posix_store_of(file->store), posix_file_of(file)->fd);

	if (!err)
		err = link_parent(file->store, at, to, &new);
	if (err)
		return err;
	err = posix_inode_enter(&new.fd, 1);
	/* AT_EMPTY_PATH would not need /proc, but only a privileged server may use it. */
	if (!err)
		err = linkat(AT_FDCWD, posix_proc_fd(posix_file_of(file)->fd, name), new.fd,
			     new.name, AT_SYMLINK_FOLLOW)
			      ? -errno
			      : sync_parent(file->store, &new);
	posix_parent_close(&new);
	return err;
}
