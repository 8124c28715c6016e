/*
 * A table from descriptors to pointers, growing as descriptors do. Zeroed memory is an empty one;
 * it lives as long as the process. Any thread, no locks.
 */
#ifndef USRBIO_CLIENT_FILES_FD_TABLE_H
#define USRBIO_CLIENT_FILES_FD_TABLE_H

#include <stdatomic.h>
#include <stddef.h>

#define FD_TABLE_LEAF 1024
#define FD_TABLE_TOP  65536 /* leaves: 67 million descriptors; what is not used is never touched */

struct fd_slot {
	_Atomic(void *) pointer;
};

struct fd_table {
	atomic_int used; /* leaves from here on are none; only grows */
	_Atomic(struct fd_slot *) leaf[FD_TABLE_TOP];
};

/* The slot of a descriptor; NULL for one that never had any. */
static inline struct fd_slot *fd_table_at(struct fd_table *slots, int fd)
{
	struct fd_slot *leaf;

	if (fd < 0 || fd / FD_TABLE_LEAF >= FD_TABLE_TOP)
		return NULL;
	leaf = atomic_load_explicit(&slots->leaf[fd / FD_TABLE_LEAF], memory_order_acquire);
	return leaf ? leaf + fd % FD_TABLE_LEAF : NULL;
}

/* The same, made when it is not there; NULL: no memory, or beyond the table. */
struct fd_slot *fd_table_make(struct fd_table *slots, int fd);

/* Empty all slots, whatever they point to; nobody else is there. */
void fd_table_forget(struct fd_table *slots);

#endif
