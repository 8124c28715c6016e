/*
 * The end of wrapped memory that is cached no more: retired regions, which the progress thread ends
 * when they have no pins.
 */
#ifndef USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H
#define USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H

#include <stddef.h>

struct region;

/* Take a retired region over. Any thread. */
void region_reclaim_add(struct region *region);
/*
 * Wait until no server touches any part of the memory on behalf of these regions, before it is
 * unmapped. Their I/O that has not been sent yet completes with -ECANCELED. Not on the progress
 * thread.
 */
void region_reclaim_revoke(const void *base, size_t size);

#endif
