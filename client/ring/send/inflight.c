/*
 * The table of I/Os under way; see inflight.h. It is an array with a stack of its free indices: the
 * index that was freed last is used first. The dispatch of a connection owns it, under the
 * connection's lock; any thread.
 *
 * The table has its full size from the beginning, so that no I/O fails because memory cannot be
 * allocated. That takes addresses, but little memory: the kernel allocates a page of a large calloc
 * when it is first written. The order of the stack makes that one page for each 128 I/Os that are
 * under way at a time.
 */
#include "client/ring/send/inflight.h"

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
	/* There are none after a failed attempt to connect, which sent no I/O. */
	uint32_t left = inflight_sent(inflight);

	for (struct flying *io = inflight->ios; left; io++) {
		if (!io->ring || io->resend)
			continue;
		io->resend = true;
		io->late = FLYING_IN_TIME;
		left--;
	}
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
