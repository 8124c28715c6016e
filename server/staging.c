/* Staging buffers: cut once at the start, then two free lists. Used by one worker. */
#include "server/staging.h"

#include <errno.h>
#include <stdlib.h>

#include "server/segment.h"

/* An eighth for small I/O: 16 KiB each, so that is many of them. */
#define SMALL_SHARE 8

static void cut(struct staging *staging, enum staging_class class, uint32_t size, char **at,
		struct segment **segment)
{
	for (unsigned i = 0; i < staging->nr[class]; i++, *at += size, (*segment)++) {
		(*segment)->buf = *at;
		(*segment)->class = class;
		list_add_tail(&staging->free[class], &(*segment)->node);
	}
}

int staging_open(struct staging *staging, size_t len, bool huge)
{
	unsigned small = (unsigned)(len / SMALL_SHARE / SMALL_SIZE);
	unsigned large = (unsigned)((len - len / SMALL_SHARE) / SEGMENT_SIZE);
	struct segment *segment;
	char *at;
	int err;

	*staging = (struct staging){.nr = {small, large}};
	for (int i = 0; i < NR_STAGING; i++)
		list_init(&staging->free[i]);
	if (!small || !large)
		return -ENOMEM;
	err = pages_alloc(&staging->pages, len, -1, huge);
	if (err)
		return err;
	staging->segments = calloc(small + large, sizeof(*staging->segments));
	if (!staging->segments) {
		pages_free(&staging->pages);
		return -ENOMEM;
	}
	at = staging->pages.base;
	segment = staging->segments;
	cut(staging, STAGING_LARGE, SEGMENT_SIZE, &at, &segment);
	cut(staging, STAGING_SMALL, SMALL_SIZE, &at, &segment);
	return 0;
}

void staging_close(struct staging *staging)
{
	pages_free(&staging->pages);
	free(staging->segments);
	staging->segments = NULL;
}

struct segment *staging_get(struct staging *staging, enum staging_class class)
{
	struct list *node = list_pop(&staging->free[class]);

	return node ? container_of(node, struct segment, node) : NULL;
}

void staging_put(struct staging *staging, struct segment *segment)
{
	list_add_head(&staging->free[segment->class], &segment->node);
}
