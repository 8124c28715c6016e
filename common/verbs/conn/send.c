/*
 * The send queue of a connection, which owns it. Everything queued since the last flush is one
 * chain of work requests and one doorbell. The last request of a chain is signalled, which means
 * that it asks for a completion. Inside a chain, one of SIGNAL_EVERY requests or SIGNAL_BYTES bytes
 * is. A completion also stands for the requests before it. Because the last request that the card
 * has is always signalled, a queue pair in the error state brings all of them back. Only the
 * domain's thread uses it.
 *
 * A receive of the peer is used in four forms. A message is a SEND with an immediate, which carries
 * credits. An empty message is the same without data. A WRITE with an immediate is sent as such. If
 * it writes no bytes, it is a SEND of four bytes without an immediate. The reason is that an end
 * that accepts exposes no memory, so its queue pair refuses even empty WRITEs.
 */
#include "common/verbs/conn/send.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/fault_points/faults.h"
#include "common/verbs/conn/conn.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/qp.h"

/* Large requests are signalled one by one, because a disk may wait for each. */
#define SIGNAL_EVERY 16
#define SIGNAL_BYTES (64u << 10)

static struct verbs_slot *slot_at(const struct verbs_send_queue *q, uint32_t seq)
{
	return &q->slots[seq & (q->size - 1)];
}

int send_open(struct verbs_conn *c)
{
	unsigned nr = c->domain->config.nr_sends;
	struct verbs_send_queue *q = &c->sq;

	q->slots = calloc(q->size, sizeof(*q->slots));
	q->free_bufs = calloc(nr, sizeof(*q->free_bufs));
	if (!q->slots || !q->free_bufs) {
		send_close(c);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < q->size; i++)
		q->slots[i].wr.sg_list = &q->slots[i].sge;
	for (unsigned i = 0; i < nr; i++)
		q->free_bufs[i] = i;
	q->nr_free_bufs = nr;
	return 0;
}

void send_close(struct verbs_conn *c)
{
	free(c->sq.free_bufs);
	free(c->sq.slots);
	c->sq = (struct verbs_send_queue){0};
}

/* ---- what is possible now ---- */

static bool has_slot(const struct verbs_send_queue *q)
{
	return q->queued - q->reported + q->held + CREDIT_SLOTS < q->size;
}

/* The last credit is for an empty message; recv.c explains why. */
static bool may_msg(const struct verbs_conn *c)
{
	return c->sq.nr_free_bufs && c->credits > 1 && has_slot(&c->sq);
}

static bool may_op(const struct verbs_conn *c)
{
	return c->sq.nr_ops < c->sq.max_ops && has_slot(&c->sq);
}

bool send_worth_retry(const struct verbs_conn *c)
{
	return (c->wants & WANT_MSG && may_msg(c)) || (c->wants & WANT_OP && may_op(c)) ||
	       (c->wants & WANT_IMM && c->credits > 1 && may_op(c));
}

/* ---- queueing ---- */

static void signal_slot(struct verbs_conn *c, struct verbs_slot *slot)
{
	if (!(slot->wr.send_flags & IBV_SEND_SIGNALED))
		c->domain->dom.count.signalled++;
	slot->wr.send_flags |= IBV_SEND_SIGNALED;
	c->sq.run = 0;
	c->sq.run_bytes = 0;
}

static struct verbs_slot *queue_slot(struct verbs_conn *c, enum verbs_slot_kind kind,
				     enum ibv_wr_opcode opcode, const void *data, uint32_t len,
				     uint32_t lkey)
{
	struct verbs_send_queue *q = &c->sq;
	struct verbs_slot *slot = slot_at(q, q->queued);

	slot->kind = kind;
	slot->status = 0;
	slot->sge = (struct ibv_sge){.addr = (uintptr_t)data, .length = len, .lkey = lkey};
	/* The caller sets the other fields that the opcode uses. The card reads no more. */
	slot->wr.wr_id = wr_id(c, q->queued & ~WR_RECV);
	slot->wr.next = NULL;
	slot->wr.num_sge = len ? 1 : 0;
	slot->wr.opcode = opcode;
	slot->wr.send_flags = 0;
	if (len && len <= c->max_inline && opcode != IBV_WR_RDMA_READ)
		slot->wr.send_flags = IBV_SEND_INLINE;
	if (q->queued != q->posted)
		slot_at(q, q->queued - 1)->wr.next = &slot->wr;
	q->queued++;
	q->run_bytes += len;
	if (++q->run == SIGNAL_EVERY || q->run_bytes >= SIGNAL_BYTES)
		signal_slot(c, slot);
	return slot;
}

/* Take the number of unannounced receives, as the immediate of a message that is queued now. */
static uint32_t take_unannounced(struct verbs_conn *c)
{
	uint32_t n = c->rq.unannounced;

	c->rq.unannounced = 0;
	return htonl(n);
}

void *verbs_msg_buf(struct tp_conn *conn)
{
	struct verbs_conn *c = conn_of(conn);
	struct verbs_send_queue *q = &c->sq;

	if (c->state != VERBS_STATE_UP)
		return NULL;
	if (!q->held) {
		if (!may_msg(c)) {
			c->wants |= WANT_MSG;
			return NULL;
		}
		q->held = true;
		q->nr_free_bufs--;
		c->credits--;
	}
	return c->send_bufs + q->free_bufs[q->nr_free_bufs] * c->stride;
}

void verbs_msg_send(struct tp_conn *conn, size_t len)
{
	struct verbs_conn *c = conn_of(conn);
	struct verbs_send_queue *q = &c->sq;
	unsigned buf = q->free_bufs[q->nr_free_bufs];
	struct verbs_slot *slot;

	if (c->state != VERBS_STATE_UP) /* the connection has ended since msg_buf */
		return;
	assert(q->held && len && len <= conn->msg_max);
	q->held = false;
	slot = queue_slot(c, SLOT_MSG, IBV_WR_SEND_WITH_IMM, c->send_bufs + buf * c->stride,
			  (uint32_t)len, c->slab_mr->lkey);
	slot->buf = buf;
	slot->wr.imm_data = take_unannounced(c);
	q->nr_msgs++;
	c->domain->dom.count.msgs_sent++;
}

bool send_credits(struct verbs_conn *c)
{
	struct verbs_send_queue *q = &c->sq;

	if (q->nr_credits == CREDIT_SLOTS || q->queued - q->reported + q->held >= q->size)
		return false;
	c->credits--;
	q->nr_credits++;
	queue_slot(c, SLOT_CREDIT, IBV_WR_SEND_WITH_IMM, NULL, 0, 0)->wr.imm_data =
		take_unannounced(c);
	c->domain->dom.count.credits_sent++;
	return true;
}

static int find_lkey(const struct verbs_conn *c, const void *data, size_t len, uint32_t *lkey)
{
	for (unsigned i = 0; i < c->nr_area_mrs; i++) {
		const struct verbs_area *area = &c->domain->areas[i];
		size_t off = (uintptr_t)data - (uintptr_t)area->base;

		if (off <= area->len && len <= area->len - off) {
			*lkey = c->area_mrs[i]->lkey;
			return 0;
		}
	}
	return -EFAULT;
}

static struct verbs_slot *queue_bare_imm(struct verbs_conn *c, uint32_t tag)
{
	uint32_t *cell = &c->imm_cells[c->sq.queued & (c->sq.size - 1)];

	*cell = htonl(tag);
	return queue_slot(c, SLOT_OP, IBV_WR_SEND, cell, sizeof(*cell), c->slab_mr->lkey);
}

static struct verbs_slot *queue_op(struct verbs_conn *c, const struct tp_op *op, uint32_t lkey)
{
	enum ibv_wr_opcode opcode = IBV_WR_RDMA_READ;
	struct verbs_slot *slot;

	if (op->kind == TP_WRITE)
		opcode = op->has_imm ? IBV_WR_RDMA_WRITE_WITH_IMM : IBV_WR_RDMA_WRITE;
	slot = queue_slot(c, SLOT_OP, opcode, op->local, op->len, lkey);
	slot->wr.imm_data = htonl(op->tag);
	slot->wr.wr.rdma.remote_addr = op->raddr;
	slot->wr.wr.rdma.rkey = op->key;
	return slot;
}

static void count_op(struct tp_counters *count, const struct tp_op *op)
{
	if (op->kind == TP_READ) {
		count->reads++;
		count->read_bytes += op->len;
	} else {
		count->writes++;
		count->write_bytes += op->len;
		count->imms_sent += op->has_imm;
	}
}

int verbs_post(struct tp_conn *conn, const struct tp_op *op)
{
	struct verbs_conn *c = conn_of(conn);
	uint32_t lkey = 0;
	struct verbs_slot *slot;

	if (c->state != VERBS_STATE_UP)
		return -ENOTCONN;
	if (op->len > TP_OP_MAX || (op->has_imm && op->kind != TP_WRITE))
		return -EINVAL;
	if (op->len && find_lkey(c, op->local, op->len, &lkey))
		return -EFAULT;
	if (!may_op(c) || (op->has_imm && c->credits < 2)) {
		c->wants |= op->has_imm ? WANT_IMM : WANT_OP;
		return -EAGAIN;
	}
	c->sq.nr_ops++;
	c->credits -= op->has_imm;
	if (op->has_imm && !op->len)
		slot = queue_bare_imm(c, op->tag);
	else
		slot = queue_op(c, op, lkey);
	slot->cookie = op->cookie;
	count_op(&c->domain->dom.count, op);
	return 0;
}

int send_flush(struct verbs_conn *c)
{
	struct verbs_send_queue *q = &c->sq;
	struct ibv_send_wr *bad;
	int err;

	signal_slot(c, slot_at(q, q->queued - 1));
	c->domain->dom.count.doorbells++;
	err = fault_at(VERBS_POST_FAIL) ? ENOMEM
					: ibv_post_send(c->qp, &slot_at(q, q->posted)->wr, &bad);
	q->posted = q->queued;
	if (err)
		log_error("ibv_post_send: %s", strerror(err));
	return -err;
}

/* ---- completions ---- */

/* Get the status of a post that was under way when the connection ended. */
static int end_status(const struct verbs_conn *c)
{
	if (c->status)
		return c->status;
	return c->left ? -ECANCELED : -ECONNRESET;
}

static void retire(struct verbs_conn *c, int status)
{
	struct verbs_send_queue *q = &c->sq;
	struct verbs_slot *slot = slot_at(q, q->retired++);

	slot->status = status;
	if (slot->kind == SLOT_MSG) {
		q->free_bufs[q->nr_free_bufs++] = slot->buf;
		q->nr_msgs--;
	} else if (slot->kind == SLOT_CREDIT) {
		q->nr_credits--;
	}
}

int send_completed(struct verbs_conn *c, const struct ibv_wc *wc)
{
	uint32_t n = (((uint32_t)wc->wr_id - c->sq.retired) & ~WR_RECV) + 1;
	int status = qp_wc_errno(wc->status);

	assert(n <= c->sq.posted - c->sq.retired);
	if (wc->status == IBV_WC_WR_FLUSH_ERR)
		status = end_status(c);
	while (n--) /* the requests before it were not signalled, and have succeeded */
		retire(c, n ? 0 : status);
	domain_pend(c);
	return status;
}

void send_abandon(struct verbs_conn *c)
{
	while (c->sq.retired != c->sq.queued)
		retire(c, end_status(c));
	c->sq.posted = c->sq.queued;
}
