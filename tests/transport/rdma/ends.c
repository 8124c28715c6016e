/*
 * The two ends of a pair: opened, connected, polled and closed, and what they send and post. Each
 * event is checked against what its end expects next. One thread per end at a time.
 */
#include <string.h>
#include <sys/mman.h>

#include "common/transport/addr.h"
#include "stress.h"

const char *stress_address;

const struct tp_domain_config stress_usual = {
	.msg_max = 4096, .nr_recvs = 32, .nr_sends = 16, .nr_posts = 32, .nr_conns = 4, .numa = -1};

struct tp_addr stress_addr(uint16_t port)
{
	struct tp_addr addr;

	check(addr_resolve("rdma", stress_address, port, false, &addr, 1) == 1);
	return addr;
}

static void on_event(struct end *end, const struct tp_event *event)
{
	uint64_t seq;

	check(event->type == TP_EV_REQUEST || !end->closed);
	switch (event->type) {
	case TP_EV_REQUEST:
		end->request = event->request;
		break;
	case TP_EV_CONNECTED:
		check(!end->connected++);
		break;
	case TP_EV_MSG:
		check(end->connected && event->len >= sizeof(seq));
		memcpy(&seq, event->msg, sizeof(seq));
		check(seq == end->next_msg++);
		for (uint32_t i = sizeof(seq); i < event->len; i++)
			check(((const unsigned char *)event->msg)[i] == (unsigned char)(seq + i));
		end->msgs++;
		break;
	case TP_EV_IMM:
		check(event->imm == (uint32_t)end->next_imm++);
		end->imms++;
		break;
	case TP_EV_DONE:
		check(end->unordered || (uintptr_t)event->cookie == end->dones);
		end->dones++;
		if (event->status && !end->failed_dones++)
			end->done_status = event->status;
		break;
	case TP_EV_READY:
		end->ready++;
		break;
	case TP_EV_CLOSED:
		check(end->dones == end->posted);
		end->closed++;
		end->close_status = event->status;
		break;
	}
}

int end_turn(struct end *end)
{
	struct tp_event events[7]; /* odd and small: events must survive a full array */
	int n = ops->poll(end->domain, events, 7);

	check(n >= 0 && n <= 7);
	for (int i = 0; i < n; i++)
		on_event(end, &events[i]);
	return n;
}

void ends_open(struct pair *p, const struct tp_domain_config *server,
	       const struct tp_domain_config *client)
{
	struct tp_addr addr = stress_addr(0);

	memset(p, 0, sizeof(*p));
	p->window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p->local = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(!ops->domain_open(server, &p->server.domain));
	check(!ops->domain_open(client, &p->client.domain));
	check(!ops->domain_local(p->server.domain, p->local, WINDOW));
	check(!ops->listen(p->server.domain, &addr, &p->listener));
	check(addr_port(&p->listener->addr));
	addr = stress_addr(addr_port(&p->listener->addr));
	check(!ops->device_open(&addr, &p->device));
	check(!ops->mem_register(p->device, p->window, WINDOW, TP_REMOTE_READ | TP_REMOTE_WRITE,
				 &p->mem));
}

void ends_begin(struct pair *p)
{
	struct tp_addr addr = stress_addr(addr_port(&p->listener->addr));

	p->server.request = NULL;
	check(!ops->connect(p->client.domain, p->device, &addr, 5000, NULL, &p->client.conn));
	until(p, p->server.request);
}

void ends_connect(struct pair *p)
{
	ends_begin(p);
	check(!ops->accept(p->server.domain, p->server.request, NULL, &p->server.conn));
	until(p, p->client.connected && p->server.connected);
}

void pair_open(struct pair *p, const struct tp_domain_config *server,
	       const struct tp_domain_config *client)
{
	ends_open(p, server, client);
	ends_connect(p);
}

void ends_close(struct pair *p)
{
	ops->mem_deregister(p->mem);
	ops->device_close(p->device);
	ops->unlisten(p->listener);
	ops->domain_close(p->client.domain);
	ops->domain_close(p->server.domain);
	munmap(p->window, WINDOW);
	munmap(p->local, WINDOW);
}

static void leave(struct pair *p)
{
	ops->disconnect(p->client.conn);
	until(p, p->client.closed && p->server.closed);
	ops->conn_free(p->client.conn);
	ops->conn_free(p->server.conn);
}

void pair_close(struct pair *p)
{
	leave(p);
	ends_close(p);
}

bool end_send(struct end *end, uint32_t len)
{
	unsigned char *buf = ops->msg_buf(end->conn);

	if (!buf)
		return false;
	check(buf == ops->msg_buf(end->conn));
	if (len > end->conn->msg_max)
		len = end->conn->msg_max;
	if (len < sizeof(uint64_t))
		len = sizeof(uint64_t);
	memcpy(buf, &end->sent, sizeof(end->sent));
	for (uint32_t i = sizeof(uint64_t); i < len; i++)
		buf[i] = (unsigned char)(end->sent + i);
	end->sent++;
	ops->msg_send(end->conn, len);
	return true;
}

int end_post(struct end *end, struct tp_op op)
{
	int err;

	op.cookie = (void *)(uintptr_t)end->posted;
	if (op.has_imm)
		op.tag = (uint32_t)end->sent_imms;
	err = ops->post(end->conn, &op);
	if (!err) {
		end->posted++;
		end->sent_imms += op.has_imm;
	}
	return err;
}

struct tp_op pair_op(struct pair *p, enum tp_kind kind, size_t off, uint32_t len)
{
	return (struct tp_op){
		.kind = kind,
		.key = p->mem->key,
		.len = len,
		.raddr = (uintptr_t)p->window + off,
		.local = p->local + off,
	};
}
