/*
 * Listings of the memory store: the names in a directory, and the directories above one. The store
 * owns them. Any thread may call this, because each call acquires the store's lock.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "server/store/memory/memory.h"

static int list(const struct node *dir, uint64_t start, struct store_dirents *out)
{
	out->n = 0;
	out->used = 0;
	out->next = 0;
	for (size_t i = 0; i < dir->nr_entries; i++) {
		const struct entry *entry = &dir->entries[i];
		size_t len = strlen(entry->name) + 1;

		if (entry->id < start)
			continue;
		if (out->n == out->max || len > out->room - out->used) {
			out->next = entry->id;
			return out->n ? 0 : -EINVAL;
		}
		memcpy(out->names + out->used, entry->name, len);
		out->used += len;
		out->types[out->n++] = IFTODT(entry->node->mode);
	}
	return 0;
}

int memory_readdir(struct store *base, const char *path, uint64_t start, struct store_dirents *out)
{
	struct memory_store *store = memory_store_of(base);
	struct mem_place place;
	int err;

	rwlock_read(&store->lock);
	err = tree_walk(store, NULL, path, true, &place);
	if (!err && !place.node)
		err = -ENOENT;
	else if (!err && !S_ISDIR(place.node->mode))
		err = -ENOTDIR;
	if (!err)
		err = list(place.node, start, out);
	rwlock_release(&store->lock);
	return err;
}

int memory_readdir_file(struct store_file *dir, uint64_t start, struct store_dirents *out)
{
	struct memory_store *store = memory_store_of(dir->store);
	int err;

	if (dir->regular)
		return -ENOTDIR;
	rwlock_read(&store->lock);
	err = list(memory_node_of(dir), start, out);
	rwlock_release(&store->lock);
	return err;
}

int memory_ancestors(struct store_file *file, uint64_t *ids, int max)
{
	struct memory_store *store = memory_store_of(file->store);
	int n = 0;

	if (file->regular)
		return -ENOTDIR;
	rwlock_read(&store->lock);
	for (const struct node *at = memory_node_of(file); at && n < max; at = at->parent, n++) {
		ids[2 * n] = 0; /* the device number that tree_attr() gives */
		ids[2 * n + 1] = at->ino;
	}
	rwlock_release(&store->lock);
	return n;
}
