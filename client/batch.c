/*
 * Batches. A ring counts its I/Os: prepared >= submitted >= released >= sent; this file moves the
 * last two. Under the connection's lock throughout.
 */
#include "client/batch.h"

#include <errno.h>

#include "client/clock.h"
#include "client/conn.h"
#include "client/file.h"
#include "client/region.h"
#include "client/ring.h"
#include "client/session.h"

_Static_assert(NR_TURNS == NR_PRIORITIES && !PRIORITY_HIGH, "a level is a priority");

/* A SubmitBatch while it is put together. */
struct gathered {
	void *buf; /* to send it in */
	/* Of the last I/O, and most likely of the next. */
	struct region *region;
	uint64_t region_handle;
	uint32_t region_id;
	size_t n;
	struct io_entry io[BATCH_MAX];
};

static struct slot *slot_number(const struct ring *ring, uint64_t number, uint32_t *index)
{
	*index = ring->prepared_queue[number & ring->mask];
	return &ring->slots[*index];
}

/* io_depth < 0: whole batches go, and an incomplete one when its first I/O has waited enough. */
static void release_limited(struct ring *ring, uint64_t now)
{
	uint64_t batch = (uint64_t) - (int64_t)ring->io_depth, first_ns;
	uint32_t index;

	ring->released += (ring->submitted - ring->released) / batch * batch;
	if (ring->released == ring->submitted)
		return;
	first_ns = (uint64_t)slot_number(ring, ring->released, &index)->result;
	/* An I/O that is an error already has no time, and nothing to wait for. */
	if (!ring->timeout_ns || (int64_t)first_ns <= 0 || now >= first_ns + ring->timeout_ns) {
		ring->released = ring->submitted;
		return;
	}
	ring->due_ns = first_ns + ring->timeout_ns;
	list_add_tail(&ring->conn->timers, &ring->timer);
	conn_nudge(ring->conn);
	progress_kick(ring->due_ns);
}

static void release(struct ring *ring, uint64_t now)
{
	struct conn *conn = ring->conn;

	list_del(&ring->timer);
	if (!ring->io_depth)
		ring->released = ring->submitted;
	else if (ring->io_depth > 0)
		ring->released = ring->submitted - ring->submitted % (unsigned)ring->io_depth;
	else
		release_limited(ring, now);
	if (ring->sent != ring->released && list_empty(&ring->link))
		list_add_tail(&conn->rings[ring->priority], &ring->link);
}

/* Whatever was prepared may have changed since: the region gone, the session another. */
static int check(const struct conn *conn, const struct slot *slot, const struct region *region)
{
	if (slot->result < 0)
		return (int)slot->result;
	if (!region || atomic_load(&region->revoked))
		return -ECANCELED;
	if (slot->file->session != conn->number)
		return -ESTALE;
	return 0;
}

static struct region *find_region(const struct gathered *g, const struct slot *slot)
{
	if (slot->region == g->region_handle)
		return g->region;
	return slot->pinned ? region_pinned(slot->region) : region_peek(slot->region);
}

/* Let I/Os of the batch name it. If the server does not know it, that goes ahead, in g->buf. */
static int use_region(struct conn *conn, struct gathered *g, struct region *region,
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
	return 0;
}

/*
 * Take the ring's next I/O into the batch. 0, -EAGAIN (not now: the region must be announced first,
 * or no buffer), or the error it completes with.
 */
static int gather(struct conn *conn, struct ring *ring, struct gathered *g)
{
	enum region_dir dir = ring->for_read ? DIR_READ_IO : DIR_WRITE_IO;
	struct region *region;
	struct slot *slot;
	uint32_t index, tag;
	int err;

	slot = slot_number(ring, ring->sent, &index);
	region = find_region(g, slot);
	err = check(conn, slot, region);
	if (!err && region != g->region)
		err = use_region(conn, g, region, dir);
	if (err)
		return err;
	if (!g->n)
		conn_expect(conn);
	tag = inflight_add(&conn->inflight, ring, index, slot->len);
	g->io[g->n++] = (struct io_entry){
		.ids = io_ids(g->region_id, tag),
		.file = slot->file->handle,
		.off = slot->off,
		.len = slot->len,
		.region_off = slot->region_off,
	};
	ring->under_way++;
	return 0;
}

static uint32_t batch_limit(const struct conn *conn, const struct ring *ring)
{
	if (ring->io_depth < 0 && -(int64_t)ring->io_depth < conn->batch_max)
		return (uint32_t)-ring->io_depth;
	return conn->batch_max;
}

static void send_gathered(struct conn *conn, const struct ring *ring, const struct gathered *g)
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

/* One message's worth of a ring: at most share, if others wait for their turn. */
static void send_batch(struct conn *conn, struct ring *ring, uint32_t share, void *buf)
{
	uint32_t limit = batch_limit(conn, ring), index;
	struct gathered g;
	int err = 0;

	g.buf = buf;
	g.region = NULL;
	g.region_handle = 0;
	g.n = 0;
	while (g.n < limit && g.n < share && ring->sent != ring->released &&
	       !inflight_full(&conn->inflight)) {
		err = gather(conn, ring, &g);
		if (err == -EAGAIN)
			break;
		if (err) {
			slot_number(ring, ring->sent, &index);
			ring->under_way++;
			ring_complete(ring, index, err);
		}
		ring->sent++;
	}
	turns_charge(&conn->turns, ring->priority, (unsigned)g.n);
	if (g.n)
		send_gathered(conn, ring, &g);
}

/* A bit for each priority with rings in line. */
static unsigned busy_priorities(const struct conn *conn)
{
	unsigned busy = 0;

	for (unsigned i = 0; i < NR_PRIORITIES; i++)
		if (!list_empty(&conn->rings[i]))
			busy |= 1u << i;
	return busy;
}

/* For the next batch; NULL: none can go now. */
static void *batch_buf(struct conn *conn)
{
	return conn->state == CONN_UP && !inflight_full(&conn->inflight) ? conn_buf(conn) : NULL;
}

void batch_dispatch(struct conn *conn)
{
	unsigned busy;
	void *buf;

	while ((busy = busy_priorities(conn)) && (buf = batch_buf(conn))) {
		unsigned priority = turns_next(&conn->turns, busy);
		bool alone = busy == 1u << priority;
		struct ring *ring = list_of(conn->rings[priority].next, struct ring, link);

		send_batch(conn, ring, alone ? UINT32_MAX : conn->turns.credit[priority], buf);
		/* To the end of the line: rings of a priority take turns. */
		list_del(&ring->link);
		if (ring->sent != ring->released)
			list_add_tail(&conn->rings[priority], &ring->link);
	}
}

static void fail_ring(struct ring *ring, int error)
{
	uint32_t index;

	while (ring->sent != ring->released) {
		slot_number(ring, ring->sent++, &index);
		ring->under_way++;
		ring_complete(ring, index, error);
	}
}

void batch_fail(struct conn *conn, int error)
{
	for (unsigned i = 0; i < NR_PRIORITIES; i++)
		while (!list_empty(&conn->rings[i])) {
			struct ring *ring = list_of(conn->rings[i].next, struct ring, link);

			list_del(&ring->link);
			fail_ring(ring, error);
		}
}

/* Nothing can be sent on a connection that is not up; one that closes fails its rings at its end.
 */
static void send_or_fail(struct conn *conn)
{
	if (conn->state == CONN_DOWN)
		batch_fail(conn, -EREMOTEIO);
	else
		conn_pump(conn);
}

void batch_submitted(struct ring *ring)
{
	uint64_t now = ring->timeout_ns ? now_ns() : 0;

	ring->submitted = ring->prepared;
	release(ring, now);
	send_or_fail(ring->conn);
	if (ring->nr_waiters && ring_is_stuck(ring))
		ring->conn->wait.stirred = true;
}

void batch_timers(struct conn *conn, uint64_t now)
{
	struct list *it, *after;
	bool due = false;

	list_for_each_safe (it, after, &conn->timers) {
		struct ring *ring = list_of(it, struct ring, timer);

		if (ring->due_ns > now)
			continue;
		release(ring, now);
		due = true;
	}
	if (due)
		send_or_fail(conn);
}

uint64_t batch_next_timer(const struct conn *conn)
{
	uint64_t next = NEVER;
	struct list *it;

	list_for_each (it, &conn->timers)
		next = min_ns(next, list_of(it, struct ring, timer)->due_ns);
	return next;
}
