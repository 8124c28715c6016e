/*
 * Wrapped memory remembered: regions by (session, id, base, size), so that wrapping the same range
 * again, even before every I/O, registers it once. Any thread.
 */
#ifndef USRBIO_CLIENT_MEMORY_WRAP_CACHE_H
#define USRBIO_CLIENT_MEMORY_WRAP_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct hf3fs_iov;
struct mount;
struct region;

/* Beyond these the least recently used is let go; each may take two of the server's region ids. */
#define WRAPS_MAX 512u

/*
 * The region of a wrapped iov's range, made if need be; not registered yet. Pinned: it stays until
 * region_put. 0 or -ENOMEM.
 */
int wrap_cache_region(struct mount *mount, const struct hf3fs_iov *iov, struct region **region);

/*
 * The id is about to be wrapped around this range: what was remembered of it over another range,
 * or under a name in <mount>/3fs-virt/iovs that is gone, is let go once its I/O has ended.
 */
void wrap_cache_renewed(const uint8_t id[16], const void *base, size_t size);

/*
 * An iov of ours is about to be unmapped: let go of what was wrapped inside it, and wait until no
 * server touches it. I/O of that which has not been sent yet completes -ECANCELED.
 */
void wrap_cache_unmapped(const void *base, size_t size);

#endif
