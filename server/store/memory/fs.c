/*
 * The numbers of the memory store as a file system. They are those of its pool of memory, which
 * stores without a size share. The store owns them. Any thread may call this, because each call
 * acquires the store's lock.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "server/store/memory/memory.h"

#define BLOCK_SIZE 4096u /* of the blocks that are counted */

static void fill(const struct memory_store *store, uint64_t fs[NR_FS_NUMBERS])
{
	const uint64_t left = atomic_load_explicit(&store->pool->left, memory_order_relaxed);

	memset(fs, 0, NR_FS_NUMBERS * sizeof(*fs));
	fs[FS_BLOCK_SIZE] = BLOCK_SIZE;
	fs[FS_BLOCKS] = store->pool->size / BLOCK_SIZE;
	fs[FS_BLOCKS_FREE] = fs[FS_BLOCKS_AVAILABLE] = left / BLOCK_SIZE;
	fs[FS_FILES_FREE] = left / TREE_FILE_COST;
	fs[FS_FILES] = store->nr_nodes + fs[FS_FILES_FREE];
	fs[FS_IO_SIZE] = CHUNK_SIZE;
	fs[FS_NAME_MAX] = NAME_MAX;
	fs[FS_ID] = store->id;
}

int memory_stat_fs(struct store *base, const char *path, uint64_t fs[NR_FS_NUMBERS])
{
	struct memory_store *store = memory_store_of(base);
	struct mem_place place;
	int err;

	rwlock_read(&store->lock);
	err = tree_walk(store, NULL, path, true, &place);
	if (!err && !place.node)
		err = -ENOENT;
	if (!err)
		fill(store, fs);
	rwlock_release(&store->lock);
	return err;
}

int memory_stat_fs_file(struct store_file *file, uint64_t fs[NR_FS_NUMBERS])
{
	struct memory_store *store = memory_store_of(file->store);

	rwlock_read(&store->lock);
	fill(store, fs);
	rwlock_release(&store->lock);
	return 0;
}
