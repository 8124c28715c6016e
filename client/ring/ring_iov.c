/*
 * Finds the region of an iov for a ring; see ring_iov.h. The ring owns the cache of its last iov.
 * The preparing thread calls this; api/api_iov.c makes and destroys iovs.
 */
#include "client/ring/ring_iov.h"

#include <errno.h>
#include <string.h>

#include "client/base/cancel.h"
#include "client/mount/mount.h"
#include "client/ring/ring.h"
#include "client/memory/wrap_cache.h"

/* True if the range is inside the memory. The sum ptr + len might overflow, so it is avoided. */
static bool inside(uintptr_t base, size_t size, const void *ptr, uint64_t len)
{
	uintptr_t at = (uintptr_t)ptr;

	return at >= base && at - base <= size && len <= size - (at - base);
}

static enum region_dir direction(const struct ring *ring)
{
	return ring->for_read ? DIR_READ_IO : DIR_WRITE_IO;
}

static int find_made(struct ring *ring, uint64_t handle, const void *ptr, uint64_t len,
		     struct iov_range *range)
{
	struct region *region = region_peek(handle);
	uintptr_t base;
	size_t size, block;
	struct mount *mount;
	uint64_t off;

	if (!region)
		return -EINVAL;
	base = atomic_load_explicit(&region->base, memory_order_acquire);
	size = atomic_load_explicit(&region->size, memory_order_acquire);
	block = atomic_load_explicit(&region->block_size, memory_order_acquire);
	mount = atomic_load_explicit(&region->mount, memory_order_acquire);
	/* The values that were read are those of this region only if it has not ended meanwhile. */
	if (!objpool_alive(&region->pooled, handle) || !inside(base, size, ptr, len))
		return -EINVAL;
	if (mount != ring->mount && !mount_same(mount, ring->mount))
		return -EXDEV;
	off = (uintptr_t)ptr - base;
	*range = (struct iov_range){
		.region = handle,
		.off = off,
		.ready = region_ready(region, direction(ring)),
		.crosses = block && off / block != (off + len - 1) / block,
	};
	return 0;
}

static bool is_last(const struct ring *ring, const struct hf3fs_iov *iov)
{
	return ring->wrapped.base == iov->base && ring->wrapped.size == iov->size &&
	       !memcmp(ring->wrapped.id, iov->id, sizeof(iov->id));
}

static void remember(struct ring *ring, const struct hf3fs_iov *iov, uint64_t handle)
{
	ring->wrapped.region = handle;
	ring->wrapped.base = iov->base;
	ring->wrapped.size = iov->size;
	memcpy(ring->wrapped.id, iov->id, sizeof(iov->id));
}

/* Check that the iov has a mount point of the ring's mount. The last one is cached. */
static int check_mount(struct ring *ring, const struct hf3fs_iov *iov)
{
	struct mount *mount;
	bool same;

	if (*ring->mount_point && !strcmp(ring->mount_point, iov->mount_point))
		return 0;
	NOT_CANCELLED;
	if (!memchr(iov->mount_point, 0, sizeof(iov->mount_point)) ||
	    mount_get(iov->mount_point, &mount))
		return -EINVAL;
	same = mount_same(mount, ring->mount);
	mount_put(mount);
	if (!same)
		return -EXDEV;
	strcpy(ring->mount_point, iov->mount_point);
	return 0;
}

/* Find and pin the region of a wrapped iov. 0 or -errno. */
static int find_region(struct ring *ring, const struct hf3fs_iov *iov, struct region **region)
{
	int err = check_mount(ring, iov);

	if (err)
		return err;
	*region = is_last(ring, iov) ? region_get(ring->wrapped.region) : NULL;
	if (*region)
		return 0;
	NOT_CANCELLED;
	err = wrap_cache_region(ring->mount, iov, region);
	if (!err)
		remember(ring, iov, (*region)->handle);
	return err;
}

static int find_wrapped(struct ring *ring, const struct hf3fs_iov *iov, const void *ptr,
			uint64_t len, struct iov_range *range)
{
	struct region *region;
	int err;

	if (!iov->base || !inside((uintptr_t)iov->base, iov->size, ptr, len))
		return -EINVAL;
	err = find_region(ring, iov, &region);
	if (err)
		return err;
	*range = (struct iov_range){
		.region = region->handle,
		.off = (uintptr_t)ptr - (uintptr_t)iov->base,
		.pinned = true,
		.ready = region_ready(region, direction(ring)),
	};
	return 0;
}

int ring_iov_find(struct ring *ring, const struct hf3fs_iov *iov, const void *ptr, uint64_t len,
		  struct iov_range *range)
{
	if (iov->iovh)
		return find_made(ring, (uintptr_t)iov->iovh, ptr, len, range);
	return find_wrapped(ring, iov, ptr, len, range);
}
