/*
 * The I/Os a connection has under way, by the tag that travels with them: index | sequence << 14.
 * Whatever the server says about a tag, and whatever it does to memory by one over tcp, tls or
 * loop, is checked here before any memory is touched. I/Os outlive the transport connection: at its
 * end they are resend, to be sent again. Under the connection's lock. What every I/O goes through
 * is inline.
 */
#ifndef USRBIO_CLIENT_RING_INFLIGHT_H
#define USRBIO_CLIENT_RING_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

#define INFLIGHT_BITS 14u /* of an index, in a tag */

_Static_assert(INFLIGHT_MAX == 1u << INFLIGHT_BITS, "a tag holds an index and a sequence");

struct ring;

struct flying {
	struct ring *ring; /* NULL: this index is free */
	uint64_t len;
	uint32_t slot;
	uint32_t sequence; /* of the tag; counts the uses of the index */
	uint32_t tick;	   /* of the connection's clock, when it was released */
	bool resend;	   /* not sent in this life of the connection */
};

/* Where its memory is: len bytes, of a region with that key in this life of the connection. */
struct flying_memory {
	uintptr_t base;
	uint32_t key;
};

struct inflight {
	struct flying *ios;
	struct flying_memory *memory; /* by the same index */
	uint16_t *free;		      /* a stack of max - nr indices */
	uint32_t max, nr;
	uint32_t limit;	    /* what the server takes in this life, at most max */
	uint32_t nr_resend; /* of nr */
	uint32_t cursor;    /* resend ones are looked for from here */
};

/* max: at most INFLIGHT_MAX. 0 or -ENOMEM; empty afterwards. close takes a zeroed one. */
int inflight_open(struct inflight *inflight, uint32_t max);
void inflight_close(struct inflight *inflight);

static inline bool inflight_full(const struct inflight *inflight)
{
	return inflight->nr >= inflight->limit;
}

static inline uint32_t inflight_sent(const struct inflight *inflight)
{
	return inflight->nr - inflight->nr_resend;
}

/* The tag; not to be called when full. */
static inline uint32_t inflight_add(struct inflight *inflight, struct ring *ring, uint32_t slot,
				    uint64_t len, uint32_t tick)
{
	uint32_t index = inflight->free[inflight->max - ++inflight->nr];
	struct flying *io = &inflight->ios[index];

	io->ring = ring;
	io->slot = slot;
	io->len = len;
	io->tick = tick;
	io->sequence = (io->sequence + 1) & (UINT32_MAX >> INFLIGHT_BITS);
	return index | io->sequence << INFLIGHT_BITS;
}

/* NULL for a tag that is not under way. */
static inline struct flying *inflight_find(const struct inflight *inflight, uint32_t tag)
{
	uint32_t index = tag & (INFLIGHT_MAX - 1);
	struct flying *io;

	if (index >= inflight->max)
		return NULL;
	io = &inflight->ios[index];
	return io->ring && io->sequence == tag >> INFLIGHT_BITS && !io->resend ? io : NULL;
}

/* It is about to be sent: what the server may reach on its behalf. */
static inline void inflight_grant(struct inflight *inflight, uint32_t tag, uintptr_t base,
				  uint32_t key)
{
	struct flying_memory *memory = &inflight->memory[tag & (INFLIGHT_MAX - 1)];

	memory->base = base;
	memory->key = key;
}

/* Of one that was found by this tag. */
static inline const struct flying_memory *inflight_memory(const struct inflight *inflight,
							  uint32_t tag)
{
	return &inflight->memory[tag & (INFLIGHT_MAX - 1)];
}

/* What was found is over; what it was can still be read. */
static inline void inflight_end(struct inflight *inflight, struct flying *io)
{
	io->ring = NULL;
	inflight->free[inflight->max - inflight->nr--] = (uint16_t)(io - inflight->ios);
}

/* The connection is over, and the wire has let go: all are resend. */
void inflight_mark_resend(struct inflight *inflight);
/* The next resend one in turn, or NULL. */
struct flying *inflight_next_resend(struct inflight *inflight);
/* It is sent again, or about to end: its tag. */
uint32_t inflight_take_resend(struct inflight *inflight, struct flying *io);

#endif
