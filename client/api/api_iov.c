/*
 * The public functions for iovs. A struct hf3fs_iov belongs to the program, and its region to the
 * library. Any thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "client/base/cancel.h"
#include "client/session/device.h"
#include "client/base/hf3fs_exports.h"
#include "client/mount/mount.h"
#include "client/memory/region.h"
#include "client/session/session.h"
#include "client/memory/wrap_cache.h"
#include "common/base/log.h"

/*
 * Check a mount point. 0; -EINVAL: it is NULL or too long. An empty one is no error here: mount_get
 * does not find it.
 */
static int check_name(const char *mount_point)
{
	if (!mount_point || strnlen(mount_point, MOUNT_POINT_MAX) == MOUNT_POINT_MAX)
		return -EINVAL;
	return 0;
}

static void fill(struct hf3fs_iov *iov, void *base, uint64_t handle, const uint8_t id[16],
		 const char *mount_point, size_t size, size_t block_size, int numa)
{
	*iov = (struct hf3fs_iov){.base = base,
				  .iovh = (hf3fs_iov_handle)(uintptr_t)handle,
				  .size = size,
				  .block_size = block_size,
				  .numa = numa};
	memcpy(iov->id, id, sizeof(iov->id));
	strcpy(iov->mount_point, mount_point);
}

/*
 * Register the memory now, so that an error is reported early. If no device can be opened, this is
 * 0, and the first I/O registers the memory.
 */
static int register_early(struct region *region)
{
	struct session *session = region->session;

	if (device_probe(&session->device, session->spec))
		return 0;
	return region_register(region, DIR_READ_IO);
}

/*
 * Make a region of shm, which this function takes over even if it fails. The region of an iov has
 * the caller's reference to the mount. 0 or -errno.
 */
static int publish(struct mount *mount, struct shm *shm, size_t block_size, uint64_t *handle)
{
	struct region *region;
	int err = region_create(mount, shm->base, shm->size, block_size, shm, &region);

	if (err) {
		shm_close(shm);
		return err;
	}
	err = register_early(region);
	if (err) {
		region_retire(region, region->handle);
		region_discard(region);
		return err;
	}
	*handle = region->handle;
	return 0;
}

static int make_id(uint8_t id[16])
{
	/* getrandom returns 16 bytes at once, or waits until the kernel has entropy. */
	while (getrandom(id, 16, 0) != 16) {
		int err = -errno;

		if (err == -EINTR)
			continue;
		log_warn("cannot make an id for an iov: getrandom: %s", strerror(-err));
		return err;
	}
	id[6] = (id[6] & 0x0f) | 0x40; /* a UUID of version 4 */
	id[8] = (id[8] & 0x3f) | 0x80;
	return 0;
}

int hf3fs_iovcreate(struct hf3fs_iov *iov, const char *hf3fs_mount_point, size_t size,
		    size_t block_size, int numa)
{
	NOT_CANCELLED;
	struct mount *mount;
	struct shm shm;
	uint64_t handle;
	uint8_t id[16];
	int err;

	if (!iov || !size || block_size > size || check_name(hf3fs_mount_point))
		return -EINVAL;
	err = mount_get(hf3fs_mount_point, &mount);
	if (err)
		return err;
	err = make_id(id);
	if (!err)
		err = shm_create(&shm, id, size, block_size, numa);
	if (!err)
		err = publish(mount, &shm, block_size, &handle);
	if (err) {
		mount_put(mount);
		return err;
	}
	fill(iov, shm.base, handle, id, hf3fs_mount_point, size, block_size, numa);
	return 0;
}

int hf3fs_iovopen(struct hf3fs_iov *iov, const uint8_t id[16], const char *hf3fs_mount_point,
		  size_t size, size_t block_size, int numa)
{
	NOT_CANCELLED;
	struct mount *mount;
	struct shm shm;
	uint64_t handle;
	int err;

	if (!iov || !id || !size || check_name(hf3fs_mount_point))
		return -EINVAL;
	err = mount_get(hf3fs_mount_point, &mount);
	if (err)
		return err;
	err = shm_open_id(&shm, id, size, block_size, numa);
	if (!err)
		err = publish(mount, &shm, block_size, &handle);
	if (err) {
		mount_put(mount);
		return err;
	}
	fill(iov, shm.base, handle, id, hf3fs_mount_point, size, block_size, numa);
	return 0;
}

void hf3fs_iovunlink(struct hf3fs_iov *iov)
{
	NOT_CANCELLED;
	struct region *region = iov ? region_get((uintptr_t)iov->iovh) : NULL;

	if (!region)
		return;
	shm_unlink_id(&region->shm);
	region_put(region);
}

void hf3fs_iovdestroy(struct hf3fs_iov *iov)
{
	NOT_CANCELLED;
	struct region *region = iov ? region_peek((uintptr_t)iov->iovh) : NULL;
	struct mount *mount;

	if (!region)
		return;
	mount = atomic_load(&region->mount);
	if (!region_retire(region, (uintptr_t)iov->iovh))
		return;
	wrap_cache_unmapped(region->shm.base, region->shm.mapped);
	region_finish(region);
	mount_put(mount);
}

int hf3fs_iovwrap(struct hf3fs_iov *iov, void *base, const uint8_t id[16],
		  const char *hf3fs_mount_point, size_t size, size_t block_size, int numa)
{
	NOT_CANCELLED;
	static const uint8_t nil[16];

	if (!iov || check_name(hf3fs_mount_point))
		return -EINVAL;
	if (!id)
		id = nil;
	wrap_cache_renewed(id, base, size);
	fill(iov, base, 0, id, hf3fs_mount_point, size, block_size, numa);
	return 0;
}
