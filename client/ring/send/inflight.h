/*
 * The I/Os that a connection has under way, by their tags: index | sequence << 14. Each tag that
 * the server sends is checked here, before its I/O is completed or, over tcp, tls or loop, its
 * memory is accessed. I/Os survive the loss of the transport connection: then they are marked
 * `resend`, and are sent again. The dispatch of a connection owns it, under the connection's lock.
 * Functions that each I/O needs are inline.
 */
#ifndef USRBIO_CLIENT_RING_SEND_INFLIGHT_H
#define USRBIO_CLIENT_RING_SEND_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

#define INFLIGHT_BITS 14u /* bits of an index in a tag */

_Static_assert(INFLIGHT_MAX == 1u << INFLIGHT_BITS, "a tag holds an index and a sequence");

struct ring;

/* An I/O whose time is over, and whether the server has been told so. */
enum flying_late { FLYING_IN_TIME, FLYING_LATE, FLYING_ABORTED };

struct flying {
	struct ring *ring; /* NULL: this index is free */
	uint64_t len;
	uint32_t slot;
	uint32_t sequence; /* part of the tag; counts the uses of the index */
	uint32_t tick;	   /* of the connection's clock, when it was released */
	bool resend;	   /* it has to be sent again in this incarnation of the connection */
	uint8_t late;	   /* enum flying_late */
	uint16_t under;	   /* lowest bits of a write's number of the write verifier; 0: none */
};

/* The memory of an I/O, and the key of its region in this incarnation of the connection. */
struct flying_memory {
	uintptr_t base;
	uint32_t key;
};

struct inflight {
	struct flying *ios;
	struct flying_memory *memory; /* by the same index */
	uint16_t *free;		      /* a stack of max - nr indices */
	uint32_t max, nr;
	uint32_t limit;	    /* I/Os that the server accepts in this incarnation, at most max */
	uint32_t nr_resend; /* I/Os that have to be sent again; nr includes them */
	uint32_t cursor;    /* the index at which the search for one of these begins */
};

/*
 * Open an empty table for max I/Os, at most INFLIGHT_MAX. 0 or -ENOMEM. inflight_close accepts a
 * zeroed table.
 */
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
				    uint64_t len, uint32_t tick, uint16_t under)
{
	uint32_t index = inflight->free[inflight->max - ++inflight->nr];
	struct flying *io = &inflight->ios[index];

	io->ring = ring;
	io->slot = slot;
	io->len = len;
	io->tick = tick;
	io->late = FLYING_IN_TIME;
	io->under = under;
	io->sequence = (io->sequence + 1) & (UINT32_MAX >> INFLIGHT_BITS);
	return index | io->sequence << INFLIGHT_BITS;
}

/* The tag of an I/O of the table. */
static inline uint32_t inflight_tag(const struct inflight *inflight, const struct flying *io)
{
	return (uint32_t)(io - inflight->ios) | io->sequence << INFLIGHT_BITS;
}

/* Find the I/O with a tag. NULL: no such I/O is under way. */
static inline struct flying *inflight_find(const struct inflight *inflight, uint32_t tag)
{
	uint32_t index = tag & (INFLIGHT_MAX - 1);
	struct flying *io;

	if (index >= inflight->max)
		return NULL;
	io = &inflight->ios[index];
	return io->ring && io->sequence == tag >> INFLIGHT_BITS && !io->resend ? io : NULL;
}

/* Store which memory the server may access for an I/O that is about to be sent. */
static inline void inflight_grant(struct inflight *inflight, uint32_t tag, uintptr_t base,
				  uint32_t key)
{
	struct flying_memory *memory = &inflight->memory[tag & (INFLIGHT_MAX - 1)];

	memory->base = base;
	memory->key = key;
}

/* Return the memory of an I/O that was found by this tag. */
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

/* Mark all I/Os to be sent again, because the connection is down and accesses no memory. */
void inflight_mark_resend(struct inflight *inflight);
/* Return the next I/O that has to be sent again, or NULL. */
struct flying *inflight_next_resend(struct inflight *inflight);
/* Unmark an I/O that is being sent again or is about to end. Returns its tag. */
uint32_t inflight_take_resend(struct inflight *inflight, struct flying *io);

#endif
