/*
 * The rings as a user of connections: handles completions of the server, lost connections, and I/Os
 * that take too long. The server is not trusted: a completion is accepted only for an I/O under
 * way, and within its length. The connection owns the dispatch. This runs on the thread that drives
 * the connection, under its lock. Sending is in batch.c and resend.c.
 */
#include "client/ring/send/dispatch.h"

#include <errno.h>
#include <stdlib.h>

#include "client/conn/conn_dump.h"
#include "client/files/file.h"
#include "client/ring/send/batch.h"
#include "client/ring/ring.h"
#include "common/base/log.h"

#define SHOWN		64  /* rings of one connection in a state dump */
#define SUBMIT_OVERHEAD 64u /* bytes of a SubmitBatch around its entries */
#define SUBMIT_ENTRY	((uint32_t)sizeof(struct io_entry))

static struct dispatch *of(const struct conn_user *user)
{
	return (struct dispatch *)(void *)(uintptr_t)user;
}

/*
 * Note that a write was acknowledged, unless it needs no sync or the I/O is a read. An I/O ends
 * long before the lowest bits of the number come again.
 */
static __attribute__((noinline)) void note_write(const struct dispatch *d, const struct flying *io,
						 int64_t result)
{
	uint32_t now = atomic_load(&d->user.conn->owner->writes_under);

	if (io->under && result > 0)
		file_wrote(io->ring->slots[io->slot].file, now - (uint16_t)(now - io->under));
}

/*
 * Complete an I/O, as the server says, with a result; or with its full length if `full`. Returns
 * NULL, or the error of the server: then the connection ends, and the I/O is sent again in its next
 * incarnation.
 */
static inline __attribute__((always_inline)) const char *complete(struct dispatch *d, uint32_t tag,
								  int64_t result, bool full)
{
	struct flying *io = inflight_find(&d->inflight, tag);
	struct ring *ring;

	if (!io)
		return "a completion for no I/O under way";
	ring = io->ring;
	if (full ? !ring->for_read : result > 0 && (uint64_t)result > io->len)
		return full ? "an immediate for a write" : "a result longer than the I/O";
	if (!full && !file_has_written(ring->slots[io->slot].file, io->under))
		note_write(d, io, result);
	inflight_end(&d->inflight, io);
	d->user.conn->nr_ios++;
	ring_complete(ring, io->slot, full ? (int64_t)io->len : result);
	return NULL;
}

static const char *immediate(struct conn_user *user, uint32_t tag)
{
	return complete(of(user), tag, 0, true);
}

static void log_late(struct dispatch *d, const struct flying *io)
{
	const struct slot *slot = &io->ring->slots[io->slot];
	const struct conn_owner *owner = d->user.conn->owner;

	if (d->log_late)
		log_peer("the server at %s answers, but a %s of %lu bytes at %lu of \"%s\" has not "
			 "ended within %u ms: it is given up",
			 owner->at, io->ring->for_read ? "read" : "write", (unsigned long)slot->len,
			 (unsigned long)slot->off, slot->file->path ? slot->file->path : "",
			 owner->timeout_ms);
	d->log_late = false;
}

/* The result for the program of an I/O that the server has cancelled, perhaps as it was late. */
static __attribute__((noinline)) int64_t cancelled(struct dispatch *d, uint32_t tag)
{
	const struct flying *io = inflight_find(&d->inflight, tag);

	if (!io || !io->late)
		return -ECANCELED;
	log_late(d, io);
	return -EREMOTEIO;
}

static const char *on_completion(struct conn_user *user, const struct message *msg)
{
	const struct completion *completion = &msg->completion;
	const char *wrong = NULL;

	user->conn->nr_completions++;
	for (size_t i = 0; i < completion->n && !wrong; i++) {
		uint32_t tag = (uint32_t)completion->done[i].tag;
		int64_t result = completion->done[i].result;

		if (result == -ECANCELED)
			result = cancelled(of(user), tag);
		wrong = complete(of(user), tag, result, false);
	}
	return wrong;
}

/* Find the memory of an I/O. False: it is not under way, or the server may not access it so. */
static bool range_of(void *conn, uint32_t tag, enum tp_access access, struct tp_range *range)
{
	const struct inflight *inflight = &dispatch_of(conn)->inflight;
	const struct flying *io = inflight_find(inflight, tag);
	const struct flying_memory *memory;

	if (!io || io->ring->for_read != (access == TP_REMOTE_WRITE))
		return false;
	memory = inflight_memory(inflight, tag);
	*range = (struct tp_range){.base = memory->base, .len = io->len, .key = memory->key};
	return true;
}

static void destroy(struct conn_user *user)
{
	inflight_close(&of(user)->inflight);
	free(of(user));
}

static bool owes(const struct conn_user *user)
{
	return of(user)->inflight.nr;
}

static bool has_work(const struct conn_user *user)
{
	return of(user)->inflight.nr || resend_waits(user->conn);
}

static void resend(struct conn_user *user)
{
	resend_send(user->conn);
	user->resends = of(user)->inflight.nr_resend;
}

/* Put the next tags of I/Os that are late into a message, from index *at on. How many. */
static size_t take_late(struct inflight *inflight, uint32_t *at, uint32_t tags[ABORT_MAX])
{
	size_t n = 0;

	for (; *at < inflight->max && n < ABORT_MAX; (*at)++) {
		struct flying *io = &inflight->ios[*at];

		if (!io->ring || io->resend || io->late != FLYING_LATE)
			continue;
		io->late = FLYING_ABORTED;
		tags[n++] = inflight_tag(inflight, io);
	}
	return n;
}

/* Tell the server which I/Os are late. False: the rest has to wait for a buffer. */
static bool send_aborts(struct dispatch *d)
{
	uint32_t tags[ABORT_MAX], at = 0;
	void *buf = NULL;

	while (at < d->inflight.max) {
		struct message msg = {.type = MSG_ABORT, .abort.ios = tags};

		if (!buf)
			buf = conn_buf(d->user.conn);
		if (!buf)
			return false;
		msg.abort.nr_ios = take_late(&d->inflight, &at, tags);
		if (!msg.abort.nr_ios)
			break;
		conn_send(d->user.conn, &msg, buf);
		buf = NULL;
	}
	d->aborts_due = false;
	return true;
}

static bool pump(struct conn_user *user)
{
	struct conn *conn = user->conn;

	if (conn->state != CONN_UP)
		return true;
	if (of(user)->aborts_due && !send_aborts(of(user)))
		return false;
	batch_dispatch(conn);
	user->has_more = of(user)->inflight.nr_resend || resend_waits(conn);
	return true;
}

static uint64_t next_due(const struct conn_user *user)
{
	return batch_next_timer(user->conn);
}

static void due(struct conn_user *user, uint64_t now)
{
	batch_timers(user->conn, now);
}

static bool has_late(const struct dispatch *d)
{
	for (uint32_t i = 0; i < d->inflight.max; i++)
		if (d->inflight.ios[i].ring && d->inflight.ios[i].late)
			return true;
	return false;
}

/* True if the server has not completed an aborted I/O in time. Answers in the socket count. */
static bool is_unanswered(struct dispatch *d)
{
	struct conn *conn = d->user.conn;

	if (!has_late(d))
		d->late_tick = conn->tick;
	if (conn->state != CONN_UP || conn->tick - d->late_tick < CONN_ABORT_TICKS)
		return false;
	conn_look(conn);
	return has_late(d) && conn->state == CONN_UP;
}

/*
 * Give up what is overdue: the server is told, and has a while to complete it. If it does not, only
 * the end of the connection ends the I/O, because until then the wire can reach its memory.
 */
static bool expire(struct conn_user *user)
{
	struct dispatch *d = of(user);
	struct inflight *inflight = &d->inflight;

	if (!inflight_sent(inflight))
		return false;
	if (is_unanswered(d))
		return true;
	for (uint32_t i = 0; i < inflight->max; i++) {
		struct flying *io = &inflight->ios[i];

		if (!io->ring || io->resend || io->late || !conn_overdue(user->conn, io->tick))
			continue;
		io->late = FLYING_LATE;
		d->aborts_due = d->log_late = true;
	}
	if (d->aborts_due && user->conn->state == CONN_UP && !send_aborts(d))
		user->has_more = true;
	return false;
}

static void sweep(struct conn_user *user)
{
	resend_sweep(user->conn);
}

static void lost(struct conn_user *user)
{
	inflight_mark_resend(&of(user)->inflight);
	of(user)->aborts_due = false;
	user->has_more = user->resends = true;
	resend_sweep(user->conn);
}

static void welcomed(struct conn_user *user, bool renewed)
{
	struct conn *conn = user->conn;
	uint32_t room = (conn->tp->msg_max - SUBMIT_OVERHEAD) / SUBMIT_ENTRY;

	of(user)->batch_max = room < BATCH_MAX ? room : BATCH_MAX;
	of(user)->inflight.limit = conn->max_inflight;
}

static struct conn_user *create(struct conn *conn);

static const struct conn_user_ops ops = {
	.create = create,
	.destroy = destroy,
	.owes = owes,
	.has_work = has_work,
	.pump = pump,
	.next_due = next_due,
	.due = due,
	.expire = expire,
	.sweep = sweep,
	.lost = lost,
	.welcomed = welcomed,
	.immediate = immediate,
	.range = range_of,
	.resend = resend,
};

static struct conn_user *create(struct conn *conn)
{
	struct dispatch *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	if (inflight_open(&d->inflight, CONN_INFLIGHT)) {
		free(d);
		return NULL;
	}
	d->user = (struct conn_user){.ops = &ops, .conn = conn};
	for (int i = 0; i < NR_PRIORITIES; i++)
		list_init(&d->rings[i]);
	wrr_init(&d->wrr);
	list_init(&d->timers);
	conn_user_handle(&d->user, MSG_COMPLETION, on_completion);
	return &d->user;
}

static void __attribute__((constructor)) use_connections(void)
{
	conn_user_register(CONN_USER_RINGS, &ops);
}

/* From here on: the lines of a state dump. A ring is pinned while its state is read. */

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
	char age[CONN_AGE_MAX], path[PROTO_PATH_MAX + 1];

	file_describe(slot->file, path, sizeof(path));
	dump_line(dump, "connection %u: %s: %s of %lu bytes at %lu of \"%s\", %s", conn->index,
		  which, ring->for_read ? "read" : "write", (unsigned long)slot->len,
		  (unsigned long)slot->off, path, conn_dump_age(conn, tick, now, age));
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

/* The preparing thread may write the count at the same time: an old value is good enough. */
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

void dispatch_dump_to(struct conn *conn, struct dump *dump, uint64_t now)
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
