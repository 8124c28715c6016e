/*
 * Who gets in and what they reach: keys, ranges and directions, peers that are not ours (played
 * with plain librdmacm, in a thread of their own), and the addresses listened on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <rdma/rdma_cma.h>
#include <stdlib.h>
#include <string.h>

#include "common/transport/addr.h"
#include "common/transport/connect_params.h"
#include "stress.h"

static void bad_key_of(enum tp_kind kind, uint32_t delta, size_t past)
{
	struct pair p;
	struct tp_op op;

	pair_open(&p, &stress_usual, &stress_usual);
	memset(p.window, 'w', WINDOW);
	memset(p.local, 'l', WINDOW);
	op = pair_op(&p, kind, 0, 8192);
	op.key += delta;
	op.raddr += past;
	check(!end_post(&p.server, pair_op(&p, TP_WRITE, 0, 1)));
	check(!end_post(&p.server, op));
	for (int i = 0; i < 10; i++)
		check(!end_post(&p.server, pair_op(&p, TP_WRITE, 4096, 100)));
	ops->flush(p.server.conn);
	until(&p, p.server.closed && p.client.closed);
	check(p.server.dones == 12 && p.server.failed_dones == 11);
	check(p.server.done_status == -EACCES && p.server.close_status == -EACCES);
	for (size_t i = 0; i < WINDOW; i++)
		check(p.window[i] == (i ? 'w' : 'l') && p.local[i] == 'l');
	check(ops->post(p.server.conn, &op) == -ENOTCONN);
	check(!ops->msg_buf(p.server.conn));
	ops->conn_free(p.server.conn);
	ops->conn_free(p.client.conn);
	ends_close(&p);
}

void case_bad_key(void)
{
	bad_key_of(TP_WRITE, 1, 0);
	bad_key_of(TP_READ, 1, 0);
	bad_key_of(TP_WRITE, 0, WINDOW);
	bad_key_of(TP_READ, 0, WINDOW - 4096);
}

/* A registration for one direction refuses the other; nothing of an accepting end is reachable. */
void case_direction(void)
{
	for (int i = 0; i < 3; i++) {
		struct pair p;
		struct tp_op op;
		struct tp_mem *mem;
		struct end *end = i < 2 ? &p.server : &p.client;

		ends_open(&p, &stress_usual, &stress_usual);
		check(!ops->domain_local(p.client.domain, p.window, WINDOW));
		ends_connect(&p);
		check(!ops->mem_register(p.device, p.window, WINDOW,
					 i == 1 ? TP_REMOTE_WRITE : TP_REMOTE_READ, &mem));
		op = pair_op(&p, i == 1 ? TP_READ : TP_WRITE, 0, 100);
		op.key = mem->key;
		if (i == 2) {
			op.local = p.window;
			op.raddr = (uintptr_t)p.local;
		}
		check(!end_post(end, op));
		ops->flush(end->conn);
		until(&p, p.server.closed && p.client.closed);
		check(end->done_status == -EACCES);
		ops->mem_deregister(mem);
		ops->conn_free(p.server.conn);
		ops->conn_free(p.client.conn);
		ends_close(&p);
	}
}

/* ---- peers that are not ours ---- */

struct foreigner {
	struct tp_addr to;
	struct connect_params params;
	uint8_t params_len;
	enum ibv_wr_opcode opcode; /* of the empty message sent once connected, */
	uint32_t imm;		   /* and its immediate */
	int connect_errno;
};

/* Connects with plain librdmacm, says one thing and waits to be thrown out. */
static void *foreigner_main(void *arg)
{
	struct foreigner *f = arg;
	struct ibv_qp_init_attr attr = {
		.cap = {.max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1},
		.qp_type = IBV_QPT_RC,
	};
	struct rdma_conn_param param = {
		.private_data = &f->params,
		.private_data_len = f->params_len,
		.retry_count = 6,
	};
	struct ibv_send_wr wr = {.opcode = f->opcode, .imm_data = htonl(f->imm)}, *bad;
	struct rdma_cm_event *event;
	struct rdma_cm_id *id;

	check(!rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP));
	check(!rdma_resolve_addr(id, NULL, (struct sockaddr *)&f->to.ss, 2000));
	check(!rdma_create_qp(id, NULL, &attr));
	check(!rdma_resolve_route(id, 2000));
	f->connect_errno = rdma_connect(id, &param) ? errno : 0;
	if (!f->connect_errno) {
		check(!ibv_post_send(id->qp, &wr, &bad));
		check(!rdma_get_cm_event(id->channel, &event));
		/* A rejection, if our message came before the last packet of the handshake did. */
		check(event->event == RDMA_CM_EVENT_DISCONNECTED ||
		      event->event == RDMA_CM_EVENT_REJECTED);
		rdma_ack_cm_event(event);
	}
	rdma_destroy_qp(id);
	rdma_destroy_id(id);
	return NULL;
}

static void meet(struct pair *p, struct foreigner *f, bool expect_request)
{
	pthread_t thread;

	f->to = p->listener->addr;
	p->server.request = NULL;
	p->server.connected = 0;
	check(!pthread_create(&thread, NULL, foreigner_main, f));
	if (expect_request) {
		while (!p->server.request)
			end_turn(&p->server);
		check(!ops->accept(p->server.domain, p->server.request, NULL, &p->server.conn));
		while (!p->server.closed) {
			end_turn(&p->server);
			check(!p->server.imms);
		}
		ops->conn_free(p->server.conn);
		p->server.closed = 0;
	} else {
		while (pthread_tryjoin_np(thread, NULL)) {
			end_turn(&p->server);
			check(!p->server.request);
		}
		return;
	}
	check(!pthread_join(thread, NULL));
}

void case_stranger(void)
{
	struct foreigner f = {.params_len = 0};
	struct pair p;

	ends_open(&p, &stress_usual, &stress_usual);
	meet(&p, &f, false);
	check(f.connect_errno == ECONNREFUSED);
	connect_params_make(&f.params, 4096, 32);
	f.params_len = sizeof(f.params);
	f.params.magic ^= 1;
	meet(&p, &f, false);
	check(f.connect_errno == ECONNREFUSED);
	f.params.magic ^= 1;
	f.opcode = IBV_WR_SEND_WITH_IMM;
	f.imm = 1; /* a credit nobody had used up */
	meet(&p, &f, true);
	check(p.server.connected == 1 && p.server.close_status == -EPROTO);
	f.opcode = IBV_WR_RDMA_WRITE_WITH_IMM; /* though nothing is written */
	f.imm = 0;
	meet(&p, &f, true);
	check(p.server.close_status);
	ends_close(&p);
}

/* ---- addresses ---- */

/* Every address of both families on one port, and a connection over each. */
void case_families(void)
{
	const char *six = getenv("USRBIO_RXE_ADDR6"), *four = stress_address;
	const char *const wild[] = {"0.0.0.0", "::"}, *const own[] = {four, six};
	struct tp_listener *listeners[2];
	struct tp_domain_config config = stress_usual;
	uint16_t port = 0;

	for (int i = 0; i < (six ? 2 : 1); i++) {
		struct tp_domain *domain;
		struct tp_addr addr;
		struct pair p;

		ends_open(&p, &config, &config);
		domain = p.server.domain;
		ops->unlisten(p.listener);
		ops->mem_deregister(p.mem);
		ops->device_close(p.device);
		for (int k = 0; k <= i; k++) {
			stress_address = wild[k];
			addr = stress_addr(port);
			check(!ops->listen(domain, &addr, &listeners[k]));
			port = addr_port(&listeners[k]->addr);
			check(port);
		}
		p.listener = listeners[i];
		stress_address = own[i];
		addr = stress_addr(port);
		check(!ops->device_open(&addr, &p.device));
		check(!ops->mem_register(p.device, p.window, WINDOW, TP_REMOTE_READ, &p.mem));
		ends_connect(&p);
		if (i)
			ops->unlisten(listeners[0]);
		pair_close(&p);
		stress_address = four;
	}
}
