/*
 * Extended attributes of the memory store's nodes: those of the user, on files and directories, as
 * Linux has them. Access control lists would have no effect here, so they are refused. The store
 * owns them. Any thread may call this, because each call acquires the store's lock.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "server/store/memory/memory.h"

static bool is_of_user(const char *name)
{
	return !strncmp(name, "user.", 5);
}

/* Find the node of an object. The lock is held. 0 or -errno. */
static int node_of(struct memory_store *store, const struct store_object *object,
		   struct node **node)
{
	struct mem_place place;
	int err;

	if (!object->path) {
		*node = memory_node_of(object->at);
		return 0;
	}
	err = tree_walk(store, object->at, object->path, !object->nofollow, &place);
	*node = place.node;
	return !err && !place.node ? -ENOENT : err;
}

int memory_get_xattr(struct store *base, const struct store_object *object, const char *name,
		     void *value, size_t size)
{
	struct memory_store *store = memory_store_of(base);
	const struct xattr *xattr = NULL;
	struct node *node;
	int err;

	rwlock_read(&store->lock);
	err = node_of(store, object, &node);
	if (!err && !is_of_user(name))
		err = -EOPNOTSUPP;
	if (!err)
		xattr = xattrs_find(node, name);
	if (!err && !xattr)
		err = -ENODATA;
	else if (!err && xattr->len > size)
		err = -E2BIG;
	if (!err) {
		memcpy(value, xattr->bytes + xattr->name_len + 1, xattr->len);
		err = (int)xattr->len;
	}
	rwlock_release(&store->lock);
	return err;
}

int memory_list_xattr(struct store *base, const struct store_object *object, char *names,
		      size_t size)
{
	struct memory_store *store = memory_store_of(base);
	struct node *node;
	size_t used = 0;
	int err;

	rwlock_read(&store->lock);
	err = node_of(store, object, &node);
	for (struct xattr *xattr = err ? NULL : node->xattrs; xattr && !err; xattr = xattr->next) {
		if (xattr->name_len + 1 > size - used) {
			err = -E2BIG;
			break;
		}
		memcpy(names + used, xattr->bytes, xattr->name_len + 1);
		used += xattr->name_len + 1;
	}
	rwlock_release(&store->lock);
	return err ? err : (int)used;
}

/* Begin a change: find the node, and enter its fence. 0 with the lock held, or -errno without it.
 */
static int begin(struct store *base, const struct store_object *object, const char *name,
		 struct node **node)
{
	struct memory_store *store = memory_store_of(base);
	int err;

	if (base->read_only)
		return -EROFS;
	rwlock_write(&store->lock);
	err = node_of(store, object, node);
	if (!err && !is_of_user(name))
		err = -EOPNOTSUPP;
	if (!err && S_ISLNK((*node)->mode))
		err = -EPERM;
	if (!err)
		err = tree_fence(store, *node);
	if (err)
		rwlock_release(&store->lock);
	return err;
}

static int end_change(struct store *base, int err)
{
	rwlock_release(&memory_store_of(base)->lock);
	return err;
}

int memory_set_xattr(struct store *base, const struct store_object *object, const char *name,
		     struct bytes value, uint32_t flags)
{
	struct node *node;
	int err = begin(base, object, name, &node);

	if (err)
		return err;
	err = xattrs_set(node, memory_store_of(base)->pool, name, value, flags);
	if (!err)
		tree_touch(node, false);
	return end_change(base, err);
}

int memory_remove_xattr(struct store *base, const struct store_object *object, const char *name)
{
	struct node *node;
	int err = begin(base, object, name, &node);

	if (err)
		return err;
	err = xattrs_remove(node, memory_store_of(base)->pool, name);
	if (!err)
		tree_touch(node, false);
	return end_change(base, err);
}
