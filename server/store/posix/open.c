/*
 * How the posix store opens files, and opens them again by their persistent names. It opens only
 * regular files and directories. For a device it does not even call the driver's open. The caller
 * owns the file. Any thread may call this.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/fault_points/faults.h"
#include "common/base/fork.h"
#include "common/base/log.h"
#include "server/manager/kept.h"
#include "server/store/barrier.h"
#include "server/store/posix/posix.h"

#define LINKS_MAX 40 /* symbolic links in a path; the kernel's limit, too */

static int check_type(mode_t mode)
{
	if (S_ISREG(mode) || S_ISDIR(mode))
		return 0;
	return S_ISLNK(mode) ? -ELOOP : -ENXIO;
}

/* Get the flags of open(2), or -errno for an invalid combination. */
static int flags_of(const struct store *store, uint32_t flags)
{
	static const int modes[] = {
		[OPEN_READ] = O_RDONLY, [OPEN_WRITE] = O_WRONLY, [OPEN_READ | OPEN_WRITE] = O_RDWR};
	int err = store_check_open(store, flags);

	if (err)
		return err;
	return modes[flags & (OPEN_READ | OPEN_WRITE)] | (flags & OPEN_TRUNCATE ? O_TRUNC : 0) |
	       (flags & OPEN_DIRECTORY ? O_DIRECTORY : 0) |
	       (flags & OPEN_NOFOLLOW ? O_NOFOLLOW : 0) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
}

static bool is_change(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
}

/*
 * Open a held object again that its mode does not let its owner open. The right to it is proved, so
 * the owner takes the permission for the time of this open, and then gives it back, unless another
 * process has set a mode meanwhile. Returns the descriptor or -errno.
 */
static int open_as_owner(const char *name, int flags, const struct stat *st)
{
	const mode_t old = st->st_mode & 07777,
		     lent = old | ((flags & O_ACCMODE) != O_WRONLY ? S_IRUSR : 0) |
			    ((flags & O_ACCMODE) != O_RDONLY ? S_IWUSR : 0);
	struct stat now;
	int fd;

	if (old & (S_ISUID | S_ISGID) || lent == old || chmod(name, lent))
		return -EACCES;
	fd = open(name, flags);
	if (fd < 0)
		fd = -errno;
	if (!stat(name, &now) && (now.st_mode & 07777) == lent && chmod(name, old))
		log_warn("cannot restore the mode %o of a file: %s", old, strerror(errno));
	return fd;
}

/*
 * Open a held object if it is a regular file or a directory, and close `held` in any case.
 * proven: the mode of the object does not matter, if the server's user may change it.
 */
static int open_held(struct posix_store *store, int held, int flags, bool proven)
{
	char name[PROC_FD_MAX];
	struct stat st;
	int fd = fstat(held, &st) ? -errno : check_type(st.st_mode);

	if (!fd && is_change(flags))
		fd = posix_check_held(store, held);
	if (!fd && flags & O_TRUNC)
		fd = posix_inode_enter(&held, 1);
	if (!fd) {
		flags &= ~(O_NOFOLLOW | O_DIRECTORY);
		fd = open(posix_proc_fd(held, name), flags);
		if (fd < 0)
			fd = -errno;
		if (fd == -EACCES && proven)
			fd = open_as_owner(name, flags, &st);
	}
	close(held);
	return fd;
}

/*
 * Hold the object first, check its type, and only then open it, because opening a device has
 * effects. It is opened through /proc, so that no other object can take its place meanwhile.
 */
static int open_existing(struct posix_store *store, struct store_file *at, const char *path,
			 int flags)
{
	int held = posix_open_at(store, at, path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0);

	return held < 0 ? held : open_held(store, held, flags, false);
}

/* Bring a new file to disk, on a sync export. Returns fd, or closes it and returns -errno. */
static int settle_new(struct posix_store *store, int fd, int dir)
{
	int err = fsync(fd) ? -errno : posix_sync_dir(store, dir);

	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Create the name in its directory, if a client may do so. Returns the descriptor or -errno. */
static int create_in(struct posix_store *store, const struct posix_parent *parent, int flags,
		     mode_t mode)
{
	int fd = posix_check_name(store, parent);

	if (!fd)
		fd = posix_inode_enter(&parent->fd, 1);
	if (!fd)
		fd = posix_parent_create(parent, flags, mode);
	return fd < 0 || !store->base.sync ? fd : settle_new(store, fd, parent->fd);
}

/*
 * If the name is a symbolic link that is to be followed, write its target to room, as a path from
 * the root, and return 1. The file is created there. Else return 0 or -errno.
 */
static int read_link(struct posix_store *store, const struct posix_parent *parent, int flags,
		     char room[PATH_MAX])
{
	char target[PATH_MAX], dir[PATH_MAX];
	ssize_t len;
	int err;

	if (flags & (O_EXCL | O_NOFOLLOW))
		return 0;
	len = readlinkat(parent->fd, parent->name, target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = '\0';
	err = posix_path_of(store, parent->fd, dir);
	if (err)
		return err;
	if (*target == '/')
		return -EACCES;
	if (strlen(dir) + 1 + (size_t)len >= PATH_MAX)
		return -ENAMETOOLONG;
	stpcpy(stpcpy(stpcpy(room, dir), *dir ? "/" : ""), target);
	return 1;
}

/*
 * Create a file at a path. A path without a last component is a directory, which is opened. Returns
 * the descriptor or -errno.
 */
static int create(struct posix_store *store, struct store_file *at, const char *path, int flags,
		  mode_t mode)
{
	char room[PATH_MAX];
	int more = 1, fd = -ELOOP;

	for (int i = 0; i < LINKS_MAX && more > 0; i++) {
		struct posix_parent parent;
		int err = posix_parent_open(store, at, path, &parent);

		if (err == -EINVAL && !at)
			return posix_open_at(store, at, path, flags, 0);
		if (err)
			return err;
		more = read_link(store, &parent, flags, room);
		if (more <= 0)
			fd = more ? more : create_in(store, &parent, flags, mode);
		posix_parent_close(&parent);
		at = NULL;
		path = room;
	}
	return fd;
}

/*
 * A file system may let every lookup wait in a directory in which a call hangs. So a call that may
 * create a name waits at the barrier of the directory first, if there are barriers. 0 or -errno.
 */
static int enter_early(struct posix_store *store, struct store_file *at, const char *path)
{
	struct posix_parent parent;
	int err;

	if (!barrier_any_is_up() || posix_parent_open(store, at, path, &parent))
		return 0;
	err = posix_inode_enter(&parent.fd, 1);
	posix_parent_close(&parent);
	return err;
}

static int open_or_create(struct posix_store *store, struct store_file *at, const char *path,
			  uint32_t flags, uint32_t mode)
{
	int oflags = flags_of(&store->base, flags), fd;

	if (oflags < 0)
		return oflags;
	if (at) /* a link that is to be followed has already become a path */
		oflags |= O_NOFOLLOW;
	if (!(flags & OPEN_CREATE))
		return open_existing(store, at, path, oflags);
	fd = enter_early(store, at, path);
	if (fd)
		return fd;
	fd = -ENOENT;
	if (!(flags & OPEN_EXCLUSIVE))
		fd = open_existing(store, at, path, oflags);
	if (fd != -ENOENT)
		return fd;
	oflags |= O_CREAT | (flags & OPEN_EXCLUSIVE ? O_EXCL : 0);
	/* No set-id bits, because a program could then run with the rights of the server's user. */
	return create(store, at, path, oflags, mode & 0777);
}

/* Open a second descriptor with O_DIRECT, for the hint OPEN_DIRECT; -1: not supported. */
static int open_direct(struct posix_store *store, const struct posix_file *file)
{
	int mode = fcntl(file->fd, F_GETFL) & O_ACCMODE, fd;
	char name[PROC_FD_MAX];

	if (!(file->base.flags & OPEN_DIRECT) || !file->base.regular)
		return -1;
	fd = fork_own(open(posix_proc_fd(file->fd, name), mode | O_DIRECT | O_CLOEXEC));
	if (fd < 0 && !atomic_exchange(&store->reported_direct, true))
		log_info("O_DIRECT: %s; the page cache is used", strerror(errno));
	return fd;
}

/* Get the type of a file's file system; 0: it is not known. */
static long type_of_fs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) ? 0 : fs.f_type;
}

/* True if a write without O_DIRECT always goes through the page cache. FUSE and others decide. */
static bool always_caches(long type)
{
	return type == TMPFS_MAGIC || type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC ||
	       type == BTRFS_SUPER_MAGIC || type == OVERLAYFS_SUPER_MAGIC;
}

/* True if the file system can splice. Splicing at the end of a file is enough to find out. */
static bool can_splice(int fd, off_t end)
{
	int ends[2];
	bool can;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	can = splice(fd, &end, ends[1], NULL, 1, SPLICE_F_NONBLOCK) >= 0;
	close(ends[0]);
	close(ends[1]);
	return can;
}

static bool takes_pipes(struct posix_store *store, const struct posix_file *file,
			const struct stat *st)
{
	if (!file->base.regular || file->direct >= 0 || !(file->base.flags & OPEN_READ))
		return false;
	/* One file stands for its file system. Files of size 0 do not, because of procfs. */
	if (st->st_size && atomic_load(&store->pipes_dev) == st->st_dev + 1)
		return true;
	if (!can_splice(file->fd, st->st_size))
		return false;
	if (st->st_size)
		atomic_store(&store->pipes_dev, st->st_dev + 1);
	return true;
}

/*
 * Make a file of an open descriptor. Returns 0, or closes the descriptor and returns -errno. kept:
 * the service manager has the descriptor already.
 */
static int file_new(struct posix_store *store, int fd, uint32_t flags, struct kept_fd *kept,
		    struct store_file **out, struct file_attr *attr)
{
	struct posix_file *file = calloc(1, sizeof(*file));
	struct stat st;
	int err = file ? 0 : -ENOMEM;
	long type;

	/* Check the type again, because another object may have been made after the first check. */
	if (!err)
		err = fstat(fd, &st) ? -errno : check_type(st.st_mode);
	if (!err && S_ISDIR(st.st_mode) && flags & OPEN_CREATE)
		err = -EISDIR;
	if (!err)
		file->inode = posix_inode_get(&store->inodes, &st);
	if (!err && !file->inode)
		err = -ENOMEM;
	if (err) {
		close(fd);
		kept_drop(kept);
		free(file);
		return err;
	}
	file->fd = fork_own(fd);
	file->kept = kept;
	file->base.store = &store->base;
	file->base.flags = flags & (OPEN_READ | OPEN_WRITE | OPEN_DIRECT);
	file->base.regular = S_ISREG(st.st_mode);
	file->base.barrier = posix_inode_barrier(file->inode);
	file->direct = open_direct(store, file);
	type = type_of_fs(file->fd);
	file->memory = file->direct < 0 && type == TMPFS_MAGIC;
	file->uncached = file->direct >= 0 || !always_caches(type);
	file->base.pipes = takes_pipes(store, file, &st);
	file->base.flags &= OPEN_READ | OPEN_WRITE;
	file->base.persistent_len = posix_name_of(fd, file->base.persistent);
	if (!kept)
		posix_keep_file(file);
	else if (!file->base.persistent_len)
		file->base.persistent_len =
			posix_name_numbered(fd, kept_number(kept), file->base.persistent);
	posix_attr(&st, attr);
	*out = &file->base;
	return 0;
}

int posix_open_file(struct store *base, struct store_file *at, const char *path, uint32_t flags,
		    uint32_t mode, struct store_file **out, struct file_attr *attr)
{
	struct posix_store *store = posix_store_of(base);
	char room[PATH_MAX];
	int err = flags & OPEN_FOLLOW ? posix_follow(store, &at, &path, room) : 0, fd;

	if (err)
		return err;
	fd = fault_at(STORE_OPEN_EMFILE) ? -EMFILE : open_or_create(store, at, path, flags, mode);
	return fd < 0 ? fd : file_new(store, fd, flags, NULL, out, attr);
}

int posix_reopen_file(struct store *base, const char *path, struct bytes persistent, uint32_t flags,
		      struct store_file **out, struct file_attr *attr)
{
	struct posix_store *store = posix_store_of(base);
	int oflags = flags_of(base, flags), held, fd;

	if (oflags < 0)
		return oflags;
	held = posix_name_hold(store, path, persistent);
	if (held < 0)
		return held;
	fd = open_held(store, held, oflags, flags & STORE_PROVEN);
	if (fd == -ELOOP || fd == -ENXIO) /* neither file nor directory, so never opened here */
		return -ESTALE;
	return fd < 0 ? fd : file_new(store, fd, flags, NULL, out, attr);
}

int posix_take_file(struct store *base, struct bytes persistent, uint32_t flags,
		    struct store_file **out, struct file_attr *attr)
{
	struct posix_store *store = posix_store_of(base);
	int err = store_check_open(base, flags), fd = -1;
	struct kept_fd *kept;

	if (err || persistent.len > STORE_NAME_MAX)
		return err ? err : -ESTALE;
	kept = kept_take(posix_kept_tag(persistent, flags), &fd);
	if (!kept)
		return -ESTALE;
	if (posix_kept_is(fd, kept_number(kept), persistent, flags))
		return file_new(store, fd, flags, kept, out, attr);
	log_warn("the service manager passed another file, or another mode of it, than this server "
		 "has left; it is closed");
	close(fd);
	kept_drop(kept);
	return -ESTALE;
}
