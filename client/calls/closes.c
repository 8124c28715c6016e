/*
 * Handles to close: an array that only grows. Besides the reserved ones there is always space for
 * REQUESTS_MAX handles: those of closes that have to be sent again, and those in answers without a
 * waiting caller. A connection's requests own it, under the connection's lock.
 */
#include "client/calls/closes.h"

#include <errno.h>
#include <stdlib.h>

#include "client/calls/request.h"

void closes_free(struct closes *closes)
{
	free(closes->handles);
	*closes = (struct closes){0};
}

/* Make room for one handle more than there are and than are reserved. 0 or -ENOMEM. */
static int make_room(struct closes *closes)
{
	size_t need = closes->nr + closes->nr_reserved + 1 + REQUESTS_MAX;
	size_t max = closes->max ? closes->max : 2 * REQUESTS_MAX;
	uint64_t *handles;

	if (need <= closes->max)
		return 0;
	while (max < need)
		max *= 2;
	handles = realloc(closes->handles, max * sizeof(*handles));
	if (!handles)
		return -ENOMEM;
	closes->handles = handles;
	closes->max = max;
	return 0;
}

int closes_reserve(struct closes *closes)
{
	int err = make_room(closes);

	if (!err)
		closes->nr_reserved++;
	return err;
}

void closes_release(struct closes *closes)
{
	closes->nr_reserved--;
}

bool closes_add(struct closes *closes, uint64_t handle)
{
	if (closes->nr + closes->nr_reserved >= closes->max && make_room(closes))
		return false;
	closes->handles[closes->nr++] = handle;
	return true;
}
