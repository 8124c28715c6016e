/*
 * The posix store: an export that is a directory of this machine. The server owns it. It does not
 * change while it is open, so any thread may use it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/fork.h"
#include "common/base/log.h"
#include "server/store/posix/posix.h"

/*
 * Try to lock an export. One server at a time may change it, or any number may read it. The lock
 * belongs to the open directory, which the rings of the workers hold as well (evloop_hold): it ends
 * when the process has ended and the kernel does nothing for it any more. 0; -EBUSY: another one
 * has it; or another -errno: it cannot be locked.
 */
static int try_lock(int fd, bool read_only)
{
	if (!flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

static int claim(struct store *base)
{
	int err = try_lock(posix_store_of(base)->root, base->read_only);

	return err == -EBUSY ? err : 0;
}

static void release(struct store *base)
{
	flock(posix_store_of(base)->root, LOCK_UN);
}

static int lock_root(struct posix_store *store, const char *where, unsigned flags)
{
	int err = flags & STORE_UNLOCKED ? 0 : try_lock(store->root, store->base.read_only);

	store->base.elsewhere = err == -EBUSY && flags & STORE_LATER;
	if (!err || store->base.elsewhere)
		return 0;
	if (err == -EBUSY) {
		log_error("export %s: another server, or another --export, has it already", where);
		return err;
	}
	/* Some network file systems cannot lock directories. */
	log_warn("export %s: cannot be locked, so take care that no second server exports it: %s",
		 where, strerror(-err));
	return 0;
}

/* Check for openat2() and /proc, which calls need later. Returns 0 or -errno, logged. */
static int check_kernel(struct posix_store *store, const char *where)
{
	char name[PROC_FD_MAX];
	struct stat st;
	int fd = posix_path_open(store, ".", O_PATH | O_DIRECTORY, 0);

	if (fd < 0) {
		log_error("export %s: openat2 with RESOLVE_BENEATH: %s", where, strerror(-fd));
		return fd;
	}
	close(fd);
	if (!stat(posix_proc_fd(store->root, name), &st))
		return 0;
	log_error("export %s: the server needs /proc; mount it", where);
	return -ENOENT;
}

static int open_store(const char *where, unsigned flags, struct store **out)
{
	struct posix_store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	store->base.ops = &store_posix;
	store->base.read_only = flags & STORE_READ_ONLY;
	store->base.local = true;
	store->base.sync = flags & STORE_SYNC;
	store->root = fork_own(open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (store->root < 0) {
		err = -errno;
		log_error("export %s: %s", where, strerror(-err));
		goto err_free;
	}
	err = check_kernel(store, where);
	if (err)
		goto err_close;
	err = lock_root(store, where, flags);
	if (err)
		goto err_close;
	store->base.hindrances = posix_name_hindrances(store);
	posix_inodes_open(&store->inodes);
	group_tasks("", &store->tasks);
	group_gauge_open("", &store->gauge);
	posix_writeback_init("");
	posix_cached_init(store);
	*out = &store->base;
	return 0;

err_close:
	fork_close(store->root);
err_free:
	free(store);
	return err;
}

static void close_store(struct store *base)
{
	struct posix_store *store = posix_store_of(base);

	posix_rescue_close(store->rescue);
	group_gauge_close(&store->gauge);
	release(base); /* the kernel frees a ring, which holds the root, only some time later */
	fork_close(store->root);
	posix_inodes_close(&store->inodes);
	free(store);
}

const struct store_ops store_posix = {
	.name = "posix",
	.open_store = open_store,
	.claim = claim,
	.release = release,
	.close_store = close_store,
	.queue_open = posix_queue_open,
	.queue_close = posix_queue_close,
	.io_submit = posix_io_submit,
	.open_file = posix_open_file,
	.reopen_file = posix_reopen_file,
	.take_file = posix_take_file,
	.close_file = posix_close_file,
	.describe_file = posix_describe_file,
	.stat_file = posix_stat_file,
	.stat_fs = posix_stat_fs,
	.stat_fs_file = posix_stat_fs_file,
	.sync_file = posix_sync_file,
	.truncate_file = posix_truncate_file,
	.punch = posix_punch,
	.allocate = posix_allocate,
	.seek = posix_seek,
	.set_attr = posix_set_attr,
	.set_attr_path = posix_set_attr_path,
	.get_xattr = posix_get_xattr,
	.set_xattr = posix_set_xattr,
	.list_xattr = posix_list_xattr,
	.remove_xattr = posix_remove_xattr,
	.ancestors = posix_ancestors,
	.stat_path = posix_stat_path,
	.stat_cached = posix_stat_cached,
	.stat_paths = posix_stat_paths,
	.unlink = posix_unlink,
	.rmdir = posix_rmdir,
	.mkdir = posix_mkdir,
	.symlink = posix_symlink,
	.readlink = posix_readlink,
	.rename = posix_rename,
	.link = posix_link,
	.link_file = posix_link_file,
	.readdir = posix_readdir,
	.readdir_file = posix_readdir_file,
};
