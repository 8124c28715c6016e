/*
 * The end of wrapped memory that is not in the cache any more: a list of retired regions, which the
 * progress thread ends when they have no pins. Any thread.
 */
#ifndef USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H
#define USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H

#include <stdbool.h>
#include <stddef.h>

struct region;
struct session;

/* Take over a retired region. */
void region_reclaim_add(struct region *region);
/*
 * Wait until no server can access the memory through one of these regions, before it is unmapped.
 * I/Os of these regions that were not sent yet complete with -ECANCELED. Not on the progress
 * thread.
 */
void region_reclaim_revoke(const void *base, size_t size);
/*
 * Discard the regions of a session before it ends: no server can access them any more. The caller
 * has called wrap_cache_end before, so that no more regions of the session are added.
 */
void region_reclaim_end(const struct session *session);

struct region_reclaim_counts {
	unsigned nr;
	unsigned nr_dropping; /* of these: a server has not answered the drop yet */
	unsigned nr_quiet;    /* of these: no server can access them, but threads still pin them */
};
/* Count the regions of a session in the list. False: the lock was not free for DUMP_LOCK_MS. */
bool region_reclaim_count(const struct session *session, struct region_reclaim_counts *counts);

#endif
