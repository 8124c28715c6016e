/*
 * Makes the leaves of descriptor tables; see fd_table.h. The first thread that needs a leaf makes
 * it, and it is never freed. A table belongs to the process; any thread.
 */
#include "client/files/fd_table.h"

#include <stdlib.h>

struct fd_slot *fd_table_make(struct fd_table *slots, int fd)
{
	struct fd_slot *leaf, *none = NULL, *at = fd_table_at(slots, fd);
	int used = atomic_load(&slots->used);

	if (at || fd < 0 || fd / FD_TABLE_LEAF >= FD_TABLE_TOP)
		return at;
	leaf = calloc(FD_TABLE_LEAF, sizeof(*leaf));
	if (!leaf)
		return NULL;
	if (!atomic_compare_exchange_strong(&slots->leaf[fd / FD_TABLE_LEAF], &none, leaf))
		free(leaf);
	while (used <= fd / FD_TABLE_LEAF &&
	       !atomic_compare_exchange_weak(&slots->used, &used, fd / FD_TABLE_LEAF + 1))
		;
	return fd_table_at(slots, fd);
}

void fd_table_forget(struct fd_table *slots)
{
	for (int i = 0; i < atomic_load(&slots->used); i++) {
		struct fd_slot *leaf = atomic_load(&slots->leaf[i]);

		for (int j = 0; leaf && j < FD_TABLE_LEAF; j++)
			atomic_store(&leaf[j].pointer, NULL);
	}
}
