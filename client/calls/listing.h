/*
 * A listing that comes in several answers must end: this counts what has come, and notices when a
 * server leads the reader in a circle. The position at which a directory goes on comes from the
 * server's file system and need not grow (tmpfs counts down), but none comes twice. One listing,
 * one thread.
 */
#ifndef USRBIO_CLIENT_CALLS_LISTING_H
#define USRBIO_CLIENT_CALLS_LISTING_H

#include <stdint.h>

#include "proto/message.h"

/* Zeroes: nothing has come yet. */
struct listing {
	uint64_t nr_entries, nr_answers;
	uint64_t mark; /* a position at which it went on; replaced after twice as many answers */
	unsigned nr_empty;
};

/* Check the next answer, to a call from `off` on. 0, -EPROTO, or -EOVERFLOW: it is too long. */
int listing_check(struct listing *listing, uint64_t off, const struct reply *reply);

#endif
