/* Requests: admission, where entries are checked against session and regions, and the outcome.
 * Used by the connection's worker. */
#include "server/io/request.h"

#include <errno.h>

#include "server/conn/conn.h"
#include "server/session/export.h"
#include "server/session/file.h"
#include "server/session/session.h"
#include "server/store/store.h"
#include "server/worker/worker.h"

static struct server_request *request_alloc(struct server_conn *conn)
{
	struct list *node = list_pop(&conn->free);

	if (node)
		return container_of(node, struct server_request, node);
	return &conn->slab[conn->nr_used++];
}

/* What is known of an entry before its place in the file and in memory is looked at. */
static int check_file(const struct server_conn *conn, uint32_t op, const struct server_file *file)
{
	if (!file)
		return -ESTALE;
	if (!file->store_file->regular)
		return -EBADF;
	if (op == IO_WRITE && conn->read_only)
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

static int check_entry(struct server_conn *conn, uint32_t op, const struct io_entry *io,
		       struct server_region **region, uint64_t *raddr)
{
	uint32_t access = op == IO_READ ? ACCESS_WRITE : ACCESS_READ;
	int err = check_range(io->off, io->len);

	if (err)
		return err;
	*region = region_find(&conn->regions, io_region(io));
	if (!*region)
		return -EINVAL;
	return region_range(*region, access, io->region_off, io->len, raddr);
}

/* err: what check_file said of its file. */
static void admit_one(struct server_conn *conn, const struct submit *batch,
		      const struct io_entry *io, struct server_file *file, int err)
{
	struct server_region *region;
	struct server_request *req;
	uint64_t raddr;

	if (!err)
		err = check_entry(conn, batch->op, io, &region, &raddr);
	if (err) {
		if (file)
			file_unref(file, 1);
		conn->count.n[COUNT_ERRORS]++;
		outbox_result(&conn->outbox, io_tag(io), err);
		return;
	}
	req = request_alloc(conn);
	/* All its fields: else it would be cleared first. */
	*req = (struct server_request){
		.node = req->node,
		.conn = conn,
		.file = file,
		.region = region,
		.raddr = raddr,
		.off = io->off,
		.len = io->len,
		.next = 0,
		.end = io->len,
		.error_at = UINT64_MAX,
		.error = 0,
		.tag = io_tag(io),
		.nr_busy = 0,
		.op = (uint8_t)batch->op,
		.flags = (uint8_t)batch->flags,
		.priority = (uint8_t)batch->priority,
		.queued = true,
	};
	region->users++;
	queue_add(&conn->queue, req);
}

int requests_admit(struct server_conn *conn, const struct submit *batch)
{
	struct server_file *files[BATCH_MAX];
	uint64_t handles[BATCH_MAX];
	int err = 0;

	if (batch->n > conn->max_inflight - conn->nr_open)
		return -EPROTO;
	conn->nr_open += (uint32_t)batch->n;
	conn->count.n[COUNT_BATCHES]++;
	conn->count.n[COUNT_ENTRIES] += batch->n;
	for (size_t i = 0; i < batch->n; i++)
		handles[i] = batch->io[i].file;
	session_get_files(conn->member.session, batch->n, handles, files);
	for (size_t i = 0; i < batch->n; i++) {
		if (!i || files[i] != files[i - 1])
			err = check_file(conn, batch->op, files[i]);
		admit_one(conn, batch, &batch->io[i], files[i], err);
	}
	conn_schedule(conn);
	conn_touch(conn);
	return 0;
}

void request_put_region(struct server_conn *conn, struct server_region *region)
{
	struct outgoing *answer;

	region->users--;
	answer = region->drop ? region_end_drop(&conn->regions, region) : NULL;
	if (answer) {
		outbox_message(&conn->outbox, answer);
		conn_touch(conn);
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

/* Back when the turn ends: then it takes one atomic instruction for all that used the file. */
static void put_file(struct server_conn *conn, struct server_file *file)
{
	if (conn->drop_file != file)
		conn_drop_refs(conn);
	conn->drop_file = file;
	conn->nr_drop++;
}

static void request_finish(struct server_request *req, bool reported)
{
	struct server_conn *conn = req->conn;

	count_request(&conn->count, req);
	conn->count.n[COUNT_IMMEDIATES] += reported;
	if (reported)
		conn->nr_open--;
	else if (conn->state != CONN_CLOSING)
		outbox_result(&conn->outbox, req->tag, req->error ? req->error : (int64_t)req->end);
	conn_touch(conn);
	put_file(conn, req->file);
	list_move_head(&conn->free, &req->node);
	request_put_region(conn, req->region);
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
			queue_add(&req->conn->queue, req);
		}
		conn_schedule(req->conn);
	} else if (!req->nr_busy) {
		request_finish(req, reported);
	} else if (req->queued) {
		req->queued = false;
		list_move_tail(&req->conn->running, &req->node);
	}
}

void request_cancel(struct server_request *req, int error)
{
	if (req->next == req->len)
		return; /* all of it runs already: let it end */
	if (req->next < req->error_at) {
		req->error = error;
		req->error_at = req->next;
	}
	if (!req->nr_busy) {
		request_finish(req, false);
	} else if (req->queued) {
		req->queued = false;
		list_move_tail(&req->conn->running, &req->node);
	}
}

void requests_cancel(struct server_conn *conn, const struct server_region *region, int error)
{
	struct list *lists[NR_PRIORITIES + 1];

	for (int i = 0; i < NR_PRIORITIES; i++)
		lists[i] = &conn->queue.lists[i];
	lists[NR_PRIORITIES] = &conn->running;
	for (int i = NR_PRIORITIES; i >= 0; i--) /* running first: cancelling fills it */
		list_for_each_safe (it, lists[i]) {
			struct server_request *req = container_of(it, struct server_request, node);

			if (!region || req->region == region)
				request_cancel(req, error);
		}
}
