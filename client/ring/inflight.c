/*
 * The table of I/Os under way; see inflight.h. It is an array with a stack of its free indices: the
 * index that was freed last is used first. The dispatch of a connection owns it, under the
 * connection's lock; any thread.
 */
#include "client/ring/inflight.h"

#include <errno.h>
#include <stdlib.h>

int inflight_open(struct inflight *inflight, uint32_t max)
{
	*inflight = (struct inflight){
		.ios = calloc(max, sizeof(*inflight->ios)),
		.memory = calloc(max, sizeof(*inflight->memory)),
		.free = calloc(max, sizeof(*inflight->free)),
		.max = max,
		.limit = max,
	};
	if (!inflight->ios || !inflight->memory || !inflight->free) {
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
	free(inflight->memory);
	free(inflight->free);
	*inflight = (struct inflight){0};
}

void inflight_mark_resend(struct inflight *inflight)
{
	for (uint32_t i = 0; i < inflight->max; i++)
		inflight->ios[i].resend = inflight->ios[i].ring != NULL;
	inflight->nr_resend = inflight->nr;
}

struct flying *inflight_next_resend(struct inflight *inflight)
{
	if (!inflight->nr_resend)
		return NULL;
	while (!inflight->ios[inflight->cursor].resend)
		inflight->cursor = (inflight->cursor + 1) % inflight->max;
	return &inflight->ios[inflight->cursor];
}

uint32_t inflight_take_resend(struct inflight *inflight, struct flying *io)
{
	uint32_t index = (uint32_t)(io - inflight->ios);

	io->resend = false;
	inflight->nr_resend--;
	return index | io->sequence << INFLIGHT_BITS;
}
