/* The memory that an I/O of a ring names: a range of a region, found by its public iov. Any thread.
 */
#ifndef USRBIO_CLIENT_RING_RING_IOV_H
#define USRBIO_CLIENT_RING_RING_IOV_H

#include "client/base/hf3fs_exports.h"
#include "client/memory/region.h"

struct ring;

/* What prep_io needs to know of [ptr, ptr + len) in an iov. */
struct iov_range {
	uint64_t region; /* handle */
	uint64_t off;	 /* in the region */
	bool pinned;	 /* the caller ends that by region_put(region_pinned(region)) */
	bool crosses;	 /* a block boundary */
	bool ready;	 /* as region_ready, for the ring's direction */
};

/*
 * Find the range for a ring: 0; -EINVAL (a dead iov, or not inside it), -EXDEV (of another mount
 * than the ring's), -ENOMEM. Lock-free but for a wrapped iov other than the ring's last one. The
 * ring's preparer only.
 */
int ring_iov_find(struct ring *ring, const struct hf3fs_iov *iov, const void *ptr, uint64_t len,
		  struct iov_range *range);

#endif
