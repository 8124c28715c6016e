/*
 * The public functions for rings. The contract with programs for 3FS defines which arguments they
 * check, and in which order. A ring belongs to the program, which prepares and submits on one
 * thread at a time; any thread may wait.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "client/ring/send/batch.h"
#include "client/base/cancel.h"
#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/files/file.h"
#include "client/base/hf3fs_exports.h"
#include "client/ring/ring_iov.h"
#include "client/mount/mount.h"
#include "client/memory/region.h"
#include "client/ring/ring.h"
#include "client/usrbio.h"

/* Bytes of a ring of 3FS in shared memory: its fixed part, and each entry. Programs use them. */
#define RING_FIXED_BYTES 4240u
#define RING_ENTRY_BYTES 96u

size_t hf3fs_ior_size(int entries)
{
	return RING_FIXED_BYTES + RING_ENTRY_BYTES * (size_t)entries;
}

static int create(struct hf3fs_ior *ior, const char *mount_point, int entries, bool for_read,
		  int io_depth, int priority, int timeout, int numa, uint64_t flags)
{
	const struct ring_config config = {
		.entries = (uint32_t)entries,
		.io_depth = io_depth,
		.priority = priority,
		.timeout_ns = timeout > 0 ? (uint64_t)timeout * NS_PER_MS : 0,
		.flags = flags,
		.for_read = for_read,
		.numa = numa,
	};
	struct mount *mount;
	uint64_t handle;
	int err;

	if (!ior || !mount_point || !*mount_point || timeout < 0 || entries <= 0 ||
	    io_depth > entries || (unsigned)entries > RING_ENTRIES_MAX ||
	    strnlen(mount_point, MOUNT_POINT_MAX) == MOUNT_POINT_MAX)
		return -EINVAL;
	err = mount_get(mount_point, &mount);
	if (err)
		return err;
	err = ring_create(mount, &config, &handle);
	if (err) {
		mount_put(mount);
		return err;
	}
	*ior = (struct hf3fs_ior){
		.iorh = (hf3fs_ior_handle)(uintptr_t)handle,
		.for_read = for_read,
		.io_depth = io_depth,
		.priority = priority,
		.timeout = timeout,
		.flags = flags,
	};
	strcpy(ior->mount_point, mount_point);
	return 0;
}

int hf3fs_iorcreate(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		    bool for_read, int io_depth, int numa)
{
	NOT_CANCELLED;
	return create(ior, hf3fs_mount_point, entries, for_read, io_depth, 0, 0, numa, 0);
}

int hf3fs_iorcreate2(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		     bool for_read, int io_depth, int priority, int numa)
{
	NOT_CANCELLED;
	return create(ior, hf3fs_mount_point, entries, for_read, io_depth, priority, 0, numa, 0);
}

int hf3fs_iorcreate3(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		     bool for_read, int io_depth, int priority, int timeout, int numa)
{
	NOT_CANCELLED;
	return create(ior, hf3fs_mount_point, entries, for_read, io_depth, priority, timeout, numa,
		      0);
}

int hf3fs_iorcreate4(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		     bool for_read, int io_depth, int timeout, int numa, uint64_t flags)
{
	NOT_CANCELLED;
	return create(ior, hf3fs_mount_point, entries, for_read, io_depth, 0, timeout, numa, flags);
}

static struct ring *ring_of(const struct hf3fs_ior *ior)
{
	return ior ? ring_get((uintptr_t)ior->iorh) : NULL;
}

void hf3fs_iordestroy(struct hf3fs_ior *ior)
{
	NOT_CANCELLED;
	struct ring *ring = ring_of(ior);

	if (ring)
		ring_destroy(ring);
}

int hf3fs_io_entries(const struct hf3fs_ior *ior)
{
	NOT_CANCELLED;
	struct ring *ring = ring_of(ior);
	int entries;

	if (!ring)
		return -EINVAL;
	entries = (int)ring->entries;
	ring_put(ring);
	return entries;
}

int usrbio_ring_fd(const struct hf3fs_ior *ior)
{
	NOT_CANCELLED;
	struct ring *ring = ring_of(ior);
	int fd;

	if (!ring)
		return -EINVAL;
	fd = ring_fd(ring);
	ring_put(ring);
	return fd;
}

/*
 * Check the file of an I/O. iov_err is the error of its iov, 0 or -EXDEV: it is returned only if
 * the file has no other error.
 */
static int check_file(const struct ring *ring, const struct file *file, int iov_err)
{
	if (!(file->flags & (ring->for_read ? OPEN_READ : OPEN_WRITE)))
		return -EACCES;
	if (file->mount != ring->mount && !mount_same(file->mount, ring->mount))
		return -EXDEV;
	return iov_err;
}

/* Give the reference back. This closes the file only if it was deregistered meanwhile. */
static void put_file(struct file *file)
{
	NOT_CANCELLED;
	file_put(file);
}

static int prepare(struct ring *ring, const struct hf3fs_iov *iov, bool read, void *ptr, int fd,
		   uint64_t off, uint64_t len, const void *userdata)
{
	struct iov_range range = {0};
	int64_t result;
	struct slot *slot;
	struct file *file;
	uint32_t index;
	int err;

	if (read != ring->for_read || !len || fd == INT_MIN)
		return -EINVAL;
	err = ring_iov_find(ring, iov, ptr, len, &range);
	if (err && err != -EXDEV)
		return err;
	file = file_registered(fd);
	if (!file) {
		err = -EBADF;
		goto err_unpin;
	}
	err = check_file(ring, file, err);
	if (err)
		goto err_put;
	slot = ring_slot(ring, &index);
	if (!slot) {
		err = -EAGAIN;
		goto err_put;
	}
	result = range.crosses ? -EINVAL : ring->timeout_ns ? (int64_t)now_ns() : 0;
	ring->nr_unready += !range.ready;
	*slot = (struct slot){
		.off = off,
		.len = len,
		.userdata = userdata,
		.file = file,
		.region = range.region,
		.region_off = range.off,
		.result = result,
		.pinned = range.pinned,
		.unready = !range.ready,
	};
	ring_prepared(ring, index);
	return (int)index;

err_put:
	put_file(file);
err_unpin:
	if (range.pinned)
		region_put(region_pinned(range.region));
	return err;
}

/*
 * Each I/O calls this, usually without a system call. So NOT_CANCELLED is only in those parts that
 * may make one.
 */
int hf3fs_prep_io(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, bool read, void *ptr,
		  int fd, size_t off, uint64_t len, const void *userdata)
{
	struct ring *ring = iov ? ring_of(ior) : NULL;
	int slot;

	if (!ring)
		return -EINVAL;
	slot = prepare(ring, iov, read, ptr, fd, off, len, userdata);
	ring_put(ring);
	return slot;
}

/* Make the memory of an I/O ready. An error becomes the result of the I/O. */
static void make_ready(const struct ring *ring, struct slot *slot)
{
	enum region_dir dir = ring->for_read ? DIR_READ_IO : DIR_WRITE_IO;
	struct region *region =
		slot->pinned ? region_pinned(slot->region) : region_get(slot->region);
	int err = 0;

	slot->unready = 0;
	if (!region)
		return; /* the iov was destroyed; sending the I/O finds that, too */
	if (slot->result >= 0)
		err = region_make_ready(region, dir, slot->region_off, slot->len);
	if (err)
		slot->result = err;
	if (!slot->pinned)
		region_put(region);
}

/*
 * Make the memory of all prepared I/Os ready. The connection's lock is not held, because this may
 * take long.
 */
static void make_all_ready(struct ring *ring)
{
	for (uint64_t at = ring->submitted; at != ring->prepared; at++) {
		struct slot *slot = &ring->slots[ring->prepared_queue[at & ring->mask]];

		if (slot->unready)
			make_ready(ring, slot);
	}
	ring->nr_unready = 0;
}

/*
 * Submit all prepared I/Os. Without a connection they wait for one. This cannot fail. It only
 * blocks while memory is registered or pages are accessed.
 */
static void submit(struct ring *ring)
{
	if (ring->submitted == ring->prepared)
		return;
	if (ring->nr_unready)
		make_all_ready(ring);
	conn_lock(ring->conn);
	batch_submitted(ring);
	conn_unlock(ring->conn);
}

int hf3fs_submit_ios(const struct hf3fs_ior *ior)
{
	NOT_CANCELLED;
	struct ring *ring = ring_of(ior);

	if (!ring)
		return -EINVAL;
	submit(ring);
	ring_put(ring);
	return 0;
}

static int64_t clamp(int64_t value, int64_t limit)
{
	return value < -limit ? -limit : value > limit ? limit : value;
}

/*
 * Convert a time of CLOCK_REALTIME to one of now_ns, so that later changes of the clock have no
 * effect. 0: the time has passed. Both fields may have any value. NULL: NEVER.
 */
static uint64_t deadline_of(const struct timespec *abs_timeout)
{
	/*
	 * In seconds: `huge` is more than tv_nsec can subtract, and `far` more than the lifetime of
	 * a process.
	 */
	const int64_t huge = 1000000000000, far = 1000000000, second = NS_PER_S;
	struct timespec now;
	int64_t sec, left;

	if (!abs_timeout)
		return NEVER;
	clock_gettime(CLOCK_REALTIME, &now);
	sec = clamp(abs_timeout->tv_sec, huge) - now.tv_sec + abs_timeout->tv_nsec / second;
	left = clamp(sec, far) * second + abs_timeout->tv_nsec % second - now.tv_nsec;
	return left > 0 ? now_ns() + (uint64_t)left : 0;
}

int hf3fs_wait_for_ios(const struct hf3fs_ior *ior, struct hf3fs_cqe *cqes, int cqec,
		       int min_results, const struct timespec *abs_timeout)
{
	NOT_CANCELLED;
	struct ring *ring = cqes && cqec > 0 ? ring_of(ior) : NULL;
	int n;

	if (!ring)
		return -EINVAL;
	if (min_results > cqec)
		min_results = cqec;
	n = ring_wait(ring, cqes, cqec, min_results, min_results > 0 ? deadline_of(abs_timeout) : 0,
		      cancel_before);
	ring_put(ring);
	return n;
}
