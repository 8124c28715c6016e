/*
 * Calls about names of the memory store. The store owns the names. Any thread may call this,
 * because each call acquires the store's lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/store/barrier.h"
#include "server/store/memory/memory.h"

/* Check that the node may be opened with these flags. Returns 0 or -errno. */
static int check_existing(const struct node *node, uint32_t flags)
{
	if (flags & OPEN_CREATE && flags & OPEN_EXCLUSIVE)
		return -EEXIST;
	if (S_ISDIR(node->mode))
		return flags & (OPEN_WRITE | OPEN_CREATE) ? -EISDIR : 0;
	if (S_ISLNK(node->mode))
		return flags & OPEN_DIRECTORY ? -ENOTDIR : -ELOOP;
	return flags & OPEN_DIRECTORY ? -ENOTDIR : 0;
}

/* True for a name that clients may not change. */
static bool is_reserved(const struct memory_store *store, const struct mem_place *place)
{
	return place->dir &&
	       store_name_reserved(place->name, place->len, place->dir == store->root);
}

static int create(struct memory_store *store, struct mem_place *place, uint32_t mode,
		  const char *target)
{
	struct node *node;
	int err;

	if (is_reserved(store, place))
		return -EPERM;
	if (place->slash && !S_ISDIR(mode))
		return target ? -ENOENT : -EISDIR;
	node = tree_node_new(store, mode, target);
	if (!node)
		return -ENOSPC;
	err = tree_enter(store, place, node);
	if (err)
		tree_node_put(store, node);
	else
		place->node = node;
	return err;
}

/* True if a symbolic link at the end of the path is to be followed. */
static bool may_follow(const struct store_file *at, uint32_t flags)
{
	if (flags & OPEN_CREATE && flags & OPEN_EXCLUSIVE)
		return false;
	return at ? flags & OPEN_FOLLOW : !(flags & OPEN_NOFOLLOW);
}

static int find_or_create(struct memory_store *store, struct store_file *at, const char *path,
			  uint32_t flags, uint32_t mode, struct node **node)
{
	struct mem_place place;
	bool exists;
	int err = tree_walk(store, at, path, may_follow(at, flags), &place);

	if (err)
		return err;
	exists = place.node;
	if (exists)
		err = check_existing(place.node, flags);
	else
		err = flags & OPEN_CREATE ? create(store, &place, S_IFREG | (mode & 0777), NULL)
					  : -ENOENT;
	if (err)
		return err;
	*node = place.node;
	if (flags & OPEN_TRUNCATE && exists) {
		err = tree_fence(store, place.node);
		if (err)
			return err;
		data_free(&place.node->data, store->pool);
		place.node->size = 0;
		tree_touch(place.node, true);
	}
	return 0;
}

/* The persistent name of a node. A store uses no number twice. */
struct node_name {
	uint64_t store, ino;
};

/* Open a node, if there is one, and release the lock. */
static int finish_open(struct memory_store *store, int err, struct node *node, uint32_t flags,
		       struct store_file **out, struct file_attr *attr)
{
	struct memory_file *file = err ? NULL : calloc(1, sizeof(*file));

	if (file)
		file->base.barrier = barrier_get(store->id, node->ino);
	if (!err && (!file || !file->base.barrier)) {
		err = -ENOMEM;
		free(file);
	}
	if (!err) {
		const struct node_name name = {store->id, node->ino};

		node->nr_open++;
		tree_attr(node, attr);
		file->node = node;
		file->base.store = &store->base;
		file->base.flags = flags & (OPEN_READ | OPEN_WRITE);
		file->base.regular = S_ISREG(attr->mode);
		file->base.persistent_len = sizeof(name);
		memcpy(file->base.persistent, &name, sizeof(name));
		*out = &file->base;
	}
	rwlock_release(&store->lock);
	return err;
}

int memory_open_file(struct store *base, struct store_file *at, const char *path, uint32_t flags,
		     uint32_t mode, struct store_file **out, struct file_attr *attr)
{
	struct memory_store *store = memory_store_of(base);
	struct node *node = NULL;
	int err = store_check_open(base, flags);

	if (err)
		return err;
	rwlock_write(&store->lock);
	err = find_or_create(store, at, path, flags, mode, &node);
	return finish_open(store, err, node, flags, out, attr);
}

int memory_reopen_file(struct store *base, const char *path, struct bytes persistent,
		       uint32_t flags, struct store_file **out, struct file_attr *attr)
{
	struct memory_store *store = memory_store_of(base);
	struct node_name name;
	struct node *node;
	int err = store_check_open(base, flags);

	if (err)
		return err;
	if (persistent.len != sizeof(name))
		return -ESTALE;
	memcpy(&name, persistent.data, sizeof(name));
	if (name.store != store->id)
		return -ESTALE;
	rwlock_write(&store->lock);
	node = tree_find(store->root, name.ino);
	err = node ? check_existing(node, flags) : -ESTALE;
	return finish_open(store, err, node, flags, out, attr);
}

int memory_stat_path(struct store *base, struct store_file *at, const char *path, bool nofollow,
		     struct file_attr *attr)
{
	struct memory_store *store = memory_store_of(base);
	struct mem_place place;
	int err;

	rwlock_read(&store->lock);
	err = tree_walk(store, at, path, !nofollow, &place);
	if (!err && !place.node)
		err = -ENOENT;
	if (!err)
		tree_attr(place.node, attr);
	rwlock_release(&store->lock);
	return err;
}

/* Find a name that is to be made or removed. Returns 0 with the lock held, or -errno without it. */
static int begin_change(struct store *base, struct store_file *at, const char *path,
			struct mem_place *place)
{
	struct memory_store *store = memory_store_of(base);
	int err;

	if (base->read_only)
		return -EROFS;
	rwlock_write(&store->lock);
	err = tree_walk(store, at, path, false, place);
	if (!err && !place->dir)
		err = -EINVAL;
	if (!err && is_reserved(store, place))
		err = -EPERM;
	if (!err)
		err = tree_fence(store, place->dir);
	if (err)
		rwlock_release(&store->lock);
	return err;
}

static int end_change(struct store *base, int err)
{
	rwlock_release(&memory_store_of(base)->lock);
	return err;
}

int memory_unlink(struct store *base, struct store_file *at, const char *path)
{
	struct mem_place place;
	int err = begin_change(base, at, path, &place);

	if (err)
		return err;
	if (!place.node)
		return end_change(base, -ENOENT);
	if (S_ISDIR(place.node->mode))
		return end_change(base, -EISDIR);
	tree_remove(memory_store_of(base), &place);
	return end_change(base, 0);
}

int memory_rmdir(struct store *base, struct store_file *at, const char *path)
{
	struct mem_place place;
	int err = begin_change(base, at, path, &place);

	if (err)
		return err;
	if (!place.node)
		return end_change(base, -ENOENT);
	if (!S_ISDIR(place.node->mode))
		return end_change(base, -ENOTDIR);
	if (place.node->nr_entries)
		return end_change(base, -ENOTEMPTY);
	tree_remove(memory_store_of(base), &place);
	return end_change(base, 0);
}

int memory_mkdir(struct store *base, struct store_file *at, const char *path, uint32_t mode)
{
	struct mem_place place;
	int err = begin_change(base, at, path, &place);

	if (err)
		return err;
	if (place.node)
		return end_change(base, -EEXIST);
	return end_change(base,
			  create(memory_store_of(base), &place, S_IFDIR | (mode & 0777), NULL));
}

int memory_symlink(struct store *base, struct store_file *at, const char *path, const char *target)
{
	struct mem_place place;
	int err = begin_change(base, at, path, &place);

	if (err)
		return err;
	if (place.node)
		return end_change(base, -EEXIST);
	return end_change(base, create(memory_store_of(base), &place, S_IFLNK | 0777, target));
}

int memory_readlink(struct store *base, struct store_file *at, const char *path, char *target)
{
	struct memory_store *store = memory_store_of(base);
	struct mem_place place;
	int err;

	rwlock_read(&store->lock);
	err = tree_walk(store, at, path, false, &place);
	if (!err && !place.node)
		err = -ENOENT;
	else if (!err && !place.node->target)
		err = -EINVAL;
	if (!err) {
		memcpy(target, place.node->target, place.node->size + 1);
		err = (int)place.node->size;
	}
	rwlock_release(&store->lock);
	return err;
}

static bool is_within(const struct node *node, const struct node *dir)
{
	for (; node; node = node->parent)
		if (node == dir)
			return true;
	return false;
}

static int check_rename(const struct mem_place *from, const struct mem_place *to, uint32_t flags)
{
	bool is_dir = from->node && S_ISDIR(from->node->mode);

	if (!from->node)
		return -ENOENT;
	if (to->dir && !to->node && flags & CALL_EXCHANGE)
		return -ENOENT;
	if (!to->dir || (is_dir && is_within(to->dir, from->node)))
		return -EINVAL;
	if (flags & CALL_EXCHANGE)
		return S_ISDIR(to->node->mode) && is_within(from->dir, to->node) ? -EINVAL : 0;
	if (!to->node)
		return !is_dir && to->slash ? -ENOTDIR : 0;
	if (flags & CALL_NOREPLACE)
		return -EEXIST;
	if (is_dir && !S_ISDIR(to->node->mode))
		return -ENOTDIR;
	if (!is_dir && S_ISDIR(to->node->mode))
		return -EISDIR;
	return to->node->nr_entries && to->node != from->node ? -ENOTEMPTY : 0;
}

int memory_rename(struct store *base, struct store_file *at, const char *from,
		  struct store_file *at2, const char *to, uint32_t flags)
{
	struct memory_store *store = memory_store_of(base);
	struct mem_place old, new;
	int err = begin_change(base, at, from, &old);

	if (err)
		return err;
	err = tree_walk(store, at2, to, false, &new);
	if (!err && is_reserved(store, &new))
		err = -EPERM;
	if (!err)
		err = check_rename(&old, &new, flags);
	if (err || old.node == new.node) /* two names of one file: nothing happens */
		return end_change(base, err);
	if (flags & CALL_EXCHANGE)
		return end_change(base, tree_exchange(store, &old, &new));
	err = tree_enter(store, &new, old.node);
	if (!err)
		tree_remove(store, &old);
	return end_change(base, err);
}

static int link_node(struct memory_store *store, struct node *node, struct store_file *at,
		     const char *to)
{
	struct mem_place place;
	int err = tree_walk(store, at, to, false, &place);

	if (err)
		return err;
	if (is_reserved(store, &place))
		return -EPERM;
	if (!place.dir || place.node)
		return -EEXIST;
	if (S_ISDIR(node->mode))
		return -EPERM;
	if (place.slash || !node->nlink)
		return -ENOENT;
	err = tree_enter(store, &place, node);
	if (!err)
		tree_touch(node, false);
	return err;
}

int memory_link(struct store *base, struct store_file *at, const char *from, struct store_file *at2,
		const char *to)
{
	struct mem_place place;
	int err = begin_change(base, at, from, &place);

	if (err)
		/* -EINVAL: "", "." and ".." are directories, which cannot be linked. */
		return err == -EINVAL && !at ? -EPERM : err;
	if (!place.node)
		return end_change(base, -ENOENT);
	return end_change(base, link_node(memory_store_of(base), place.node, at2, to));
}

int memory_link_file(struct store_file *file, struct store_file *at, const char *to)
{
	struct memory_store *store = memory_store_of(file->store);

	if (store->base.read_only)
		return -EROFS;
	rwlock_write(&store->lock);
	return end_change(file->store, link_node(store, memory_node_of(file), at, to));
}
