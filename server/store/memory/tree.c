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
#define LINKS_MAX  40 /* symbolic links in a path; the kernel's limit, too */

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
		.uid = node->uid,
		.gid = node->gid,
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

/* The bytes that a node takes without its data and entries. */
static uint64_t cost_of(const char *target)
{
	return sizeof(struct node) + (target ? strlen(target) + 1 : 0);
}

static void node_free(struct node *node)
{
	free(node->target);
	free(node);
}

struct node *tree_node_new(struct memory_store *store, uint32_t mode, const char *target)
{
	struct node *node;

	if (!memory_pool_charge(store->pool, cost_of(target)))
		return NULL;
	node = calloc(1, sizeof(*node));
	if (node && target)
		node->target = strdup(target);
	if (!node || (target && !node->target)) {
		memory_pool_uncharge(store->pool, cost_of(target));
		free(node);
		return NULL;
	}
	node->ino = ++store->last_ino;
	store->nr_nodes++;
	node->mode = mode;
	node->uid = getuid();
	node->gid = getgid();
	node->size = target ? strlen(target) : 0;
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
	xattrs_free(node, store->pool);
	free(node->entries);
	memory_pool_uncharge(store->pool, cost_of(node->target));
	store->nr_nodes--;
	node_free(node);
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

/* A way through the tree. Texts that are still to be walked wait in `rest`, the next one last. */
struct way {
	struct mem_place *place;
	const char *text;
	const char *rest[LINKS_MAX];
	unsigned nr_rest, nr_links;
	bool slash; /* there is a slash behind the last component */
};

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
	*place = (struct mem_place){at, name, len, entry ? entry->node : NULL, false};
	return 0;
}

/* Go on with the target of the symbolic link at which the way is; the rest of the text waits. */
static int enter_link(struct way *way)
{
	const struct node *link = way->place->node;

	if (way->nr_links++ == LINKS_MAX)
		return -ELOOP;
	if (*link->target == '/')
		return -EACCES;
	if (*way->text)
		way->rest[way->nr_rest++] = way->text;
	way->text = link->target;
	way->place->node = way->place->dir;
	return 0;
}

/* Go one component further, and into it if it is a symbolic link that is to be followed. */
static int advance(struct memory_store *store, struct way *way, bool follow)
{
	struct mem_place *place = way->place;
	const char *name = way->text;
	size_t len = strcspn(name, "/");
	int err = step(store, place, name, len);
	bool last;

	if (err)
		return err;
	way->text += len;
	way->text += strspn(way->text, "/");
	last = !*way->text && !way->nr_rest;
	way->slash |= last && name[len] == '/';
	if (place->node && place->node->target && (follow || !last || way->slash))
		return enter_link(way);
	return 0;
}

static int walk(struct memory_store *store, const char *path, bool follow, struct mem_place *place)
{
	struct way way = {.place = place, .text = path};

	while (*way.text || way.nr_rest) {
		int err = 0;

		if (*way.text)
			err = advance(store, &way, follow);
		else
			way.text = way.rest[--way.nr_rest];
		if (err)
			return err;
	}
	place->slash = way.slash;
	return way.slash && place->node && !S_ISDIR(place->node->mode) ? -ENOTDIR : 0;
}

int tree_walk(struct memory_store *store, struct store_file *at, const char *path, bool follow,
	      struct mem_place *place)
{
	int err = store_check_name(at, path);

	*place = (struct mem_place){.node = at ? memory_node_of(at) : store->root};
	if (err)
		return err;
	if (at && !place->node->nlink)
		return -ENOENT;
	if (*path == '/')
		return -EACCES;
	if (strlen(path) > PROTO_PATH_MAX)
		return -ENAMETOOLONG;
	return walk(store, path, follow, place);
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

/* Put the node behind the name of a place. */
static void put_at(const struct mem_place *place, struct node *node)
{
	entry_find(place->dir, place->name, place->len)->node = node;
	if (S_ISDIR(node->mode))
		node->parent = place->dir;
	tree_touch(place->dir, true);
	tree_touch(node, false);
}

int tree_exchange(struct memory_store *store, const struct mem_place *one,
		  const struct mem_place *other)
{
	int err = tree_fence(store, other->dir);

	if (err)
		return err;
	put_at(one, other->node);
	put_at(other, one->node);
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
