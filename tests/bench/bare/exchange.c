/* Both ends of the bare exchange, each a loop that polls its one completion queue. */
#include "exchange.h"

#include <errno.h>
#include <rdma/rdma_verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIGNAL_EVERY 16 /* of the sends; the others complete with it */
#define TIMES_MAX    (1u << 20)

void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct ibv_qp_init_attr exchange_qp(void)
{
	return (struct ibv_qp_init_attr){
		.cap = {.max_send_wr = 2 * DEPTH_MAX,
			.max_recv_wr = DEPTH_MAX,
			.max_send_sge = 1,
			.max_recv_sge = 1,
			.max_inline_data = REQUEST_SIZE},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 0,
	};
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *pages(size_t len)
{
	void *memory = aligned_alloc(4096, (len + 4095) / 4096 * 4096);

	must(memory != NULL, "memory");
	memset(memory, 1, len);
	return memory;
}

static void post_receive(struct rdma_cm_id *id, struct request *buf, struct ibv_mr *mr)
{
	must(!rdma_post_recv(id, buf, buf, sizeof(*buf), mr), "post receive");
}

/* Every n-th is signalled, so that the send queue is known to have room. */
static unsigned send_flags(unsigned *count, unsigned flags)
{
	return ++*count % SIGNAL_EVERY ? flags : flags | IBV_SEND_SIGNALED;
}

static void answer(struct rdma_cm_id *id, const struct request *request, char *block,
		   struct ibv_mr *mr, unsigned *sent)
{
	struct ibv_sge sge = {(uintptr_t)block, request->len, mr->lkey};
	struct ibv_send_wr *bad,
		wr = {
			.sg_list = &sge,
			.num_sge = 1,
			.opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
			.send_flags = send_flags(sent, 0),
			.imm_data = request->slot,
			.wr.rdma = {.remote_addr = request->addr, .rkey = request->rkey},
		};

	must(!ibv_post_send(id->qp, &wr, &bad), "post write");
}

void exchange_serve(struct rdma_cm_id *id, uint32_t block)
{
	struct request *requests = pages(DEPTH_MAX * sizeof(*requests));
	char *data = pages(block);
	struct ibv_mr *requests_mr = rdma_reg_msgs(id, requests, DEPTH_MAX * sizeof(*requests));
	struct ibv_mr *data_mr = rdma_reg_msgs(id, data, block);
	struct ibv_wc wc[16];
	unsigned sent = 0;

	must(requests_mr && data_mr, "register");
	for (unsigned i = 0; i < DEPTH_MAX; i++)
		post_receive(id, &requests[i], requests_mr);
	must(!rdma_accept(id, NULL), "accept");
	for (;;) {
		int n = ibv_poll_cq(id->recv_cq, 16, wc);

		for (int i = 0; i < n; i++) {
			struct request *request = (struct request *)(uintptr_t)wc[i].wr_id;

			if (wc[i].status) /* flushed: the client has disconnected */
				return;
			answer(id, request, data, data_mr, &sent);
			post_receive(id, request, requests_mr);
		}
		while (ibv_poll_cq(id->send_cq, 16, wc) > 0)
			;
	}
}

struct client {
	struct rdma_cm_id *id;
	char *memory;
	struct ibv_mr *mr, *sink_mr;
	struct request sink; /* receives carry nothing but the immediate */
	uint32_t block;
	unsigned sent;
	uint64_t begun[DEPTH_MAX];
	uint32_t *times;
	uint64_t nr_times;
};

static void ask(struct client *client, uint32_t slot)
{
	struct request request = {
		.addr = (uintptr_t)client->memory + (uint64_t)slot * client->block,
		.rkey = client->mr->rkey,
		.len = client->block,
		.slot = slot,
	};

	client->begun[slot] = now_ns();
	must(!rdma_post_send(client->id, NULL, &request, sizeof(request), NULL,
			     (int)send_flags(&client->sent, IBV_SEND_INLINE)),
	     "post send");
}

static void answered(struct client *client, uint32_t slot)
{
	uint64_t took = now_ns() - client->begun[slot];

	client->times[client->nr_times++ % TIMES_MAX] = (uint32_t)took;
	post_receive(client->id, &client->sink, client->sink_mr);
	ask(client, slot);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct outcome exchange_drive(struct rdma_cm_id *id, uint32_t block, unsigned depth,
			      unsigned seconds)
{
	struct client client = {.id = id, .block = block};
	uint64_t begin, now, kept;
	struct ibv_wc wc[16];

	client.memory = pages((size_t)depth * block);
	client.times = malloc(TIMES_MAX * sizeof(*client.times));
	must(client.times != NULL, "memory");
	client.mr = rdma_reg_write(id, client.memory, (size_t)depth * block);
	client.sink_mr = rdma_reg_msgs(id, &client.sink, sizeof(client.sink));
	must(client.mr && client.sink_mr, "register");
	for (unsigned i = 0; i < DEPTH_MAX; i++)
		post_receive(id, &client.sink, client.sink_mr);
	must(!rdma_connect(id, NULL), "connect");

	begin = now = now_ns();
	for (uint32_t slot = 0; slot < depth; slot++)
		ask(&client, slot);
	while (now - begin < seconds * 1000000000ull) {
		int n = ibv_poll_cq(id->recv_cq, 16, wc);

		for (int i = 0; i < n; i++) {
			must(!wc[i].status, ibv_wc_status_str(wc[i].status));
			answered(&client, wc[i].imm_data);
		}
		while (ibv_poll_cq(id->send_cq, 16, wc) > 0)
			;
		now = now_ns();
	}
	kept = client.nr_times < TIMES_MAX ? client.nr_times : TIMES_MAX;
	must(kept > 0, "no answer");
	qsort(client.times, kept, sizeof(*client.times), by_value);
	return (struct outcome){
		.iops = (double)client.nr_times / ((double)(now - begin) / 1e9),
		.p50_us = client.times[kept / 2] / 1e3,
	};
}
