/*
 * An open file of the posix store. Calls come from any thread; data goes through queue.c. What is
 * opened is a regular file or a directory: of anything else not even the driver's open is called.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/fork.h"
#include "common/log.h"
#include "server/posix/posix.h"

static int64_t time_ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000ll + ts->tv_nsec;
}

void posix_attr(const struct stat *st, struct file_attr *attr)
{
	*attr = (struct file_attr){
		.mode = st->st_mode,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.ino = st->st_ino,
		.dev = st->st_dev,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime_ns = time_ns(&st->st_atim),
		.mtime_ns = time_ns(&st->st_mtim),
		.ctime_ns = time_ns(&st->st_ctim),
	};
}

static int check_type(mode_t mode)
{
	if (S_ISREG(mode) || S_ISDIR(mode))
		return 0;
	return S_ISLNK(mode) ? -ELOOP : -ENXIO;
}

/* The flags of open(2), or -errno for combinations that mean nothing. */
static int flags_of(const struct store *store, uint32_t flags)
{
	static const int modes[] = {-EINVAL, O_RDONLY, O_WRONLY, O_RDWR};
	int mode = modes[flags & (OPEN_READ | OPEN_WRITE)];

	if (mode < 0 || flags & ~(uint32_t)OPEN_FLAGS_ALL)
		return -EINVAL;
	if (flags & OPEN_TRUNCATE && !(flags & OPEN_WRITE))
		return -EINVAL;
	if (flags & OPEN_DIRECTORY && flags & OPEN_CREATE)
		return -EINVAL;
	if (store->read_only && flags & (OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE))
		return -EROFS;
	return mode | (flags & OPEN_TRUNCATE ? O_TRUNC : 0) |
	       (flags & OPEN_DIRECTORY ? O_DIRECTORY : 0) |
	       (flags & OPEN_NOFOLLOW ? O_NOFOLLOW : 0) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
}

/*
 * Take hold of the object first, look at it, and only then open it: opening a device acts on it.
 * Through /proc because nobody can put another object in its place meanwhile.
 */
static int open_existing(struct posix_store *store, const char *path, int flags)
{
	int held = posix_path_open(store, path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0);
	char name[PROC_FD_MAX];
	struct stat st;
	int fd;

	if (held < 0)
		return held;
	fd = fstat(held, &st) ? -errno : check_type(st.st_mode);
	if (!fd) {
		fd = open(posix_proc_fd(held, name), flags & ~(O_NOFOLLOW | O_DIRECTORY));
		if (fd < 0)
			fd = -errno;
	}
	close(held);
	return fd;
}

static int open_or_create(struct posix_store *store, const char *path, uint32_t flags,
			  uint32_t mode)
{
	int oflags = flags_of(&store->base, flags), fd = -ENOENT;

	if (oflags < 0)
		return oflags;
	if (!(flags & OPEN_CREATE))
		return open_existing(store, path, oflags);
	if (!(flags & OPEN_EXCLUSIVE))
		fd = open_existing(store, path, oflags);
	if (fd != -ENOENT)
		return fd;
	oflags |= O_CREAT | (flags & OPEN_EXCLUSIVE ? O_EXCL : 0);
	/* No set-id bits: clients do not hand out the server's identity. */
	return posix_path_open(store, path, oflags, mode & 0777);
}

/*
 * The inode and its generation as the file system names them, with its numbers in front: equal for
 * the same file only, across restarts of the server. Empty where there is no such thing.
 */
static void make_persistent(struct posix_file *file, const struct stat *st)
{
	union {
		struct file_handle fh;
		uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = {.fh.handle_bytes = MAX_HANDLE_SZ};
	const uint64_t numbers[2] = {st->st_dev, st->st_ino};
	size_t len;
	int mount;

	_Static_assert(sizeof(numbers) + sizeof(handle) <= PERSISTENT_MAX, "fits");
	if (name_to_handle_at(file->fd, "", &handle.fh, &mount, AT_EMPTY_PATH))
		return;
	len = sizeof(struct file_handle) + handle.fh.handle_bytes;
	memcpy(file->base.persistent, numbers, sizeof(numbers));
	memcpy(file->base.persistent + sizeof(numbers), &handle, len);
	file->base.persistent_len = sizeof(numbers) + len;
}

/* A second descriptor for the hint OPEN_DIRECT; not every file system can. */
static int open_direct(struct posix_store *store, const struct posix_file *file)
{
	int mode = fcntl(file->fd, F_GETFL) & O_ACCMODE, fd;
	char name[PROC_FD_MAX];

	if (!(file->base.flags & OPEN_DIRECT) || !file->base.regular)
		return -1;
	fd = fork_own(open(posix_proc_fd(file->fd, name), mode | O_DIRECT | O_CLOEXEC));
	if (fd < 0 && !atomic_exchange(&store->told_direct, true))
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
	if (atomic_load(&store->pipes_dev) == st->st_dev + 1)
		return true;
	if (!can_splice(file->fd, st->st_size))
		return false;
	atomic_store(&store->pipes_dev, st->st_dev + 1);
	return true;
}

int posix_open_file(struct store *base, const char *path, uint32_t flags, uint32_t mode,
		    struct store_file **out, struct file_attr *attr)
{
	struct posix_store *store = posix_store_of(base);
	struct posix_file *file = calloc(1, sizeof(*file));
	struct stat st;
	int err;

	if (!file)
		return -ENOMEM;
	file->fd = fork_own(open_or_create(store, path, flags, mode));
	if (file->fd < 0) {
		err = file->fd;
		goto err_free;
	}
	/* Again, for what came into being between the look and the creation. */
	err = fstat(file->fd, &st) ? -errno : check_type(st.st_mode);
	if (!err && S_ISDIR(st.st_mode) && flags & OPEN_CREATE)
		err = -EISDIR;
	if (err)
		goto err_close;
	file->base.store = base;
	file->base.flags = flags & (OPEN_READ | OPEN_WRITE | OPEN_DIRECT);
	file->base.regular = S_ISREG(st.st_mode);
	file->direct = open_direct(store, file);
	file->memory = file->direct < 0 && is_memory(file->fd);
	file->base.pipes = takes_pipes(store, file, &st);
	file->base.flags &= OPEN_READ | OPEN_WRITE;
	make_persistent(file, &st);
	posix_attr(&st, attr);
	*out = &file->base;
	return 0;

err_close:
	fork_close(file->fd);
err_free:
	free(file);
	return err;
}

void posix_close_file(struct store_file *base)
{
	struct posix_file *file = posix_file_of(base);

	if (file->direct >= 0)
		fork_close(file->direct);
	fork_close(file->fd);
	free(file);
}

int posix_stat_file(struct store_file *base, struct file_attr *attr)
{
	struct stat st;

	if (fstat(posix_file_of(base)->fd, &st))
		return -errno;
	posix_attr(&st, attr);
	return 0;
}

int posix_sync_file(struct store_file *base, bool data_only)
{
	struct posix_file *file = posix_file_of(base);
	int err = 0;

	if (atomic_load(&file->poisoned))
		return -EIO;
	if (data_only ? fdatasync(file->fd) : fsync(file->fd))
		err = -errno;
	/* Not a failure to write: this kind of file has nothing to sync. */
	if (err && err != -EINVAL && err != -EROFS && err != -EINTR)
		atomic_store(&file->poisoned, true);
	return err;
}

static int check_writable(const struct store_file *file)
{
	if (file->store->read_only)
		return -EROFS;
	return file->regular && file->flags & OPEN_WRITE ? 0 : -EBADF;
}

int posix_truncate_file(struct store_file *base, uint64_t len)
{
	int err = check_writable(base);

	if (err)
		return err;
	if (len > INT64_MAX)
		return -EFBIG;
	return ftruncate(posix_file_of(base)->fd, (off_t)len) ? -errno : 0;
}

static int punch(int fd, uint64_t start, uint64_t end)
{
	if (start >= end)
		return 0;
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start,
			 (off_t)(end - start))
		       ? -errno
		       : 0;
}

int posix_punch(struct store_file *base, uint64_t start, uint64_t end)
{
	int fd = posix_file_of(base)->fd, err = check_writable(base);
	struct stat st;

	if (err || start >= end || start > INT64_MAX)
		return err;
	err = punch(fd, start, end < INT64_MAX ? end : INT64_MAX);
	if (err != -EFBIG)
		return err;
	/* Beyond what this file system can hold: all of the file's last block, then. */
	if (fstat(fd, &st))
		return -errno;
	end = (uint64_t)st.st_size + (uint64_t)st.st_blksize - 1;
	return punch(fd, start, end - end % (uint64_t)st.st_blksize);
}
