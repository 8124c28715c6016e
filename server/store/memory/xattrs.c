/*
 * The extended attributes of a node, a list. The node owns them. Any thread may call this while it
 * holds the store's lock: for writing if it changes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/memory/memory.h"

#define NODE_MAX 65536u /* bytes that the attributes of a node may take */

static size_t cost_of(size_t name_len, size_t len)
{
	return sizeof(struct xattr) + name_len + 1 + len;
}

/* Find the link that leads to an attribute, or to the end. */
static struct xattr **find(struct node *node, const char *name)
{
	struct xattr **link = &node->xattrs;

	while (*link && strcmp((*link)->bytes, name))
		link = &(*link)->next;
	return link;
}

static void drop(struct node *node, struct mem_pool *pool, struct xattr **link)
{
	struct xattr *xattr = *link;
	size_t cost = cost_of(xattr->name_len, xattr->len);

	*link = xattr->next;
	node->xattr_bytes -= cost;
	memory_pool_uncharge(pool, cost);
	free(xattr);
}

void xattrs_free(struct node *node, struct mem_pool *pool)
{
	while (node->xattrs)
		drop(node, pool, &node->xattrs);
}

/* Make an attribute that is charged. NULL: *err is -ENOSPC or -ENOMEM. */
static struct xattr *make(struct mem_pool *pool, const char *name, struct bytes value, int *err)
{
	const size_t name_len = strlen(name), cost = cost_of(name_len, value.len);
	struct xattr *xattr;

	*err = -ENOSPC;
	if (!memory_pool_charge(pool, cost))
		return NULL;
	xattr = malloc(cost);
	if (!xattr) {
		memory_pool_uncharge(pool, cost);
		*err = -ENOMEM;
		return NULL;
	}
	*xattr = (struct xattr){.name_len = name_len, .len = value.len};
	memcpy(xattr->bytes, name, name_len + 1);
	if (value.len)
		memcpy(xattr->bytes + name_len + 1, value.data, value.len);
	return xattr;
}

int xattrs_set(struct node *node, struct mem_pool *pool, const char *name, struct bytes value,
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
	made = make(pool, name, value, &err);
	if (!made)
		return err;
	if (*link)
		drop(node, pool, link);
	made->next = *link;
	*link = made;
	node->xattr_bytes += cost;
	return 0;
}

const struct xattr *xattrs_find(struct node *node, const char *name)
{
	return *find(node, name);
}

int xattrs_remove(struct node *node, struct mem_pool *pool, const char *name)
{
	struct xattr **link = find(node, name);

	if (!*link)
		return -ENODATA;
	drop(node, pool, link);
	return 0;
}
