/*
 * The states of a connection. Events of the connection manager, deadlines, and the completions that
 * come back at its end move it from state to state. The connection owns its state, and only the
 * domain's thread uses it.
 *
 * A connection ends in three steps. The queue pair goes to the error state, in which the card gives
 * each work request back. The queue pair is destroyed when all are back, or after DRAIN_MS, because
 * soft-RoCE may keep the request to a killed peer for ever. Then the posts that are left are
 * reported, and TP_EV_CLOSED after them.
 */
#include "common/verbs/conn/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/fault_points/faults.h"
#include "common/verbs/conn/conn.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/qp.h"
#include "common/verbs/conn/recv.h"
#include "common/verbs/conn/send.h"
#include "common/verbs/conn/wire.h"

#define DRAIN_MS	     2000
#define REJECTED_BY_CONSUMER 28 /* the reason "consumer defined" of InfiniBand's REJ message */
#define PEER_RECVS_MIN	     4	/* the credits need it (recv.c), and recv_depth is at least this */

static void state_over(struct verbs_conn *c)
{
	timer_clear(&c->domain->timer, &c->deadline_ns);
	wire_cut(c);
	send_abandon(c);
	c->state = VERBS_STATE_OVER;
	domain_pend(c);
}

static void drain(struct verbs_conn *c)
{
	c->state = VERBS_STATE_DRAINING;
	timer_set(&c->domain->timer, &c->deadline_ns, DRAIN_MS);
	qp_stop(c);
	rdma_disconnect(c->cm_id); /* fails if the peer has disconnected before */
	state_progress(c);
}

void state_fail(struct verbs_conn *c, int status)
{
	if (c->state >= VERBS_STATE_DRAINING)
		return;
	c->status = status;
	if (c->state < VERBS_STATE_UP)
		state_over(c);
	else
		drain(c);
}

void state_break(struct verbs_conn *c, int status)
{
	if (c->state >= VERBS_STATE_DRAINING)
		return;
	c->status = status;
	state_over(c);
}

void state_progress(struct verbs_conn *c)
{
	if (c->state == VERBS_STATE_LEAVING && !c->sq.nr_msgs)
		drain(c);
	else if (c->state == VERBS_STATE_DRAINING && c->sq.retired == c->sq.posted && !c->rq.posted)
		state_over(c);
}

void state_expired(struct verbs_conn *c)
{
	timer_clear(&c->domain->timer, &c->deadline_ns);
	if (c->state < VERBS_STATE_UP) {
		state_fail(c, -ETIMEDOUT);
	} else if (c->state == VERBS_STATE_LEAVING) {
		drain(c);
	} else if (c->state == VERBS_STATE_DRAINING) {
		log_info("a queue pair still has %u sends and %u receives; it is destroyed",
			 c->sq.posted - c->sq.retired, c->rq.posted);
		state_over(c);
	}
}

void state_established(struct verbs_conn *c)
{
	timer_clear(&c->domain->timer, &c->deadline_ns);
	c->state = VERBS_STATE_UP;
	c->connected_due = true;
	domain_pend(c);
}

/* ---- events of the connection manager ---- */

static void addr_resolved(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	if (c->state != VERBS_STATE_RESOLVING)
		return;
	c->state = VERBS_STATE_ROUTING;
	if (rdma_resolve_route(c->cm_id, DRAIN_MS))
		state_fail(c, -errno);
}

static void route_resolved(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	struct connect_params params;
	struct rdma_conn_param param = {
		.private_data = &params,
		.private_data_len = sizeof(params),
		.responder_resources = RDMA_MAX_RESP_RES,
		.initiator_depth = RDMA_MAX_INIT_DEPTH,
		.retry_count = RETRIES,
		.rnr_retry_count = RETRIES,
	};

	if (c->state != VERBS_STATE_ROUTING)
		return;
	connect_params_make(&params, c->domain->config.msg_max, c->rq.nr);
	param.qp_num = c->qp->qp_num;
	c->state = VERBS_STATE_CONNECTING;
	if (rdma_connect(c->cm_id, &param))
		state_fail(c, -errno);
}

static void lookup_failed(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	if (c->state < VERBS_STATE_UP)
		state_fail(c, event->status < 0 ? event->status : -EHOSTUNREACH);
}

static void unreachable(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	if (c->state < VERBS_STATE_UP)
		state_fail(c, event->status < 0 ? event->status : -ETIMEDOUT);
}

/*
 * Handle a rejection. Private data of a server are connect parameters that refuse. Without them the
 * server's kernel has rejected: nobody listens, or too many requests wait for the server.
 */
static void rejected(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	struct connect_params peer;
	int err = -ECONNREFUSED;

	if (c->state >= VERBS_STATE_UP)
		return;
	if (event->has_params && event->params.magic) {
		err = connect_params_check(&event->params, &peer, c->conn.why);
		if (!err)
			err = tp_blame(&c->conn, -EPROTO, "rejects our connect parameters");
	} else if (event->status == REJECTED_BY_CONSUMER) {
		err = tp_blame(&c->conn, -EAGAIN, "%s", TP_WHY_BUSY);
	}
	state_fail(c, err);
}

static void connect_failed(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	if (c->state < VERBS_STATE_UP)
		state_fail(c, event->status < 0 ? event->status : -ECONNABORTED);
}

/* Handle the answer to a connect: the peer has accepted, and waits for rdma_establish(). */
static void responded(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	struct connect_params peer;
	int err = -EPROTO;

	if (c->state != VERBS_STATE_CONNECTING)
		return;
	if (event->has_params)
		err = connect_params_check(&event->params, &peer, c->conn.why);
	if (!err)
		err = state_agree(c, &peer);
	if (!err)
		err = qp_start(c);
	if (!err && rdma_establish(c->cm_id))
		err = -errno;
	if (err)
		state_fail(c, err);
	else
		state_established(c);
}

/* Handle the end of an accept: the peer has called rdma_establish(). */
static void established(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	if (c->state == VERBS_STATE_ACCEPTING)
		state_established(c);
}

static void disconnected(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	/* The peer may leave before the event that completes the accept. Report that one first. */
	if (c->state == VERBS_STATE_ACCEPTING)
		state_established(c);
	state_fail(c, c->state < VERBS_STATE_UP ? -ECONNRESET : 0);
}

static void removed(struct verbs_conn *c, const struct verbs_cm_event *event)
{
	log_warn("the RDMA device of a connection has been removed, so the connection ends");
	if (c->nic)
		c->nic->removed = true;
	state_fail(c, -ENODEV);
}

void state_cm_event(struct verbs_cm_handler *handler, const struct verbs_cm_event *event,
		    struct verbs_sink *out)
{
	static void (*const handlers[])(struct verbs_conn *, const struct verbs_cm_event *) = {
		[RDMA_CM_EVENT_ADDR_RESOLVED] = addr_resolved,
		[RDMA_CM_EVENT_ADDR_ERROR] = lookup_failed,
		[RDMA_CM_EVENT_ROUTE_RESOLVED] = route_resolved,
		[RDMA_CM_EVENT_ROUTE_ERROR] = lookup_failed,
		[RDMA_CM_EVENT_CONNECT_RESPONSE] = responded,
		[RDMA_CM_EVENT_CONNECT_ERROR] = connect_failed,
		[RDMA_CM_EVENT_UNREACHABLE] = unreachable,
		[RDMA_CM_EVENT_REJECTED] = rejected,
		[RDMA_CM_EVENT_ESTABLISHED] = established,
		[RDMA_CM_EVENT_DISCONNECTED] = disconnected,
		[RDMA_CM_EVENT_DEVICE_REMOVAL] = removed,
	};
	struct verbs_conn *c = container_of(handler, struct verbs_conn, handler);
	size_t type = event->type;

	/* The other events (a changed address, the end of the time-wait) need no action. */
	if (type < sizeof(handlers) / sizeof(*handlers) && handlers[type])
		handlers[type](c, event);
}

int state_agree(struct verbs_conn *c, const struct connect_params *peer)
{
	uint32_t mine = c->domain->config.msg_max;

	if (peer->nr_recvs < PEER_RECVS_MIN)
		return tp_blame(&c->conn, -EBADMSG,
				"announces %u receives, over RDMA %u are the least", peer->nr_recvs,
				PEER_RECVS_MIN);
	c->peer_recvs = c->credits = peer->nr_recvs;
	c->conn.msg_max = peer->msg_max < mine ? peer->msg_max : mine;
	return 0;
}

/* ---- posts and credits, where a failure ends the connection ---- */

void verbs_flush(struct tp_conn *conn)
{
	struct verbs_conn *c = conn_of(conn);
	int err;

	if (c->state != VERBS_STATE_UP || c->sq.posted == c->sq.queued)
		return;
	if (fault_at(VERBS_CUT)) {
		state_fail(c, -ECONNRESET);
		return;
	}
	err = send_flush(c);
	if (err)
		state_break(c, err);
}

static void return_credits(struct verbs_conn *c)
{
	if (recv_return_credits(c))
		verbs_flush(&c->conn);
}

void state_post_back(struct verbs_conn *c)
{
	int err;

	if (c->state != VERBS_STATE_UP && c->state != VERBS_STATE_LEAVING)
		return;
	err = recv_post_back(c);
	if (err)
		state_break(c, err);
	else
		return_credits(c);
}

/* ---- events for the caller ---- */

static bool emit_done(struct verbs_conn *c, struct verbs_sink *out)
{
	struct verbs_send_queue *q = &c->sq;

	while (q->reported != q->retired) {
		struct verbs_slot *slot = &q->slots[q->reported & (q->size - 1)];

		if (slot->kind == SLOT_OP) {
			struct tp_event *event;

			if (sink_full(out))
				return false;
			event = sink_add(out, TP_EV_DONE, &c->conn);
			event->status = slot->status;
			event->cookie = slot->cookie;
			q->nr_ops--;
		}
		q->reported++;
	}
	return true;
}

bool state_emit(struct verbs_conn *c, struct verbs_sink *out)
{
	return_credits(c);
	if (c->connected_due) {
		if (sink_full(out))
			return false;
		sink_add(out, TP_EV_CONNECTED, &c->conn);
		c->connected_due = false;
	}
	if (!emit_done(c, out))
		return false;
	if (c->state == VERBS_STATE_UP && send_worth_retry(c)) {
		if (sink_full(out))
			return false;
		sink_add(out, TP_EV_READY, &c->conn);
		c->wants = 0;
	}
	if (c->state == VERBS_STATE_OVER) {
		if (sink_full(out))
			return false;
		sink_add(out, TP_EV_CLOSED, &c->conn)->status = c->status;
		c->state = VERBS_STATE_CLOSED;
	}
	return true;
}
