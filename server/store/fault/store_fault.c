/*
 * The fault store: a store around an inner one, for tests. Each of its files and I/Os contains one
 * of the inner store, so it allocates memory for each I/O. The server owns the store. Any thread
 * may use it; a queue belongs to its worker's thread.
 */
#include "server/store/fault/store_fault_impl.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "server/store/evloop.h"
#include "server/store/store_later.h"

struct fault_queue {
	struct store_queue base;
	struct store_queue *inner;
	struct fault_store *store;
	struct evloop *loop;
};

/* An I/O under way: it may be delayed first, and then the inner store has it. */
struct fault_io {
	struct store_io inner;
	struct store_io *outer;
	struct fault_queue *queue;
	struct __kernel_timespec delay;
	struct ev timer;
	int err; /* the error to end with, instead of going to the inner store; or 0 */
};

static int claim(struct store *store)
{
	return fault_inner_of(store)->ops->claim(fault_inner_of(store));
}

static void release(struct store *store)
{
	if (fault_inner_of(store)->ops->release)
		fault_inner_of(store)->ops->release(fault_inner_of(store));
}

static void close_store(struct store *store)
{
	fault_inner_of(store)->ops->close_store(fault_inner_of(store));
	free(store);
}

static int queue_open(struct store *store, struct evloop *loop, void *staging, size_t len,
		      struct store_queue **out)
{
	struct fault_queue *queue = calloc(1, sizeof(*queue));
	struct store *inner = fault_inner_of(store);
	int err;

	if (!queue)
		return -ENOMEM;
	err = inner->ops->queue_open(inner, loop, staging, len, &queue->inner);
	if (err) {
		free(queue);
		return err;
	}
	queue->base.ops = store->ops;
	queue->store = (struct fault_store *)store;
	queue->loop = loop;
	*out = &queue->base;
	return 0;
}

static void queue_close(struct store_queue *base)
{
	struct fault_queue *queue = (struct fault_queue *)base;

	queue->inner->ops->queue_close(queue->inner);
	free(queue);
}

static void inner_done(struct store_io *inner, int64_t result)
{
	struct fault_io *io = (struct fault_io *)inner;
	struct store_io *outer = io->outer;

	free(io);
	outer->done(outer, result);
}

static void proceed(struct fault_io *io)
{
	struct store_queue *inner = io->queue->inner;

	if (io->err)
		store_later(io->queue->loop, &io->inner, io->err);
	else
		inner->ops->io_submit(inner, &io->inner);
}

static void delay_over(struct ev *ev, int32_t res)
{
	proceed((struct fault_io *)((char *)ev - offsetof(struct fault_io, timer)));
}

static void io_submit(struct store_queue *base, struct store_io *outer)
{
	struct fault_queue *queue = (struct fault_queue *)base;
	struct fault_io *io = calloc(1, sizeof(*io));
	enum fault_call call = outer->kind == STORE_READ ? FAULT_READ : FAULT_WRITE;
	struct io_uring_sqe *sqe;
	unsigned delay_ms;

	if (!io) {
		store_later(queue->loop, outer, -ENOMEM);
		return;
	}
	io->inner = *outer;
	io->inner.file = fault_inner_file(outer->file);
	io->inner.done = inner_done;
	io->outer = outer;
	io->queue = queue;
	io->err = store_fault_decide(&queue->store->rules, call, &delay_ms);
	if (!delay_ms) {
		proceed(io);
		return;
	}
	io->delay.tv_sec = delay_ms / 1000;
	io->delay.tv_nsec = delay_ms % 1000 * 1000000ll;
	io->timer.fn = delay_over;
	sqe = evloop_sqe(queue->loop);
	io_uring_prep_timeout(sqe, &io->delay, 0, 0);
	evloop_bind(sqe, &io->timer);
}

/* Make a file around one of the inner store. Returns 0 or -ENOMEM: then the inner one is closed. */
static int wrap(struct store *store, struct store_file *inner, struct store_file **out)
{
	struct fault_file *file = malloc(sizeof(*file));

	if (!file) {
		inner->store->ops->close_file(inner);
		return -ENOMEM;
	}
	file->inner = inner;
	file->base = *inner;
	file->base.store = store;
	*out = &file->base;
	return 0;
}

static int open_file(struct store *store, struct store_file *at, const char *path, uint32_t flags,
		     uint32_t mode, struct store_file **out, struct file_attr *attr)
{
	struct store_file *inner;
	int err = store_fault_check(store, FAULT_OPEN);

	if (!err)
		err = fault_inner_of(store)->ops->open_file(
			fault_inner_of(store), fault_inner_at(at), path, flags, mode, &inner, attr);
	return err ? err : wrap(store, inner, out);
}

static int reopen_file(struct store *store, const char *path, struct bytes persistent,
		       uint32_t flags, struct store_file **out, struct file_attr *attr)
{
	struct store_file *inner;
	int err = store_fault_check(store, FAULT_OPEN);

	if (!err)
		err = fault_inner_of(store)->ops->reopen_file(fault_inner_of(store), path,
							      persistent, flags, &inner, attr);
	return err ? err : wrap(store, inner, out);
}

static int take_file(struct store *store, struct bytes persistent, uint32_t flags,
		     struct store_file **out, struct file_attr *attr)
{
	struct store *inner_store = fault_inner_of(store);
	struct store_file *inner;
	int err = inner_store->ops->take_file ? store_fault_check(store, FAULT_OPEN) : -ESTALE;

	if (!err)
		err = inner_store->ops->take_file(inner_store, persistent, flags, &inner, attr);
	return err ? err : wrap(store, inner, out);
}

static void close_file(struct store_file *file)
{
	struct store *inner = fault_inner_of(file->store);

	inner->ops->close_file(fault_inner_file(file));
	free(file);
}

static void describe_file(struct store_file *file, char *text, size_t size)
{
	store_describe(fault_inner_file(file), text, size);
}

static int stat_file(struct store_file *file, struct file_attr *attr)
{
	int err = store_fault_check(file->store, FAULT_STAT);

	return err ? err
		   : fault_inner_of(file->store)->ops->stat_file(fault_inner_file(file), attr);
}

static int stat_fs_file(struct store_file *file, uint64_t fs[NR_FS_NUMBERS])
{
	int err = store_fault_check(file->store, FAULT_STATFS);

	return err ? err
		   : fault_inner_of(file->store)->ops->stat_fs_file(fault_inner_file(file), fs);
}

static int sync_file(struct store_file *file, bool data_only)
{
	int err = store_fault_check(file->store, FAULT_SYNC);

	if (store_sync_lost(err))
		store_lost(file->store);
	return err ? err
		   : fault_inner_of(file->store)->ops->sync_file(fault_inner_file(file), data_only);
}

static int truncate_file(struct store_file *file, uint64_t len)
{
	int err = store_fault_check(file->store, FAULT_TRUNCATE);

	return err ? err
		   : fault_inner_of(file->store)->ops->truncate_file(fault_inner_file(file), len);
}

static int punch(struct store_file *file, uint64_t start, uint64_t end)
{
	int err = store_fault_check(file->store, FAULT_PUNCH);

	return err ? err
		   : fault_inner_of(file->store)->ops->punch(fault_inner_file(file), start, end);
}

static int allocate(struct store_file *file, uint32_t how, uint64_t off, uint64_t len)
{
	int err = store_fault_check(file->store, FAULT_FALLOCATE);

	return err ? err
		   : fault_inner_of(file->store)
			       ->ops->allocate(fault_inner_file(file), how, off, len);
}

static int seek(struct store_file *file, uint64_t off, bool hole, uint64_t *found)
{
	int err = store_fault_check(file->store, FAULT_SEEK);

	return err ? err
		   : fault_inner_of(file->store)
			       ->ops->seek(fault_inner_file(file), off, hole, found);
}

static int set_attr(struct store_file *file, const struct store_attrs *attrs)
{
	int err = store_fault_check(file->store, FAULT_SETATTR);

	return err ? err
		   : fault_inner_of(file->store)->ops->set_attr(fault_inner_file(file), attrs);
}

static int ancestors(struct store_file *file, uint64_t *ids, int max)
{
	int err = store_fault_check(file->store, FAULT_STAT);

	return err ? err
		   : fault_inner_of(file->store)->ops->ancestors(fault_inner_file(file), ids, max);
}

static const struct store_ops store_fault = {
	.name = "fault",
	.claim = claim,
	.release = release,
	.close_store = close_store,
	.queue_open = queue_open,
	.queue_close = queue_close,
	.io_submit = io_submit,
	.open_file = open_file,
	.reopen_file = reopen_file,
	.take_file = take_file,
	.close_file = close_file,
	.describe_file = describe_file,
	.stat_file = stat_file,
	.stat_fs = store_fault_stat_fs,
	.stat_fs_file = stat_fs_file,
	.sync_file = sync_file,
	.truncate_file = truncate_file,
	.punch = punch,
	.allocate = allocate,
	.seek = seek,
	.set_attr = set_attr,
	.set_attr_path = store_fault_set_attr_path,
	.get_xattr = store_fault_get_xattr,
	.set_xattr = store_fault_set_xattr,
	.list_xattr = store_fault_list_xattr,
	.remove_xattr = store_fault_remove_xattr,
	.ancestors = ancestors,
	.stat_path = store_fault_stat_path,
	.unlink = store_fault_unlink_name,
	.rmdir = store_fault_remove_dir,
	.mkdir = store_fault_make_dir,
	.symlink = store_fault_make_link,
	.readlink = store_fault_read_link,
	.rename = store_fault_rename_name,
	.link = store_fault_link_name,
	.link_file = store_fault_link_file,
	.readdir = store_fault_list,
	.readdir_file = store_fault_list_file,
};

int store_fault_wrap(const char *rules, size_t len, unsigned flags, struct store *inner,
		     struct store **out)
{
	struct fault_store *store = calloc(1, sizeof(*store));
	int err = store ? store_fault_parse(&store->rules, rules, len) : -ENOMEM;

	if (err) {
		free(store);
		return err;
	}
	store->base.ops = &store_fault;
	store->base.read_only = flags & STORE_READ_ONLY;
	store->base.local = inner->local;
	store->base.elsewhere = inner->elsewhere;
	store->base.inner = inner;
	store->base.sync = inner->sync;
	store->base.forgets = inner->forgets;
	*out = &store->base;
	return 0;
}
