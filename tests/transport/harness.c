/* The bench: one thread drives both ends, unless a test starts threads of its own. */
#include "tests/transport/harness.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/provider/provider.h"
#include "common/transport/addr.h"
#include "common/fault/fault.h"

/* Nothing the suite does takes this long; it ends a test that would hang. */
#define STUCK_MS 20000

static struct fault_plan faults;

static const char *test_transport(void)
{
	const char *name = getenv("USRBIO_TEST_TRANSPORT");

	return name && *name ? name : "tcp";
}

static const char *provider_name(void)
{
	const char *name = test_transport();

	return strncmp(name, "fault+", 6) ? name : name + 6;
}

bool test_is(const char *provider)
{
	return !strcmp(provider_name(), provider);
}

const struct tp_ops *test_ops(void)
{
	static const struct tp_ops *ops;
	const char *plan = getenv("USRBIO_TEST_FAULTS");

	if (ops)
		return ops;
	ops = provider_find(provider_name());
	must(ops);
	if (provider_name() != test_transport()) {
		must(!fault_plan_parse(&faults, plan ? plan : ""));
		ops = tp_fault_ops(ops, &faults);
	}
	return ops;
}

void test_addr(struct tp_addr *addr)
{
	const char *host = getenv("USRBIO_TEST_ADDR");

	if (!host || !*host)
		host = test_is("rdma") ? getenv("USRBIO_RXE_ADDR") : "127.0.0.1";
	must(host);
	must(addr_resolve(provider_name(), test_is("loop") ? "" : host, 0, false, addr, 1) == 1);
}

/* The key of everybody who shares one. */
static int find_key(void *arg, const char *identity, uint8_t psk[TP_PSK_SIZE])
{
	const struct tp_tls_config *config = arg;

	if (strcmp(identity, config->identity))
		return -ENOENT;
	memcpy(psk, config->psk, TP_PSK_SIZE);
	return 0;
}

struct tp_tls_config test_keys = {
	.find = find_key,
	.arg = &test_keys,
	.identity = "tester.0badcafe",
	.psk = "not much of a secret, 32 of them",
};

struct tp_domain_config test_config(void)
{
	return (struct tp_domain_config){
		.tls = &test_keys,
		.msg_max = DEFAULT_MSG,
		.nr_recvs = 32,
		.nr_sends = NR_SENDS,
		.nr_posts = NR_POSTS,
		.nr_conns = 4,
		.numa = -1,
	};
}

static bool range(void *user, uint32_t tag, enum tp_access access, struct tp_range *out)
{
	struct end *end = user;

	if (!end)
		return false;
	if (end->range)
		return end->range(end, tag, access, out);
	if (!end->pair || !end->pair->mem)
		return false;
	*out = (struct tp_range){
		.base = (uintptr_t)end->mem, .len = MEM_LEN, .key = end->pair->mem->key};
	return true;
}

void end_open(struct end *end, const struct tp_ops *ops, const struct tp_domain_config *config)
{
	struct tp_domain_config mine = config ? *config : test_config();

	*end = (struct end){.max_events = MAX_EVENTS};
	mine.range = range;
	must(!ops->domain_open(&mine, &end->domain));
	end->mem = mmap(NULL, MEM_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(end->mem != MAP_FAILED);
	must(!ops->domain_local(end->domain, end->mem, MEM_LEN));
}

void end_close(struct end *end)
{
	if (end->request)
		end->domain->ops->accept(NULL, end->request, NULL, NULL);
	if (end->conn)
		end->conn->ops->conn_free(end->conn);
	end->domain->ops->domain_close(end->domain);
	munmap(end->mem, MEM_LEN);
}

static void count_event(struct end *end, const struct tp_event *event)
{
	switch (event->type) {
	case TP_EV_REQUEST:
		must(!end->request);
		end->request = event->request;
		break;
	case TP_EV_CONNECTED:
		end->connected++;
		break;
	case TP_EV_MSG:
		end->msgs++;
		break;
	case TP_EV_IMM:
		end->imms++;
		end->last_imm = event->imm;
		break;
	case TP_EV_DONE:
		end->dones++;
		if (event->status) {
			end->failed_dones++;
			end->done_status = event->status;
		}
		break;
	case TP_EV_READY:
		end->readies++;
		break;
	case TP_EV_CLOSED:
		end->closed++;
		end->closed_status = event->status;
		break;
	}
}

int end_poll(struct end *end)
{
	struct tp_event events[MAX_EVENTS];
	int n = end->domain->ops->poll(end->domain, events, end->max_events);

	must(n >= 0 && n <= end->max_events);
	end->polls++;
	for (int i = 0; i < n; i++) {
		/* With a connection of its own, an end hears of no other, and nothing after CLOSED.
		 */
		if (end->conn && events[i].conn == end->conn)
			must(!end->closed);
		count_event(end, &events[i]);
		if (end->on_event)
			end->on_event(end, &events[i]);
	}
	return n;
}

void pump_ends(struct end *const *ends, int nr)
{
	struct pollfd fds[8];
	int n = 0;

	for (int i = 0; i < nr; i++)
		n += end_poll(ends[i]);
	if (n)
		return;
	for (int i = 0; i < nr; i++) {
		n += ends[i]->domain->ops->arm(ends[i]->domain);
		fds[i] = (struct pollfd){.fd = ends[i]->domain->fd, .events = POLLIN};
	}
	if (!n && poll(fds, (nfds_t)nr, STUCK_MS) == 0)
		harness_fail(__FILE__, __LINE__, "everybody sleeps and nobody is woken");
}

void pump(struct pair *pair)
{
	struct end *ends[] = {&pair->client, &pair->server};

	pump_ends(ends, 2);
}

void pair_prepare(struct pair *pair, const struct tp_domain_config *client,
		  const struct tp_domain_config *server)
{
	struct tp_addr addr;

	*pair = (struct pair){.ops = test_ops()};
	test_addr(&addr);
	end_open(&pair->client, pair->ops, client);
	end_open(&pair->server, pair->ops, server);
	pair->client.pair = pair->server.pair = pair;
	must(!pair->ops->listen(pair->server.domain, &addr, &pair->listener));
	must(!pair->ops->device_open(&pair->listener->addr, &pair->device));
	must(!pair->ops->mem_register(pair->device, pair->client.mem, MEM_LEN,
				      TP_REMOTE_READ | TP_REMOTE_WRITE, &pair->mem));
}

void pair_connect(struct pair *pair)
{
	struct tp_request *request;

	must(!pair->ops->connect(pair->client.domain, pair->device, &pair->listener->addr,
				 CONNECT_MS, &pair->client, &pair->client.conn));
	pump_until(pair, pair->server.request);
	request = pair->server.request;
	pair->server.request = NULL;
	must(!pair->ops->accept(pair->server.domain, request, &pair->server, &pair->server.conn));
	pump_until(pair, pair->client.connected && pair->server.connected);
	must(pair->client.conn->user == &pair->client);
	must(pair->server.conn->user == &pair->server);
}

void pair_open(struct pair *pair)
{
	pair_prepare(pair, NULL, NULL);
	pair_connect(pair);
}

void pair_disconnect(struct pair *pair)
{
	pair->ops->disconnect(pair->client.conn);
	pair->ops->disconnect(pair->server.conn);
	pump_until(pair, pair->client.closed && pair->server.closed);
}

void pair_close(struct pair *pair)
{
	pair->ops->unlisten(pair->listener);
	end_close(&pair->server);
	if (pair->client.conn)
		pair->ops->conn_free(pair->client.conn);
	pair->client.conn = NULL;
	if (pair->mem)
		pair->ops->mem_deregister(pair->mem);
	end_close(&pair->client);
	pair->ops->device_close(pair->device);
}

/* An -EAGAIN must be followed by a READY, unless the connection ends. */
static bool wait_ready(struct end *end, unsigned readies)
{
	end->conn->ops->flush(end->conn);
	pump_until(end->pair, end->readies != readies || end->closed);
	return !end->closed;
}

bool send_msg(struct end *end, const void *data, size_t len)
{
	const struct tp_ops *ops = end->conn->ops;
	unsigned readies = end->readies;
	void *buf;

	while (!(buf = ops->msg_buf(end->conn))) {
		if (end->closed || !wait_ready(end, readies))
			return false;
		readies = end->readies;
	}
	memcpy(buf, data, len);
	ops->msg_send(end->conn, len);
	return true;
}

bool post_op(struct end *end, const struct tp_op *op)
{
	const struct tp_ops *ops = end->conn->ops;
	unsigned readies = end->readies;
	int err;

	while ((err = ops->post(end->conn, op)) == -EAGAIN) {
		if (!wait_ready(end, readies))
			return false;
		readies = end->readies;
	}
	must(!err || err == -ENOTCONN);
	return !err;
}

struct tp_op make_op(const struct pair *pair, enum tp_kind kind, size_t local, size_t remote,
		     uint32_t len)
{
	return (struct tp_op){
		.kind = kind,
		.len = len,
		.key = pair->mem->key,
		.off = remote,
		.raddr = (uintptr_t)pair->client.mem + remote,
		.local = pair->server.mem + local,
	};
}

uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static unsigned char byte_at(size_t i, uint32_t seed)
{
	return (unsigned char)((i * 2654435761u + seed * 40503u) >> 11);
}

void fill(void *mem, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		((unsigned char *)mem)[i] = byte_at(i, seed);
}

bool filled(const void *mem, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		if (((const unsigned char *)mem)[i] != byte_at(i, seed))
			return false;
	return true;
}

int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	must(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

struct player {
	struct end *end;
	unsigned rounds;
	bool serves;
};

static void hit(struct end *end)
{
	const struct tp_ops *ops = end->conn->ops;
	unsigned *ball;

	while (!(ball = ops->msg_buf(end->conn)))
		end_poll(end);
	*ball = end->msgs;
	ops->msg_send(end->conn, sizeof(*ball));
	ops->flush(end->conn);
}

static void sleep_once(struct end *end)
{
	struct pollfd fd = {.fd = end->domain->fd, .events = POLLIN};

	if (end->domain->ops->arm(end->domain))
		return;
	if (poll(&fd, 1, STUCK_MS) == 0)
		harness_fail(__FILE__, __LINE__, "a wake-up was lost");
}

static void *play(void *arg)
{
	struct player *player = arg;
	struct end *end = player->end;
	unsigned before = end->msgs;

	for (unsigned i = 0; i < player->rounds; i++) {
		if (player->serves)
			hit(end);
		while (end->msgs == before + i) {
			if (!end_poll(end))
				sleep_once(end);
		}
		must(end->msgs == before + i + 1);
		if (!player->serves)
			hit(end);
	}
	return NULL;
}

void pingpong(struct pair *pair, unsigned rounds)
{
	struct player players[] = {{&pair->client, rounds, true}, {&pair->server, rounds, false}};
	pthread_t thread;

	must(!pthread_create(&thread, NULL, play, &players[1]));
	play(&players[0]);
	must(!pthread_join(thread, NULL));
}
