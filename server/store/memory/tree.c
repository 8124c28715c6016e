/*
 * Nodes, their names, and the way from a path to a node. The store owns them. Any thread may call
 * this while it holds the store's lock.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/store/fence.h"
#include "server/store/memory/memory.h"

#define ENTRY_COST (sizeof(struct entry) + NAME_MAX + 1)

void tree_touch(struct node *node, bool content)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	node->ctime_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
	if (content)
		node->mtime_ns = node->ctime_ns;
}

void tree_attr(const struct node *node, struct file_attr *attr)
{
	*attr = (struct file_attr){
		.mode = node->mode,
		.nlink = node->nlink,
		.uid = getuid(),
		.gid = getgid(),
		.ino = node->ino,
		.size = node->size,
		.blocks = node->data.nr_chunks * (CHUNK_SIZE / 512),
		.atime_ns = node->atime_ns,
		.mtime_ns = node->mtime_ns,
		.ctime_ns = node->ctime_ns,
	};
}

/* Clients decide how deep directories are, so this goes from node to node without recursion. */
struct node *tree_find(struct node *dir, uint64_t ino)
{
	struct node *at = dir, *next;

	if (dir->ino == ino)
		return dir;
	dir->nr_passed = 0;
	for (;;) {
		if (at->nr_passed == at->nr_entries) {
			if (at == dir)
				return NULL;
			at = at->parent;
			continue;
		}
		next = at->entries[at->nr_passed++].node;
		if (next->ino == ino)
			return next;
		if (S_ISDIR(next->mode)) {
			next->nr_passed = 0;
			at = next;
		}
	}
}

struct node *tree_node_new(struct memory_store *store, uint32_t mode)
{
	struct node *node;

	if (!memory_pool_charge(store->pool, sizeof(*node)))
		return NULL;
	node = calloc(1, sizeof(*node));
	if (!node) {
		memory_pool_uncharge(store->pool, sizeof(*node));
		return NULL;
	}
	node->ino = ++store->last_ino;
	node->mode = mode;
	tree_touch(node, true);
	node->atime_ns = node->mtime_ns;
	return node;
}

void tree_node_put(struct memory_store *store, struct node *node)
{
	if (node->nlink)
		return;
	node->parent = NULL; /* an open directory may outlive the parent that it was in */
	if (node->nr_open)
		return;
	data_free(&node->data, store->pool);
	free(node->entries);
	free(node);
	memory_pool_uncharge(store->pool, sizeof(*node));
}

/*
 * Free a directory and everything beneath it, also without recursion. A node with several names is
 * freed with the last.
 */
void tree_free(struct memory_store *store, struct node *node)
{
	struct node *at = node;

	while (at != node || at->nr_entries) {
		struct node *parent = at->parent, *next;
		struct entry *last;

		if (!at->nr_entries) {
			tree_node_put(store, at);
			at = parent;
			continue;
		}
		last = &at->entries[--at->nr_entries];
		next = last->node;
		free(last->name);
		next->nlink--;
		if (S_ISDIR(next->mode))
			at = next;
		else
			tree_node_put(store, next);
	}
	tree_node_put(store, node);
}

static uint32_t hash_of(const char *name, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

static struct entry *entry_find(const struct node *dir, const char *name, size_t len)
{
	uint32_t hash = hash_of(name, len);

	for (size_t i = 0; i < dir->nr_entries; i++) {
		struct entry *entry = &dir->entries[i];

		if (entry->hash == hash && !strncmp(entry->name, name, len) && !entry->name[len])
			return entry;
	}
	return NULL;
}

/* Go one component further. */
static int step(struct memory_store *store, struct mem_place *place, const char *name, size_t len)
{
	struct node *at = place->node;
	struct entry *entry;

	if (!at)
		return -ENOENT;
	if (!S_ISDIR(at->mode))
		return -ENOTDIR;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	place->dir = NULL;
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && !memcmp(name, "..", 2)) {
		place->node = at->parent;
		return at == store->root ? -EACCES : 0;
	}
	entry = entry_find(at, name, len);
	*place = (struct mem_place){at, name, len, entry ? entry->node : NULL};
	return 0;
}

/* Go to a name in an open directory, which may have been removed. */
static int step_at(struct memory_store *store, struct store_file *at, const char *name,
		   struct mem_place *place)
{
	int err = store_check_name(at, name);

	*place = (struct mem_place){.node = memory_node_of(at)};
	if (err)
		return err;
	return place->node->nlink ? step(store, place, name, strlen(name)) : -ENOENT;
}

int tree_walk(struct memory_store *store, struct store_file *at, const char *path,
	      struct mem_place *place)
{
	bool slash = false;

	if (at)
		return step_at(store, at, path, place);
	if (*path == '/')
		return -EACCES;
	if (strlen(path) > PROTO_PATH_MAX)
		return -ENAMETOOLONG;
	*place = (struct mem_place){.node = store->root};
	while (*path) {
		size_t len = strcspn(path, "/");
		int err = step(store, place, path, len);

		if (err)
			return err;
		path += len;
		slash = *path == '/';
		path += strspn(path, "/");
	}
	return slash && place->node && !S_ISDIR(place->node->mode) ? -ENOTDIR : 0;
}

static int entry_add(struct memory_store *store, const struct mem_place *place, struct node *node)
{
	struct node *dir = place->dir;
	size_t room = dir->room ? dir->room * 2 : 8;
	struct entry *grown;
	char *name;

	if (dir->nr_entries == dir->room) {
		grown = reallocarray(dir->entries, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		dir->entries = grown;
		dir->room = room;
	}
	name = strndup(place->name, place->len);
	if (!name)
		return -ENOMEM;
	if (!memory_pool_charge(store->pool, ENTRY_COST)) {
		free(name);
		return -ENOSPC;
	}
	dir->entries[dir->nr_entries++] = (struct entry){
		.name = name,
		.hash = hash_of(name, place->len),
		.node = node,
		.id = ++dir->last_id,
	};
	return 0;
}

int tree_fence(const struct memory_store *store, const struct node *node)
{
	return fence_enter(&(struct fence_inode){store->id, node->ino}, 1);
}

int tree_enter(struct memory_store *store, const struct mem_place *place, struct node *node)
{
	struct entry *entry = entry_find(place->dir, place->name, place->len);
	struct node *replaced = entry ? entry->node : NULL;
	int err = tree_fence(store, place->dir);

	if (!err && !entry)
		err = entry_add(store, place, node);
	if (err)
		return err;
	node->nlink++;
	if (S_ISDIR(node->mode))
		node->parent = place->dir;
	tree_touch(place->dir, true);
	if (replaced) {
		entry->node = node;
		replaced->nlink--;
		tree_touch(replaced, false);
		tree_node_put(store, replaced);
	}
	return 0;
}

void tree_remove(struct memory_store *store, const struct mem_place *place)
{
	struct node *dir = place->dir;
	struct entry *entry = entry_find(dir, place->name, place->len);
	struct node *node = entry->node;
	size_t behind = (size_t)(dir->entries + dir->nr_entries - (entry + 1));

	free(entry->name);
	memmove(entry, entry + 1, behind * sizeof(*entry));
	dir->nr_entries--;
	memory_pool_uncharge(store->pool, ENTRY_COST);
	tree_touch(dir, true);
	node->nlink--;
	tree_touch(node, false);
	tree_node_put(store, node);
}
