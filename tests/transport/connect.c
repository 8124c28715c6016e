/* Beginning: connect, refuse, time out, and the addresses of listeners. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/transport/addr.h"
#include "tests/transport/harness.h"

Test(connect, both_ends_learn_of_it)
{
	struct pair pair;

	pair_open(&pair);
	must(pair.client.connected == 1 && pair.server.connected == 1);
	must(!pair.client.closed && !pair.server.closed);
	must(pair.client.conn->msg_max == DEFAULT_MSG);
	pair_disconnect(&pair);
	pair_close(&pair);
}

Test(connect, the_smaller_limit_holds)
{
	struct tp_domain_config client = test_config(), server = test_config();
	struct pair pair;

	client.msg_max = 8192;
	server.msg_max = 2048;
	pair_prepare(&pair, &client, &server);
	pair_connect(&pair);
	must(pair.client.conn->msg_max == 2048);
	must(pair.server.conn->msg_max == 2048);
	pair_close(&pair);
}

Test(connect, port_zero_becomes_real)
{
	struct tp_listener *other;
	struct tp_addr addr;
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	test_addr(&addr);
	must(!pair.ops->listen(pair.server.domain, &addr, &other));
	if (test_is("loop"))
		must(memcmp(&other->addr.ss, &pair.listener->addr.ss, sizeof(addr.ss)));
	else
		must(addr_port(&other->addr) &&
		     addr_port(&other->addr) != addr_port(&pair.listener->addr));
	pair.ops->unlisten(other);
	pair_close(&pair);
}

Test(connect, an_address_is_used_once)
{
	struct tp_listener *other;
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	must(pair.ops->listen(pair.server.domain, &pair.listener->addr, &other) == -EADDRINUSE);
	pair_close(&pair);
}

Test(connect, nobody_listens)
{
	struct tp_listener *other;
	struct tp_addr addr;
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	test_addr(&addr);
	must(!pair.ops->listen(pair.server.domain, &addr, &other));
	addr = other->addr;
	pair.ops->unlisten(other);
	must(!pair.ops->connect(pair.client.domain, pair.device, &addr, CONNECT_MS, NULL,
				&pair.client.conn));
	pump_until(&pair, pair.client.closed);
	must(pair.client.closed_status == -ECONNREFUSED);
	must(!pair.client.connected);
	pair_close(&pair);
}

Test(connect, the_listener_refuses)
{
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr, CONNECT_MS,
				NULL, &pair.client.conn));
	pump_until(&pair, pair.server.request);
	must(!pair.ops->accept(NULL, pair.server.request, NULL, NULL));
	pair.server.request = NULL;
	pump_until(&pair, pair.client.closed);
	must(pair.client.closed_status == -EAGAIN);
	must(!strncmp(pair.client.conn->why, TP_WHY_BUSY, strlen(TP_WHY_BUSY)));
	must(!pair.client.connected);
	pair_close(&pair);
}

/* A request nobody answers stands for every black hole. */
Test(connect, nobody_answers)
{
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr, 200, NULL,
				&pair.client.conn));
	pump_until(&pair, pair.client.closed);
	must(pair.client.closed_status == -ETIMEDOUT);
	must(!pair.client.connected);
	pair_close(&pair);
}

Test(connect, the_client_leaves_before_it_is_accepted)
{
	struct tp_request *request;
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr, CONNECT_MS,
				NULL, &pair.client.conn));
	pump_until(&pair, pair.server.request);
	pair.ops->disconnect(pair.client.conn);
	pair.ops->conn_free(pair.client.conn);
	pair.client.conn = NULL;
	request = pair.server.request;
	pair.server.request = NULL;
	/* Whether accept notices already or the connection later is the provider's choice. */
	if (!pair.ops->accept(pair.server.domain, request, NULL, &pair.server.conn))
		pump_until(&pair, pair.server.closed);
	pair_close(&pair);
}

Test(connect, begun_and_freed_at_once)
{
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	for (int i = 0; i < 5; i++) {
		must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr,
					CONNECT_MS, NULL, &pair.client.conn));
		pair.ops->disconnect(pair.client.conn);
		pair.ops->conn_free(pair.client.conn);
		pair.client.conn = NULL;
	}
	pair_close(&pair);
}

Test(connect, accepted_into_another_domain)
{
	struct pair pair;
	struct end other, *ends[] = {&pair.client, &pair.server, &other};

	pair_prepare(&pair, NULL, NULL);
	end_open(&other, pair.ops, NULL);
	must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr, CONNECT_MS,
				NULL, &pair.client.conn));
	pump_until(&pair, pair.server.request);
	must(!pair.ops->accept(other.domain, pair.server.request, &other, &other.conn));
	pair.server.request = NULL;
	while (!other.connected || !pair.client.connected)
		pump_ends(ends, 3);
	must(other.conn->domain == other.domain && !pair.server.connected);
	pair.ops->disconnect(pair.client.conn);
	while (!other.closed || !pair.client.closed)
		pump_ends(ends, 3);
	end_close(&other);
	pair_close(&pair);
}

Test(connect, what_is_no_memory_cannot_be_registered)
{
	struct tp_mem *mem;
	struct pair pair;
	char *hole;

	pair_prepare(&pair, NULL, NULL);
	hole = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(hole != MAP_FAILED && !munmap(hole, 65536));
	if (pair.ops->pins)
		must(pair.ops->mem_register(pair.device, hole, 65536, TP_REMOTE_WRITE, &mem) ==
		     -EFAULT);
	must(pair.ops->mem_register(pair.device, NULL, 65536, TP_REMOTE_WRITE, &mem) == -EFAULT);
	pair_close(&pair);
}

static size_t resident(char *at, size_t len)
{
	unsigned char pages[256];
	size_t n = 0;

	must(!mincore(at, len, pages));
	for (size_t i = 0; i < len / 4096; i++)
		n += pages[i] & 1;
	return n;
}

/* What pins nothing has no use for pages that nobody has used. */
Test(connect, memory_is_brought_in_by_those_who_pin_it)
{
	struct tp_mem *mem;
	struct pair pair;
	char *at;

	pair_prepare(&pair, NULL, NULL);
	at = mmap(NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(at != MAP_FAILED && !madvise(at, 1u << 20, MADV_NOHUGEPAGE));
	must(!pair.ops->mem_register(pair.device, at, 1u << 20, TP_REMOTE_WRITE, &mem));
	must(resident(at, 1u << 20) == (pair.ops->pins ? 256 : 0));
	pair.ops->mem_deregister(mem);
	must(!munmap(at, 1u << 20));
	pair_close(&pair);
}

static void connect_once(void)
{
	struct pair pair;

	pair_open(&pair);
	pair_disconnect(&pair);
	pair_close(&pair);
}

Test(connect, no_descriptor_leaks, .timeout = 100)
{
	int before;

	connect_once(); /* what is opened once per process */
	before = count_descriptors();
	for (int i = 0; i < 200; i++)
		connect_once();
	must(count_descriptors() == before);
}
