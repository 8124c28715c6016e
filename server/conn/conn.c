/*
 * Connections: how they begin, what they do at the end of a worker's turn, and how they end. The
 * worker owns them, and only its thread runs this.
 *
 * The files of this room call each other in circles: conn.c calls dispatch.c, handshake.c,
 * keepalive.c and conn_admit.c, and each of these may find a reason to call conn_end() here. They
 * are one object in five files.
 */
#include "server/conn/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "server/conn/conn_admit.h"
#include "server/conn/dispatch.h"
#include "server/conn/handshake.h"
#include "server/io/request.h"
#include "server/io/segment.h"
#include "server/worker/server_impl.h"
#include "server/session/session.h"
#include "server/worker/worker.h"

/* Memory that a connection takes beside its own struct until its Welcome. */
#define HELLO_BYTES ((size_t)4096)

size_t conn_price(struct worker *worker, const struct tp_ops *ops)
{
	return sizeof(struct server_conn) + HELLO_BYTES + worker_domain(worker, ops)->conn_bytes;
}

bool conn_reserve(struct worker *worker, const struct tp_ops *ops)
{
	if (!budget_id_take_unknown(&worker->server->unknown, conn_price(worker, ops)))
		return false;
	atomic_fetch_add(&worker->nr_conns, 1);
	return true;
}

void conn_unreserve(struct worker *worker, const struct tp_ops *ops)
{
	budget_id_give(&worker->server->unknown, conn_price(worker, ops));
	atomic_fetch_sub(&worker->nr_conns, 1);
}

static struct server_conn *conn_new(struct worker *worker)
{
	struct server_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->worker = worker;
	conn->peer = &conn->pipeline.peer;
	conn->peer->worker = worker;
	conn->pipeline.conn = conn;
	pipeline_init(&conn->pipeline);
	calls_init(&conn->calls, conn->peer);
	list_init(&conn->timed);
	list_init(&conn->keepalive.node);
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
	addr_text(&request->peer, conn->peer->name, sizeof(conn->peer->name));
	err = ops->accept(worker_domain(worker, ops), request, conn, &conn->peer->tp);
	if (err) {
		log_peer("%s://%s: cannot accept: %s", ops->name, conn->peer->name, strerror(-err));
		conn_unreserve(worker, ops);
		handshake_close(conn);
		free(conn);
		return;
	}
	conn->charged = conn_price(worker, ops);
	list_add_tail(&worker->conns, &conn->peer->node);
	conn_admit(conn);
	conn->peer->number = ++worker->count.n[COUNT_CONNECTIONS];
}

/*
 * Charge the id for the requests, results and regions of the connection, and for answers without a
 * call. 0; -EUSERS: it has more than an equal part of the memory; -ENOMEM.
 */
static int charge(struct server_conn *conn)
{
	struct budget_id *memory = &conn->peer->account->memory;
	size_t bytes = pipeline_bytes(conn->pipeline.max_inflight) + CALLS_MAX * ANSWER_BYTES +
		       CALLS_FREE_BYTES;

	if (budget_id_take(memory, bytes, 0)) {
		conn->charged += bytes;
		atomic_store_explicit(&conn->peer->member.bytes, conn->charged,
				      memory_order_relaxed);
		sessions_make_room(conn->worker->server->sessions, memory);
		return 0;
	}
	conn->peer->member.lacks = "connection within --memory";
	if (budget_id_has_more(memory, bytes))
		return -EUSERS;
	list_del(&conn->timed);
	conn_make_room(conn->worker, memory, bytes);
	return -ENOMEM;
}

/* Let the connection take turns with others of its id. Returns 0 or -ENOMEM. */
static int take_turns(struct server_conn *conn)
{
	struct account *account = conn->peer->account;
	struct rates *rates = rates_are_limited(&account->rates) ? &account->rates : NULL;

	conn->pipeline.limited = rates;
	conn->pipeline.id = id_turns_get(&conn->worker->ids, account, rates);
	return conn->pipeline.id ? 0 : -ENOMEM;
}

int conn_activate(struct server_conn *conn)
{
	struct server_peer *peer = conn->peer;
	int err = charge(conn);

	if (!err)
		err = pipeline_open(&conn->pipeline);
	if (!err)
		err = take_turns(conn);
	if (err)
		return err; /* conn_free() frees the parts that are open */
	peer->export = session_export(peer->member.session);
	peer->read_only = peer->export->read_only || peer->permit.read_only;
	conn->pipeline.store = conn->worker->queues[peer->export->index];
	conn->pipeline.share = &conn->worker->shares[peer->export->index];
	conn->worker->nr_handshakes--;
	list_del(&conn->timed);
	conn->state = CONN_ACTIVE;
	peer_is_busy(peer);
	keepalive_start(conn);
	return 0;
}

static struct budget_id *memory_of(struct server_conn *conn)
{
	struct account *account = conn->peer->account;

	return account ? &account->memory : &conn->worker->server->unknown;
}

static void conn_free(struct server_conn *conn)
{
	struct worker *worker = conn->worker;

	conn->peer->tp->ops->conn_free(conn->peer->tp);
	counters_add(&worker->count, &conn->peer->count);
	list_del(&conn->peer->node);
	list_del(&conn->peer->dirty);
	list_del(&conn->timed);
	pipeline_close(&conn->pipeline);
	if (conn->pipeline.id)
		id_turns_put(conn->pipeline.id);
	handshake_close(conn);
	budget_id_return(memory_of(conn), conn->peer->member.leaving);
	budget_id_give(memory_of(conn), conn->charged);
	if (conn->peer->account)
		account_put(conn->peer->account);
	free(conn);
	atomic_fetch_sub(&worker->nr_conns, 1);
}

/* True if the peer left or the network failed, which is no reason for a warning. */
static bool is_loss(int err)
{
	return !err || err == -ECONNRESET || err == -ECONNABORTED || err == -EPIPE ||
	       err == -ENOTCONN;
}

void conn_end(struct server_conn *conn, int err, const char *why)
{
	if (conn->state == CONN_CLOSING)
		return;
	if (is_loss(err))
		log_info("%s: disconnected: %s%s%s", conn->peer->name, why, err ? ": " : "",
			 err ? strerror(-err) : "");
	else
		worker_log_limited(conn->worker, conn->peer->name, err, why);
	if (conn->state < CONN_ACTIVE || conn->state == CONN_REFUSED)
		conn->worker->nr_handshakes--;
	conn->state = CONN_CLOSING;
	list_del(&conn->timed);
	keepalive_stop(conn);
	pipeline_end(&conn->pipeline);
	calls_abandon(&conn->calls);
	conn->peer->tp->ops->disconnect(conn->peer->tp);
	peer_touch(conn->peer);
}

void conn_drain(struct server_conn *conn)
{
	if (conn->state == CONN_ACTIVE)
		conn->state = CONN_DRAINING;
	else
		conn_end(conn, 0, "the server stops");
	peer_touch(conn->peer);
}

static bool drained(const struct server_conn *conn)
{
	return pipeline_idle(&conn->pipeline) && !conn->peer->nr_calls &&
	       outbox_empty(&conn->peer->outbox);
}

/*
 * Start, restart or stop the stall timer. It ends a connection whose peer has data to take or to
 * give and moves none, because its staging buffers would never become free.
 */
static void watch_progress(struct server_conn *conn)
{
	bool owes = conn->pipeline.nr_posted || !list_empty(&conn->pipeline.unposted) ||
		    !outbox_empty(&conn->peer->outbox);

	if (conn->state != CONN_ACTIVE && conn->state != CONN_DRAINING)
		return;
	if (!owes) {
		list_del(&conn->timed);
	} else if (conn->pipeline.progress || list_empty(&conn->timed)) {
		list_del(&conn->timed);
		conn->since_ns = conn->worker->now_ns;
		list_add_tail(&conn->worker->posting, &conn->timed);
	}
	conn->pipeline.progress = false;
}

static void conn_send(struct server_conn *conn)
{
	struct outbox *box = &conn->peer->outbox;
	uint32_t results = box->count, messages = box->nr_messages;
	unsigned sent = outbox_send(box, conn->peer->tp);

	results -= box->count;
	conn->pipeline.nr_open -= results;
	conn->peer->count.n[COUNT_RESULTS] += results;
	conn->peer->count.n[COUNT_COMPLETIONS] += sent - (messages - box->nr_messages);
	conn->peer->count.n[COUNT_MESSAGES_OUT] += sent;
}

void conn_finish_turn(struct server_conn *conn)
{
	if (conn->state != CONN_CLOSING) {
		if (!outbox_empty(&conn->peer->outbox))
			conn_send(conn);
		conn->peer->tp->ops->flush(conn->peer->tp);
		watch_progress(conn);
	}
	if (conn->state == CONN_REFUSED && outbox_empty(&conn->peer->outbox))
		conn_end(conn, 0, "refused");
	if (conn->state == CONN_DRAINING && drained(conn))
		conn_end(conn, 0, "the server stops");
	requests_end_turn(&conn->pipeline);
	if (conn->closed && pipeline_is_over(&conn->pipeline) && !conn->calls.nr_open) {
		handshake_leave(conn);
		if (!conn->fence_posted)
			conn_free(conn);
	}
}

static void message_event(struct server_conn *conn, const struct tp_event *event)
{
	conn->peer->count.n[COUNT_MESSAGES_IN]++;
	conn->keepalive.heard_ns = conn->worker->now_ns;
	if (conn->state <= CONN_ACTIVE)
		dispatch(conn, event->msg, event->len);
}

static void closed_event(struct server_conn *conn, const struct tp_event *event)
{
	const char *why = event->status ? "the connection broke" : "the peer left";
	char known[TP_WHY_MAX + 16];

	snprintf(known, sizeof(known), "the client %s", conn->peer->tp->why);
	conn_end(conn, event->status, *conn->peer->tp->why ? known : why);
	conn->closed = true;
	pipeline_detach(&conn->pipeline);
	peer_touch(conn->peer);
}

static void ready_event(struct server_conn *conn, const struct tp_event *event)
{
	(void)event;
	conn->pipeline.progress = true;
	if (conn->state != CONN_CLOSING)
		segments_resume(&conn->pipeline);
	peer_touch(conn->peer);
}

static void imm_event(struct server_conn *conn, const struct tp_event *event)
{
	(void)event;
	conn_end(conn, -EPROTO, "sent an immediate, which only servers send");
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
