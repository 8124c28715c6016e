/*
 * Extended attributes of the memory store's nodes: those of the user, on files and directories, as
 * Linux has them. Access control lists would have no effect here, so they are refused. A node owns
 * its attributes. Any thread may call this, because each call acquires the store's lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/store/memory/memory.h"

#define NODE_MAX 65536u /* bytes that the attributes of a node may take */

static size_t cost_of(size_t name_len, size_t len)
{
	return sizeof(struct xattr) + name_len + 1 + len;
}

static bool is_of_user(const char *name)
{
	return !strncmp(name, "user.", 5);
}

/* Find an attribute; the link that leads to it, or to the end. */
static struct xattr **find(struct node *node, const char *name)
{
	struct xattr **link = &node->xattrs;

	while (*link && strcmp((*link)->bytes, name))
		link = &(*link)->next;
	return link;
}

static void drop(struct memory_store *store, struct node *node, struct xattr **link)
{
	struct xattr *xattr = *link;
	size_t cost = cost_of(xattr->name_len, xattr->len);

	*link = xattr->next;
	node->xattr_bytes -= cost;
	memory_pool_uncharge(store->pool, cost);
	free(xattr);
}

void memory_free_xattrs(struct memory_store *store, struct node *node)
{
	while (node->xattrs)
		drop(store, node, &node->xattrs);
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
	struct xattr *xattr = NULL;
	struct node *node;
	int err;

	rwlock_read(&store->lock);
	err = node_of(store, object, &node);
	if (!err && !is_of_user(name))
		err = -EOPNOTSUPP;
	if (!err)
		xattr = *find(node, name);
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

/* Make an attribute that is charged. NULL: *err is -ENOSPC or -ENOMEM. */
static struct xattr *make(struct memory_store *store, const char *name, struct bytes value,
			  int *err)
{
	const size_t name_len = strlen(name), cost = cost_of(name_len, value.len);
	struct xattr *xattr;

	*err = -ENOSPC;
	if (!memory_pool_charge(store->pool, cost))
		return NULL;
	xattr = malloc(cost);
	if (!xattr) {
		memory_pool_uncharge(store->pool, cost);
		*err = -ENOMEM;
		return NULL;
	}
	*xattr = (struct xattr){.name_len = name_len, .len = value.len};
	memcpy(xattr->bytes, name, name_len + 1);
	if (value.len)
		memcpy(xattr->bytes + name_len + 1, value.data, value.len);
	return xattr;
}

static int set(struct memory_store *store, struct node *node, const char *name, struct bytes value,
	       uint32_t flags)
{
	struct xattr **link = find(node, name), *made;
	size_t old = *link ? cost_of((*link)->name_len, (*link)->len) : 0;
	size_t cost = cost_of(strlen(name), value.len);
	int err;

	if (*link && flags & CALL_CREATE)
		return -EEXIST;
	if (!*link && flags & CALL_REPLACE)
		return -ENODATA;
	if (node->xattr_bytes - old + cost > NODE_MAX)
		return -ENOSPC;
	made = make(store, name, value, &err);
	if (!made)
		return err;
	if (*link)
		drop(store, node, link);
	made->next = *link;
	*link = made;
	node->xattr_bytes += cost;
	tree_touch(node, false);
	return 0;
}

int memory_set_xattr(struct store *base, const struct store_object *object, const char *name,
		     struct bytes value, uint32_t flags)
{
	struct node *node;
	int err = begin(base, object, name, &node);

	return err ? err : end_change(base, set(memory_store_of(base), node, name, value, flags));
}

int memory_remove_xattr(struct store *base, const struct store_object *object, const char *name)
{
	struct node *node;
	struct xattr **link;
	int err = begin(base, object, name, &node);

	if (err)
		return err;
	link = find(node, name);
	if (!*link)
		return end_change(base, -ENODATA);
	drop(memory_store_of(base), node, link);
	tree_touch(node, false);
	return end_change(base, 0);
}
