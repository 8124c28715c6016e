/*
 * The cache of wrapped memory: regions by (session, id, base, size), so that wrapping the same
 * range again, even before every I/O, registers it once. Any thread.
 */
#ifndef USRBIO_CLIENT_MEMORY_WRAP_CACHE_H
#define USRBIO_CLIENT_MEMORY_WRAP_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct hf3fs_iov;
struct mount;
struct region;

/*
 * Beyond this number the least recently used is forgotten; each may take two of the server's region
 * ids.
 */
#define WRAPS_MAX 512u

/*
 * Get the region of a wrapped iov's range, and create it if needed; it is not registered yet. It is
 * pinned until region_put. 0 or -ENOMEM.
 */
int wrap_cache_region(struct mount *mount, const struct hf3fs_iov *iov, struct region **region);

/*
 * Prepare for wrapping the id around this range. Regions of the id with another range, or with a
 * name in <mount>/3fs-virt/iovs that is gone, end after their I/O.
 */
void wrap_cache_renewed(const uint8_t id[16], const void *base, size_t size);

/*
 * Prepare for unmapping one of our iovs: forget regions that were wrapped inside it, and wait until
 * no server touches them. Their I/O that has not been sent yet completes with -ECANCELED.
 */
void wrap_cache_unmapped(const void *base, size_t size);

#endif
