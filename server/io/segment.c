/* Segments: each has its buffer from start to the moment neither disk nor wire needs it. All on
 * the connection's worker; the store and the transport never call back from within a submission. */
#include "server/io/segment.h"

#include <errno.h>

#include "common/transport/transport.h"
#include "server/conn/conn.h"
#include "server/session/file.h"
#include "server/worker/worker.h"

/* Below it the system calls cost more than the copies: 32 KiB over tcp lost 15 %, 64 KiB won 10 %.
 */
#define PIPE_MIN ((uint64_t)64 << 10)

static void release(struct segment *seg)
{
	struct server_conn *conn = seg->conn;

	conn->nr_segments--;
	conn->nr_held[seg->class]--;
	staging_put(&conn->worker->staging, seg);
	request_put_region(conn, seg->region);
	conn_schedule(conn);
	conn_touch(conn);
}

/* The wire has not taken what may be in it. */
static void drain(const struct segment *seg)
{
	if (seg->class == STAGING_PIPE)
		staging_drain(seg);
}

/* It ends without (more) use of the wire. */
static void segment_end(struct segment *seg, int64_t result)
{
	request_segment_over(seg->req, seg->at, seg->len, result, false);
	drain(seg);
	release(seg);
}

static void posted(struct segment *seg, uint32_t len)
{
	struct server_conn *conn = seg->conn;

	conn->nr_posted++;
	conn->count.n[COUNT_POSTS]++;
	conn->count.n[seg->buf ? COUNT_STAGED_BYTES : COUNT_DIRECT_BYTES] += len;
}

static int post_write(struct segment *seg)
{
	struct server_request *req = seg->req;
	struct server_conn *conn = seg->conn;
	struct tp_op op = {
		.kind = TP_WRITE,
		.has_imm = (conn->features & FEATURE_IMM) && seg->moved == seg->len &&
			   request_is_whole(req),
		.len = seg->moved,
		.tag = req->tag,
		.key = seg->region->key,
		.off = seg->at,
		.raddr = req->raddr + seg->at,
		.local = seg->buf,
		.pipe = seg->pipe[0],
		.cookie = seg,
	};
	int err = conn->tp->ops->post(conn->tp, &op);

	/* An immediate costs a credit; many results share one when they go by message. */
	if (err == -EAGAIN && op.has_imm) {
		op.has_imm = false;
		err = conn->tp->ops->post(conn->tp, &op);
	}
	if (err)
		return err;
	seg->req = NULL;
	posted(seg, op.len);
	request_segment_over(req, seg->at, seg->len, seg->moved, op.has_imm);
	return 0;
}

static int post_read(struct segment *seg)
{
	struct server_conn *conn = seg->conn;
	struct tp_op op = {
		.kind = TP_READ,
		.len = seg->len,
		.tag = seg->req->tag,
		.key = seg->region->key,
		.off = seg->at,
		.raddr = seg->req->raddr + seg->at,
		.local = seg->buf,
		.cookie = seg,
	};
	int err = conn->tp->ops->post(conn->tp, &op);

	if (!err) {
		posted(seg, op.len);
		conn->fetching += op.len;
	}
	return err;
}

/* 0: posted, or over because the connection is. -EAGAIN: not now. */
static int try_post(struct segment *seg)
{
	struct server_conn *conn = seg->conn;
	int err = seg->io.kind == STORE_READ ? post_write(seg) : post_read(seg);

	if (!err || err == -EAGAIN) {
		conn_touch(conn);
		return err;
	}
	conn_end(conn, err, "cannot post");
	segment_end(seg, err);
	return 0;
}

/* In order behind those that wait already. */
static void post(struct segment *seg)
{
	struct server_conn *conn = seg->conn;

	if (!list_empty(&conn->unposted) || try_post(seg) == -EAGAIN)
		list_add_tail(&conn->unposted, &seg->node);
}

void segments_resume(struct server_conn *conn)
{
	while (!list_empty(&conn->unposted)) {
		struct list *node = list_pop(&conn->unposted);

		if (try_post(container_of(node, struct segment, node)) == -EAGAIN) {
			list_add_head(&conn->unposted, node);
			return;
		}
	}
	conn_schedule(conn);
}

void segments_abandon(struct server_conn *conn)
{
	struct list *node;

	while ((node = list_pop(&conn->unposted)))
		segment_end(container_of(node, struct segment, node), -ECANCELED);
}

static void read_done(struct store_io *io, int64_t result)
{
	struct segment *seg = container_of(io, struct segment, io);
	struct server_request *req = seg->req;

	if (result <= 0 || req->error || seg->at >= req->end || seg->conn->state == CONN_CLOSING) {
		segment_end(seg, result);
		return;
	}
	seg->moved = (uint32_t)result;
	post(seg);
}

static void write_done(struct store_io *io, int64_t result)
{
	segment_end(container_of(io, struct segment, io), result);
}

static void submit_to_store(struct segment *seg)
{
	struct store_queue *store = seg->conn->store;

	store->ops->io_submit(store, &seg->io);
}

void segment_posted(struct segment *seg, int status)
{
	struct server_conn *conn = seg->conn;

	conn->nr_posted--;
	conn->progress = true;
	if (status)
		conn_end(conn, status, "a transfer failed");
	if (seg->io.kind == STORE_READ) {
		if (status)
			drain(seg);
		release(seg);
		return;
	}
	conn->fetching -= seg->len;
	conn_schedule(conn);
	if (status || seg->req->error || conn->state == CONN_CLOSING)
		segment_end(seg, status ? status : -ECANCELED);
	else
		submit_to_store(seg);
}

/*
 * What waits in a pipe are pages of the file: a hole punched there later shows as zeros. Who minds
 * holes gets a copy.
 */
enum staging_class segment_class(const struct server_request *req)
{
	const struct server_conn *conn = req->conn;
	uint64_t left = req->len - req->next;

	if (left <= SMALL_SIZE)
		return STAGING_SMALL;
	if (left >= PIPE_MIN && req->op == IO_READ && !(req->flags & IO_NO_HOLES) &&
	    req->file->store_file->pipes && conn->tp->ops->takes_pipes &&
	    worker_has_staging(conn->worker, STAGING_PIPE))
		return STAGING_PIPE;
	return STAGING_LARGE;
}

void segment_start(struct segment *seg, struct server_request *req)
{
	struct server_conn *conn = req->conn;
	uint64_t left = req->len - req->next;
	uint32_t len = left < SEGMENT_SIZE ? (uint32_t)left : SEGMENT_SIZE;

	seg->req = req;
	seg->conn = conn;
	seg->region = req->region;
	seg->at = req->next;
	seg->len = len;
	seg->moved = 0;
	/* All but what is the store's own. */
	seg->io.kind = req->op == IO_READ ? STORE_READ : STORE_WRITE;
	seg->io.flags = req->flags;
	seg->io.file = req->file->store_file;
	seg->io.buf = seg->buf;
	seg->io.pipe = seg->pipe[1];
	seg->io.len = len;
	seg->io.off = req->off + req->next;
	seg->io.done = req->op == IO_READ ? read_done : write_done;
	req->next += len;
	req->nr_busy++;
	req->region->users++;
	conn->nr_segments++;
	conn->nr_held[seg->class]++;
	if (req->op == IO_READ)
		submit_to_store(seg);
	else
		post(seg);
}
