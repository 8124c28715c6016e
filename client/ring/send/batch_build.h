/*
 * The batch builder: it makes a SubmitBatch message with I/Os of one ring. Its functions are
 * inline, because each I/O needs them. It is on the stack of the thread that sends, which holds the
 * connection's lock.
 */
#ifndef USRBIO_CLIENT_RING_SEND_BATCH_BUILD_H
#define USRBIO_CLIENT_RING_SEND_BATCH_BUILD_H

#include <errno.h>

#include "client/conn/conn.h"
#include "client/files/file.h"
#include "client/memory/region.h"
#include "client/ring/send/dispatch.h"
#include "client/ring/ring.h"

struct batch_builder {
	void *buf; /* the send buffer; NULL: it was used for announcing a region */
	/* The region of the last I/O, which most likely is that of the next one, too. */
	struct region *region;
	uint64_t region_handle;
	uint32_t region_id;
	uint32_t key;
	uintptr_t base;
	uint16_t under; /* of writes: the number of the verifier, see struct flying; otherwise 0 */
	size_t n;
	struct io_entry io[BATCH_MAX];
};

static inline void builder_begin(struct batch_builder *b, const struct ring *ring, void *buf)
{
	b->buf = buf;
	b->under = ring->for_read ? 0
				  : (uint16_t)atomic_load_explicit(&ring->conn->owner->writes_under,
								   memory_order_relaxed);
	b->region = NULL;
	b->region_handle = 0;
	b->n = 0;
}

static inline struct region *builder_region(const struct slot *slot)
{
	return slot->pinned ? region_pinned(slot->region) : region_peek(slot->region);
}

/* Check what may have changed since the I/O was prepared. 0, or the error of the I/O. */
static inline int builder_check(const struct conn *conn, const struct slot *slot,
				const struct region *region)
{
	if (slot->result < 0)
		return (int)slot->result;
	if (!region || atomic_load(&region->memory.revoked))
		return -ECANCELED;
	if (slot->file->remote.session != conn->number)
		return -ESTALE;
	return 0;
}

/*
 * Make the region usable by I/Os of the batch. If the server does not know it yet, it is announced
 * first, in b->buf. 0; -EAGAIN: not now; or the error of the I/O.
 */
int batch_use_region(struct conn *conn, struct batch_builder *b, struct region *region,
		     enum region_dir dir);

/*
 * Check whether an I/O can be added to the batch. 0; -EAGAIN: not now, because the region has to be
 * announced first or there is no buffer; or the error with which the I/O completes.
 */
static inline int builder_admit(struct conn *conn, const struct ring *ring, const struct slot *slot,
				struct batch_builder *b)
{
	struct region *region = slot->region == b->region_handle ? b->region : builder_region(slot);
	int err = builder_check(conn, slot, region);

	if (!err && region != b->region)
		err = batch_use_region(conn, b, region,
				       ring->for_read ? DIR_READ_IO : DIR_WRITE_IO);
	return err;
}

/* Add an I/O that has been admitted. */
static inline void builder_add(struct dispatch *d, struct batch_builder *b, const struct slot *slot,
			       uint32_t tag)
{
	inflight_grant(&d->inflight, tag, b->base + slot->region_off, b->key);
	b->io[b->n++] = (struct io_entry){
		.ids = io_ids(b->region_id, tag),
		.file = slot->file->remote.handle,
		.off = slot->off,
		.len = slot->len,
		.region_off = slot->region_off,
	};
}

/* Send the batch, which has at least one I/O. */
void batch_send(struct conn *conn, const struct ring *ring, const struct batch_builder *b);

#endif
