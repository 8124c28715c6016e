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

#define INFLIGHT_BITS 14u /* bits of an index in a tag */

_Static_assert(INFLIGHT_MAX == 1u << INFLIGHT_BITS, "a tag holds an index and a sequence");

struct ring;

struct flying {
	struct ring *ring; /* NULL: this index is free */
	uint64_t len;
	uint32_t slot;
	uint32_t sequence; /* of the tag; counts the uses of the index */
	uint32_t tick;	   /* of the connection's clock, when it was released */
	bool resend;	   /* not sent in this incarnation of the connection */
};

/* Where an I/O has its memory, in a region with that key in this incarnation of the connection. */
struct flying_memory {
	uintptr_t base;
	uint32_t key;
};

struct inflight {
	struct flying *ios;
	struct flying_memory *memory; /* by the same index */
	uint16_t *free;		      /* a stack of max - nr indices */
	uint32_t max, nr;
	uint32_t limit;	    /* what the server takes in this incarnation, at most max */
	uint32_t nr_resend; /* how many of nr are resend */
	uint32_t cursor;    /* where the search for a resend one begins */
};

/* Open an empty table of max I/Os, at most INFLIGHT_MAX. 0 or -ENOMEM. close takes a zeroed one. */
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

/* Add an I/O to a table that is not full, and return its tag. */
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

/* Find the I/O with a tag; NULL if that is not under way. */
static inline struct flying *inflight_find(const struct inflight *inflight, uint32_t tag)
{
	uint32_t index = tag & (INFLIGHT_MAX - 1);
	struct flying *io;

	if (index >= inflight->max)
		return NULL;
	io = &inflight->ios[index];
	return io->ring && io->sequence == tag >> INFLIGHT_BITS && !io->resend ? io : NULL;
}

/* An I/O is about to be sent: note which memory the server may access for it. */
static inline void inflight_grant(struct inflight *inflight, uint32_t tag, uintptr_t base,
				  uint32_t key)
{
	struct flying_memory *memory = &inflight->memory[tag & (INFLIGHT_MAX - 1)];

	memory->base = base;
	memory->key = key;
}

/* The memory of an I/O that was found by this tag. */
static inline const struct flying_memory *inflight_memory(const struct inflight *inflight,
							  uint32_t tag)
{
	return &inflight->memory[tag & (INFLIGHT_MAX - 1)];
}

/* End an I/O that was found; its fields can still be read. */
static inline void inflight_end(struct inflight *inflight, struct flying *io)
{
	io->ring = NULL;
	inflight->free[inflight->max - inflight->nr--] = (uint16_t)(io - inflight->ios);
}

/* The connection is over, and no memory is accessed any more: all I/Os become resend. */
void inflight_mark_resend(struct inflight *inflight);
/* The next resend I/O in turn, or NULL. */
struct flying *inflight_next_resend(struct inflight *inflight);
/* A resend I/O is sent again, or about to end: return its tag. */
uint32_t inflight_take_resend(struct inflight *inflight, struct flying *io);

#endif
