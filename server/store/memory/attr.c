/*
 * Attributes of the memory store's nodes. The store owns them. Any thread may call this, because
 * each call acquires the store's lock.
 */
#include <errno.h>
#include <sys/stat.h>

#include "server/store/memory/memory.h"

/* Set the attributes of a node. The lock is held for writing. 0 or -errno. */
static int set_locked(struct memory_store *store, struct node *node,
		      const struct store_attrs *attrs)
{
	int err = attrs->set & SET_MODE && S_ISLNK(node->mode) ? -EOPNOTSUPP : 0;

	if (!err)
		err = tree_fence(store, node);
	if (err)
		return err;
	if (attrs->set & SET_UID)
		node->uid = attrs->uid;
	if (attrs->set & SET_GID)
		node->gid = attrs->gid;
	if (attrs->set & SET_MODE)
		node->mode = (node->mode & S_IFMT) | (attrs->mode & 0777);
	tree_touch(node, false); /* ctime is the time of this change */
	if (attrs->set & (SET_ATIME | SET_ATIME_NOW))
		node->atime_ns = attrs->set & SET_ATIME ? attrs->atime_ns : node->ctime_ns;
	if (attrs->set & (SET_MTIME | SET_MTIME_NOW))
		node->mtime_ns = attrs->set & SET_MTIME ? attrs->mtime_ns : node->ctime_ns;
	return 0;
}

int memory_set_attr(struct store_file *file, const struct store_attrs *attrs)
{
	struct memory_store *store = memory_store_of(file->store);
	int err;

	if (file->store->read_only)
		return -EROFS;
	rwlock_write(&store->lock);
	err = set_locked(store, memory_node_of(file), attrs);
	rwlock_release(&store->lock);
	return err;
}

int memory_set_attr_path(struct store *base, struct store_file *at, const char *path,
			 const struct store_attrs *attrs)
{
	struct memory_store *store = memory_store_of(base);
	struct mem_place place;
	int err;

	if (base->read_only)
		return -EROFS;
	rwlock_write(&store->lock);
	err = tree_walk(store, at, path, !(attrs->set & SET_NOFOLLOW), &place);
	if (!err && !place.node)
		err = -ENOENT;
	if (!err)
		err = set_locked(store, place.node, attrs);
	rwlock_release(&store->lock);
	return err;
}
