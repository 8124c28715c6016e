/*
 * The cache of wrapped memory: regions by session, id, base and size. If a program wraps the same
 * memory again, even before each I/O, it is registered only once. The process owns it; any thread.
 */
#ifndef USRBIO_CLIENT_MEMORY_WRAP_CACHE_H
#define USRBIO_CLIENT_MEMORY_WRAP_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct hf3fs_iov;
struct mount;
struct region;
struct session;

/*
 * The largest number of entries. Then the least recently used one is removed. Each may need two
 * region ids of the server.
 */
#define WRAPS_MAX 512u

/*
 * Find or create the region of a wrapped iov; a new one is not registered yet. It is pinned until
 * region_put. 0 or -ENOMEM.
 */
int wrap_cache_region(struct mount *mount, const struct hf3fs_iov *iov, struct region **region);

/*
 * Note that the program wraps memory with this id. Regions of the id with another range end after
 * their I/Os; so do those whose link in MOUNT/3fs-virt/iovs was removed.
 */
void wrap_cache_renewed(const uint8_t id[16], const void *base, size_t size);

/*
 * Prepare for unmapping an iov: remove the regions that were wrapped inside its memory, and wait
 * until no server can access them. Their I/Os that were not sent yet complete with -ECANCELED.
 */
void wrap_cache_unmapped(const void *base, size_t size);

/* Forget all memory that was wrapped for a session, before the session ends. */
void wrap_cache_end(const struct session *session);

#endif
