/*
 * What only the rdma provider can show, on a real (or soft-RoCE) device: both ends in one process,
 * a domain each, polled by one thread unless a case needs two. Run inside tests/rxe/run, or on any
 * machine with a device: USRBIO_RXE_ADDR names an address of it. Without one: exit code 77.
 * Arguments: names of cases, all by default. "latency" prints a figure besides.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <rdma/rdma_cma.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/prologue.h"
#include "common/transport.h"

#define WINDOW ((size_t)1 << 20) /* memory at both ends */

#define check(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, __func__, #cond); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

static const struct tp_ops *const ops = &tp_verbs;
static const char *address;

/* One end of one connection and everything that has happened to it. */
struct end {
	struct tp_domain *domain;
	struct tp_conn *conn;
	struct tp_request *request;
	unsigned connected, closed, ready;
	int close_status;
	uint64_t msgs, imms, dones, failed_dones;
	uint64_t next_msg, next_imm; /* sequence expected next */
	uint64_t posted, sent, sent_imms;
	int done_status; /* the first failure */
	bool unordered;
};

struct pair {
	struct tp_listener *listener;
	struct tp_device *device;
	struct tp_mem *mem;
	struct end server, client;
	char *window, *local; /* the client's, reachable; the server's */
};

static struct tp_addr address_of(uint16_t port)
{
	struct tp_addr addr;

	check(addr_resolve("rdma", address, port, false, &addr, 1) == 1);
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

static int turn(struct end *end)
{
	struct tp_event events[7]; /* odd and small: events must survive a full array */
	int n = ops->poll(end->domain, events, 7);

	check(n >= 0 && n <= 7);
	for (int i = 0; i < n; i++)
		on_event(end, &events[i]);
	return n;
}

#define until(p, cond)              \
	while (!(cond)) {           \
		turn(&(p)->server); \
		turn(&(p)->client); \
	}

static const struct tp_domain_config usual = {
	.msg_max = 4096, .nr_recvs = 32, .nr_sends = 16, .nr_posts = 32, .nr_conns = 4, .numa = -1};

static void open_ends(struct pair *p, const struct tp_domain_config *server,
		      const struct tp_domain_config *client)
{
	struct tp_addr addr = address_of(0);

	memset(p, 0, sizeof(*p));
	p->window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p->local = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(!ops->domain_open(server, &p->server.domain));
	check(!ops->domain_open(client, &p->client.domain));
	check(!ops->domain_local(p->server.domain, p->local, WINDOW));
	check(!ops->listen(p->server.domain, &addr, &p->listener));
	check(addr_port(&p->listener->addr));
	addr = address_of(addr_port(&p->listener->addr));
	check(!ops->device_open(&addr, &p->device));
	check(!ops->mem_register(p->device, p->window, WINDOW, TP_REMOTE_READ | TP_REMOTE_WRITE,
				 &p->mem));
}

static void begin(struct pair *p)
{
	struct tp_addr addr = address_of(addr_port(&p->listener->addr));

	p->server.request = NULL;
	check(!ops->connect(p->client.domain, p->device, &addr, 5000, NULL, &p->client.conn));
	until(p, p->server.request);
}

static void connect_ends(struct pair *p)
{
	begin(p);
	check(!ops->accept(p->server.domain, p->server.request, NULL, &p->server.conn));
	until(p, p->client.connected && p->server.connected);
}

static void open_pair(struct pair *p, const struct tp_domain_config *server,
		      const struct tp_domain_config *client)
{
	open_ends(p, server, client);
	connect_ends(p);
}

static void close_ends(struct pair *p)
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

static void close_pair(struct pair *p)
{
	leave(p);
	close_ends(p);
}

static bool send_one(struct end *end, uint32_t len)
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

static int post_one(struct end *end, struct tp_op op)
{
	int err;

	op.cookie = (void *)(uintptr_t)end->posted;
	if (op.has_imm)
		op.imm = (uint32_t)end->sent_imms;
	err = ops->post(end->conn, &op);
	if (!err) {
		end->posted++;
		end->sent_imms += op.has_imm;
	}
	return err;
}

static struct tp_op op_on(struct pair *p, enum tp_kind kind, size_t off, uint32_t len)
{
	return (struct tp_op){
		.kind = kind,
		.key = p->mem->key,
		.len = len,
		.raddr = (uintptr_t)p->window + off,
		.local = p->local + off,
	};
}

/* ---- cases ---- */

static void transfer(void)
{
	struct pair p;
	struct tp_op op;

	open_pair(&p, &usual, &usual);
	check(p.client.conn->msg_max == 4096 && p.server.conn->msg_max == 4096);
	memset(p.window, 'w', WINDOW);
	memset(p.local, 'l', WINDOW);
	check(!post_one(&p.server, op_on(&p, TP_READ, 0, WINDOW / 2)));
	op = op_on(&p, TP_WRITE, WINDOW / 2, WINDOW / 2);
	op.has_imm = true;
	check(!post_one(&p.server, op));
	ops->flush(p.server.conn);
	until(&p, p.server.dones == 2 && p.client.imms == 1);
	check(!p.server.failed_dones);
	for (size_t i = 0; i < WINDOW; i++)
		check(p.local[i] == (i < WINDOW / 2 ? 'w' : 'l') && p.window[i] == p.local[i]);
	close_pair(&p);
	check(!p.client.close_status && !p.server.close_status);
}

/* Both ends send all they can, in every shape, for as long as it takes. */
static void flood_with(const struct tp_domain_config *server, const struct tp_domain_config *client,
		       uint64_t nr)
{
	struct pair p;
	unsigned seed = 1;

	open_pair(&p, server, client);
	while (p.client.msgs < nr || p.server.msgs < nr || p.client.imms < nr ||
	       p.server.imms < nr || p.server.dones < p.server.posted ||
	       p.client.dones < p.client.posted) {
		for (int burst = rand_r(&seed) % 40; burst; burst--) {
			unsigned dice = (unsigned)rand_r(&seed);
			size_t off = dice % (WINDOW / 2);
			struct end *end = dice & 1 << 20 ? &p.server : &p.client;
			struct tp_op op =
				op_on(&p, dice & 2 ? TP_READ : TP_WRITE, off, dice >> 3 & 0x1fff);

			if (dice & 4 && end->sent < nr)
				send_one(end, dice >> 3 & 0xfff);
			if (end == &p.server && dice & 1 << 22)
				post_one(end, op);
			op.kind = TP_WRITE;
			op.has_imm = true;
			if (end == &p.client || dice & 1 << 21)
				op.len = 0;
			if (dice & 8 && end->sent_imms < nr)
				post_one(end, op);
		}
		ops->flush(p.server.conn);
		ops->flush(p.client.conn);
		if (rand_r(&seed) % 3)
			turn(&p.server);
		if (rand_r(&seed) % 3)
			turn(&p.client);
	}
	check(!p.server.failed_dones && !p.client.failed_dones);
	printf("  %llu ops, credit messages %llu and %llu, doorbells %llu, signalled %llu\n",
	       (unsigned long long)p.server.posted,
	       (unsigned long long)p.server.domain->count.credits_sent,
	       (unsigned long long)p.client.domain->count.credits_sent,
	       (unsigned long long)p.server.domain->count.doorbells,
	       (unsigned long long)p.server.domain->count.signalled);
	/* Quiet now: credits must not go to and fro for ever. */
	for (uint64_t last = ~0ull, idle = 0; idle < 20000; idle++) {
		uint64_t now =
			p.server.domain->count.credits_sent + p.client.domain->count.credits_sent;

		if (now != last)
			idle = 0;
		check(now < 100 * nr);
		last = now;
		turn(&p.server);
		turn(&p.client);
	}
	close_pair(&p);
}

static void flood(void)
{
	flood_with(&usual, &usual, 3000);
}

static void flood_narrow(void)
{
	struct tp_domain_config one = usual, two = usual;

	one.nr_recvs = one.nr_sends = one.nr_posts = 1;
	two.nr_recvs = 3;
	two.nr_sends = two.nr_posts = 2;
	two.msg_max = 1111;
	flood_with(&one, &one, 300);
	flood_with(&one, &two, 300);
	flood_with(&two, &usual, 300);
}

/* One side only, the other never says anything of its own: credits come alone. */
static void flood_one_way(void)
{
	struct pair p;

	open_pair(&p, &usual, &usual);
	while (p.client.msgs < 2000) {
		while (p.server.sent < 2000 && send_one(&p.server, 100))
			;
		ops->flush(p.server.conn);
		turn(&p.server);
		turn(&p.client);
	}
	check(p.server.ready && p.client.domain->count.credits_sent);
	close_pair(&p);
}

static void bad_key_of(enum tp_kind kind, uint32_t delta, size_t past)
{
	struct pair p;
	struct tp_op op;

	open_pair(&p, &usual, &usual);
	memset(p.window, 'w', WINDOW);
	memset(p.local, 'l', WINDOW);
	op = op_on(&p, kind, 0, 8192);
	op.key += delta;
	op.raddr += past;
	check(!post_one(&p.server, op_on(&p, TP_WRITE, 0, 1)));
	check(!post_one(&p.server, op));
	for (int i = 0; i < 10; i++)
		check(!post_one(&p.server, op_on(&p, TP_WRITE, 4096, 100)));
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
	close_ends(&p);
}

static void bad_key(void)
{
	bad_key_of(TP_WRITE, 1, 0);
	bad_key_of(TP_READ, 1, 0);
	bad_key_of(TP_WRITE, 0, WINDOW);
	bad_key_of(TP_READ, 0, WINDOW - 4096);
}

/* A registration for one direction refuses the other; nothing of an accepting end is reachable. */
static void direction(void)
{
	for (int i = 0; i < 3; i++) {
		struct pair p;
		struct tp_op op;
		struct tp_mem *mem;
		struct end *end = i < 2 ? &p.server : &p.client;

		open_ends(&p, &usual, &usual);
		check(!ops->domain_local(p.client.domain, p.window, WINDOW));
		connect_ends(&p);
		check(!ops->mem_register(p.device, p.window, WINDOW,
					 i == 1 ? TP_REMOTE_WRITE : TP_REMOTE_READ, &mem));
		op = op_on(&p, i == 1 ? TP_READ : TP_WRITE, 0, 100);
		op.key = mem->key;
		if (i == 2) {
			op.local = p.window;
			op.raddr = (uintptr_t)p.local;
		}
		check(!post_one(end, op));
		ops->flush(end->conn);
		until(&p, p.server.closed && p.client.closed);
		check(end->done_status == -EACCES);
		ops->mem_deregister(mem);
		ops->conn_free(p.server.conn);
		ops->conn_free(p.client.conn);
		close_ends(&p);
	}
}

/* What was sent before a disconnect arrives, even behind much else. */
static void farewell(void)
{
	struct pair p;

	open_pair(&p, &usual, &usual);
	for (int i = 0; i < 16; i++)
		check(!post_one(&p.server, op_on(&p, TP_WRITE, 0, WINDOW)));
	while (send_one(&p.server, 3000))
		;
	ops->disconnect(p.server.conn);
	ops->disconnect(p.server.conn);
	check(!ops->msg_buf(p.server.conn));
	until(&p, p.client.closed && p.server.closed);
	check(p.client.msgs == p.server.sent && p.client.msgs == 16);
	check(!p.server.failed_dones && p.server.dones == 16);
	check(!p.client.close_status && !p.server.close_status);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	close_ends(&p);
}

/* Messages and the end of the connection wait together for their receiver's first look. */
static void late_reader(void)
{
	struct pair p;

	open_pair(&p, &usual, &usual);
	while (send_one(&p.client, 3000))
		;
	ops->disconnect(p.client.conn);
	while (!p.client.closed)
		turn(&p.client);
	check(ops->arm(p.server.domain) == 1); /* and have it look at everything at once */
	while (!p.server.closed)
		turn(&p.server);
	check(p.server.msgs == p.client.sent && p.server.msgs == 16);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	close_ends(&p);
}

static void under_fire(void)
{
	for (int round = 0; round < 6; round++) {
		struct pair p;
		struct end *leaver = round & 1 ? &p.client : &p.server;

		open_pair(&p, &usual, &usual);
		for (int i = 0; i < 32; i++)
			check(!post_one(&p.server,
					op_on(&p, i & 1 ? TP_READ : TP_WRITE, 0, 65536)));
		ops->flush(p.server.conn);
		if (round >= 4) { /* freed with everything on its way; the peer hears of it */
			struct end *other = leaver == &p.client ? &p.server : &p.client;

			ops->conn_free(leaver->conn);
			until(&p, other->closed);
			ops->conn_free(other->conn);
			close_ends(&p);
			continue;
		}
		ops->disconnect(leaver->conn);
		until(&p, p.client.closed && p.server.closed);
		check(p.server.dones == 32);
		ops->conn_free(p.client.conn);
		ops->conn_free(p.server.conn);
		close_ends(&p);
	}
}

static void refused(void)
{
	struct pair p;
	struct tp_addr addr = address_of(1), taken;
	struct tp_listener *second;

	open_ends(&p, &usual, &usual);
	taken = p.listener->addr;
	check(ops->listen(p.server.domain, &taken, &second) == -EADDRINUSE);
	check(!ops->connect(p.client.domain, p.device, &addr, 5000, NULL, &p.client.conn));
	until(&p, p.client.closed);
	check(p.client.close_status == -ECONNREFUSED && !p.client.connected);
	ops->conn_free(p.client.conn);

	p.client.closed = 0;
	begin(&p);
	check(!ops->accept(NULL, p.server.request, NULL, NULL));
	until(&p, p.client.closed);
	check(p.client.close_status == -ECONNREFUSED && !p.client.connected);
	ops->conn_free(p.client.conn);

	p.client.closed = 0;
	begin(&p); /* gives up before the answer */
	ops->disconnect(p.client.conn);
	until(&p, p.client.closed);
	ops->conn_free(p.client.conn);
	check(!ops->accept(NULL, p.server.request, NULL, NULL));
	close_ends(&p);
}

/* A listener that never answers: only our own timer ends it. */
static void silence(void)
{
	struct pair p;
	struct tp_addr addr;

	open_ends(&p, &usual, &usual);
	addr = p.listener->addr;
	check(!ops->connect(p.client.domain, p.device, &addr, 300, NULL, &p.client.conn));
	while (!p.client.closed) {
		struct pollfd pfd = {.fd = p.client.domain->fd, .events = POLLIN};

		if (!turn(&p.client) && !ops->arm(p.client.domain))
			check(poll(&pfd, 1, 20000) == 1);
	}
	check(p.client.close_status == -ETIMEDOUT);
	ops->conn_free(p.client.conn);
	close_ends(&p);
}

/* More connections than was hinted: the completion queue grows under traffic. */
static void many(void)
{
	enum { NR = 40 };
	struct tp_domain_config config = usual;
	struct pair p;
	struct end ends[NR][2];

	config.nr_conns = 1;
	open_ends(&p, &config, &config);
	for (int i = 0; i < NR; i++) {
		p.client.connected = p.server.connected = 0;
		connect_ends(&p);
		ends[i][0] = p.client;
		ends[i][1] = p.server;
	}
	p.server.unordered = true; /* between connections */
	for (int i = 0; i < NR; i++) {
		p.server.conn = ends[i][1].conn;
		for (int n = 0; n < 32; n++) { /* a completion each, and nobody takes them */
			check(!post_one(&p.server, op_on(&p, TP_WRITE, 0, 64)));
			ops->flush(p.server.conn);
		}
	}
	until(&p, p.server.dones == p.server.posted);
	check(!p.server.failed_dones);
	for (int i = 0; i < NR; i++) {
		ops->disconnect(ends[i][0].conn);
		p.client.closed = p.server.closed = 0;
		until(&p, p.client.closed && p.server.closed);
	}
	for (int i = 0; i < NR; i++) {
		ops->conn_free(ends[i][0].conn);
		ops->conn_free(ends[i][1].conn);
	}
	close_ends(&p);
}

static void *echo(void *arg)
{
	struct pair *p = arg;
	uint64_t answered = 0;

	while (!p->server.closed) {
		struct pollfd pfd = {.fd = p->server.domain->fd, .events = POLLIN};

		if (!turn(&p->server)) {
			if (!ops->arm(p->server.domain))
				check(poll(&pfd, 1, 20000) == 1);
			continue;
		}
		for (; answered < p->server.msgs; answered++) {
			struct tp_op op = op_on(p, TP_WRITE, 0, 4096);

			op.has_imm = true;
			check(!post_one(&p->server, op));
		}
		ops->flush(p->server.conn);
	}
	return NULL;
}

/* Requests over a connection accepted into another thread's domain; both ends sleep. */
static void asleep(void)
{
	struct tp_domain *own;
	struct pair p;
	pthread_t thread;

	open_ends(&p, &usual, &usual);
	begin(&p);
	own = p.server.domain;
	check(!ops->domain_open(&usual, &p.server.domain));
	check(!ops->domain_local(p.server.domain, p.local, WINDOW));
	check(!ops->accept(p.server.domain, p.server.request, NULL, &p.server.conn));
	until(&p, p.client.connected && p.server.connected);
	check(!pthread_create(&thread, NULL, echo, &p));
	for (uint64_t i = 0; i < 500; i++) {
		check(send_one(&p.client, 64));
		ops->flush(p.client.conn);
		while (p.client.imms <= i) {
			struct pollfd pfd = {.fd = p.client.domain->fd, .events = POLLIN};

			if (!turn(&p.client) && !ops->arm(p.client.domain))
				check(poll(&pfd, 1, 20000) == 1);
		}
	}
	ops->disconnect(p.client.conn);
	while (!p.client.closed)
		turn(&p.client);
	check(!pthread_join(thread, NULL));
	check(p.client.domain->count.arms);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	ops->domain_close(p.server.domain);
	p.server.domain = own;
	close_ends(&p);
}

/* The peer is killed under WRITEs: the connection ends soon, nothing is left waiting. */
static void killed(void)
{
	struct pair p;
	uint64_t remote[3];
	int down[2], up[2];
	pid_t child;
	char port[8];

	open_ends(&p, &usual, &usual);
	check(!pipe(down) && !pipe(up));
	snprintf(port, sizeof(port), "%u", addr_port(&p.listener->addr));
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(up[1], STDOUT_FILENO);
		execl("/proc/self/exe", "rdma_stress", "--victim", port, NULL);
		_exit(127);
	}
	while (!p.server.request)
		turn(&p.server);
	check(!ops->accept(p.server.domain, p.server.request, NULL, &p.server.conn));
	while (!p.server.connected)
		turn(&p.server);
	check(read(up[0], remote, sizeof(remote)) == sizeof(remote));
	for (int rounds = 0; !p.server.closed; rounds++) {
		struct tp_op op = op_on(&p, TP_WRITE, 0, 65536);

		op.key = (uint32_t)remote[0];
		op.raddr = remote[1];
		while (!post_one(&p.server, op))
			;
		ops->flush(p.server.conn);
		turn(&p.server);
		if (rounds == 50)
			check(!kill(child, SIGKILL));
	}
	check(p.server.dones == p.server.posted);
	check(waitpid(child, NULL, 0) == child);
	ops->conn_free(p.server.conn);
	close_ends(&p);
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

static int victim(const char *port)
{
	struct tp_addr addr = address_of((uint16_t)atoi(port));
	struct pair p = {0};
	uint64_t tell[3];

	check(!ops->domain_open(&usual, &p.client.domain));
	check(!ops->device_open(&addr, &p.device));
	p.window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(!ops->mem_register(p.device, p.window, WINDOW, TP_REMOTE_WRITE, &p.mem));
	check(!ops->connect(p.client.domain, p.device, &addr, 5000, NULL, &p.client.conn));
	while (!p.client.connected)
		turn(&p.client);
	tell[0] = p.mem->key;
	tell[1] = (uintptr_t)p.window;
	check(write(STDOUT_FILENO, tell, sizeof(tell)) == sizeof(tell));
	for (;;)
		turn(&p.client);
}

/* ---- forked children ---- */

/* Run in a child, which must end well. */
static void in_child(void (*body)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(0);
	}
	check(waitpid(child, &status, 0) == child && !status);
}

/* A child has connections of its own, while its parent keeps the ones it has. */
static void forked(void)
{
	struct pair p;

	open_pair(&p, &usual, &usual);
	for (int i = 0; i < 3; i++) {
		in_child(transfer);
		check(!post_one(&p.server, op_on(&p, TP_READ, 0, 4096)));
		ops->flush(p.server.conn);
		until(&p, p.server.dones == p.server.posted);
		check(!p.server.failed_dones);
	}
	close_pair(&p);
}

/*
 * The kernel takes no work requests (of soft-RoCE, which asks it) after a change of credentials:
 * the posts fail, and so must the connection, at once.
 */
static void lose_rights(void)
{
	struct pair p;

	open_pair(&p, &usual, &usual);
	check(!setgid(getgid()));
	for (int i = 0; i < 3; i++)
		check(!post_one(&p.server, op_on(&p, TP_WRITE, 0, 4096)));
	ops->flush(p.server.conn);
	turn(&p.server);
	check(p.server.closed && p.server.close_status == -EACCES);
	check(p.server.failed_dones == 3 && p.server.done_status == -EACCES);
	check(post_one(&p.server, op_on(&p, TP_WRITE, 0, 4096)) == -ENOTCONN);
	ops->conn_free(p.server.conn);
	p.server.closed = 0;
}

static void rights_lost(void)
{
	in_child(lose_rights);
}

static void cloexec(void)
{
	struct pair p;

	open_pair(&p, &usual, &usual);
	for (int fd = 3; fd < 256; fd++) {
		char path[64], name[64] = "";
		int flags = fcntl(fd, F_GETFD);

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (flags >= 0 && readlink(path, name, sizeof(name) - 1) > 0 &&
		    (strstr(name, "infiniband") || strstr(name, "anon_inode")))
			check(flags & FD_CLOEXEC);
	}
	close_pair(&p);
}

/* ---- peers that are not ours ---- */

struct foreigner {
	struct tp_addr to;
	struct prologue prologue;
	uint8_t prologue_len;
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
		.private_data = &f->prologue,
		.private_data_len = f->prologue_len,
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
		check(event->event == RDMA_CM_EVENT_DISCONNECTED);
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
	check(!pthread_create(&thread, NULL, foreigner_main, f));
	if (expect_request) {
		while (!p->server.request)
			turn(&p->server);
		check(!ops->accept(p->server.domain, p->server.request, NULL, &p->server.conn));
		while (!p->server.closed) {
			turn(&p->server);
			check(!p->server.imms);
		}
		ops->conn_free(p->server.conn);
		p->server.closed = 0;
	} else {
		while (pthread_tryjoin_np(thread, NULL)) {
			turn(&p->server);
			check(!p->server.request);
		}
		return;
	}
	check(!pthread_join(thread, NULL));
}

static void stranger(void)
{
	struct foreigner f = {.prologue_len = 0};
	struct pair p;

	open_ends(&p, &usual, &usual);
	meet(&p, &f, false);
	check(f.connect_errno == ECONNREFUSED);
	prologue_make(&f.prologue, 4096, 32);
	f.prologue_len = sizeof(f.prologue);
	f.prologue.magic ^= 1;
	meet(&p, &f, false);
	check(f.connect_errno == ECONNREFUSED);
	f.prologue.magic ^= 1;
	f.opcode = IBV_WR_SEND_WITH_IMM;
	f.imm = 1; /* a credit nobody had used up */
	meet(&p, &f, true);
	check(p.server.connected == 1 && p.server.close_status == -EPROTO);
	f.opcode = IBV_WR_RDMA_WRITE_WITH_IMM; /* though nothing is written */
	f.imm = 0;
	meet(&p, &f, true);
	check(p.server.close_status);
	close_ends(&p);
}

/* Every address of both families on one port, and a connection over each. */
static void families(void)
{
	const char *six = getenv("USRBIO_RXE_ADDR6"), *four = address;
	const char *const wild[] = {"0.0.0.0", "::"}, *const own[] = {four, six};
	struct tp_listener *listeners[2];
	struct tp_domain_config config = usual;
	uint16_t port = 0;

	for (int i = 0; i < (six ? 2 : 1); i++) {
		struct tp_domain *domain;
		struct tp_addr addr;
		struct pair p;

		open_ends(&p, &config, &config);
		domain = p.server.domain;
		ops->unlisten(p.listener);
		ops->mem_deregister(p.mem);
		ops->device_close(p.device);
		for (int k = 0; k <= i; k++) {
			address = wild[k];
			addr = address_of(port);
			check(!ops->listen(domain, &addr, &listeners[k]));
			port = addr_port(&listeners[k]->addr);
			check(port);
		}
		p.listener = listeners[i];
		address = own[i];
		addr = address_of(port);
		check(!ops->device_open(&addr, &p.device));
		check(!ops->mem_register(p.device, p.window, WINDOW, TP_REMOTE_READ, &p.mem));
		connect_ends(&p);
		if (i)
			ops->unlisten(listeners[0]);
		close_pair(&p);
		address = four;
	}
}

/* Not among the usual cases: it takes the device away from everybody. */
static void unplugged(void)
{
	struct pair p;

	open_pair(&p, &usual, &usual);
	check(!system("rdma link del rxe0 &"));
	while (!p.client.closed || !p.server.closed) {
		struct tp_op op = op_on(&p, TP_WRITE, 0, 4096);

		post_one(&p.server, op);
		ops->flush(p.server.conn);
		turn(&p.server);
		turn(&p.client);
	}
	check(p.client.close_status == -ENODEV && p.server.close_status == -ENODEV);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	close_ends(&p);
}

static int by_value(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void latency(void)
{
	enum { NR = 3000 };
	static long ns[NR];
	struct pair p;

	open_pair(&p, &usual, &usual);
	for (uint64_t i = 0; i < NR; i++) {
		struct tp_op op = op_on(&p, TP_WRITE, 0, 4096);
		struct timespec a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		check(send_one(&p.client, 64));
		ops->flush(p.client.conn);
		while (p.server.msgs <= i)
			turn(&p.server);
		op.has_imm = true;
		check(!post_one(&p.server, op));
		ops->flush(p.server.conn);
		while (p.client.imms <= i)
			turn(&p.client);
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns[i] = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
	}
	qsort(ns, NR, sizeof(*ns), by_value);
	printf("  64 B there, 4 KiB and an immediate back: p50 %.1f us, p99 %.1f us\n",
	       (double)ns[NR / 2] / 1e3, (double)ns[NR * 99 / 100] / 1e3);
	close_pair(&p);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"transfer", transfer},
	{"flood", flood},
	{"flood_narrow", flood_narrow},
	{"flood_one_way", flood_one_way},
	{"bad_key", bad_key},
	{"direction", direction},
	{"farewell", farewell},
	{"late_reader", late_reader},
	{"under_fire", under_fire},
	{"refused", refused},
	{"silence", silence},
	{"many", many},
	{"asleep", asleep},
	{"killed", killed},
	{"forked", forked},
	{"rights_lost", rights_lost},
	{"cloexec", cloexec},
	{"stranger", stranger},
	{"families", families},
	{"latency", latency},
	{"unplugged", unplugged},
};

int main(int argc, char **argv)
{
	struct tp_domain *domain;

	address = getenv("USRBIO_RXE_ADDR");
	if (!address || ops->domain_open(&usual, &domain) == -ENODEV) {
		puts("no RDMA device, or USRBIO_RXE_ADDR does not name its address: skipped");
		return 77;
	}
	ops->domain_close(domain);
	if (argc == 3 && !strcmp(argv[1], "--victim"))
		return victim(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool wanted = argc == 1 && cases[i].run != unplugged;

		for (int a = 1; a < argc; a++)
			wanted |= !strcmp(argv[a], cases[i].name);
		if (!wanted)
			continue;
		printf("%s\n", cases[i].name);
		cases[i].run();
	}
	puts("passed");
	return 0;
}
