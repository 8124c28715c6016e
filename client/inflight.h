/*
 * The I/Os a connection has under way, by the tag that travels with them: index | sequence << 14.
 * Whatever the server says about a tag is checked here before any memory is touched.
 * Under the connection's lock.
 */
#ifndef USRBIO_CLIENT_INFLIGHT_H
#define USRBIO_CLIENT_INFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct ring;

struct flying {
	struct ring *ring; /* NULL: this index is free */
	uint32_t slot;
	uint32_t sequence; /* of the tag; counts the uses of the index */
	uint64_t len;
};

struct inflight {
	struct flying *ios;
	uint16_t *free; /* a stack of max - nr indices */
	uint32_t max, nr;
};

/* max: at most INFLIGHT_MAX. 0 or -ENOMEM. Empty afterwards in any case; close takes a zeroed one.
 */
int inflight_open(struct inflight *inflight, uint32_t max);
void inflight_close(struct inflight *inflight);

static inline bool inflight_full(const struct inflight *inflight)
{
	return inflight->nr == inflight->max;
}

/* The tag; not to be called when full. */
uint32_t inflight_add(struct inflight *inflight, struct ring *ring, uint32_t slot, uint64_t len);
/* NULL for a tag that is not under way. */
const struct flying *inflight_find(const struct inflight *inflight, uint32_t tag);
/* What was found is over: takes it out, and gives a copy. */
struct flying inflight_end(struct inflight *inflight, const struct flying *io);
/* All of them one by one, for the end of a connection: *index begins at 0. False: no more. */
bool inflight_take_next(struct inflight *inflight, uint32_t *index, struct flying *io);

#endif
