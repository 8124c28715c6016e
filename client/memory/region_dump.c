/*
 * The lines of a state dump about regions. A region belongs to its handle, and is pinned while its
 * state is read. This runs on the thread that makes the dump.
 */
#include "client/memory/region_dump.h"

#include "client/conn/conn.h"
#include "client/memory/region.h"
#include "client/memory/region_reclaim.h"

static bool is_registered(const struct region *region)
{
	return region_registered(region, DIR_READ_IO) || region_registered(region, DIR_WRITE_IO);
}

void region_dump_to(const struct session *session, struct dump *dump)
{
	unsigned nr = 0, nr_wrapped = 0, nr_registered = 0;
	struct region_reclaim_counts reclaimed;
	uint32_t cursor = 0;
	uint64_t bytes = 0;
	struct region *region;

	while ((region = objpool_next(&region_pool, &cursor))) {
		if (region->session == session) {
			nr++;
			nr_wrapped += region->wrapped;
			nr_registered += is_registered(region);
			bytes += atomic_load(&region->size);
		}
		region_put(region);
	}
	dump_line(dump, "regions: %u of %lu bytes, %u of them wrapped memory, %u registered", nr,
		  (unsigned long)bytes, nr_wrapped, nr_registered);
	if (region_reclaim_count(session, &reclaimed))
		dump_line(dump,
			  "regions: %u are reclaimed: %u of them wait for the server to drop them, "
			  "%u for threads of this process",
			  reclaimed.nr, reclaimed.nr_dropping, reclaimed.nr_quiet);
	else
		dump_line(dump,
			  "regions: busy: the lock of the reclaimed ones was not free for %d ms",
			  DUMP_LOCK_MS);
}

void region_dump_announced(const struct session *session, const struct conn *conn,
			   struct dump *dump)
{
	unsigned nr[NR_DIRS] = {0};
	uint32_t cursor = 0;
	struct region *region;

	while ((region = objpool_next(&region_pool, &cursor))) {
		for (enum region_dir dir = 0; region->session == session && dir < NR_DIRS; dir++)
			nr[dir] += region_id(region, conn, dir) >= 0;
		region_put(region);
	}
	dump_line(dump, "connection %u: regions announced: %u for reading files, %u for writing",
		  conn->index, nr[DIR_READ_IO], nr[DIR_WRITE_IO]);
}
