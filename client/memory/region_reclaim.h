/*
 * Wrapped memory that is remembered no more: retired regions on their way out, which the progress
 * thread ends once nobody pins them.
 */
#ifndef USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H
#define USRBIO_CLIENT_MEMORY_REGION_RECLAIM_H

#include <stddef.h>

struct region;

/* Takes over a retired region. Any thread. */
void region_reclaim_add(struct region *region);
/*
 * The memory is about to be unmapped: wait until no server touches any part of it on behalf of the
 * doomed. Their I/O that has not been sent yet completes -ECANCELED. Not on the progress thread.
 */
void region_reclaim_revoke(const void *base, size_t size);

#endif
