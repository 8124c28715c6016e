/*
 * A table from descriptors to pointers, growing as descriptors do. Zeroed memory is an empty one;
 * it lives as long as the process. Any thread, no locks.
 */
#ifndef USRBIO_CLIENT_FILES_FD_TABLE_H
#define USRBIO_CLIENT_FILES_FD_TABLE_H

#include <stdatomic.h>
#include <stddef.h>

#define SLOTS_LEAF 1024
#define SLOTS_TOP  65536 /* leaves: 67 million descriptors; what is not used is never touched */

struct slot {
	_Atomic(void *) pointer;
};

struct slots {
	atomic_int used; /* leaves from here on are none; only grows */
	_Atomic(struct slot *) leaf[SLOTS_TOP];
};

/* The slot of a descriptor; NULL for one that never had any. */
static inline struct slot *slots_at(struct slots *slots, int fd)
{
	struct slot *leaf;

	if (fd < 0 || fd / SLOTS_LEAF >= SLOTS_TOP)
		return NULL;
	leaf = atomic_load_explicit(&slots->leaf[fd / SLOTS_LEAF], memory_order_acquire);
	return leaf ? leaf + fd % SLOTS_LEAF : NULL;
}

/* The same, made when it is not there; NULL: no memory, or beyond the table. */
struct slot *slots_make(struct slots *slots, int fd);

/* Empty all slots, whatever they point to; nobody else is there. */
void slots_forget(struct slots *slots);

#endif
