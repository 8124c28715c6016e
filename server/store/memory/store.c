/*
 * The memory store: a small file system in the server's memory, which ends with the server. The
 * server owns it. Any thread may make calls, which acquire the store's lock. Data is copied at
 * once, and the worker's loop reports the result.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/host/group.h"
#include "server/store/barrier.h"
#include "server/store/evloop.h"
#include "server/store/memory/memory.h"
#include "server/store/store_later.h"

struct memory_queue {
	struct store_queue base;
	struct evloop *loop;
};

/* The pool of the stores without a size. */
static struct mem_pool shared;

/* The memory is that of the machine, or what the control groups of this process allow of it. */
static void fill_shared(void)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	struct group_memory group;

	group_memory("", &group);
	shared.size = (group.max.value < all ? group.max.value : all) / STORE_MEMORY_SHARE;
	atomic_init(&shared.left, shared.size);
}

static struct mem_pool *shared_pool(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fill_shared);
	return &shared;
}

uint64_t memory_store_bytes(const char *where)
{
	char *end;
	uint64_t mib;

	if (!*where)
		return STORE_MEMORY_SHARED;
	errno = 0;
	mib = strtoull(where, &end, 10);
	return *where < '0' || *where > '9' || *end || errno || mib > UINT64_MAX >> 20 ? 0
										       : mib << 20;
}

static int open_store(const char *where, unsigned flags, struct store **out)
{
	struct memory_store *store = calloc(1, sizeof(*store));
	const uint64_t bytes = memory_store_bytes(where);
	int err = -ENOMEM;

	if (!store)
		return -ENOMEM;
	store->base.ops = &store_memory;
	store->base.read_only = flags & STORE_READ_ONLY;
	store->base.forgets = true;
	if (getrandom(&store->id, sizeof(store->id), 0) < 0) {
		err = -errno;
		goto err_free;
	}
	store->pool = bytes == STORE_MEMORY_SHARED ? shared_pool() : &store->own;
	store->own.size = bytes;
	atomic_init(&store->own.left, bytes);
	if (!bytes) {
		log_error("export memory:%s: not a number of MiB; use memory:512, for example",
			  where);
		err = -EINVAL;
		goto err_free;
	}
	store->root = tree_node_new(store, S_IFDIR | 0777, NULL);
	if (!store->root)
		goto err_free;
	store->root->nlink = 1;
	rwlock_init(&store->lock, NULL, LOCK_MEMORY_STORE);
	*out = &store->base;
	return 0;

err_free:
	free(store);
	return err;
}

static void close_store(struct store *base)
{
	struct memory_store *store = memory_store_of(base);

	rwlock_destroy(&store->lock);
	store->root->nlink = 0;
	tree_free(store, store->root);
	free(store);
}

static int queue_open(struct store *store, struct evloop *loop, void *staging, size_t len,
		      struct store_queue **out)
{
	struct memory_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->base.ops = store->ops;
	queue->loop = loop;
	*out = &queue->base;
	return 0;
}

static void queue_close(struct store_queue *queue)
{
	free(queue);
}

static int64_t read_locked(const struct node *node, const struct store_io *io)
{
	uint64_t left = io->off < node->size ? node->size - io->off : 0;
	size_t len = left < io->len ? (size_t)left : io->len;

	if (!len)
		return 0;
	if (io->flags & IO_NO_HOLES && data_has_hole(&node->data, io->off, io->off + len))
		return -ENODATA;
	data_read(&node->data, io->buf, len, io->off);
	return (int64_t)len;
}

static int64_t write_locked(struct memory_store *store, struct node *node,
			    const struct store_io *io)
{
	size_t done;

	if (!io->len)
		return 0;
	if (io->off >= DATA_MAX || io->len > DATA_MAX - io->off)
		return -EFBIG;
	done = data_write(&node->data, store->pool, io->buf, io->len, io->off);
	if (done && io->off + done > node->size)
		node->size = io->off + done;
	tree_touch(node, true);
	return done < io->len ? -ENOSPC : (int64_t)done;
}

static void io_submit(struct store_queue *queue, struct store_io *io)
{
	struct memory_store *store = memory_store_of(io->file->store);
	int64_t result = store_io_check(io);

	if (!result && io->kind == STORE_READ) {
		rwlock_read(&store->lock);
		result = read_locked(memory_node_of(io->file), io);
		rwlock_release(&store->lock);
	} else if (!result) {
		rwlock_write(&store->lock);
		result = write_locked(store, memory_node_of(io->file), io);
		rwlock_release(&store->lock);
	}
	store_later(((struct memory_queue *)queue)->loop, io, result);
}

static void close_file(struct store_file *file)
{
	struct memory_store *store = memory_store_of(file->store);
	struct node *node = memory_node_of(file);

	rwlock_write(&store->lock);
	node->nr_open--;
	tree_node_put(store, node);
	rwlock_release(&store->lock);
	barrier_put(file->barrier);
	free(file);
}

static int stat_file(struct store_file *file, struct file_attr *attr)
{
	struct memory_store *store = memory_store_of(file->store);

	rwlock_read(&store->lock);
	tree_attr(memory_node_of(file), attr);
	rwlock_release(&store->lock);
	return 0;
}

static int stat_cached(struct store *store, struct store_file *at, const char *path, bool nofollow,
		       struct file_attr *attr)
{
	return path ? memory_stat_path(store, at, path, nofollow, attr) : stat_file(at, attr);
}

static int sync_file(struct store_file *file, bool data_only)
{
	return 0;
}

static int truncate_file(struct store_file *file, uint64_t len)
{
	struct memory_store *store = memory_store_of(file->store);
	struct node *node = memory_node_of(file);
	int err = memory_check_writable(file);

	if (err)
		return err;
	if (len > DATA_MAX)
		return -EFBIG;
	rwlock_write(&store->lock);
	err = tree_fence(store, node);
	if (err)
		goto out;
	/* Beyond the size there may be what memory_allocate() has made. */
	if (len < node->size)
		data_punch(&node->data, store->pool, len, DATA_MAX);
	node->size = len;
	tree_touch(node, true);
out:
	rwlock_release(&store->lock);
	return err;
}

static int punch(struct store_file *file, uint64_t start, uint64_t end)
{
	struct memory_store *store = memory_store_of(file->store);
	struct node *node = memory_node_of(file);
	int err = memory_check_writable(file);

	if (err)
		return err;
	rwlock_write(&store->lock);
	err = tree_fence(store, node);
	if (end > node->size)
		end = (node->size + CHUNK_SIZE - 1) / CHUNK_SIZE * CHUNK_SIZE;
	if (!err && start < end) {
		data_punch(&node->data, store->pool, start, end);
		tree_touch(node, true);
	}
	rwlock_release(&store->lock);
	return err;
}

static int seek(struct store_file *file, uint64_t off, bool hole, uint64_t *found)
{
	struct memory_store *store = memory_store_of(file->store);
	const struct node *node = memory_node_of(file);
	int err = file->regular ? 0 : -EBADF;
	uint64_t at;

	rwlock_read(&store->lock);
	if (!err && off >= node->size)
		err = -ENXIO;
	at = err ? 0 : data_seek(&node->data, off, hole);
	if (!err && !hole && at >= node->size)
		err = -ENXIO;
	if (!err)
		*found = at < node->size ? at : node->size;
	rwlock_release(&store->lock);
	return err;
}

const struct store_ops store_memory = {
	.name = "memory",
	.open_store = open_store,
	.close_store = close_store,
	.queue_open = queue_open,
	.queue_close = queue_close,
	.io_submit = io_submit,
	.open_file = memory_open_file,
	.reopen_file = memory_reopen_file,
	.close_file = close_file,
	.stat_file = stat_file,
	.stat_fs = memory_stat_fs,
	.stat_fs_file = memory_stat_fs_file,
	.sync_file = sync_file,
	.truncate_file = truncate_file,
	.punch = punch,
	.allocate = memory_allocate,
	.seek = seek,
	.set_attr = memory_set_attr,
	.set_attr_path = memory_set_attr_path,
	.get_xattr = memory_get_xattr,
	.set_xattr = memory_set_xattr,
	.list_xattr = memory_list_xattr,
	.remove_xattr = memory_remove_xattr,
	.ancestors = memory_ancestors,
	.stat_path = memory_stat_path,
	.stat_cached = stat_cached,
	.unlink = memory_unlink,
	.rmdir = memory_rmdir,
	.mkdir = memory_mkdir,
	.symlink = memory_symlink,
	.readlink = memory_readlink,
	.rename = memory_rename,
	.link = memory_link,
	.link_file = memory_link_file,
	.readdir = memory_readdir,
	.readdir_file = memory_readdir_file,
};
