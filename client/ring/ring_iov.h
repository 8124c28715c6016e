/*
 * The memory of an I/O: a range of a region, found by the public struct of its iov. The caller owns
 * the result; only the preparing thread of a ring calls this.
 */
#ifndef USRBIO_CLIENT_RING_RING_IOV_H
#define USRBIO_CLIENT_RING_RING_IOV_H

#include "client/base/hf3fs_exports.h"
#include "client/memory/region.h"

struct ring;

/* The properties of a range of an iov that hf3fs_prep_io needs. */
struct iov_range {
	uint64_t region; /* handle of the region */
	uint64_t off;	 /* of the range in the region, bytes */
	bool pinned;	 /* the caller must end the pin: region_put(region_pinned(region)) */
	bool crosses;	 /* the range crosses a block boundary of the iov */
	bool ready;	 /* the result of region_ready for the direction of the ring */
};

/*
 * Find the range of `len` bytes at `ptr` for a ring. 0; -EINVAL: the iov does not exist, or the
 * range is not inside it; -EXDEV: the iov is on another mount than the ring; -ENOMEM. It takes a
 * lock only for a wrapped iov other than the last one of the ring.
 */
int ring_iov_find(struct ring *ring, const struct hf3fs_iov *iov, const void *ptr, uint64_t len,
		  struct iov_range *range);

#endif
