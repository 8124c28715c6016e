/* The table of I/Os under way: an array and a stack of its free indices, last used first out. */
#include "client/inflight.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/limits.h"

#define INDEX_BITS 14u
#define INDEX_MASK ((1u << INDEX_BITS) - 1)

_Static_assert(INFLIGHT_MAX == 1u << INDEX_BITS, "a tag holds an index and a sequence");

int inflight_open(struct inflight *inflight, uint32_t max)
{
	*inflight = (struct inflight){
		.ios = calloc(max, sizeof(*inflight->ios)),
		.free = calloc(max, sizeof(*inflight->free)),
		.max = max,
	};
	if (!inflight->ios || !inflight->free) {
		inflight_close(inflight);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < max; i++)
		inflight->free[i] = (uint16_t)(max - 1 - i);
	return 0;
}

void inflight_close(struct inflight *inflight)
{
	free(inflight->ios);
	free(inflight->free);
	*inflight = (struct inflight){0};
}

uint32_t inflight_add(struct inflight *inflight, struct ring *ring, uint32_t slot, uint64_t len)
{
	uint32_t index = inflight->free[inflight->max - ++inflight->nr];
	struct flying *io = &inflight->ios[index];

	io->ring = ring;
	io->slot = slot;
	io->len = len;
	io->sequence = (io->sequence + 1) & (UINT32_MAX >> INDEX_BITS);
	return index | io->sequence << INDEX_BITS;
}

const struct flying *inflight_find(const struct inflight *inflight, uint32_t tag)
{
	uint32_t index = tag & INDEX_MASK;
	const struct flying *io;

	if (index >= inflight->max)
		return NULL;
	io = &inflight->ios[index];
	return io->ring && io->sequence == tag >> INDEX_BITS ? io : NULL;
}

struct flying inflight_end(struct inflight *inflight, const struct flying *io)
{
	uint32_t index = (uint32_t)(io - inflight->ios);
	struct flying copy = *io;

	inflight->ios[index].ring = NULL;
	inflight->free[inflight->max - inflight->nr--] = (uint16_t)index;
	return copy;
}

bool inflight_take_next(struct inflight *inflight, uint32_t *index, struct flying *io)
{
	for (; *index < inflight->max; ++*index)
		if (inflight->ios[*index].ring) {
			*io = inflight_end(inflight, &inflight->ios[*index]);
			return true;
		}
	return false;
}
