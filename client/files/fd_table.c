/* Leaves of descriptor tables: made by whoever comes first, never freed. */
#include "client/files/fd_table.h"

#include <stdlib.h>

struct slot *slots_make(struct slots *slots, int fd)
{
	struct slot *leaf, *none = NULL, *at = slots_at(slots, fd);
	int used = atomic_load(&slots->used);

	if (at || fd < 0 || fd / SLOTS_LEAF >= SLOTS_TOP)
		return at;
	leaf = calloc(SLOTS_LEAF, sizeof(*leaf));
	if (!leaf)
		return NULL;
	if (!atomic_compare_exchange_strong(&slots->leaf[fd / SLOTS_LEAF], &none, leaf))
		free(leaf);
	while (used <= fd / SLOTS_LEAF &&
	       !atomic_compare_exchange_weak(&slots->used, &used, fd / SLOTS_LEAF + 1))
		;
	return slots_at(slots, fd);
}

void slots_forget(struct slots *slots)
{
	for (int i = 0; i < atomic_load(&slots->used); i++) {
		struct slot *leaf = atomic_load(&slots->leaf[i]);

		for (int j = 0; leaf && j < SLOTS_LEAF; j++)
			atomic_store(&leaf[j].pointer, NULL);
	}
}
