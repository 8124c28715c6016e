/*
 * The memory of a client that its I/O may name: the address, size, key and permitted access of each
 * region id. Each connection has a table, which only its worker uses.
 */
#ifndef USRBIO_SERVER_IO_REGION_H
#define USRBIO_SERVER_IO_REGION_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

struct outgoing;

struct server_region {
	uint64_t base, size; /* size 0: nothing here */
	uint32_t key, access;
	uint32_t users; /* requests naming it, and segments the wire may still touch it for */
	struct outgoing *drop; /* being dropped: the answer to send when users is 0 */
};

struct regions {
	struct server_region *slots; /* REGIONS_MAX; zero pages until dirty */
	uint32_t nr;		     /* in use */
};

/* Allocate the table. 0 or -ENOMEM. regions_close() accepts a zeroed struct. */
int regions_open(struct regions *regions);
void regions_close(struct regions *regions);

/*
 * Add a region. 0; -EEXIST: the id is in use, or its drop has not been answered yet; -EINVAL: the
 * id or the range is invalid.
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
 * Check that [off, off+len) lies in the region and that we may do `access` there, and give its
 * address at the client. 0, -EINVAL, -EACCES.
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

/* Hide a region from region_find(). `answer` waits in it until it is unused. */
void region_start_drop(struct server_region *region, struct outgoing *answer);
/* Forget a region that is being dropped, if it is unused, and return its answer; else NULL. */
struct outgoing *region_end_drop(struct regions *regions, struct server_region *region);

#endif
