/*
 * The batch builder's slower steps: announcing a region, and encoding the batch. The builder is on
 * the stack of the thread that sends, which holds the connection's lock.
 */
#include "client/ring/send/batch_build.h"

int batch_use_region(struct conn *conn, struct batch_builder *b, struct region *region,
		     enum region_dir dir)
{
	int id = region_id(region, conn, dir);

	if (id < 0 && b->n)
		return -EAGAIN;
	if (id < 0) {
		id = region_announce(region, conn, dir);
		if (id < 0)
			return id;
		b->buf = conn_buf(conn);
		if (!b->buf)
			return -EAGAIN;
	}
	b->region = region;
	b->region_handle = region->handle;
	b->region_id = (uint32_t)id;
	b->key = region->announced[conn->index].key[dir];
	b->base = atomic_load_explicit(&region->base, memory_order_relaxed);
	return 0;
}

void batch_send(struct conn *conn, const struct ring *ring, const struct batch_builder *b)
{
	struct message msg; /* not zeroed, because only the fields of this type are used */

	msg.type = MSG_SUBMIT;
	msg.submit = (struct submit){
		.op = ring->for_read ? IO_READ : IO_WRITE,
		.flags = ring->flags & HF3FS_IOR_FORBID_READ_HOLES ? IO_NO_HOLES : 0,
		.priority = ring->priority,
		.n = b->n,
		.io = b->io,
	};
	conn->nr_batches++;
	/* A message with at most batch_max entries always fits. */
	if (conn_send(conn, &msg, b->buf))
		conn_violated(conn, "no room for a batch");
}
