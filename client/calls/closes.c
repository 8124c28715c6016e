/*
 * File handles that are to be closed, in an array that only grows. It always has space for the
 * reserved handles and for REQUESTS_MAX others: those whose close has to be sent again, and those
 * in answers for which no caller waits any more. The requests of a connection own it, under the
 * connection's lock.
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

/* Make space for one handle besides all that are there or reserved. 0 or -ENOMEM. */
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
