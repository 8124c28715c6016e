/*
 * What fallocate(2) does, for files in memory. The store owns them. Any thread may call this. It
 * acquires the store's lock for a part of the range at a time, because workers wait for the lock
 * meanwhile.
 */
#include "server/store/memory/memory.h"

#define PART (64 * CHUNK_SIZE) /* bytes */

/* True if the pool cannot hold the range, whichever chunks of the file lie in it. */
static bool is_too_much(const struct memory_store *store, const struct node *node, uint64_t len)
{
	uint64_t nr = len / CHUNK_SIZE;
	uint64_t left = atomic_load_explicit(&store->pool->left, memory_order_relaxed);

	return nr > node->data.nr_chunks && nr - node->data.nr_chunks > left / CHUNK_SIZE;
}

/* Allocate, or zero, one part of a range. */
static int do_part(struct memory_store *store, struct node *node, uint32_t how, uint64_t off,
		   uint64_t end)
{
	int err;

	rwlock_write(&store->lock);
	if (how & ALLOCATE_ZERO_RANGE)
		data_zero(&node->data, off, end);
	err = data_reserve(&node->data, store->pool, off, end) ? 0 : -ENOSPC;
	rwlock_release(&store->lock);
	return err;
}

static int begin(struct memory_store *store, struct node *node, uint64_t len)
{
	int err;

	rwlock_write(&store->lock);
	err = is_too_much(store, node, len) ? -ENOSPC : tree_fence(store, node);
	rwlock_release(&store->lock);
	return err;
}

static void end_change(struct memory_store *store, struct node *node, uint32_t how, uint64_t end)
{
	rwlock_write(&store->lock);
	if (!(how & ALLOCATE_KEEP_SIZE) && end > node->size)
		node->size = end;
	tree_touch(node, true);
	rwlock_release(&store->lock);
}

int memory_allocate(struct store_file *file, uint32_t how, uint64_t off, uint64_t len)
{
	struct memory_store *store = memory_store_of(file->store);
	struct node *node = memory_node_of(file);
	int err = memory_check_writable(file);

	if (err)
		return err;
	if (how & ALLOCATE_PUNCH_HOLE)
		return file->store->ops->punch(file, off, off + len);
	if (off >= DATA_MAX || len > DATA_MAX - off)
		return -EFBIG;
	err = begin(store, node, len);
	for (uint64_t at = off; !err && at < off + len;) {
		uint64_t next = (at / PART + 1) * PART, end = next < off + len ? next : off + len;

		err = do_part(store, node, how, at, end);
		at = end;
	}
	if (!err)
		end_change(store, node, how, off + len);
	return err;
}
