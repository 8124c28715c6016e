/*
 * The check that a listing in several answers ends. It counts the answers, and finds out if a
 * server sends the same positions again and again. Each answer has the position of the next one. It
 * comes from the file system of the server and need not grow, as tmpfs counts down, but no position
 * may come twice. The caller of the listing owns it; one thread.
 */
#ifndef USRBIO_CLIENT_CALLS_LISTING_H
#define USRBIO_CLIENT_CALLS_LISTING_H

#include <stdint.h>

#include "proto/message.h"

/* A zeroed struct has had no answer yet. */
struct listing {
	uint64_t nr_entries, nr_answers;
	uint64_t mark; /* an earlier position; replaced after 1, 2, 4, 8, ... answers */
	unsigned nr_empty;
};

/*
 * Check the next answer, to a call from position `off` on. 0; -EPROTO: the listing is a circle;
 * -EOVERFLOW: it is too long.
 */
int listing_check(struct listing *listing, uint64_t off, const struct reply *reply);

#endif
