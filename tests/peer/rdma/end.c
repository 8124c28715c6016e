/*
 * Queue pair, completion queues and buffers of one end. Sends go through a ring of slots, each with
 * a buffer and a completion. The thread that opened it.
 */
#include "tests/peer/rdma/end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/addr.h"
#include "tests/support/must.h"

#define ACK_TIMEOUT 14 /* 67 ms: a peer that has gone costs half a second */
#define RESOLVE_MS  5000

uint8_t *rdma_recv_buf(struct rdma_end *end, uint64_t nr)
{
	return end->bufs + nr * FRAME_MAX;
}

uint8_t *rdma_slot_buf(struct rdma_end *end, uint32_t nr)
{
	return end->bufs + (size_t)(RDMA_RECVS + nr % RDMA_SLOTS) * FRAME_MAX;
}

void rdma_recv(struct rdma_end *end, uint64_t nr)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)rdma_recv_buf(end, nr),
		.length = FRAME_MAX,
		.lkey = end->mr->lkey,
	};
	struct ibv_recv_wr wr = {.wr_id = nr, .sg_list = &sge, .num_sge = 1}, *bad;

	must(!ibv_post_recv(end->id->qp, &wr, &bad), "ibv_post_recv");
}

struct ibv_mr *rdma_register(struct rdma_end *end, void *base, size_t len, int access)
{
	struct ibv_mr *mr = ibv_reg_mr(end->pd, base, len, access);

	must(mr, "ibv_reg_mr: %s", strerror(errno));
	return mr;
}

static void open_buffers(struct rdma_end *end)
{
	size_t size = (size_t)(RDMA_RECVS + RDMA_SLOTS + 1) * FRAME_MAX;

	end->bufs = calloc(1, size);
	must(end->bufs, "memory");
	end->mr = rdma_register(end, end->bufs, size, IBV_ACCESS_LOCAL_WRITE);
}

static void open_queues(struct rdma_end *end)
{
	struct ibv_qp_init_attr attr = {
		.cap = {.max_send_wr = RDMA_SLOTS,
			.max_recv_wr = RDMA_RECVS,
			.max_send_sge = 1,
			.max_recv_sge = 1},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	end->channel = ibv_create_comp_channel(end->id->verbs);
	must(end->channel, "ibv_create_comp_channel");
	end->sends = ibv_create_cq(end->id->verbs, RDMA_SLOTS, NULL, end->channel, 0);
	end->recvs = ibv_create_cq(end->id->verbs, RDMA_RECVS, NULL, end->channel, 0);
	must(end->sends && end->recvs, "ibv_create_cq");
	attr.send_cq = end->sends;
	attr.recv_cq = end->recvs;
	must(!rdma_create_qp(end->id, end->pd, &attr), "rdma_create_qp: %s", strerror(errno));
	must(!ibv_req_notify_cq(end->sends, 0) && !ibv_req_notify_cq(end->recvs, 0), "notify");
}

struct rdma_end *rdma_open(struct rdma_cm_id *id, unsigned nr_recvs)
{
	struct rdma_end *end = calloc(1, sizeof(*end));

	must(end, "memory");
	end->id = id;
	end->pd = ibv_alloc_pd(id->verbs);
	must(end->pd, "ibv_alloc_pd");
	open_buffers(end);
	open_queues(end);
	for (unsigned i = 0; i < nr_recvs; i++)
		rdma_recv(end, i);
	connect_params_make(&end->params, FRAME_MAX, RDMA_RECVS);
	end->param = (struct rdma_conn_param){
		.private_data = &end->params,
		.private_data_len = sizeof(end->params),
		.responder_resources = 4,
		.initiator_depth = 4,
		.retry_count = 6,
		.rnr_retry_count = 7, /* for ever: who does not count its credits waits */
	};
	return end;
}

struct rdma_cm_id *rdma_id_to(const char *url)
{
	uint8_t timeout = ACK_TIMEOUT;
	struct rdma_cm_id *id;
	struct tp_addr addr;
	char host[128];
	uint16_t port = 0;

	must(!addr_split(url + strlen("rdma://"), host, sizeof(host), &port) &&
		     addr_resolve("rdma", host, port, false, &addr, 1) == 1,
	     "%s", url);
	must(!rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP), "rdma_create_id");
	must(!rdma_resolve_addr(id, NULL, (struct sockaddr *)&addr.ss, RESOLVE_MS) &&
		     !rdma_resolve_route(id, RESOLVE_MS),
	     "%s: %s", url, strerror(errno));
	must(!rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT, &timeout,
			      sizeof(timeout)),
	     "rdma_set_option");
	return id;
}

/* Whoever is on the other side hears of it by the kernel. */
void rdma_close(struct rdma_end *end)
{
	rdma_destroy_qp(end->id);
	if (end->granted)
		ibv_dereg_mr(end->granted);
	ibv_dereg_mr(end->mr);
	ibv_destroy_cq(end->sends);
	ibv_destroy_cq(end->recvs);
	ibv_destroy_comp_channel(end->channel);
	must(!ibv_dealloc_pd(end->pd), "a lie keeps registrations");
	rdma_destroy_id(end->id);
	free(end->bufs);
	free(end);
}

void rdma_break(struct rdma_end *end)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_ERR};

	ibv_modify_qp(end->id->qp, &attr, IBV_QP_STATE);
}

bool rdma_reap(struct rdma_end *end)
{
	struct ibv_wc wc;

	if (end->reaped == end->posted || ibv_poll_cq(end->sends, 1, &wc) != 1)
		return false;
	if (wc.status != IBV_WC_SUCCESS) {
		end->slots[end->reaped % RDMA_SLOTS].fetches = false;
		end->over = true;
	}
	end->status = wc.status;
	end->nr_succeeded += wc.status == IBV_WC_SUCCESS;
	end->reaped++;
	return true;
}

static void take_event(struct rdma_end *end)
{
	struct ibv_cq *cq;
	void *context;

	must(!ibv_get_cq_event(end->channel, &cq, &context), "ibv_get_cq_event");
	ibv_ack_cq_events(cq, 1);
	must(!ibv_req_notify_cq(cq, 0), "ibv_req_notify_cq");
}

/* Of an end that is up, only that it is no more. */
static void take_note(struct rdma_end *end)
{
	struct rdma_cm_event *event;

	must(!rdma_get_cm_event(end->id->channel, &event), "rdma_get_cm_event");
	rdma_ack_cm_event(event);
	end->over = true;
	rdma_break(end);
}

void rdma_await(struct rdma_end *end)
{
	struct pollfd fds[] = {{.fd = end->channel->fd, .events = POLLIN},
			       {.fd = end->id->channel->fd, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0)
		must(errno == EINTR, "poll");
	if (fds[0].revents)
		take_event(end);
	if (fds[1].revents)
		take_note(end);
}

bool rdma_settled(struct rdma_end *end)
{
	while (end->reaped != end->posted)
		if (!rdma_reap(end))
			rdma_await(end);
	return end->status == IBV_WC_SUCCESS;
}

/* The next slot, once it is free. */
static struct rdma_slot *take_slot(struct rdma_end *end)
{
	while (end->posted - end->reaped == RDMA_SLOTS)
		if (!rdma_reap(end))
			rdma_await(end);
	while (end->posted - end->taken == RDMA_SLOTS)
		must(!end->slots[end->taken++ % RDMA_SLOTS].fetches, "nobody takes what comes");
	return &end->slots[end->posted % RDMA_SLOTS];
}

void rdma_post(struct rdma_end *end, const struct rdma_op *op)
{
	struct rdma_slot *slot = take_slot(end);
	uint8_t *buf = rdma_slot_buf(end, end->posted);
	struct ibv_sge sge = {.addr = (uintptr_t)buf, .length = op->len, .lkey = end->mr->lkey};
	struct ibv_send_wr wr =
				   {
					   .wr_id = end->posted,
					   .sg_list = &sge,
					   .num_sge = op->len ? 1 : 0,
					   .opcode = op->opcode,
					   .imm_data = htonl(op->imm),
					   .wr.rdma = {.remote_addr = op->addr, .rkey = op->key},
				   },
			   *bad;

	*slot = (struct rdma_slot){.len = op->len};
	if (op->data)
		memcpy(buf, op->data, op->len);
	if (op->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD || op->opcode == IBV_WR_ATOMIC_CMP_AND_SWP) {
		wr.wr.atomic.remote_addr = op->addr;
		wr.wr.atomic.compare_add = 1;
		wr.wr.atomic.rkey = op->key;
	} else if (op->opcode == IBV_WR_SEND_WITH_INV) {
		wr.invalidate_rkey = op->imm;
	}
	if (ibv_post_send(end->id->qp, &wr, &bad)) {
		end->status = IBV_WC_GENERAL_ERR;
		end->over = true;
	} else {
		end->posted++;
	}
}

bool rdma_does(struct rdma_end *end, const struct rdma_op *op)
{
	end->status = IBV_WC_SUCCESS;
	rdma_post(end, op);
	return rdma_settled(end);
}
