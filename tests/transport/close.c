/* Ending: farewells, posts under way, a peer that is killed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/transport/harness.h"

static void one_leaves(struct pair *pair, struct end *leaver, struct end *other)
{
	pair->ops->disconnect(leaver->conn);
	pump_until(pair, leaver->closed && other->closed);
	must(other->closed_status == 0);
	must(pair->ops->msg_buf(other->conn) == NULL);
}

Test(close, the_client_leaves)
{
	struct pair pair;

	pair_open(&pair);
	one_leaves(&pair, &pair.client, &pair.server);
	pair_close(&pair);
}

Test(close, the_server_leaves)
{
	struct pair pair;

	pair_open(&pair);
	one_leaves(&pair, &pair.server, &pair.client);
	pair_close(&pair);
}

Test(close, both_leave_at_once_and_twice)
{
	struct pair pair;

	pair_open(&pair);
	pair.ops->disconnect(pair.client.conn);
	pair.ops->disconnect(pair.client.conn);
	pair_disconnect(&pair);
	pair.ops->disconnect(pair.server.conn);
	must(pair.client.closed == 1 && pair.server.closed == 1);
	pair_close(&pair);
}

Test(close, nothing_can_be_posted_afterwards)
{
	struct pair pair;
	struct tp_op op;

	pair_open(&pair);
	pair.ops->disconnect(pair.server.conn);
	op = make_op(&pair, TP_WRITE, 0, 0, 10);
	must(pair.ops->post(pair.server.conn, &op) == -ENOTCONN);
	must(!pair.ops->msg_buf(pair.server.conn));
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.client.closed && pair.server.closed);
	must(pair.ops->post(pair.server.conn, &op) == -ENOTCONN);
	must(!pair.ops->msg_buf(pair.server.conn));
	pair.ops->flush(pair.server.conn);
	must(pair.server.dones == 0);
	pair_close(&pair);
}

Test(close, freed_without_a_word)
{
	struct pair pair;

	pair_open(&pair);
	pair.ops->disconnect(pair.client.conn);
	pair.ops->conn_free(pair.client.conn);
	pair.client.conn = NULL;
	pump_until(&pair, pair.server.closed);
	pair_close(&pair);
}

/* Every post has its DONE before CLOSED, whichever end goes first. */
static void posts_under_way(enum tp_kind kind, bool server_leaves)
{
	struct pair pair;
	unsigned posted = 0;

	pair_open(&pair);
	for (int i = 0; i < NR_POSTS; i++) {
		struct tp_op op = make_op(&pair, kind, 0, 0, 1u << 20);

		posted += pair.ops->post(pair.server.conn, &op) == 0;
	}
	must(posted);
	pair.ops->flush(pair.server.conn);
	pair.ops->disconnect(server_leaves ? pair.server.conn : pair.client.conn);
	pump_until(&pair, pair.client.closed && pair.server.closed);
	must(pair.server.dones == posted);
	must(pair.client.dones == 0);
	pair_close(&pair);
}

Test(close, writes_under_way_the_server_leaves)
{
	posts_under_way(TP_WRITE, true);
}

Test(close, writes_under_way_the_client_leaves)
{
	posts_under_way(TP_WRITE, false);
}

Test(close, reads_under_way_the_server_leaves)
{
	posts_under_way(TP_READ, true);
}

Test(close, reads_under_way_the_client_leaves)
{
	posts_under_way(TP_READ, false);
}

/* Polled one event at a time, CLOSED still comes last. */
Test(close, one_event_at_a_time)
{
	struct pair pair;
	unsigned posted = 0;

	pair_open(&pair);
	pair.server.max_events = pair.client.max_events = 1;
	for (int i = 0; i < NR_POSTS; i++) {
		struct tp_op op = make_op(&pair, TP_READ, 0, 0, 100000);

		posted += pair.ops->post(pair.server.conn, &op) == 0;
	}
	for (int i = 0; i < 5; i++)
		must(send_msg(&pair.client, "x", 1));
	pair.ops->flush(pair.client.conn);
	pair.ops->flush(pair.server.conn);
	pair.ops->disconnect(pair.client.conn);
	pump_until(&pair, pair.client.closed && pair.server.closed);
	must(pair.server.dones == posted);
	pair_close(&pair);
}

/* What was sent before a farewell still arrives: tcp and loop keep it, so it is held to. */
Test(close, the_last_words_are_heard)
{
	struct pair pair;

	pair_open(&pair);
	for (int i = 0; i < 10; i++)
		must(send_msg(&pair.client, "last words", 10));
	pair.ops->flush(pair.client.conn);
	pair.ops->disconnect(pair.client.conn);
	pump_until(&pair, pair.client.closed && pair.server.closed);
	if (!test_is("rdma"))
		must(pair.server.msgs == 10);
	pair_close(&pair);
}

/* A child that connects, answers nothing more, and is killed while the server writes into it. */
static void child_main(int port_pipe, int key_pipe)
{
	struct pair child = {.ops = NULL};
	struct tp_addr addr;
	uint64_t grant[2];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child.ops = test_ops();
	must(read(port_pipe, &addr, sizeof(addr)) == sizeof(addr));
	end_open(&child.client, child.ops, NULL);
	child.client.pair = &child;
	must(!child.ops->device_open(&addr, &child.device));
	must(!child.ops->mem_register(child.device, child.client.mem, MEM_LEN, TP_REMOTE_WRITE,
				      &child.mem));
	must(!child.ops->connect(child.client.domain, child.device, &addr, CONNECT_MS,
				 &child.client, &child.client.conn));
	grant[0] = child.mem->key;
	grant[1] = (uintptr_t)child.client.mem;
	must(write(key_pipe, grant, sizeof(grant)) == sizeof(grant));
	for (;;) {
		struct end *ends[] = {&child.client};

		pump_ends(ends, 1);
	}
}

struct killing {
	pid_t child;
	struct pair pair;
	uint64_t grant[2];
};

/* The child is forked before anything of a provider exists in this process. */
static void killing_open(struct killing *k)
{
	struct end *server = &k->pair.server, *ends[] = {server};
	int port[2], key[2];
	struct tp_addr addr;

	must(!pipe(port) && !pipe(key));
	k->child = fork();
	must(k->child >= 0);
	if (!k->child)
		child_main(port[0], key[1]);
	k->pair = (struct pair){.ops = test_ops()};
	test_addr(&addr);
	end_open(server, k->pair.ops, NULL);
	server->pair = &k->pair;
	must(!k->pair.ops->listen(server->domain, &addr, &k->pair.listener));
	must(write(port[1], &k->pair.listener->addr, sizeof(addr)) == sizeof(addr));
	must(read(key[0], k->grant, sizeof(k->grant)) == sizeof(k->grant));
	while (!server->request)
		pump_ends(ends, 1);
	must(!k->pair.ops->accept(server->domain, server->request, NULL, &server->conn));
	server->request = NULL;
	while (!server->connected)
		pump_ends(ends, 1);
}

Test(close, the_peer_is_killed, .timeout = 60)
{
	struct killing k;
	struct end *server = &k.pair.server, *ends[] = {server};
	unsigned posted = 0;

	if (test_is("loop"))
		cr_skip_test("both ends live in one process");
	killing_open(&k);
	while (!server->closed) {
		struct tp_op op = {
			.kind = TP_WRITE,
			.key = (uint32_t)k.grant[0],
			.len = 1u << 20,
			.raddr = k.grant[1],
			.local = server->mem,
		};

		while (k.pair.ops->post(server->conn, &op) == 0)
			posted++;
		k.pair.ops->flush(server->conn);
		pump_ends(ends, 1);
		if (server->dones > 4 && k.child) {
			must(!kill(k.child, SIGKILL));
			must(waitpid(k.child, NULL, 0) == k.child);
			k.child = 0;
		}
	}
	must(server->dones == posted);
	k.pair.ops->unlisten(k.pair.listener);
	end_close(server);
}

Test(close, an_idle_peer_is_killed, .timeout = 60)
{
	struct killing k;
	struct end *ends[] = {&k.pair.server};

	if (test_is("loop"))
		cr_skip_test("both ends live in one process");
	killing_open(&k);
	must(!kill(k.child, SIGKILL));
	must(waitpid(k.child, NULL, 0) == k.child);
	while (!k.pair.server.closed)
		pump_ends(ends, 1);
	k.pair.ops->unlisten(k.pair.listener);
	end_close(&k.pair.server);
}

/* A copy of all descriptors that no handler closes, as a child has between vfork and exec. */
static pid_t hold_copies(void)
{
	pid_t pid = _Fork();

	must(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* Nothing calls any more: the domain's descriptor falls silent. */
static bool falls_silent(struct end *end)
{
	struct pollfd pfd = {.fd = end->domain->fd, .events = POLLIN};

	for (int turn = 0; turn < 10000; turn++) {
		end_poll(end);
		if (!end->pair->ops->arm(end->domain) && !poll(&pfd, 1, 0))
			return true;
	}
	return false;
}

Test(close, copies_of_its_descriptors_elsewhere_do_not_matter, .timeout = 60)
{
	struct pair pair;
	pid_t child;

	pair_open(&pair);
	child = hold_copies();
	pair_disconnect(&pair);
	pair.ops->conn_free(pair.client.conn);
	pair.ops->conn_free(pair.server.conn);
	pair.client.conn = pair.server.conn = NULL;
	must(falls_silent(&pair.client));
	must(falls_silent(&pair.server));
	must(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child);
	pair_close(&pair);
}
