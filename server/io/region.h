/*
 * The memory a connection's I/O may name: region id -> address, size, key and what we may do to
 * it. One table per connection, used by its worker only.
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

/* 0 or -ENOMEM. regions_close tolerates a zeroed struct. */
int regions_open(struct regions *regions);
void regions_close(struct regions *regions);

/* -EEXIST: the id is taken, or its drop has not been answered yet; -EINVAL: nonsense. */
int region_add(struct regions *regions, const struct region_add *add);

/* NULL: unknown, or being dropped. */
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

/* From here on nobody finds it; `answer` waits in it. */
void region_start_drop(struct server_region *region, struct outgoing *answer);
/* If it is being dropped and nobody uses it: forget it and give back the answer, else NULL. */
struct outgoing *region_end_drop(struct regions *regions, struct server_region *region);

#endif
