/*
 * The end of the memory that belongs to a session, in the only order that leaves none: the cache of
 * wrapped memory first, because it gives regions to the reclaim. No state of its own. On the
 * progress thread, before the session ends.
 */
#include "client/memory/region_reclaim.h"
#include "client/memory/wrap_cache.h"
#include "client/mount/mount.h"

static void end(const struct session *session)
{
	wrap_cache_end(session);
	region_reclaim_end(session);
}

static void __attribute__((constructor)) use_mounts(void)
{
	mount_on_end(end);
}
