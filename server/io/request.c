/*
 * Requests: their admission, which checks entries against session and regions, and their results.
 * The pipeline owns them in its slab, and only its worker's thread runs this.
 */
#include "server/io/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/io/parking.h"
#include "server/io/pipeline.h"
#include "server/session/export.h"
#include "server/session/file.h"
#include "server/session/session.h"
#include "server/store/barrier.h"
#include "server/store/store.h"
#include "server/worker/worker.h"

static struct server_request *request_alloc(struct pipeline *pipeline)
{
	struct list *node = list_pop(&pipeline->free);

	if (node)
		return container_of(node, struct server_request, node);
	return &pipeline->slab[pipeline->nr_used++];
}

/* Check the file of an entry, which is the same for many entries of a batch. */
static int check_file(const struct pipeline *pipeline, uint32_t op, const struct server_file *file)
{
	if (!file)
		return -ESTALE;
	if (!file->store_file->regular)
		return -EBADF;
	if (op == IO_WRITE && pipeline->peer.read_only)
		return -EROFS;
	if (!(file->store_file->flags & (op == IO_READ ? OPEN_READ : OPEN_WRITE)))
		return -EBADF;
	return 0;
}

static int check_range(uint64_t off, uint64_t len)
{
	if (!len || len > IO_LEN_MAX || off > (uint64_t)INT64_MAX - len)
		return -EINVAL;
	return 0;
}

static int check_entry(struct pipeline *pipeline, uint32_t op, const struct io_entry *io,
		       struct server_region **region, uint64_t *raddr)
{
	uint32_t access = op == IO_READ ? ACCESS_WRITE : ACCESS_READ;
	int err = check_range(io->off, io->len);

	if (err)
		return err;
	*region = region_find(&pipeline->regions, io_region(io));
	if (!*region)
		return -EINVAL;
	return region_range(*region, access, io->region_off, io->len, raddr);
}

/* Queue one entry, or answer it with an error. `err` is the result of check_file(). */
static void admit_one(struct pipeline *pipeline, const struct submit *batch,
		      const struct io_entry *io, struct server_file *file, int err)
{
	struct server_region *region;
	struct server_request *req;
	uint64_t raddr;

	if (!err)
		err = check_entry(pipeline, batch->op, io, &region, &raddr);
	if (err) {
		if (file)
			file_unref(file, 1);
		pipeline->peer.count.n[COUNT_ERRORS]++;
		outbox_result(&pipeline->peer.outbox, io_tag(io), err);
		return;
	}
	req = request_alloc(pipeline);
	/* All fields are named; if one were missing, the compiler would clear the struct first. */
	*req = (struct server_request){
		.node = req->node,
		.pipeline = pipeline,
		.file = file,
		.region = region,
		.raddr = raddr,
		.off = io->off,
		.len = io->len,
		.next = 0,
		.end = io->len,
		.error_at = UINT64_MAX,
		.since_ns = pipeline->peer.worker->now_ns,
		.error = 0,
		.tag = io_tag(io),
		.nr_busy = 0,
		.op = (uint8_t)batch->op,
		.flags = (uint8_t)batch->flags,
		.priority = (uint8_t)batch->priority,
		.queued = true,
		.parked = false,
		.aborted = false,
	};
	region->users++;
	pipeline->bytes_begun += io->len;
	queue_add(&pipeline->queue, req);
}

void request_put_region(struct pipeline *pipeline, struct server_region *region)
{
	struct outgoing *answer;

	region->users--;
	answer = region->drop ? region_end_drop(&pipeline->regions, region) : NULL;
	if (answer) {
		outbox_message(&pipeline->peer.outbox, answer);
		peer_touch(&pipeline->peer);
	}
}

static void count_request(struct counters *count, const struct server_request *req)
{
	uint64_t bytes = req->error ? 0 : req->end;
	bool read = req->op == IO_READ;

	count->n[COUNT_ERRORS] += req->error != 0;
	count->n[read ? COUNT_READS : COUNT_WRITES]++;
	count->n[read ? COUNT_READ_BYTES : COUNT_WRITTEN_BYTES] += bytes;
}

static void drop_refs(struct pipeline *pipeline)
{
	if (pipeline->nr_drop)
		file_unref(pipeline->drop_file, pipeline->nr_drop);
	pipeline->nr_drop = 0;
}

/* Tell the account what has begun or ended: once for a batch or a turn, because it is shared. */
static void count_bytes(struct pipeline *pipeline, uint64_t begun, uint64_t ended)
{
	if (begun != ended)
		atomic_fetch_add_explicit(&pipeline->peer.account->bytes, begun - ended,
					  memory_order_relaxed);
}

void requests_end_turn(struct pipeline *pipeline)
{
	drop_refs(pipeline);
	count_bytes(pipeline, 0, pipeline->bytes_ended);
	pipeline->bytes_ended = 0;
}

/*
 * Note a reference to a file that is dropped when the turn ends. Then one atomic instruction serves
 * all requests of the turn that used the same file.
 */
static void put_file(struct pipeline *pipeline, struct server_file *file)
{
	if (pipeline->drop_file != file)
		drop_refs(pipeline);
	pipeline->drop_file = file;
	pipeline->nr_drop++;
}

static void request_finish(struct server_request *req, bool reported)
{
	struct pipeline *pipeline = req->pipeline;

	count_request(&pipeline->peer.count, req);
	pipeline->bytes_ended += req->len;
	pipeline->peer.count.n[COUNT_IMMEDIATES] += reported;
	if (reported)
		pipeline->nr_open--;
	else if (!pipeline->closing)
		outbox_result(&pipeline->peer.outbox, req->tag,
			      req->error ? req->error : (int64_t)req->end);
	peer_touch(&pipeline->peer);
	put_file(pipeline, req->file);
	list_move_head(&pipeline->free, &req->node);
	request_put_region(pipeline, req->region);
}

void request_segment_over(struct server_request *req, uint64_t at, uint32_t len, int64_t result,
			  bool reported)
{
	req->nr_busy--;
	if (result < 0 && at < req->error_at) {
		req->error = (int)result;
		req->error_at = at;
	}
	if (result >= 0 && result < len && at + (uint64_t)result < req->end)
		req->end = at + (uint64_t)result;
	if (request_has_more(req)) {
		if (!req->queued) {
			req->queued = true;
			list_del(&req->node);
			queue_add(&req->pipeline->queue, req);
		}
		pipeline_schedule(req->pipeline);
	} else if (!req->nr_busy) {
		request_finish(req, reported);
	} else if (req->queued) {
		req->queued = false;
		list_move_tail(&req->pipeline->running, &req->node);
	}
}

/* A request has an error, and starts no more segments: end it, or have its last segment do so. */
static void stop(struct server_request *req)
{
	if (req->parked && !parking_leave(req))
		return; /* unpark() ends it */
	if (!req->nr_busy) {
		request_finish(req, false);
	} else if (req->queued) {
		req->queued = false;
		list_move_tail(&req->pipeline->running, &req->node);
	}
}

void request_cancel(struct server_request *req, int error)
{
	if (req->next == req->len)
		return; /* all its segments run already, so it ends soon */
	if (req->next < req->error_at) {
		req->error = error;
		req->error_at = req->next;
	}
	stop(req);
}

/* Its barrier is down: queue the request, or end it if it was cancelled. */
static void unpark(struct server_request *req)
{
	if (req->error) {
		request_finish(req, false);
		return;
	}
	req->queued = true;
	list_del(&req->node);
	queue_add(&req->pipeline->queue, req);
	pipeline_schedule(req->pipeline);
}

/* Park those of the last n requests of a list whose file has a barrier. */
static void park_last(struct list *list, size_t n)
{
	struct list *it = list->prev;

	for (; n && it != list; n--) {
		struct server_request *req = container_of(it, struct server_request, node);

		it = it->prev;
		if (!req->next && barrier_is_up(req->file->store_file->barrier))
			parking_enter(req, unpark);
	}
}

int requests_admit(struct pipeline *pipeline, const struct submit *batch)
{
	struct server_file *files[BATCH_MAX];
	uint64_t handles[BATCH_MAX];
	bool barred = false;
	int err = 0;

	if (batch->n > pipeline->max_inflight - pipeline->nr_open)
		return -EPROTO;
	pipeline->nr_open += (uint32_t)batch->n;
	pipeline->peer.count.n[COUNT_BATCHES]++;
	pipeline->peer.count.n[COUNT_ENTRIES] += batch->n;
	for (size_t i = 0; i < batch->n; i++)
		handles[i] = batch->io[i].file;
	session_get_files(pipeline->peer.member.session, batch->n, handles, files);
	for (size_t i = 0; i < batch->n; i++) {
		if (!i || files[i] != files[i - 1]) {
			err = check_file(pipeline, batch->op, files[i]);
			barred |= !err && barrier_is_up(files[i]->store_file->barrier);
		}
		admit_one(pipeline, batch, &batch->io[i], files[i], err);
	}
	count_bytes(pipeline, pipeline->bytes_begun, 0);
	pipeline->bytes_begun = 0;
	if (barred)
		park_last(&pipeline->queue.lists[batch->priority], batch->n);
	pipeline_schedule(pipeline);
	peer_touch(&pipeline->peer);
	return 0;
}

bool request_waits(struct server_request *req)
{
	if (!req->next && barrier_is_up(req->file->store_file->barrier) &&
	    parking_enter(req, unpark))
		return true;
	if (!atomic_load_explicit(&req->file->nr_stuck, memory_order_relaxed))
		return false;
	req->queued = false;
	list_move_tail(&req->pipeline->aside, &req->node);
	return true;
}

void requests_recall(struct pipeline *pipeline)
{
	struct list *node;

	while ((node = list_pop(&pipeline->aside))) {
		struct server_request *req = container_of(node, struct server_request, node);

		req->queued = request_has_more(req);
		if (req->queued)
			queue_add(&pipeline->queue, req);
		else
			list_add_tail(&pipeline->running, node);
	}
	pipeline_schedule(pipeline);
}

#define NR_LISTS (NR_PRIORITIES + 3)

/* The lists of requests without a result. `running` goes first, because stop() adds to it. */
static void lists_of(struct pipeline *pipeline, struct list *lists[NR_LISTS])
{
	lists[0] = &pipeline->running;
	lists[1] = &pipeline->parking.requests;
	lists[2] = &pipeline->aside;
	for (int i = 0; i < NR_PRIORITIES; i++)
		lists[3 + i] = &pipeline->queue.lists[i];
}

void requests_cancel(struct pipeline *pipeline, const struct server_region *region, int error)
{
	struct list *lists[NR_LISTS];

	lists_of(pipeline, lists);
	for (int i = 0; i < NR_LISTS; i++)
		list_for_each_safe (it, lists[i]) {
			struct server_request *req = container_of(it, struct server_request, node);

			if (!region || req->region == region)
				request_cancel(req, error);
		}
}

static int compare_tags(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

static void abort_one(struct server_request *req)
{
	req->aborted = true;
	if (!req->error) {
		req->error = -ECANCELED;
		req->error_at = 0;
	}
	stop(req);
}

void requests_abort(struct pipeline *pipeline, const uint32_t *tags, size_t n)
{
	uint32_t sorted[ABORT_MAX];
	struct list *lists[NR_LISTS];

	if (!n)
		return;
	memcpy(sorted, tags, n * sizeof(*tags));
	qsort(sorted, n, sizeof(*sorted), compare_tags);
	lists_of(pipeline, lists);
	for (int i = 0; i < NR_LISTS; i++)
		list_for_each_safe (it, lists[i]) {
			struct server_request *req = container_of(it, struct server_request, node);

			if (bsearch(&req->tag, sorted, n, sizeof(*sorted), compare_tags))
				abort_one(req);
		}
}
