/*
 * Checks that a listing ends; see listing.h. A circle is found by Brent's algorithm. The caller of
 * the listing owns it; one thread.
 */
#include "client/calls/listing.h"

#include <errno.h>

int listing_check(struct listing *listing, uint64_t off, const struct reply *reply)
{
	listing->nr_entries += reply->nr_types;
	listing->nr_empty = reply->nr_types ? 0 : listing->nr_empty + 1;
	if (listing->nr_entries > LISTING_MAX)
		return -EOVERFLOW;
	if (!reply->next)
		return 0;
	if (reply->next == off || reply->next == listing->mark ||
	    listing->nr_empty > LISTING_EMPTY_MAX)
		return -EPROTO;
	if (!(listing->nr_answers & (listing->nr_answers + 1)))
		listing->mark = reply->next;
	listing->nr_answers++;
	return 0;
}
