/*
 * The receive queue of a connection, which owns it, and the credits. Only the domain's thread uses
 * them.
 *
 * Each message and each WRITE with an immediate uses up one receive of the peer: a credit. The
 * peer's connect parameters say how many there are at first. A used buffer belongs to the caller
 * until the next poll. Then it is posted back. It is unannounced until the peer is told, by the
 * immediate of a message, which is the number of receives posted back since the last message. When
 * announce_at receives are unannounced, an empty message is sent for them.
 *
 * An empty message needs a credit, too, and still the two sides cannot block each other. Data never
 * takes the last credit; only an empty message may. Suppose that nothing is in flight. The last
 * message that took a sender's last credit brought its receiver at least announce_at credits, and
 * the receiver has not spent its own last one since. So at least one side, say B, has a credit. If
 * A has only its last credit (and maybe one that msg_buf holds) and wants to send data, then B has
 * at least recv_depth - 2 >= announce_at unannounced receives, and the credit to announce them. If
 * A has no credit and B wants to send, then B announces everything, after which A can announce its
 * receives. The exchange of empty messages ends by itself: each answers at least two messages,
 * because announce_at >= 2.
 */
#include "common/verbs/conn/recv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/verbs/conn/conn.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/qp.h"
#include "common/verbs/conn/send.h"
#include "common/verbs/device/sink.h"

static void append_used(struct verbs_recv_queue *q, struct ibv_recv_wr *wr)
{
	wr->next = NULL;
	if (q->first)
		q->last->next = wr;
	else
		q->first = wr;
	q->last = wr;
	q->nr_used++;
}

int recv_post_back(struct verbs_conn *c)
{
	struct verbs_recv_queue *q = &c->rq;
	struct ibv_recv_wr *bad;
	int err = ibv_post_recv(c->qp, q->first, &bad);

	if (err) {
		log_error("ibv_post_recv: %s", strerror(err));
		return -err;
	}
	q->posted += q->nr_used;
	q->unannounced += q->nr_used;
	q->nr_used = 0;
	q->first = NULL;
	return 0;
}

int recv_open(struct verbs_conn *c)
{
	struct verbs_recv_queue *q = &c->rq;
	int err;

	q->announce_at = q->nr / 2;
	q->wrs = calloc(q->nr, sizeof(*q->wrs));
	q->sges = calloc(q->nr, sizeof(*q->sges));
	if (!q->wrs || !q->sges) {
		err = -ENOMEM;
		goto err_free;
	}
	for (uint32_t i = 0; i < q->nr; i++) {
		q->sges[i] = (struct ibv_sge){
			.addr = (uintptr_t)(c->recv_bufs + i * c->stride),
			.length = c->domain->config.msg_max,
			.lkey = c->slab_mr->lkey,
		};
		q->wrs[i] = (struct ibv_recv_wr){
			.wr_id = wr_id(c, WR_RECV | i),
			.sg_list = &q->sges[i],
			.num_sge = 1,
		};
		append_used(q, &q->wrs[i]);
	}
	err = recv_post_back(c);
	q->unannounced = 0; /* the connect parameters announce them */
	if (!err)
		return 0;
err_free:
	recv_close(c);
	return err;
}

void recv_close(struct verbs_conn *c)
{
	free(c->rq.sges);
	free(c->rq.wrs);
	c->rq = (struct verbs_recv_queue){0};
}

bool recv_return_credits(struct verbs_conn *c)
{
	return c->state == VERBS_STATE_UP && c->rq.unannounced >= c->rq.announce_at && c->credits &&
	       send_credits(c);
}

static void queue_post_back(struct verbs_conn *c, struct ibv_recv_wr *wr)
{
	append_used(&c->rq, wr);
	if (c->in_post_back)
		return;
	c->in_post_back = true;
	c->post_back_next = c->domain->post_back;
	c->domain->post_back = c;
}

static bool credit_take_in(struct verbs_conn *c, uint32_t n)
{
	if (n > c->peer_recvs - c->credits) {
		log_warn("the peer returns %u credits, and at most %u are possible", n,
			 c->peer_recvs - c->credits);
		return false;
	}
	c->credits += n;
	if (n)
		domain_pend(c);
	return true;
}

static void immediate(struct verbs_conn *c, uint32_t imm, struct verbs_sink *out)
{
	c->domain->dom.count.imms_received++;
	sink_add(out, TP_EV_IMM, &c->conn)->imm = imm;
}

/* Handle a receive in one of the four forms that send.c describes. False: it has none of them. */
static bool arrived(struct verbs_conn *c, const struct ibv_wc *wc, const void *buf,
		    struct verbs_sink *out)
{
	bool has_imm = wc->wc_flags & IBV_WC_WITH_IMM;
	struct tp_event *event;

	if (wc->opcode == IBV_WC_RECV_RDMA_WITH_IMM) {
		immediate(c, ntohl(wc->imm_data), out);
		return true;
	}
	if (!has_imm && wc->byte_len == sizeof(uint32_t)) {
		immediate(c, ntohl(*(const uint32_t *)buf), out);
		return true;
	}
	if (!has_imm || !credit_take_in(c, ntohl(wc->imm_data)))
		return false;
	if (wc->byte_len) {
		c->domain->dom.count.msgs_received++;
		event = sink_add(out, TP_EV_MSG, &c->conn);
		event->msg = buf;
		event->len = wc->byte_len;
	}
	return true;
}

int recv_completed(struct verbs_conn *c, const struct ibv_wc *wc, struct verbs_sink *out)
{
	struct ibv_recv_wr *wr = &c->rq.wrs[(uint32_t)wc->wr_id & ~WR_RECV];

	c->rq.posted--;
	if (wc->status != IBV_WC_SUCCESS)
		return qp_wc_errno(wc->status);
	queue_post_back(c, wr);
	return arrived(c, wc, (const void *)(uintptr_t)wr->sg_list->addr, out) ? 0 : -EPROTO;
}
