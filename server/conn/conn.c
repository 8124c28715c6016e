/* Connections: their states, their share of the worker, and their end. */
#include "server/conn/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "server/calls/calls.h"
#include "server/conn/dispatch.h"
#include "server/session/file.h"
#include "server/conn/handshake.h"
#include "server/io/segment.h"
#include "server/worker/server_impl.h"
#include "server/session/session.h"
#include "server/worker/worker.h"

/* One visit starts this much, small I/O counted as SMALL_SIZE: then it is the next one's turn. */
#define QUANTUM ((int64_t)SEGMENT_SIZE)
/*
 * Of a class of staging that is memory, a connection may hold fewer than FAIR_SHARE times those
 * that are free: one that is alone gets FAIR_SHARE / (1 + FAIR_SHARE) of them, two thirds, and n
 * that never give any back get as much each and leave 1 / (1 + n * FAIR_SHARE) free, so that who
 * comes after them finds some. With 1, one alone would get half; each step more gives it less, and
 * leaves to newcomers half of what they had.
 */
#define FAIR_SHARE 2

/*
 * Data to be written that is on its way to us: enough for a fast and long wire, and little enough
 * that the buffers it goes through are still in the cache when they are written and filled again.
 */
#define FETCH_MAX ((uint64_t)2 << 20)

/* Beside the connection itself, until it is welcomed: its greeting and the like. */
#define HELLO_BYTES ((size_t)4096)

static size_t price(struct worker *worker, const struct tp_ops *ops)
{
	return sizeof(struct server_conn) + HELLO_BYTES + worker_domain(worker, ops)->conn_bytes;
}

bool conn_reserve(struct worker *worker, const struct tp_ops *ops)
{
	if (!budget_take_new(&worker->server->budget, price(worker, ops)))
		return false;
	atomic_fetch_add(&worker->nr_conns, 1);
	return true;
}

void conn_unreserve(struct worker *worker, const struct tp_ops *ops)
{
	budget_give(&worker->server->budget, price(worker, ops));
	atomic_fetch_sub(&worker->nr_conns, 1);
}

static struct server_conn *conn_new(struct worker *worker)
{
	struct server_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->worker = worker;
	list_init(&conn->node);
	list_init(&conn->dirty);
	list_init(&conn->ready);
	for (int i = 0; i < NR_STAGING; i++)
		list_init(&conn->waiting_for_buf[i]);
	list_init(&conn->timed);
	list_init(&conn->member.node);
	list_init(&conn->keepalive.node);
	list_init(&conn->running);
	list_init(&conn->unposted);
	list_init(&conn->free);
	list_init(&conn->calls);
	queue_init(&conn->queue);
	outbox_init(&conn->outbox);
	return conn;
}

void conn_accept(struct worker *worker, struct tp_request *request)
{
	const struct tp_ops *ops = request->ops;
	struct server_conn *conn = conn_new(worker);
	int err;

	if (conn && handshake_open(conn)) {
		free(conn);
		conn = NULL;
	}
	if (!conn) {
		ops->accept(NULL, request, NULL, NULL);
		conn_unreserve(worker, ops);
		return;
	}
	addr_text(&request->peer, conn->peer, sizeof(conn->peer));
	err = ops->accept(worker_domain(worker, ops), request, conn, &conn->tp);
	if (err) {
		log_peer("%s://%s: cannot accept: %s", ops->name, conn->peer, strerror(-err));
		conn_unreserve(worker, ops);
		handshake_close(conn);
		free(conn);
		return;
	}
	conn->charged = price(worker, ops);
	list_add_tail(&worker->conns, &conn->node);
	worker_admit(worker, conn);
	conn->number = ++worker->count.n[COUNT_CONNECTIONS];
}

/* All that its requests, results and regions take, and answers without a call. */
static bool charge(struct server_conn *conn)
{
	struct budget *budget = &conn->worker->server->budget;
	size_t bytes =
		REGIONS_MAX * sizeof(struct server_region) + CALLS_MAX * ANSWER_BYTES +
		CALLS_FREE_BYTES +
		conn->max_inflight * (sizeof(struct server_request) + sizeof(struct io_result));

	/* Who comes back to a session is no newcomer. */
	if (conn->member.epoch ? !budget_take(budget, bytes, 0) : !budget_take_new(budget, bytes)) {
		list_del(&conn->timed);
		worker_evict(conn->worker);
		return false;
	}
	conn->charged += bytes;
	return true;
}

int conn_activate(struct server_conn *conn)
{
	int err = charge(conn) ? regions_open(&conn->regions) : -ENOMEM;

	if (!err)
		err = outbox_open(&conn->outbox, conn->max_inflight);
	if (!err)
		conn->slab = calloc(conn->max_inflight, sizeof(*conn->slab));
	if (!conn->slab)
		return -ENOMEM; /* conn_free frees what there is */
	conn->export = session_export(conn->member.session);
	conn->store = conn->worker->queues[conn->export->index];
	conn->read_only = conn->export->read_only || conn->permit.read_only;
	conn->worker->nr_greeting--;
	list_del(&conn->timed);
	conn->state = CONN_ACTIVE;
	keepalive_start(conn);
	return 0;
}

/* It is not to be served any more. */
static void leave_line(struct server_conn *conn)
{
	list_del(&conn->ready);
	for (int i = 0; i < NR_STAGING; i++)
		list_del(&conn->waiting_for_buf[i]);
}

static void conn_free(struct server_conn *conn)
{
	struct worker *worker = conn->worker;

	assert(!conn->nr_posted);
	conn->tp->ops->conn_free(conn->tp);
	counters_add(&worker->count, &conn->count);
	list_del(&conn->node);
	list_del(&conn->dirty);
	leave_line(conn);
	list_del(&conn->timed);
	outbox_close(&conn->outbox);
	handshake_close(conn);
	regions_close(&conn->regions);
	free(conn->slab);
	budget_give(&worker->server->budget, conn->charged);
	free(conn);
	atomic_fetch_sub(&worker->nr_conns, 1);
}

void conn_touch(struct server_conn *conn)
{
	if (list_empty(&conn->dirty))
		list_add_tail(&conn->worker->dirty, &conn->dirty);
}

/* Peers and networks come and go: no reason to log_limited about them. */
static bool is_loss(int err)
{
	return !err || err == -ECONNRESET || err == -ECONNABORTED || err == -EPIPE ||
	       err == -ENOTCONN;
}

/* Nothing came back: the client may not even know. */
static bool is_silence(int err)
{
	return err == -ETIMEDOUT || err == -EHOSTUNREACH || err == -ENETUNREACH ||
	       err == -EHOSTDOWN;
}

void conn_end(struct server_conn *conn, int err, const char *why)
{
	if (conn->state == CONN_CLOSING)
		return;
	if (is_loss(err))
		log_info("%s: disconnected: %s%s%s", conn->peer, why, err ? ": " : "",
			 err ? strerror(-err) : "");
	else
		worker_log_limited(conn->worker, conn, err, why);
	if (conn->state < CONN_ACTIVE || conn->state == CONN_REFUSED)
		conn->worker->nr_greeting--;
	conn->state = CONN_CLOSING;
	conn->silent = is_silence(err);
	atomic_store(&conn->leaving, true);
	list_del(&conn->timed);
	keepalive_stop(conn);
	leave_line(conn);
	segments_abandon(conn);
	if (conn->slab)
		requests_cancel(conn, NULL, -ECANCELED);
	calls_abandon(conn);
	conn->tp->ops->disconnect(conn->tp);
	conn_touch(conn);
}

void conn_drain(struct server_conn *conn)
{
	if (conn->state == CONN_ACTIVE)
		conn->state = CONN_DRAINING;
	else
		conn_end(conn, 0, "the server stops");
	conn_touch(conn);
}

static bool drained(const struct server_conn *conn)
{
	return !conn->nr_open && !conn->nr_segments && !conn->nr_calls &&
	       outbox_empty(&conn->outbox);
}

/* What a peer owes us must move, or its buffers would be missing to others for ever. */
static void watch_progress(struct server_conn *conn)
{
	bool owes = conn->nr_posted || !list_empty(&conn->unposted) || !outbox_empty(&conn->outbox);

	if (conn->state != CONN_ACTIVE && conn->state != CONN_DRAINING)
		return;
	if (!owes) {
		list_del(&conn->timed);
	} else if (conn->progress || list_empty(&conn->timed)) {
		list_del(&conn->timed);
		conn->since_ns = conn->worker->now_ns;
		list_add_tail(&conn->worker->posting, &conn->timed);
	}
	conn->progress = false;
}

static void conn_send(struct server_conn *conn)
{
	struct outbox *box = &conn->outbox;
	uint32_t results = box->count, messages = box->nr_messages;
	unsigned sent = outbox_send(box, conn->tp);

	results -= box->count;
	conn->nr_open -= results;
	conn->count.n[COUNT_RESULTS] += results;
	conn->count.n[COUNT_COMPLETIONS] += sent - (messages - box->nr_messages);
	conn->count.n[COUNT_MESSAGES_OUT] += sent;
}

void conn_drop_refs(struct server_conn *conn)
{
	if (conn->nr_drop)
		file_unref(conn->drop_file, conn->nr_drop);
	conn->nr_drop = 0;
}

void conn_finish_turn(struct server_conn *conn)
{
	if (conn->state != CONN_CLOSING) {
		if (!outbox_empty(&conn->outbox))
			conn_send(conn);
		conn->tp->ops->flush(conn->tp);
		watch_progress(conn);
	}
	if (conn->state == CONN_REFUSED && outbox_empty(&conn->outbox))
		conn_end(conn, 0, "refused");
	if (conn->state == CONN_DRAINING && drained(conn))
		conn_end(conn, 0, "the server stops");
	conn_drop_refs(conn);
	if (conn->closed && !conn->nr_segments && !conn->nr_running_calls) {
		handshake_leave(conn);
		if (!conn->fence_posted)
			conn_free(conn);
	}
}

static bool can_start(const struct server_conn *conn)
{
	return !queue_empty(&conn->queue) &&
	       (conn->state == CONN_ACTIVE || conn->state == CONN_DRAINING) &&
	       list_empty(&conn->unposted) && conn->nr_segments < CONN_SEGMENTS_MAX &&
	       conn->nr_held[STAGING_PIPE] < CONN_PIPES_MAX && conn->fetching < FETCH_MAX;
}

void conn_schedule(struct server_conn *conn)
{
	if (list_empty(&conn->ready) && can_start(conn))
		list_add_tail(&conn->worker->ready, &conn->ready);
}

/* Off the queue while all its segments run, or as many as may at a time. */
static void pause_request(struct server_conn *conn, struct server_request *req)
{
	req->queued = false;
	list_move_tail(&conn->running, &req->node);
}

/* Pipes spare copies, and who finds none takes a buffer: they need no sharing out. */
static bool is_fair(const struct server_conn *conn, enum staging_class class)
{
	const struct staging *staging = &conn->worker->staging;

	return conn->nr_held[class] < FAIR_SHARE * staging->nr_free[class] ||
	       !conn->nr_held[class] || class == STAGING_PIPE;
}

unsigned conn_serve(struct server_conn *conn)
{
	struct worker *worker = conn->worker;
	int64_t budget = QUANTUM;
	unsigned started = 0;

	while (budget > 0 && can_start(conn)) {
		struct server_request *req = queue_next(&conn->queue);
		uint64_t left = req->len - req->next;
		enum staging_class class = segment_class(req);
		struct segment *seg;

		/* The end of one of its own segments schedules it again. */
		if (!is_fair(conn, class))
			return started;
		seg = staging_get(&worker->staging, class);
		if (!seg) {
			/* It keeps its place, while what is more urgent may find another size. */
			if (list_empty(&conn->waiting_for_buf[class]))
				list_add_tail(&worker->waiting_for_buf[class],
					      &conn->waiting_for_buf[class]);
			return started;
		}
		budget -= left < SMALL_SIZE	? SMALL_SIZE
			  : left < SEGMENT_SIZE ? left
						: SEGMENT_SIZE;
		queue_charge(&conn->queue, req);
		if (req->next + SEGMENT_SIZE >= req->len ||
		    req->nr_busy + 1 == REQUEST_SEGMENTS_MAX)
			pause_request(conn, req);
		segment_start(seg, req);
		started++;
	}
	if (budget <= 0)
		conn_schedule(conn);
	return started;
}

static void message_event(struct server_conn *conn, const struct tp_event *event)
{
	conn->count.n[COUNT_MESSAGES_IN]++;
	conn->keepalive.heard_ns = conn->worker->now_ns;
	if (conn->state <= CONN_ACTIVE)
		dispatch(conn, event->msg, event->len);
}

static void closed_event(struct server_conn *conn, const struct tp_event *event)
{
	const char *why = event->status ? "the connection broke" : "the peer left";
	char known[TP_WHY_MAX + 16];

	snprintf(known, sizeof(known), "the client %s", conn->tp->why);
	conn_end(conn, event->status, *conn->tp->why ? known : why);
	conn->closed = true;
	conn_touch(conn);
}

static void ready_event(struct server_conn *conn, const struct tp_event *event)
{
	(void)event;
	conn->progress = true;
	if (conn->state != CONN_CLOSING)
		segments_resume(conn);
	conn_touch(conn);
}

static void imm_event(struct server_conn *conn, const struct tp_event *event)
{
	(void)event;
	conn_end(conn, -EPROTO, "wrote into us");
}

void conn_event(struct server_conn *conn, const struct tp_event *event)
{
	static void (*const handlers[])(struct server_conn *, const struct tp_event *) = {
		[TP_EV_MSG] = message_event,
		[TP_EV_IMM] = imm_event,
		[TP_EV_READY] = ready_event,
		[TP_EV_CLOSED] = closed_event,
	};

	if (event->type == TP_EV_DONE)
		segment_posted(event->cookie, event->status);
	else if (handlers[event->type])
		handlers[event->type](conn, event);
}
