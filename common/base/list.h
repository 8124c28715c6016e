/*
 * Doubly linked lists. An element contains the node by which it is on a list. An empty list, and a
 * node that is on no list, point to themselves. The caller serialises.
 */
#ifndef USRBIO_COMMON_BASE_LIST_H
#define USRBIO_COMMON_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
	list->prev = list->next = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_add_tail(struct list *list, struct list *node)
{
	node->prev = list->prev;
	node->next = list;
	list->prev->next = node;
	list->prev = node;
}

static inline void list_add_head(struct list *list, struct list *node)
{
	list_add_tail(list->next, node);
}

/* Take a node off its list. A node that is on no list stays as it is. */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Take a node off its list and add it to another. */
static inline void list_move_tail(struct list *list, struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_add_tail(list, node);
}

static inline void list_move_head(struct list *list, struct list *node)
{
	list_move_tail(list->next, node);
}

/* Add all nodes of `from` to the end of `list`, and leave `from` empty. */
static inline void list_splice_tail(struct list *list, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = list->prev;
	list->prev->next = from->next;
	from->prev->next = list;
	list->prev = from->prev;
	list_init(from);
}

/* Take the first node off; NULL when the list is empty. */
static inline struct list *list_pop(struct list *list)
{
	struct list *node = list->next;

	if (node == list)
		return NULL;
	list_del(node);
	return node;
}

#define list_for_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* Do the same; the body may take `it` off the list. */
#define list_for_each_safe(it, head)                                              \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
	     it = it##_next, it##_next = it->next)

#endif
