/*
 * Regions: the memory of a client that its I/O may name. A region has an id, an address, a size, a
 * key and the permitted access. Each connection has a table, which only its worker's thread uses.
 */
#ifndef USRBIO_SERVER_IO_REGION_H
#define USRBIO_SERVER_IO_REGION_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

struct outgoing;

struct server_region {
	uint64_t base, size; /* size 0: the slot is free */
	uint32_t key, access;
	uint32_t users; /* requests that name it, and segments that may still move data of it */
	struct outgoing *drop; /* NULL, or the answer to a drop, to be sent when users is 0 */
};

struct regions {
	struct server_region *slots; /* REGIONS_MAX; unused pages take no memory */
	uint32_t nr;		     /* slots in use */
};

/* Allocate the table. Returns 0 or -ENOMEM. regions_close() accepts a zeroed struct. */
int regions_open(struct regions *regions);
void regions_close(struct regions *regions);

/*
 * Add a region. Returns 0. -EEXIST: the id is in use, or its drop has not been answered yet.
 * -EINVAL: the id or the range is invalid.
 */
int region_add(struct regions *regions, const struct region_add *add);

/* Find a region; NULL: it is unknown or being dropped. */
static inline struct server_region *region_find(const struct regions *regions, uint32_t id)
{
	struct server_region *region;

	if (id >= REGIONS_MAX)
		return NULL;
	region = &regions->slots[id];
	return region->size && !region->drop ? region : NULL;
}

/*
 * Check that [off, off+len) lies in the region and that the server may do `access` there. *raddr is
 * its address at the client. Returns 0, -EINVAL or -EACCES.
 */
static inline int region_range(const struct server_region *region, uint32_t access, uint64_t off,
			       uint64_t len, uint64_t *raddr)
{
	if (off > region->size || len > region->size - off)
		return -EINVAL;
	if (access & ~region->access)
		return -EACCES;
	*raddr = region->base + off;
	return 0;
}

/* Hide a region from region_find(). The region keeps `answer` until it is unused. */
void region_start_drop(struct server_region *region, struct outgoing *answer);
/* If a region is being dropped and unused, free its slot and return the answer. Else NULL. */
struct outgoing *region_end_drop(struct regions *regions, struct server_region *region);

#endif
