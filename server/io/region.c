/*
 * The region table: an array indexed by the client's ids. The pipeline owns it, and only its
 * worker's thread runs this.
 */
#include "server/io/region.h"

#include <errno.h>
#include <stdlib.h>

int regions_open(struct regions *regions)
{
	regions->slots = calloc(REGIONS_MAX, sizeof(*regions->slots));
	return regions->slots ? 0 : -ENOMEM;
}

void regions_close(struct regions *regions)
{
	free(regions->slots);
	*regions = (struct regions){0};
}

int region_add(struct regions *regions, const struct region_add *add)
{
	struct server_region *region;

	if (add->region >= REGIONS_MAX || !add->size || add->size > UINT64_MAX - add->base)
		return -EINVAL;
	region = &regions->slots[add->region];
	if (region->size)
		return -EEXIST;
	*region = (struct server_region){
		.base = add->base,
		.size = add->size,
		.key = add->key,
		.access = add->access,
	};
	regions->nr++;
	return 0;
}

void region_start_drop(struct server_region *region, struct outgoing *answer)
{
	region->drop = answer;
}

struct outgoing *region_end_drop(struct regions *regions, struct server_region *region)
{
	struct outgoing *answer = region->drop;

	if (!answer || region->users)
		return NULL;
	*region = (struct server_region){0};
	regions->nr--;
	return answer;
}
