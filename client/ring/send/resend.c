/*
 * The resend queue: I/Os in the table that were under way when a connection was lost, and are sent
 * again. They end early if their ring or memory is gone, or at their deadline; so do I/Os that
 * rings have released. The queue belongs to the connection. This runs on the thread that drives the
 * connection, under its lock.
 */
#include "client/ring/send/batch.h"
#include "client/ring/send/batch_build.h"
#include "common/base/pages.h"

/*
 * Check again that the memory of an I/O is mapped, even if it was proven before. If it was
 * unmapped, that may have ended the connection, and would end the next one, too. 0 or -EFAULT.
 */
static int check_memory(const struct ring *ring, const struct slot *slot)
{
	enum region_dir dir = ring->for_read ? DIR_READ_IO : DIR_WRITE_IO;
	const struct region *region = builder_region(slot);

	if (!slot->pinned || slot->result < 0 || region_ready(region, dir))
		return 0;
	return pages_touch((const void *)(atomic_load(&region->base) + slot->region_off), slot->len,
			   ring->for_read);
}

/* Add an I/O of the queue to the batch of its ring. 0, or what builder_admit returns. */
static int build_resend(struct dispatch *d, struct flying *io, struct batch_builder *b)
{
	const struct slot *slot = &io->ring->slots[io->slot];
	int err = check_memory(io->ring, slot);

	if (!err)
		err = builder_admit(d->user.conn, io->ring, slot, b);
	if (err)
		return err;
	io->under = b->under;
	builder_add(d, b, slot, inflight_take_resend(&d->inflight, io));
	return 0;
}

static void end(struct dispatch *d, struct flying *io, int error)
{
	struct ring *ring = io->ring;

	inflight_take_resend(&d->inflight, io);
	inflight_end(&d->inflight, io);
	ring_complete(ring, io->slot, error);
}

/* Send one batch of one ring again. False: no more can be sent now. */
static bool replay_batch(struct dispatch *d, void *buf)
{
	struct inflight *inflight = &d->inflight;
	struct flying *io = inflight_next_resend(inflight);
	struct ring *ring = io->ring;
	struct batch_builder b;
	int err = 0;

	builder_begin(&b, ring, buf);
	for (; io && io->ring == ring && err != -EAGAIN; io = inflight_next_resend(inflight)) {
		if (b.n == d->batch_max || inflight_sent(inflight) >= inflight->limit)
			break;
		err = build_resend(d, io, &b);
		if (err && err != -EAGAIN)
			end(d, io, err);
	}
	if (b.n)
		batch_send(d->user.conn, ring, &b);
	/* If the buffer was used to announce a region, there is none for the next batch. */
	return b.buf;
}

void resend_send(struct conn *conn)
{
	struct dispatch *d = dispatch_of(conn);
	struct inflight *inflight = &d->inflight;
	void *buf;

	while (conn->state == CONN_UP && inflight->nr_resend &&
	       inflight_sent(inflight) < inflight->limit && (buf = conn_buf(conn)))
		if (!replay_batch(d, buf))
			break;
}

/* Return the error with which a waiting I/O ends, or 0: it goes on waiting. */
static int judge(const struct conn *conn, const struct ring *ring, const struct slot *slot,
		 uint32_t tick)
{
	const struct region *region = builder_region(slot);

	if (slot->result < 0)
		return (int)slot->result;
	if (!objpool_alive(&ring->pooled, ring->handle))
		return -ECANCELED;
	if (!region || atomic_load(&region->memory.revoked))
		return -ECANCELED;
	return conn_overdue(conn, tick) ? -EREMOTEIO : 0;
}

static void sweep_resend(struct dispatch *d)
{
	struct inflight *inflight = &d->inflight;

	for (uint32_t i = 0, left = inflight->nr_resend; left; i++) {
		struct flying *io = &inflight->ios[i];
		int err;

		if (!io->resend)
			continue;
		left--;
		err = judge(d->user.conn, io->ring, &io->ring->slots[io->slot], io->tick);
		if (err)
			end(d, io, err);
	}
}

/*
 * End the released I/Os of a ring that have to end, from the youngest to the oldest. The others
 * move up in the queue and keep their order.
 */
static void sweep_ring(struct conn *conn, struct ring *ring)
{
	uint64_t to = ring->released, at = to;
	uint32_t *queue = ring->prepared_queue;

	while (at != ring->sent) {
		uint32_t index = queue[--at & ring->mask];
		int err = judge(conn, ring, &ring->slots[index], ring_tick(ring, at));

		if (!err) {
			queue[--to & ring->mask] = index;
			continue;
		}
		ring->under_way++;
		ring_complete(ring, index, err);
	}
	ring->sent = to;
	if (ring->sent == ring->released)
		list_del(&ring->link);
}

void resend_sweep(struct conn *conn)
{
	struct dispatch *d = dispatch_of(conn);

	sweep_resend(d);
	for (unsigned i = 0; i < NR_PRIORITIES; i++)
		list_for_each_safe (it, &d->rings[i])
			sweep_ring(conn, container_of(it, struct ring, link));
}

bool resend_waits(const struct conn *conn)
{
	for (unsigned i = 0; i < NR_PRIORITIES; i++)
		if (!list_empty(&dispatch_of(conn)->rings[i]))
			return true;
	return false;
}
