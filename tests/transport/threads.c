/*
 * What needs threads, as a plain program: Criterion does not start under ThreadSanitizer. Same
 * bench, same environment.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/transport/harness.h"

#define NR_ROUNDS 2000

void harness_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

static void test_pingpong(void)
{
	struct pair pair;

	pair_open(&pair);
	pingpong(&pair, NR_ROUNDS);
	pair_disconnect(&pair);
	pair_close(&pair);
}

/* A request taken by one thread is accepted by another, into its own domain. */
static void *accept_elsewhere(void *arg)
{
	struct pair *pair = arg;
	struct end other, *ends[] = {&other};

	end_open(&other, pair->ops, NULL);
	other.pair = pair;
	must(!pair->ops->accept(other.domain, pair->server.request, NULL, &other.conn));
	while (other.msgs < 100)
		pump_ends(ends, 1);
	pair->ops->disconnect(other.conn);
	while (!other.closed)
		pump_ends(ends, 1);
	end_close(&other);
	return NULL;
}

static void test_accept(void)
{
	struct end *ends[1];
	struct pair pair;
	pthread_t thread;
	unsigned sent = 0;

	pair_prepare(&pair, NULL, NULL);
	must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr, CONNECT_MS,
				NULL, &pair.client.conn));
	pump_until(&pair, pair.server.request);
	must(!pthread_create(&thread, NULL, accept_elsewhere, &pair));
	ends[0] = &pair.client;
	while (!pair.client.closed) {
		void *buf = sent < 100 ? pair.ops->msg_buf(pair.client.conn) : NULL;

		if (!buf) {
			pair.ops->flush(pair.client.conn);
			pump_ends(ends, 1);
			continue;
		}
		memcpy(buf, "x", 1);
		pair.ops->msg_send(pair.client.conn, 1);
		sent++;
	}
	must(!pthread_join(thread, NULL));
	pair.server.request = NULL;
	pair_close(&pair);
}

/* The server writes and reads; the client polls; a third thread registers and deregisters. */
struct churn {
	struct pair pair;
	atomic_bool stop;
};

static void *register_and_not(void *arg)
{
	struct churn *churn = arg;
	struct pair *pair = &churn->pair;

	while (!atomic_load(&churn->stop)) {
		struct tp_mem *mem;

		must(!pair->ops->mem_register(pair->device, pair->client.mem, 4096,
					      TP_REMOTE_READ | TP_REMOTE_WRITE, &mem));
		pair->ops->mem_deregister(mem);
	}
	return NULL;
}

static void *serve(void *arg)
{
	struct churn *churn = arg;
	struct end *server = &churn->pair.server, *ends[] = {server};
	unsigned posted = 0;

	while (posted < 5000) {
		struct tp_op op =
			make_op(&churn->pair, posted % 2 ? TP_READ : TP_WRITE, 0, 0, 20000);
		int err = churn->pair.ops->post(server->conn, &op);

		must(!err || err == -EAGAIN);
		posted += !err;
		if (err) {
			churn->pair.ops->flush(server->conn);
			pump_ends(ends, 1);
		}
	}
	churn->pair.ops->flush(server->conn);
	while (server->dones < posted)
		pump_ends(ends, 1);
	must(!server->failed_dones);
	churn->pair.ops->disconnect(server->conn);
	while (!server->closed)
		pump_ends(ends, 1);
	return NULL;
}

static void test_churn(void)
{
	struct churn churn = {.stop = false};
	struct end *ends[] = {&churn.pair.client};
	pthread_t server, registrar;

	pair_open(&churn.pair);
	must(!pthread_create(&server, NULL, serve, &churn));
	must(!pthread_create(&registrar, NULL, register_and_not, &churn));
	while (!churn.pair.client.closed)
		pump_ends(ends, 1);
	must(!pthread_join(server, NULL));
	atomic_store(&churn.stop, true);
	must(!pthread_join(registrar, NULL));
	pair_close(&churn.pair);
}

int main(void)
{
	test_pingpong();
	test_accept();
	test_churn();
	printf("threads: ok\n");
	return 0;
}
