/* Batches on their way out; see batch_build.h. Nothing is kept. */
#include "client/ring/batch_build.h"

int batch_use_region(struct conn *conn, struct gathered *g, struct region *region,
		     enum region_dir dir)
{
	int id = region_id(region, conn, dir);

	if (id < 0 && g->n)
		return -EAGAIN;
	if (id < 0) {
		id = region_announce(region, conn, dir);
		if (id < 0)
			return id;
		g->buf = conn_buf(conn);
		if (!g->buf)
			return -EAGAIN;
	}
	g->region = region;
	g->region_handle = region->handle;
	g->region_id = (uint32_t)id;
	g->key = region->announced[conn->index].key[dir];
	g->base = atomic_load_explicit(&region->base, memory_order_relaxed);
	return 0;
}

void batch_send(struct conn *conn, const struct ring *ring, const struct gathered *g)
{
	struct message msg; /* no zeroes for what other types have */

	msg.type = MSG_SUBMIT;
	msg.submit = (struct submit){
		.op = ring->for_read ? IO_READ : IO_WRITE,
		.flags = ring->flags & HF3FS_IOR_FORBID_READ_HOLES ? IO_NO_HOLES : 0,
		.priority = ring->priority,
		.n = g->n,
		.io = g->io,
	};
	conn->nr_batches++;
	/* batch_max has seen to it that this fits. */
	if (conn_send(conn, &msg, g->buf))
		conn_violated(conn, "no room for a batch");
}
