/*
 * Opening files of the posix store, and opening them again by their persistent names. Any thread.
 * What is opened is a regular file or a directory: of anything else not even the driver's open is
 * called.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/fault_points/faults.h"
#include "common/base/fork.h"
#include "common/base/log.h"
#include "server/store/posix/posix.h"

#define LINKS_MAX	40   /* as the kernel */
#define HANDLE_ATTEMPTS 1000 /* the kernel was seen to need two */

static int check_type(mode_t mode)
{
	if (S_ISREG(mode) || S_ISDIR(mode))
		return 0;
	return S_ISLNK(mode) ? -ELOOP : -ENXIO;
}

/* The flags of open(2), or -errno for combinations that mean nothing. */
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

/* Look at an object we have hold of, open it if it is a file, and let go of it. */
static int open_held(struct posix_store *store, int held, int flags)
{
	char name[PROC_FD_MAX];
	struct stat st;
	int fd = fstat(held, &st) ? -errno : check_type(st.st_mode);

	if (!fd && is_change(flags))
		fd = posix_check_held(store, held);
	if (!fd) {
		fd = open(posix_proc_fd(held, name), flags & ~(O_NOFOLLOW | O_DIRECTORY));
		if (fd < 0)
			fd = -errno;
	}
	close(held);
	return fd;
}

/*
 * Take hold of the object first, look at it, and only then open it: opening a device acts on it.
 * Through /proc because nobody can put another object in its place meanwhile.
 */
static int open_existing(struct posix_store *store, struct store_file *at, const char *path,
			 int flags)
{
	int held = posix_open_at(store, at, path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0);

	return held < 0 ? held : open_held(store, held, flags);
}

/* A file that has come into being on a sync export: the descriptor, or closed and -errno. */
static int settle_new(struct posix_store *store, int fd, int dir)
{
	int err = fsync(fd) ? -errno : posix_sync_dir(store, dir);

	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Make the name in a directory, if a client may. */
static int create_in(struct posix_store *store, const struct posix_parent *parent, int flags,
		     mode_t mode)
{
	int fd = posix_check_name(store, parent);

	if (!fd)
		fd = posix_parent_create(parent, flags, mode);
	return fd < 0 || !store->sync ? fd : settle_new(store, fd, parent->fd);
}

/*
 * If the name is a symbolic link that is to be followed, where it leads, as a path in room: 1. What
 * it leads to is made there, so that is the name that counts.
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

/* Make a file at a path. One without a last component is a directory, and no name to make. */
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

static int open_or_create(struct posix_store *store, struct store_file *at, const char *path,
			  uint32_t flags, uint32_t mode)
{
	int oflags = flags_of(&store->base, flags), fd = -ENOENT;

	if (oflags < 0)
		return oflags;
	if (at) /* a link that was to be followed has become a path */
		oflags |= O_NOFOLLOW;
	if (!(flags & OPEN_CREATE))
		return open_existing(store, at, path, oflags);
	if (!(flags & OPEN_EXCLUSIVE))
		fd = open_existing(store, at, path, oflags);
	if (fd != -ENOENT)
		return fd;
	oflags |= O_CREAT | (flags & OPEN_EXCLUSIVE ? O_EXCL : 0);
	/* No set-id bits: clients do not hand out the server's identity. */
	return create(store, at, path, oflags, mode & 0777);
}

/*
 * The inode and its generation as the file system names them, with its numbers in front: equal for
 * the same file only, across restarts of the server.
 */
struct persistent {
	uint64_t dev, ino;
	struct file_handle handle; /* its bytes follow */
};

/* Into PERSISTENT_MAX bytes. The length; 0 where there is no such thing. */
static size_t make_persistent(int fd, void *room)
{
	struct persistent *name = room;
	struct stat st;
	int mount;

	_Static_assert(sizeof(*name) + MAX_HANDLE_SZ <= PERSISTENT_MAX, "fits");
	name->handle.handle_bytes = MAX_HANDLE_SZ;
	if (fstat(fd, &st) || name_to_handle_at(fd, "", &name->handle, &mount, AT_EMPTY_PATH))
		return 0;
	name->dev = st.st_dev;
	name->ino = st.st_ino;
	return sizeof(*name) + name->handle.handle_bytes;
}

/* A second descriptor for the hint OPEN_DIRECT; not every file system can. */
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

static bool is_memory(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == TMPFS_MAGIC;
}

/* Some file systems cannot splice, which shows at the end of a file as well as anywhere. */
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
	/* What one file can holds for its file system, but not in procfs, whose files say 0. */
	if (st->st_size && atomic_load(&store->pipes_dev) == st->st_dev + 1)
		return true;
	if (!can_splice(file->fd, st->st_size))
		return false;
	if (st->st_size)
		atomic_store(&store->pipes_dev, st->st_dev + 1);
	return true;
}

/* What is known of an open descriptor, which the file takes over; closed when that fails. */
static int file_new(struct posix_store *store, int fd, uint32_t flags, struct store_file **out,
		    struct file_attr *attr)
{
	_Alignas(struct persistent) uint8_t name[PERSISTENT_MAX];
	struct posix_file *file = calloc(1, sizeof(*file));
	struct stat st;
	int err = file ? 0 : -ENOMEM;

	/* Again, for what came into being between the look and the creation. */
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
		free(file);
		return err;
	}
	file->fd = fork_own(fd);
	file->base.store = &store->base;
	file->base.flags = flags & (OPEN_READ | OPEN_WRITE | OPEN_DIRECT);
	file->base.regular = S_ISREG(st.st_mode);
	file->base.barrier = posix_inode_barrier(file->inode);
	file->direct = open_direct(store, file);
	file->memory = file->direct < 0 && is_memory(file->fd);
	file->base.pipes = takes_pipes(store, file, &st);
	file->base.flags &= OPEN_READ | OPEN_WRITE;
	file->base.persistent_len = make_persistent(fd, name);
	memcpy(file->base.persistent, name, file->base.persistent_len);
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
	return fd < 0 ? fd : file_new(store, fd, flags, out, attr);
}

/* Hold what is at a path, if it is what we look for; -ESTALE if not. */
static int hold_path(struct posix_store *store, const char *path, struct bytes persistent)
{
	_Alignas(struct persistent) uint8_t name[PERSISTENT_MAX];
	int held = posix_path_open(store, path, O_PATH, 0);

	if (held == -EMFILE || held == -ENFILE || held == -ENOMEM)
		return held;
	if (held < 0)
		return -ESTALE;
	if (make_persistent(held, name) == persistent.len &&
	    !memcmp(name, persistent.data, persistent.len))
		return held;
	close(held);
	return -ESTALE;
}

/*
 * The file of a handle, without any access to it. The kernel says ENOMEM not only without memory:
 * also while the inode's number is just being given to a new file (iget_locked() of Linux), which
 * is over within microseconds, so we ask again. The descriptor, or -errno.
 */
static int open_handle(struct posix_store *store, struct file_handle *handle)
{
	int fd = -1;

	for (int attempt = 0; attempt < HANDLE_ATTEMPTS; attempt++) {
		fd = open_by_handle_at(store->root, handle, O_PATH | O_CLOEXEC);
		if (fd >= 0 || errno != ENOMEM)
			break;
		sched_yield();
	}
	return fd < 0 ? -errno : fd;
}

/*
 * Ask the kernel for the file of a handle, for privileged servers. The handle came from outside,
 * and may name any file of the file system: so it serves to learn a path only, and what that leads
 * to, beneath the export, is what we take, if it is the file.
 */
static int hold_handle(struct posix_store *store, struct bytes persistent)
{
	_Alignas(struct persistent) uint8_t room[PERSISTENT_MAX];
	struct persistent *name = (void *)room;
	char path[PATH_MAX];
	int held, err;

	if (persistent.len <= sizeof(*name) || persistent.len > sizeof(room))
		return -ESTALE;
	memcpy(room, persistent.data, persistent.len);
	if (name->handle.handle_bytes != persistent.len - sizeof(*name))
		return -ESTALE;
	held = open_handle(store, &name->handle);
	if (held < 0)
		return held == -EMFILE || held == -ENFILE || held == -ENOMEM ? held : -ESTALE;
	err = posix_path_of(store, held, path);
	close(held);
	return err ? err : hold_path(store, path, persistent);
}

int posix_reopen_file(struct store *base, const char *path, struct bytes persistent, uint32_t flags,
		      struct store_file **out, struct file_attr *attr)
{
	struct posix_store *store = posix_store_of(base);
	int oflags = flags_of(base, flags), held, fd;

	if (oflags < 0)
		return oflags;
	held = hold_path(store, path, persistent);
	if (held == -ESTALE)
		held = hold_handle(store, persistent);
	if (held < 0)
		return held;
	fd = open_held(store, held, oflags);
	if (fd == -ELOOP || fd == -ENXIO) /* neither file nor directory, so none of ours */
		return -ESTALE;
	return fd < 0 ? fd : file_new(store, fd, flags, out, attr);
}
