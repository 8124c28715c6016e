/*
 * The way a lane moves bytes between files and its memory: through rings on a mount, by pread and
 * pwrite on the local file system. Used by one thread.
 */
#ifndef USRBIO_TOOL_MOVER_H
#define USRBIO_TOOL_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hf3fs_usrbio.h>

#include "client/tool/copy/copy.h"

enum way { READ_FROM, WRITE_TO, READ_TO, NR_WAYS };

struct mover_ring {
	struct hf3fs_ior ior;
	bool made;
	unsigned prepared, under_way;
};

struct mover {
	bool rings[2]; /* true for each side that uses rings */
	uint8_t *base; /* the memory: an iov of the first side that has rings, else ordinary memory
			*/
	struct hf3fs_iov iov, other; /* other: the same memory under the other side's mount */
	bool own_iov;
	struct mover_ring ring[NR_WAYS];
};

/* Get memory of `size` bytes, and rings for `entries` transfers per way. 0 or -errno. */
int mover_open(struct mover *mover, const struct copy *copy, size_t size, unsigned entries);
void mover_close(struct mover *mover);

/*
 * Move len bytes between buf (inside the memory) and the file. Returns the number of bytes (fewer
 * only at the end of the file), -EINPROGRESS (mover_wait will return it, with `user`), or -errno.
 */
int64_t mover_move(struct mover *mover, enum way way, int fd, void *buf, uint64_t off, uint64_t len,
		   void *user);
/* Write to a local file that takes bytes in order only. len, or -errno. */
int64_t mover_write_stream(int fd, const uint8_t *buf, uint64_t len);
/* Submit what was begun and collect at least one result. Returns their number, or -errno. */
int mover_wait(struct mover *mover, struct hf3fs_cqe *cqes, int max);

#endif
