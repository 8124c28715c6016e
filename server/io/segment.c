/*
 * Segments. The worker's staging owns them, and a segment has its buffer until neither disk nor
 * wire needs it. Only the worker's thread runs this. Store and transport never call back from
 * within a submission.
 */
#include "server/io/segment.h"

#include <errno.h>

#include "common/transport/transport.h"
#include "server/io/pipeline.h"
#include "server/io/request.h"
#include "server/session/file.h"
#include "server/store/barrier.h"
#include "server/worker/worker.h"

/*
 * The least bytes for which a pipe is used. Below it the system calls cost more than the copies:
 * over tcp, reads of 32 KiB were 15 % slower with pipes, and reads of 64 KiB 10 % faster.
 */
#define PIPE_MIN ((uint64_t)64 << 10)

/* Give back what a segment has of its pipeline and its region, but not its buffer. */
static void let_go(struct segment *seg)
{
	struct pipeline *pipeline = seg->pipeline;

	pipeline->nr_segments--;
	pipeline->nr_held[seg->class]--;
	pipeline->id->nr_held[seg->class]--;
	request_put_region(pipeline, seg->region);
	pipeline_schedule(pipeline);
	peer_touch(&pipeline->peer);
}

static void release(struct segment *seg)
{
	staging_put(&seg->pipeline->peer.worker->staging, seg);
	let_go(seg);
}

/* Empty the pipe of a segment, if it has one, when the wire has not taken the data. */
static void drain(const struct segment *seg)
{
	if (seg->class == STAGING_PIPE)
		staging_drain(seg);
}

/* End a segment that the wire does not use, or does not use any more. */
static void segment_end(struct segment *seg, int64_t result)
{
	request_segment_over(seg->req, seg->at, seg->len, result, false);
	drain(seg);
	release(seg);
}

static void posted(struct segment *seg, uint32_t len)
{
	struct pipeline *pipeline = seg->pipeline;

	pipeline->nr_posted++;
	pipeline->peer.count.n[COUNT_POSTS]++;
	pipeline->peer.count.n[seg->buf ? COUNT_STAGED_BYTES : COUNT_DIRECT_BYTES] += len;
}

static int post_write(struct segment *seg)
{
	struct server_request *req = seg->req;
	struct pipeline *pipeline = seg->pipeline;
	struct tp_op op = {
		.kind = TP_WRITE,
		.has_imm = (pipeline->peer.features & FEATURE_IMM) && seg->moved == seg->len &&
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
	int err = pipeline->peer.tp->ops->post(pipeline->peer.tp, &op);

	/* Without a credit for an immediate, the result goes into a message with others. */
	if (err == -EAGAIN && op.has_imm) {
		op.has_imm = false;
		err = pipeline->peer.tp->ops->post(pipeline->peer.tp, &op);
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
	struct pipeline *pipeline = seg->pipeline;
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
	int err = pipeline->peer.tp->ops->post(pipeline->peer.tp, &op);

	if (!err) {
		posted(seg, op.len);
		pipeline->fetching += op.len;
	}
	return err;
}

/*
 * Post a segment. Returns 0 if it is posted, or has ended with its connection. -EAGAIN: it has to
 * wait.
 */
static int try_post(struct segment *seg)
{
	struct pipeline *pipeline = seg->pipeline;
	int err = seg->io.kind == STORE_READ ? post_write(seg) : post_read(seg);

	if (!err || err == -EAGAIN) {
		peer_touch(&pipeline->peer);
		return err;
	}
	conn_end(pipeline->conn, err, "cannot post");
	segment_end(seg, err);
	return 0;
}

/* Post a segment, or append it to those that wait already. */
static void post(struct segment *seg)
{
	struct pipeline *pipeline = seg->pipeline;

	if (!list_empty(&pipeline->unposted) || try_post(seg) == -EAGAIN)
		list_add_tail(&pipeline->unposted, &seg->node);
}

void segments_resume(struct pipeline *pipeline)
{
	while (!list_empty(&pipeline->unposted)) {
		struct list *node = list_pop(&pipeline->unposted);

		if (try_post(container_of(node, struct segment, node)) == -EAGAIN) {
			list_add_head(&pipeline->unposted, node);
			return;
		}
	}
	pipeline_schedule(pipeline);
}

void segments_abandon(struct pipeline *pipeline)
{
	struct list *node;

	while ((node = list_pop(&pipeline->unposted)))
		segment_end(container_of(node, struct segment, node), -ECANCELED);
}

static void read_done(struct store_io *io, int64_t result)
{
	struct segment *seg = container_of(io, struct segment, io);
	struct server_request *req = seg->req;

	if (segment_is_stuck(seg))
		segment_unstick(seg);
	if (result <= 0 || req->error || seg->at >= req->end || seg->pipeline->closing) {
		segment_end(seg, result);
		return;
	}
	seg->moved = (uint32_t)result;
	post(seg);
}

static void write_done(struct store_io *io, int64_t result)
{
	struct segment *seg = container_of(io, struct segment, io);

	if (segment_is_stuck(seg))
		segment_unstick(seg);
	segment_end(seg, result);
}

static void submit_to_store(struct segment *seg)
{
	struct store_queue *store = seg->pipeline->store;

	store->ops->io_submit(store, &seg->io);
}

void segment_posted(struct segment *seg, int status)
{
	struct pipeline *pipeline = seg->pipeline;

	pipeline->nr_posted--;
	pipeline->progress = true;
	if (status)
		conn_end(pipeline->conn, status, "a transfer failed");
	if (seg->io.kind == STORE_READ) {
		if (status)
			drain(seg);
		release(seg);
		return;
	}
	pipeline->fetching -= seg->len;
	pipeline_schedule(pipeline);
	if (status || seg->req->error || pipeline->closing) {
		segment_end(seg, status ? status : -ECANCELED);
	} else {
		seg->moved = seg->len;
		submit_to_store(seg);
	}
}

/*
 * A pipe holds pages of the file. If a hole is punched there later, the client gets zeros without
 * notice. So a read with IO_NO_HOLES is copied.
 */
enum staging_class segment_class(const struct server_request *req)
{
	const struct pipeline *pipeline = req->pipeline;
	uint64_t left = req->len - req->next;

	if (left <= SMALL_SIZE)
		return STAGING_SMALL;
	if (left >= PIPE_MIN && req->op == IO_READ && !(req->flags & IO_NO_HOLES) &&
	    req->file->store_file->pipes && pipeline->peer.tp->ops->takes_pipes &&
	    worker_has_staging(pipeline->peer.worker, STAGING_PIPE))
		return STAGING_PIPE;
	return STAGING_LARGE;
}

void segment_start(struct segment *seg, struct server_request *req)
{
	struct pipeline *pipeline = req->pipeline;
	uint64_t left = req->len - req->next;
	uint32_t len = left < SEGMENT_SIZE ? (uint32_t)left : SEGMENT_SIZE;

	seg->req = req;
	seg->pipeline = pipeline;
	seg->region = req->region;
	seg->at = req->next;
	seg->len = len;
	seg->moved = 0;
	seg->looks = 0;
	/* Set all fields except those that belong to the store. */
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
	pipeline->nr_segments++;
	pipeline->nr_held[seg->class]++;
	pipeline->id->nr_held[seg->class]++;
	if (req->op == IO_READ)
		submit_to_store(seg);
	else
		post(seg);
}

/* Called instead of what the segment would have called. */
static void detached_done(struct store_io *io, int64_t result)
{
	struct segment *seg = container_of(io, struct segment, io);
	struct worker *worker = seg->worker;
	struct server_file *file = seg->file;

	(void)result;
	drain(seg);
	seg->share->nr_detached[seg->class]--;
	worker->nr_detached--;
	if (file->store_file->barrier)
		barrier_lower(file->store_file->barrier, &seg->hold);
	staging_put(&worker->staging, seg);
	file_unref(file, 1);
}

/* Detach a segment that is with the store. For its request it has ended with -ECANCELED. */
static void detach(struct segment *seg)
{
	struct server_request *req = seg->req;
	struct store_barrier *barrier = req->file->store_file->barrier;

	if (segment_is_stuck(seg))
		segment_unstick(seg);
	seg->worker = seg->pipeline->peer.worker;
	seg->file = req->file;
	seg->share = seg->pipeline->share;
	seg->share->nr_detached[seg->class]++;
	seg->hold = (struct barrier_hold){.change = seg->io.kind == STORE_WRITE,
					  .since_ns = req->since_ns};
	seg->io.done = detached_done;
	file_ref(seg->file, 1);
	seg->worker->nr_detached++;
	/* Before anybody hears that the request is over. */
	if (barrier)
		barrier_raise(barrier, &seg->hold);
	request_segment_over(req, seg->at, seg->len, -ECANCELED, false);
	let_go(seg);
	seg->req = NULL;
}

void segments_detach_all(struct pipeline *pipeline)
{
	struct staging *staging = &pipeline->peer.worker->staging;
	struct segment *seg;

	for (unsigned i = 0; pipeline->nr_segments && (seg = staging_at(staging, i)); i++)
		if (segment_is_in_store(seg) && seg->pipeline == pipeline)
			detach(seg);
}

void segments_abort(struct pipeline *pipeline)
{
	struct staging *staging = &pipeline->peer.worker->staging;
	struct segment *seg;

	list_for_each_safe (it, &pipeline->unposted) {
		seg = container_of(it, struct segment, node);
		if (!seg->req->aborted)
			continue;
		list_del(it);
		segment_end(seg, -ECANCELED);
	}
	for (unsigned i = 0; pipeline->nr_segments && (seg = staging_at(staging, i)); i++)
		if (segment_is_in_store(seg) && seg->pipeline == pipeline && seg->req->aborted)
			detach(seg);
}

static bool is_detached(const struct segment *seg)
{
	return list_empty(&seg->node) && !seg->req && seg->io.done == detached_done;
}

const struct server_file *segment_in_store(const struct segment *seg, uint64_t *since_ns)
{
	if (is_detached(seg)) {
		*since_ns = seg->hold.since_ns;
		return seg->file;
	}
	if (!segment_is_in_store(seg))
		return NULL;
	*since_ns = seg->req->since_ns;
	return seg->req->file;
}
