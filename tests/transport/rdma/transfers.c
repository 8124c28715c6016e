/*
 * Data and messages arrive, once, whole and in order: singly, in floods, over many connections, and
 * between ends that sleep.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress.h"

void case_transfer(void)
{
	struct pair p;
	struct tp_op op;

	pair_open(&p, &stress_usual, &stress_usual);
	check(p.client.conn->msg_max == 4096 && p.server.conn->msg_max == 4096);
	memset(p.window, 'w', WINDOW);
	memset(p.local, 'l', WINDOW);
	check(!end_post(&p.server, pair_op(&p, TP_READ, 0, WINDOW / 2)));
	op = pair_op(&p, TP_WRITE, WINDOW / 2, WINDOW / 2);
	op.has_imm = true;
	check(!end_post(&p.server, op));
	ops->flush(p.server.conn);
	until(&p, p.server.dones == 2 && p.client.imms == 1);
	check(!p.server.failed_dones);
	for (size_t i = 0; i < WINDOW; i++)
		check(p.local[i] == (i < WINDOW / 2 ? 'w' : 'l') && p.window[i] == p.local[i]);
	pair_close(&p);
	check(!p.client.close_status && !p.server.close_status);
}

/* Both ends send all they can, in every shape, for as long as it takes. */
static void flood_with(const struct tp_domain_config *server, const struct tp_domain_config *client,
		       uint64_t nr)
{
	struct pair p;
	unsigned seed = 1;

	pair_open(&p, server, client);
	while (p.client.msgs < nr || p.server.msgs < nr || p.client.imms < nr ||
	       p.server.imms < nr || p.server.dones < p.server.posted ||
	       p.client.dones < p.client.posted) {
		for (int burst = rand_r(&seed) % 40; burst; burst--) {
			unsigned dice = (unsigned)rand_r(&seed);
			size_t off = dice % (WINDOW / 2);
			struct end *end = dice & 1 << 20 ? &p.server : &p.client;
			struct tp_op op =
				pair_op(&p, dice & 2 ? TP_READ : TP_WRITE, off, dice >> 3 & 0x1fff);

			if (dice & 4 && end->sent < nr)
				end_send(end, dice >> 3 & 0xfff);
			if (end == &p.server && dice & 1 << 22)
				end_post(end, op);
			op.kind = TP_WRITE;
			op.has_imm = true;
			if (end == &p.client || dice & 1 << 21)
				op.len = 0;
			if (dice & 8 && end->sent_imms < nr)
				end_post(end, op);
		}
		ops->flush(p.server.conn);
		ops->flush(p.client.conn);
		if (rand_r(&seed) % 3)
			end_turn(&p.server);
		if (rand_r(&seed) % 3)
			end_turn(&p.client);
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
		end_turn(&p.server);
		end_turn(&p.client);
	}
	pair_close(&p);
}

void case_flood(void)
{
	flood_with(&stress_usual, &stress_usual, 3000);
}

void case_flood_narrow(void)
{
	struct tp_domain_config one = stress_usual, two = stress_usual;

	one.nr_recvs = one.nr_sends = one.nr_posts = 1;
	two.nr_recvs = 3;
	two.nr_sends = two.nr_posts = 2;
	two.msg_max = 1111;
	flood_with(&one, &one, 300);
	flood_with(&one, &two, 300);
	flood_with(&two, &stress_usual, 300);
}

/* One side only, the other never says anything of its own: credits come alone. */
void case_flood_one_way(void)
{
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	while (p.client.msgs < 2000) {
		while (p.server.sent < 2000 && end_send(&p.server, 100))
			;
		ops->flush(p.server.conn);
		end_turn(&p.server);
		end_turn(&p.client);
	}
	check(p.server.ready && p.client.domain->count.credits_sent);
	pair_close(&p);
}

/* More connections than was hinted: the completion queue grows under traffic. */
void case_many(void)
{
	enum { NR = 40 };
	struct tp_domain_config config = stress_usual;
	struct pair p;
	struct end ends[NR][2];

	config.nr_conns = 1;
	ends_open(&p, &config, &config);
	for (int i = 0; i < NR; i++) {
		p.client.connected = p.server.connected = 0;
		ends_connect(&p);
		ends[i][0] = p.client;
		ends[i][1] = p.server;
	}
	p.server.unordered = true; /* between connections */
	for (int i = 0; i < NR; i++) {
		p.server.conn = ends[i][1].conn;
		for (int n = 0; n < 32; n++) { /* a completion each, and nobody takes them */
			check(!end_post(&p.server, pair_op(&p, TP_WRITE, 0, 64)));
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
	ends_close(&p);
}

static void *echo(void *arg)
{
	struct pair *p = arg;
	uint64_t answered = 0;

	while (!p->server.closed) {
		struct pollfd pfd = {.fd = p->server.domain->fd, .events = POLLIN};

		if (!end_turn(&p->server)) {
			if (!ops->arm(p->server.domain))
				check(poll(&pfd, 1, 20000) == 1);
			continue;
		}
		for (; answered < p->server.msgs; answered++) {
			struct tp_op op = pair_op(p, TP_WRITE, 0, 4096);

			op.has_imm = true;
			check(!end_post(&p->server, op));
		}
		ops->flush(p->server.conn);
	}
	return NULL;
}

/* Requests over a connection accepted into another thread's domain; both ends sleep. */
void case_asleep(void)
{
	struct tp_domain *own;
	struct pair p;
	pthread_t thread;

	ends_open(&p, &stress_usual, &stress_usual);
	ends_begin(&p);
	own = p.server.domain;
	check(!ops->domain_open(&stress_usual, &p.server.domain));
	check(!ops->domain_local(p.server.domain, p.local, WINDOW));
	check(!ops->accept(p.server.domain, p.server.request, NULL, &p.server.conn));
	until(&p, p.client.connected && p.server.connected);
	check(!pthread_create(&thread, NULL, echo, &p));
	for (uint64_t i = 0; i < 500; i++) {
		check(end_send(&p.client, 64));
		ops->flush(p.client.conn);
		while (p.client.imms <= i) {
			struct pollfd pfd = {.fd = p.client.domain->fd, .events = POLLIN};

			if (!end_turn(&p.client) && !ops->arm(p.client.domain))
				check(poll(&pfd, 1, 20000) == 1);
		}
	}
	ops->disconnect(p.client.conn);
	while (!p.client.closed)
		end_turn(&p.client);
	check(!pthread_join(thread, NULL));
	check(p.client.domain->count.arms);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	ops->domain_close(p.server.domain);
	p.server.domain = own;
	ends_close(&p);
}
