/*
 * Wrapped memory remembered: regions by (mount, id, base, size), so that wrapping the same range
 * again, even before every I/O, registers it once. Any thread.
 */
#ifndef USRBIO_CLIENT_WRAP_H
#define USRBIO_CLIENT_WRAP_H

#include <stddef.h>
#include <stdint.h>

struct mount;

/* Beyond these the least recently used is let go; each may take two of the server's region ids. */
#define WRAPS_MAX 512u

/*
 * The range's region, made if need be; not registered yet. Its handle, pinned: *region stays until
 * region_put. 0 or -ENOMEM.
 */
struct region;
int wrap_region(struct mount *mount, const uint8_t id[16], void *base, size_t size,
		struct region **region);

/*
 * The id is about to be wrapped around this range: what was remembered of it over another range,
 * or under a name in <mount>/3fs-virt/iovs that is gone, is let go once its I/O has ended.
 */
void wrap_renewed(const uint8_t id[16], const void *base, size_t size);

/* The mount ends and is connected no more. */
void wrap_forget(const struct mount *mount);

#endif
