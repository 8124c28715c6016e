/*
 * Moves bytes between files and the memory of a lane: through rings on a mount, by pread and pwrite
 * on the local file system. A lane owns a mover and uses it on its thread.
 */
#ifndef USRBIO_TOOL_MOVER_H
#define USRBIO_TOOL_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hf3fs_usrbio.h>

#include "client/tool/copy/copy.h"

/* The ways on which bytes move, each with its ring: a side, and to or from its file. */
enum way { READ_FROM, WRITE_TO, READ_TO, NR_WAYS };

struct mover_ring {
	struct hf3fs_ior ior;
	bool made;
	unsigned prepared, under_way; /* I/Os: not submitted yet, and submitted */
};

struct mover {
	bool rings[2];		/* by enum side: true if it uses rings */
	uint8_t *base;		/* the memory, of `iov` if a side uses rings, else from malloc */
	struct hf3fs_iov iov;	/* of the first side that uses rings */
	struct hf3fs_iov other; /* the same memory for the mount of the other side, if it differs */
	bool own_iov;
	struct mover_ring ring[NR_WAYS];
};

/*
 * Get memory of `size` bytes, and for each way a ring for `entries` I/Os. 0; -errno: nothing is
 * left to close.
 */
int mover_open(struct mover *mover, const struct copy *copy, size_t size, unsigned entries);
/* Destroy rings and memory; I/Os under way end first. Accepts a zeroed mover. */
void mover_close(struct mover *mover);

/*
 * Move len bytes between `buf` in the memory and the file at `off`. Returns the number of bytes,
 * fewer than len only at the end of the file; -EINPROGRESS: mover_wait will return the result, with
 * `user` as its userdata; or -errno.
 */
int64_t mover_move(struct mover *mover, enum way way, int fd, void *buf, uint64_t off, uint64_t len,
		   void *user);
/* Read at most len bytes from a descriptor, at its own offset. Their number, 0 at its end, or
 * -errno. */
int64_t mover_read_stream(int fd, uint8_t *buf, uint64_t len);
/* Write len bytes to a local file, device or FIFO, at its own offset. Returns len or -errno. */
int64_t mover_write_stream(int fd, const uint8_t *buf, uint64_t len);
/*
 * Submit the I/Os that were begun, and wait for at least one result. Call it only while one is
 * under way. Returns the number of results, at most max, or -errno.
 */
int mover_wait(struct mover *mover, struct hf3fs_cqe *cqes, int max);

#endif
