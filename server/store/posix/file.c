/*
 * An open file of the posix store: a regular file or a directory. The session owns it, and any
 * thread may call these functions. Data goes through queue.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/fault_points/faults.h"
#include "common/base/fork.h"
#include "common/base/log.h"
#include "common/host/host.h"
#include "server/manager/kept.h"
#include "common/base/clock.h"
#include "server/store/posix/posix.h"

static int64_t time_ns(const struct timespec *ts)
{
	return file_time_ns(ts->tv_sec, ts->tv_nsec);
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

uint64_t posix_kept_tag(struct bytes name, uint32_t modes)
{
	uint8_t both[STORE_NAME_MAX + sizeof(modes)];

	modes &= OPEN_READ | OPEN_WRITE;
	memcpy(both, &modes, sizeof(modes));
	memcpy(both + sizeof(modes), name.data, name.len);
	return host_of(both, sizeof(modes) + name.len);
}

/* Flags of an open file that do not matter. The kernel sets O_LARGEFILE, which is 0 here. */
#define HARMLESS (O_NONBLOCK | O_NOFOLLOW | O_DIRECTORY | O_NOCTTY | O_CLOEXEC | 0100000)

bool posix_kept_is(int fd, uint64_t number, struct bytes name, uint32_t flags)
{
	static const int modes[] = {
		[OPEN_READ] = O_RDONLY, [OPEN_WRITE] = O_WRONLY, [OPEN_READ | OPEN_WRITE] = O_RDWR};
	int own = fcntl(fd, F_GETFL);

	return own >= 0 && (own & ~HARMLESS) == modes[flags & (OPEN_READ | OPEN_WRITE)] &&
	       posix_name_is(fd, number, name);
}

/*
 * A file with a handle is found wherever it is, by a server that modes do not limit. Any other one
 * can become unreachable while it is open, because anybody may move it or change its mode.
 */
void posix_keep_file(struct posix_file *file)
{
	struct store_file *base = &file->base;
	const bool named = base->persistent_len;
	uint64_t number;

	if (!kept_max())
		return;
	if (named && !(base->store->hindrances & STORE_NO_RIGHTS) &&
	    posix_name_has_handle(base->persistent))
		return;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return;
	if (!named)
		base->persistent_len = posix_name_numbered(file->fd, number, base->persistent);
	if (base->persistent_len)
		file->kept = kept_add(
			file->fd, number,
			posix_kept_tag((struct bytes){base->persistent, base->persistent_len},
				       base->flags));
	if (!named && !file->kept)
		base->persistent_len = 0;
}

void posix_close_file(struct store_file *base)
{
	struct posix_file *file = posix_file_of(base);

	if (file->direct >= 0)
		fork_close(file->direct);
	fork_close(file->fd);
	kept_drop(file->kept);
	posix_inode_put(&posix_store_of(base->store)->inodes, file->inode);
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

	if (posix_inode_poisoned(file->inode))
		return -EIO;
	if (fault_errno(STORE_SYNC_EIO, EIO) || (data_only ? fdatasync(file->fd) : fsync(file->fd)))
		err = -errno;
	if (store_sync_lost(err)) {
		posix_inode_poison(file->inode);
		store_lost(base->store);
	}
	return err;
}

/* Bring a change that is no write to disk, on a sync export. Returns 0 or -errno. */
static int sync_change(struct store_file *base)
{
	return base->store->sync ? posix_sync_file(base, true) : 0;
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
	err = posix_inode_enter(&posix_file_of(base)->fd, 1);
	if (err)
		return err;
	return ftruncate(posix_file_of(base)->fd, (off_t)len) ? -errno : sync_change(base);
}

int posix_seek(struct store_file *base, uint64_t off, bool hole, uint64_t *found)
{
	off_t at;

	if (!base->regular)
		return -EBADF;
	if (off > INT64_MAX)
		return -ENXIO;
	at = lseek(posix_file_of(base)->fd, (off_t)off, hole ? SEEK_HOLE : SEEK_DATA);
	if (at < 0)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	*found = (uint64_t)at;
	return 0;
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
	err = posix_inode_enter(&fd, 1);
	if (err)
		return err;
	err = punch(fd, start, end < INT64_MAX ? end : INT64_MAX);
	if (err != -EFBIG)
		return err ? err : sync_change(base);
	/* The end is beyond the limit of this file system, so punch up to the file's last block. */
	if (fstat(fd, &st))
		return -errno;
	end = (uint64_t)st.st_size + (uint64_t)st.st_blksize - 1;
	err = punch(fd, start, end - end % (uint64_t)st.st_blksize);
	return err ? err : sync_change(base);
}

int posix_allocate(struct store_file *base, uint32_t how, uint64_t off, uint64_t len)
{
	struct posix_file *file = posix_file_of(base);
	int err = check_writable(base);

	_Static_assert(ALLOCATE_KEEP_SIZE == FALLOC_FL_KEEP_SIZE &&
			       ALLOCATE_PUNCH_HOLE == FALLOC_FL_PUNCH_HOLE &&
			       ALLOCATE_ZERO_RANGE == FALLOC_FL_ZERO_RANGE,
		       "the flags are those of the kernel");
	if (how & ALLOCATE_PUNCH_HOLE)
		return posix_punch(base, off, off + len);
	if (!err && file->memory &&
	    !posix_tmpfs_has_room(posix_store_of(base->store), file->fd, off, len))
		err = -ENOSPC;
	if (!err)
		err = posix_inode_enter(&file->fd, 1);
	if (err)
		return err;
	return fallocate(file->fd, (int)how, (off_t)off, (off_t)len) ? -errno : sync_change(base);
}
