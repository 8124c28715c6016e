/* Sleeping and waking, and many connections in one domain. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

#include "tests/transport/harness.h"

#define NR_CONNS 64
#define IDLE_MS	 100

static bool readable(const struct end *end, int timeout_ms)
{
	struct pollfd fd = {.fd = end->domain->fd, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

/* Poll until there is nothing to say and arm() agrees. */
static void settle(struct pair *pair)
{
	struct end *ends[] = {&pair->client, &pair->server};
	int quiet = 0;

	while (quiet < 2) {
		quiet = 0;
		for (int i = 0; i < 2; i++)
			quiet += !end_poll(ends[i]) &&
				 !ends[i]->domain->ops->arm(ends[i]->domain) &&
				 !readable(ends[i], IDLE_MS);
	}
}

Test(wake, idle_ends_sleep)
{
	struct pair pair;
	uint64_t polls;

	pair_open(&pair);
	settle(&pair);
	polls = pair.client.polls + pair.server.polls;
	must(!readable(&pair.client, IDLE_MS) && !readable(&pair.server, IDLE_MS));
	must(pair.client.polls + pair.server.polls == polls);
	must(pair.client.domain->count.arms >= 1);
	pair_close(&pair);
}

/* A wake-up without events is lawful; never waking is not. */
static void expect_wake(struct end *end, const unsigned *what)
{
	unsigned before = *what;

	while (*what == before) {
		if (end_poll(end) || end->domain->ops->arm(end->domain))
			continue;
		must(readable(end, 20000));
	}
}

Test(wake, by_a_message)
{
	struct pair pair;

	pair_open(&pair);
	settle(&pair);
	must(send_msg(&pair.client, "x", 1));
	pair.ops->flush(pair.client.conn);
	must(readable(&pair.server, 20000));
	expect_wake(&pair.server, &pair.server.msgs);
	pair_close(&pair);
}

Test(wake, by_an_immediate)
{
	struct pair pair;
	struct tp_op op;

	pair_open(&pair);
	settle(&pair);
	op = make_op(&pair, TP_WRITE, 0, 0, 0);
	op.has_imm = true;
	op.tag = 0xdeadbeef;
	must(post_op(&pair.server, &op));
	pair.ops->flush(pair.server.conn);
	expect_wake(&pair.client, &pair.client.imms);
	must(pair.client.last_imm == 0xdeadbeef);
	expect_wake(&pair.server, &pair.server.dones);
	pair_close(&pair);
}

Test(wake, by_a_farewell)
{
	struct pair pair;

	pair_open(&pair);
	settle(&pair);
	pair.ops->disconnect(pair.client.conn);
	pump_until(&pair, pair.client.closed && pair.server.closed);
	pair_close(&pair);
}

Test(wake, ten_thousand_rounds_asleep, .timeout = 100)
{
	struct pair pair;

	pair_open(&pair);
	pingpong(&pair, 10000);
	must(pair.client.msgs == 10000 && pair.server.msgs == 10000);
	pair_disconnect(&pair);
	pair_close(&pair);
}

/* Many connections in one domain: each hears its own, told apart by its user pointer. */
struct many {
	struct tp_conn *clients[NR_CONNS], *servers[NR_CONNS];
	unsigned accepted, connected, closed;
	unsigned heard[NR_CONNS];
};

static unsigned *index_of(struct tp_conn *conn)
{
	return conn->user;
}

static unsigned indices[NR_CONNS];

static void on_server(struct end *end, const struct tp_event *event)
{
	struct many *many = end->ctx;
	unsigned i;

	switch (event->type) {
	case TP_EV_REQUEST:
		must(!end->pair->ops->accept(end->domain, event->request, NULL,
					     &many->servers[many->accepted++]));
		end->request = NULL;
		break;
	case TP_EV_MSG:
		memcpy(&i, event->msg, sizeof(i));
		must(i < NR_CONNS);
		/* The first message tells who this is. */
		if (!event->conn->user)
			event->conn->user = &indices[i];
		must(event->conn->user == &indices[i]);
		many->heard[i]++;
		break;
	case TP_EV_CLOSED:
		many->closed++;
		break;
	default:
		break;
	}
}

static void on_client(struct end *end, const struct tp_event *event)
{
	struct many *many = end->ctx;

	if (event->type == TP_EV_CONNECTED || event->type == TP_EV_CLOSED)
		must(many->clients[*index_of(event->conn)] == event->conn);
	many->connected += event->type == TP_EV_CONNECTED;
	many->closed += event->type == TP_EV_CLOSED;
}

static void send_from(struct pair *pair, struct tp_conn *conn)
{
	unsigned *buf;

	while (!(buf = pair->ops->msg_buf(conn))) {
		pair->ops->flush(conn);
		pump(pair);
	}
	*buf = *index_of(conn);
	pair->ops->msg_send(conn, sizeof(*buf));
	pair->ops->flush(conn);
}

Test(many, sixty_four_in_one_domain, .timeout = 100)
{
	struct tp_domain_config config = test_config();
	struct many many = {.accepted = 0};
	struct pair pair;

	config.nr_conns = NR_CONNS;
	pair_prepare(&pair, &config, &config);
	pair.client.on_event = on_client;
	pair.server.on_event = on_server;
	pair.client.ctx = pair.server.ctx = &many;
	for (unsigned i = 0; i < NR_CONNS; i++) {
		indices[i] = i;
		must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr,
					20000, &indices[i], &many.clients[i]));
	}
	pump_until(&pair, many.connected == NR_CONNS && pair.server.connected == NR_CONNS);
	for (int round = 0; round < 20; round++)
		for (unsigned i = 0; i < NR_CONNS; i++)
			send_from(&pair, many.clients[i]);
	pump_until(&pair, pair.server.msgs == 20 * NR_CONNS);
	for (unsigned i = 0; i < NR_CONNS; i++)
		must(many.heard[i] == 20);
	for (unsigned i = 0; i < NR_CONNS; i++)
		pair.ops->disconnect(many.clients[i]);
	pump_until(&pair, many.closed == 2 * NR_CONNS);
	for (unsigned i = 0; i < NR_CONNS; i++) {
		pair.ops->conn_free(many.clients[i]);
		pair.ops->conn_free(many.servers[i]);
	}
	pair_close(&pair);
}
