/*
 * The lines of a state dump about the rings of a connection and their I/Os. A ring is pinned while
 * it is looked at. This runs on the thread that makes the dump, under the connection's lock.
 */
#include "client/ring/ring_dump.h"

#include "client/conn/conn_dump.h"
#include "client/files/file.h"
#include "client/ring/dispatch.h"
#include "client/ring/ring.h"

#define SHOWN 64 /* rings of one connection */

static const struct flying *find_oldest(const struct inflight *inflight)
{
	const struct flying *oldest = NULL;

	for (uint32_t i = 0; i < inflight->max; i++) {
		const struct flying *io = &inflight->ios[i];

		if (io->ring && (!oldest || (int32_t)(io->tick - oldest->tick) < 0))
			oldest = io;
	}
	return oldest;
}

static void dump_io(const struct conn *conn, struct dump *dump, const char *which,
		    const struct ring *ring, const struct slot *slot, uint32_t tick, uint64_t now)
{
	char age[CONN_AGE_MAX];

	dump_line(dump, "connection %u: %s: %s of %lu bytes at %lu of \"%s\", %s", conn->index,
		  which, ring->for_read ? "read" : "write", (unsigned long)slot->len,
		  (unsigned long)slot->off, slot->file->path ? slot->file->path : "",
		  conn_dump_age(conn, tick, now, age));
}

static void dump_inflight(const struct conn *conn, struct dump *dump, uint64_t now)
{
	const struct inflight *inflight = &dispatch_of(conn)->inflight;
	const struct flying *oldest = find_oldest(inflight);

	dump_line(dump, "connection %u: I/Os: %u of %u under way, %u wait to be sent again",
		  conn->index, inflight_sent(inflight), inflight->limit, inflight->nr_resend);
	if (oldest)
		dump_io(conn, dump,
			oldest->resend ? "oldest I/O, which waits to be sent again"
				       : "oldest I/O under way",
			oldest->ring, &oldest->ring->slots[oldest->slot], oldest->tick, now);
}

/* The preparing thread may write it at this very moment; the value of before will do. */
static __attribute__((no_sanitize("thread"))) uint64_t read_prepared(const struct ring *ring)
{
	return *(const volatile uint64_t *)&ring->prepared;
}

static void dump_ring(const struct conn *conn, struct dump *dump, struct ring *ring, uint64_t now)
{
	uint64_t prepared = read_prepared(ring);

	dump_line(dump,
		  "connection %u: ring %lx: for %s, %u entries, io_depth %d; I/Os: %lu prepared, "
		  "%lu submitted and held back by io_depth, %lu to be sent, %u sent, %lu completed "
		  "and to be collected; %u waiters",
		  conn->index, (unsigned long)ring->handle, ring->for_read ? "reading" : "writing",
		  ring->entries, ring->io_depth, (unsigned long)(prepared - ring->submitted),
		  (unsigned long)(ring->submitted - ring->released),
		  (unsigned long)(ring->released - ring->sent), ring->under_way,
		  (unsigned long)ring_nr_ready(ring), ring->nr_waiters);
	if (ring->sent != ring->released)
		dump_io(conn, dump, "oldest I/O to be sent", ring,
			&ring->slots[ring->prepared_queue[ring->sent & ring->mask]],
			ring_tick(ring, ring->sent), now);
}

void ring_dump_to(struct conn *conn, struct dump *dump, uint64_t now)
{
	unsigned nr = 0;
	uint32_t cursor = 0;
	struct ring *ring;

	dump_inflight(conn, dump, now);
	while ((ring = ring_next(&cursor))) {
		if (ring->conn == conn && nr++ < SHOWN)
			dump_ring(conn, dump, ring, now);
		ring_put(ring);
	}
	if (nr > SHOWN)
		dump_line(dump, "connection %u: %u more rings", conn->index, nr - SHOWN);
}
