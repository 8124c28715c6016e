/*
 * Releases the I/Os of rings and sends them in batches; see batch.h. A ring counts its I/Os:
 * prepared >= submitted >= released >= sent. This file advances the last two counts. A ring belongs
 * to its handle. This runs on the submitting thread and on the thread that drives the connection,
 * under the connection's lock.
 */
#include "client/ring/send/batch.h"

#include "common/base/clock.h"
#include "client/ring/send/batch_build.h"

_Static_assert(WRR_LEVELS == NR_PRIORITIES && !PRIORITY_HIGH, "a level is a priority");

static struct slot *slot_number(const struct ring *ring, uint64_t number, uint32_t *index)
{
	*index = ring->prepared_queue[number & ring->mask];
	return &ring->slots[*index];
}

/*
 * With io_depth < 0, release full batches. Release an incomplete batch when its first I/O has
 * waited for the ring's timeout.
 */
static void release_limited(struct ring *ring, uint64_t now)
{
	uint64_t batch = (uint64_t) - (int64_t)ring->io_depth, first_ns;
	uint32_t index;

	ring->released += (ring->submitted - ring->released) / batch * batch;
	if (ring->released == ring->submitted)
		return;
	first_ns = (uint64_t)slot_number(ring, ring->released, &index)->result;
	/* An I/O that has failed already has no time, and is released at once. */
	if (!ring->timeout_ns || (int64_t)first_ns <= 0 || now >= first_ns + ring->timeout_ns) {
		ring->released = ring->submitted;
		return;
	}
	ring->due_ns = first_ns + ring->timeout_ns;
	list_add_tail(&dispatch_of(ring->conn)->timers, &ring->timer);
	conn_due_by(ring->conn, ring->due_ns);
	conn_wake_leader(ring->conn);
	progress_wake(ring->due_ns);
}

static void release(struct ring *ring, uint64_t now)
{
	struct dispatch *d = dispatch_of(ring->conn);

	list_del(&ring->timer);
	if (!ring->io_depth)
		ring->released = ring->submitted;
	else if (ring->io_depth > 0)
		ring->released = ring->submitted - ring->submitted % (unsigned)ring->io_depth;
	else
		release_limited(ring, now);
	if (ring->sent == ring->released)
		return;
	ring_mark(ring);
	d->user.has_more = true;
	if (list_empty(&ring->link))
		list_add_tail(&d->rings[ring->priority], &ring->link);
}

/* Add the ring's next I/O to the batch. 0, or what builder_admit returns. */
static int build_next(struct dispatch *d, struct ring *ring, struct batch_builder *b)
{
	struct slot *slot;
	uint32_t index;
	int err;

	slot = slot_number(ring, ring->sent, &index);
	err = builder_admit(d->user.conn, ring, slot, b);
	if (err)
		return err;
	builder_add(
		d, b, slot,
		inflight_add(&d->inflight, ring, index, slot->len, ring_next_tick(ring), b->under));
	ring->under_way++;
	return 0;
}

static uint32_t batch_limit(const struct dispatch *d, const struct ring *ring)
{
	if (ring->io_depth < 0 && -(int64_t)ring->io_depth < d->batch_max)
		return (uint32_t)-ring->io_depth;
	return d->batch_max;
}

/* Send one batch of a ring, of at most `share` I/Os. */
static void send_batch(struct dispatch *d, struct ring *ring, uint32_t share, void *buf)
{
	uint32_t limit = batch_limit(d, ring), index;
	struct batch_builder b;
	int err = 0;

	builder_begin(&b, ring, buf);
	while (b.n < limit && b.n < share && ring->sent != ring->released &&
	       !inflight_full(&d->inflight)) {
		err = build_next(d, ring, &b);
		if (err == -EAGAIN)
			break;
		if (err) {
			slot_number(ring, ring->sent, &index);
			ring->under_way++;
			ring_complete(ring, index, err);
		}
		ring->sent++;
	}
	wrr_charge(&d->wrr, ring->priority, (unsigned)b.n);
	if (b.n)
		batch_send(d->user.conn, ring, &b);
}

/* Return a bit for each priority that has rings with I/Os to send. */
static unsigned busy_priorities(const struct dispatch *d)
{
	unsigned busy = 0;

	for (unsigned i = 0; i < NR_PRIORITIES; i++)
		if (!list_empty(&d->rings[i]))
			busy |= 1u << i;
	return busy;
}

/* Get a buffer for the next batch; NULL: none can be sent now. The resend queue is sent first. */
static void *batch_buf(struct dispatch *d)
{
	struct conn *conn = d->user.conn;

	return conn->state == CONN_UP && !inflight_full(&d->inflight) && !d->inflight.nr_resend
		       ? conn_buf(conn)
		       : NULL;
}

void batch_dispatch(struct conn *conn)
{
	struct dispatch *d = dispatch_of(conn);
	unsigned busy;
	void *buf;

	while ((busy = busy_priorities(d)) && (buf = batch_buf(d))) {
		unsigned priority = wrr_next(&d->wrr, busy);
		bool alone = busy == 1u << priority;
		struct ring *ring = container_of(d->rings[priority].next, struct ring, link);

		send_batch(d, ring, alone ? UINT32_MAX : d->wrr.credit[priority], buf);
		/* Rings of one priority take turns: this one moves to the end of the list. */
		list_del(&ring->link);
		if (ring->sent != ring->released)
			list_add_tail(&d->rings[priority], &ring->link);
	}
}

/* Fail the I/Os that are being submitted: there was no server for the mount's whole timeout. */
static void fail_new(struct ring *ring)
{
	uint32_t index;

	for (uint64_t at = ring->submitted; at != ring->prepared; at++) {
		struct slot *slot = slot_number(ring, at, &index);

		if (slot->result >= 0)
			slot->result = -EREMOTEIO;
	}
}

void batch_submitted(struct ring *ring)
{
	struct conn *conn = ring->conn;
	bool hope = conn->state == CONN_UP || conn_want(conn);

	if (!hope)
		fail_new(ring);
	if (!dispatch_of(conn)->inflight.nr)
		conn_expect(conn);
	ring->submitted = ring->prepared;
	release(ring, ring->timeout_ns ? now_ns() : 0);
	if (!hope)
		resend_sweep(conn);
	conn_pump(conn);
	if (ring->nr_waiters && ring_is_stuck(ring))
		conn->wait.wake_pending = true;
}

void batch_timers(struct conn *conn, uint64_t now)
{
	bool due = false;

	list_for_each_safe (it, &dispatch_of(conn)->timers) {
		struct ring *ring = container_of(it, struct ring, timer);

		if (ring->due_ns > now)
			continue;
		release(ring, now);
		due = true;
	}
	if (!due)
		return;
	conn_expect(conn);
	conn_pump(conn);
}

uint64_t batch_next_timer(const struct conn *conn)
{
	uint64_t next = NEVER;

	list_for_each (it, &dispatch_of(conn)->timers)
		next = min_ns(next, container_of(it, struct ring, timer)->due_ns);
	return next;
}
