/*
 * The queue pair of a connection, which owns it. It is created on this provider's own context of
 * the card (card.c explains why). librdmacm moves only queue pairs of its own contexts through the
 * states, so this code moves it. librdmacm gives the attributes. This code replaces those that
 * decide what a peer may access, and how long the card waits for it. Only the domain's thread uses
 * it.
 */
#include "common/verbs/conn/qp.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/verbs/conn/conn.h"

/*
 * The card waits 4.096 us << 16 = 268 ms for an acknowledgement. With 6 retries it reports a dead
 * path after 1.9 s, within the 3.5 s that transport.h promises. With 14 it would give up a peer
 * whose processor is busy for half a second.
 */
#define ACK_TIMEOUT 16

static const uint32_t inline_sizes[] = {220, 64, 0}; /* bytes; some cards offer less or none */

static int create(struct verbs_conn *c, uint32_t max_inline)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = c->nic->cq,
		.recv_cq = c->nic->cq,
		.cap = {.max_send_wr = c->sq.size,
			.max_recv_wr = c->rq.nr,
			.max_send_sge = 1,
			.max_recv_sge = 1,
			.max_inline_data = max_inline},
		.qp_type = IBV_QPT_RC,
	};

	c->qp = ibv_create_qp(c->pd, &attr);
	if (!c->qp)
		return -errno;
	c->max_inline = attr.cap.max_inline_data;
	return 0;
}

static int move(struct verbs_conn *c, enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = {.qp_state = state};
	int mask, err;

	if (rdma_init_qp_attr(c->cm_id, &attr,
			      &mask)) /* it fails, for instance, if the peer has given up */
		return -errno;
	/* The mask selects the attributes that this state takes. */
	attr.qp_access_flags = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;
	attr.timeout = ACK_TIMEOUT;
	attr.retry_cnt = RETRIES;
	attr.rnr_retry = RETRIES;
	if (c->accepted) { /* the peer may reach no memory of this end */
		attr.qp_access_flags = 0;
		attr.max_dest_rd_atomic = 1;
		attr.max_rd_atomic = c->read_depth;
	}
	err = -ibv_modify_qp(c->qp, &attr, mask);
	if (err)
		log_error("cannot move a queue pair to state %d: %s", (int)state, strerror(-err));
	return err;
}

int qp_open(struct verbs_conn *c)
{
	const size_t nr = sizeof(inline_sizes) / sizeof(*inline_sizes);
	int err = -EINVAL;

	for (size_t i = 0; i < nr && err; i++)
		err = create(c, inline_sizes[i]);
	if (err) {
		log_warn("no queue pair of %u and %u work requests on %s: %s", c->sq.size, c->rq.nr,
			 ibv_get_device_name(c->nic->card->verbs->device), strerror(-err));
		return err;
	}
	err = move(c, IBV_QPS_INIT);
	if (err)
		qp_close(c);
	return err;
}

void qp_close(struct verbs_conn *c)
{
	int err = ibv_destroy_qp(c->qp);

	if (err)
		log_error("ibv_destroy_qp: %s", strerror(err));
	c->qp = NULL;
}

int qp_start(struct verbs_conn *c)
{
	int err = move(c, IBV_QPS_INIT); /* repeated, because port and key are known only now */

	if (!err)
		err = move(c, IBV_QPS_RTR);
	if (!err)
		err = move(c, IBV_QPS_RTS);
	return err;
}

void qp_stop(struct verbs_conn *c)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_ERR};

	ibv_modify_qp(c->qp, &attr, IBV_QP_STATE);
}

int qp_wc_errno(enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_SUCCESS:
		return 0;
	case IBV_WC_REM_ACCESS_ERR:
	case IBV_WC_REM_INV_REQ_ERR: /* the queue pair lacks the right, with any key */
		return -EACCES;
	case IBV_WC_RETRY_EXC_ERR:
	case IBV_WC_RNR_RETRY_EXC_ERR:
	case IBV_WC_RESP_TIMEOUT_ERR:
		return -ETIMEDOUT;
	case IBV_WC_WR_FLUSH_ERR:
		return -ECONNRESET;
	case IBV_WC_LOC_PROT_ERR:
		return -EFAULT;
	case IBV_WC_LOC_LEN_ERR: /* the message is larger than this end announced */
		return -EMSGSIZE;
	case IBV_WC_REM_OP_ERR:
	case IBV_WC_REM_ABORT_ERR:
		return -EREMOTEIO;
	default:
		return -EIO;
	}
}
