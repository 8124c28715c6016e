/*
 * Attributes that the kernel has in memory: the worker asks for them and must not block. The server
 * owns the store. This code has no state, and any thread may call it.
 *
 * The lookup stays in the kernel's cache of names (RESOLVE_CACHED, Linux 5.12). The attributes come
 * from the inode, which all file systems of this list keep in memory as long as it has a name in
 * that cache. The other file systems may ask a peer, and so their calls belong to threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "server/store/posix/posix.h"

static int64_t time_ns(const struct statx_timestamp *time)
{
	return file_time_ns(time->tv_sec, time->tv_nsec);
}

void posix_cached_init(struct posix_store *store)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(store->root, &fs) || fstat(store->root, &st))
		return;
	store->root_dev = st.st_dev;
	store->cached = fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
			fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == TMPFS_MAGIC;
}

/*
 * Get the attributes of an open or held object. A file system that has them from a peer is not
 * asked to bring them up to date. -EAGAIN: the object is in another file system than the root.
 */
static int attr_of(const struct posix_store *store, int fd, struct file_attr *attr)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &stx) ||
	    makedev(stx.stx_dev_major, stx.stx_dev_minor) != store->root_dev)
		return -EAGAIN;
	*attr = (struct file_attr){
		.mode = stx.stx_mode,
		.nlink = stx.stx_nlink,
		.uid = stx.stx_uid,
		.gid = stx.stx_gid,
		.ino = stx.stx_ino,
		.dev = store->root_dev,
		.size = stx.stx_size,
		.blocks = stx.stx_blocks,
		.atime_ns = time_ns(&stx.stx_atime),
		.mtime_ns = time_ns(&stx.stx_mtime),
		.ctime_ns = time_ns(&stx.stx_ctime),
	};
	return 0;
}

int posix_stat_cached(struct store *base, struct store_file *at, const char *path, bool nofollow,
		      struct file_attr *attr)
{
	struct posix_store *store = posix_store_of(base);
	int fd, err;

	if (!store->cached || (at && path))
		return -EAGAIN;
	if (at)
		return attr_of(store, posix_file_of(at)->fd, attr);
	fd = posix_open_beneath(store->root, path, O_PATH | (nofollow ? O_NOFOLLOW : 0), 0,
				RESOLVE_CACHED);
	if (fd < 0)
		return fd == -ENOENT ? -ENOENT : -EAGAIN;
	err = attr_of(store, fd, attr);
	close(fd);
	return err;
}
