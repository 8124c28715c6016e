/*
 * A table from descriptors to pointers, which grows with the descriptors. A zeroed table is empty.
 * It exists as long as the process. Any thread may use it, without locks.
 */
#ifndef USRBIO_CLIENT_FILES_FD_TABLE_H
#define USRBIO_CLIENT_FILES_FD_TABLE_H

#include <stdatomic.h>
#include <stddef.h>

#define FD_TABLE_LEAF 1024
#define FD_TABLE_TOP  65536 /* leaves, for 67 million descriptors; unused memory has no pages */

struct fd_slot {
	_Atomic(void *) pointer;
};

struct fd_table {
	atomic_int used; /* all leaves from this index on are NULL; it only grows */
	_Atomic(struct fd_slot *) leaf[FD_TABLE_TOP];
};

/* Return the slot of a descriptor; NULL if it never had one. */
static inline struct fd_slot *fd_table_at(struct fd_table *slots, int fd)
{
	struct fd_slot *leaf;

	if (fd < 0 || fd / FD_TABLE_LEAF >= FD_TABLE_TOP)
		return NULL;
	leaf = atomic_load_explicit(&slots->leaf[fd / FD_TABLE_LEAF], memory_order_acquire);
	return leaf ? leaf + fd % FD_TABLE_LEAF : NULL;
}

/* Return the slot, and make it if it is missing. NULL: out of memory, or fd is too large. */
struct fd_slot *fd_table_make(struct fd_table *slots, int fd);

/* Empty all slots without using their contents. No other thread may use the table. */
void fd_table_forget(struct fd_table *slots);

#endif
