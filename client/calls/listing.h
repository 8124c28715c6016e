/*
 * A listing that comes in several answers has an end: how much has come, and whether a server leads
 * its reader round in a circle. Where a directory goes on is the server's file system's to say, and
 * need not grow (tmpfs counts down), but no place comes twice. One listing, one thread.
 */
#ifndef USRBIO_CLIENT_CALLS_LISTING_H
#define USRBIO_CLIENT_CALLS_LISTING_H

#include <stdint.h>

#include "proto/message.h"

/* Zeros: nothing has come yet. */
struct listing {
	uint64_t nr_entries, nr_answers;
	uint64_t mark; /* a place where it went on; another one after twice as many answers */
	unsigned nr_empty;
};

/* The next answer, to what was asked from `off` on. 0; -EPROTO, or -EOVERFLOW: it is too long. */
int listing_check(struct listing *listing, uint64_t off, const struct reply *reply);

#endif
