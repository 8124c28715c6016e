/*
 * The end of wrapped memory that is cached no more: retired regions, which the progress thread ends
 * when they have no pins.
 */
#ifndef USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H
#define USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H

#include <stdbool.h>
#include <stddef.h>

struct region;
struct session;

/* Take a retired region over. Any thread. */
void region_reclaim_add(struct region *region);
/*
 * Wait until no server touches any part of the memory on behalf of these regions, before it is
 * unmapped. Their I/O that has not been sent yet completes with -ECANCELED. Not on the progress
 * thread.
 */
void region_reclaim_revoke(const void *base, size_t size);

struct region_reclaim_counts {
	unsigned nr;
	unsigned nr_dropping; /* of nr: the server has been asked to drop them and has not yet */
	unsigned nr_quiet;    /* of nr: no server touches them, and threads still pin them */
};
/* Count the regions of a session that are reclaimed. False: the lock was not free for some ms. */
bool region_reclaim_count(const struct session *session, struct region_reclaim_counts *counts);

#endif
