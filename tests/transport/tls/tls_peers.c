/* Whom of its own peers the tls provider lets in: with a key, without, and over plain tcp. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/transport/tls/only_tls.h"
#include "tests/transport/tls/relay.h"

static struct tp_domain_config with_keys(const struct tp_tls_config *keys)
{
	struct tp_domain_config config = test_config();

	config.tls = keys;
	return config;
}

/* A try to connect with these keys, over to the last event. */
static void try(struct pair *pair, struct relay *relay, const struct tp_tls_config *keys)
{
	struct tp_domain_config config = with_keys(keys);

	pair_prepare(pair, &config, NULL);
	relay_open(relay, pair, 65536);
	must(relay_accept(relay));
	relay_until(relay, (pair->client.closed && pair->server.closed) ||
				   (pair->client.connected && pair->server.connected));
}

static void end_try(struct pair *pair, struct relay *relay)
{
	relay_close(relay);
	pair_close(pair);
}

static struct tp_tls_config wrong_key(void)
{
	struct tp_tls_config keys = test_keys;

	keys.psk[31] ^= 1;
	return keys;
}

static struct tp_tls_config unknown_name(void)
{
	struct tp_tls_config keys = test_keys;

	keys.identity[0] ^= 1;
	return keys;
}

static void rejected(const struct pair *pair)
{
	must(pair->client.closed_status == -EKEYREJECTED);
	must(pair->server.closed_status == -EKEYREJECTED);
	must(!pair->client.connected && !pair->server.connected);
}

Test(tls_peers, a_wrong_key)
{
	struct tp_tls_config keys = wrong_key();
	struct relay relay;
	struct pair pair;

	only_tls();
	try(&pair, &relay, &keys);
	rejected(&pair);
	end_try(&pair, &relay);
}

/* Byte for byte: nobody learns who has a key here. */
Test(tls_peers, an_unknown_name_is_answered_as_a_wrong_key)
{
	struct tp_tls_config wrong = wrong_key(), unknown = unknown_name();
	struct relay relays[2];
	struct pair pairs[2];

	only_tls();
	try(&pairs[0], &relays[0], &wrong);
	try(&pairs[1], &relays[1], &unknown);
	rejected(&pairs[1]);
	must(relays[0].passed[SERVER] && relays[0].passed[SERVER] == relays[1].passed[SERVER]);
	must(!memcmp(relays[0].kept[SERVER], relays[1].kept[SERVER], relays[0].passed[SERVER]));
	end_try(&pairs[0], &relays[0]);
	end_try(&pairs[1], &relays[1]);
}

static void client_without(const struct tp_tls_config *keys)
{
	struct tp_domain_config config = with_keys(keys);
	struct pair pair;

	pair_prepare(&pair, &config, NULL);
	must(pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr, CONNECT_MS,
			       NULL, &pair.client.conn) == -EKEYREJECTED);
	pair_close(&pair);
}

static void server_without(const struct tp_tls_config *keys)
{
	struct tp_domain_config config = with_keys(keys);
	struct pair pair;

	pair_prepare(&pair, NULL, &config);
	must(!pair.ops->connect(pair.client.domain, pair.device, &pair.listener->addr, CONNECT_MS,
				NULL, &pair.client.conn));
	pump_until(&pair, pair.server.request);
	must(pair.ops->accept(pair.server.domain, pair.server.request, NULL, &pair.server.conn) ==
	     -EKEYREJECTED);
	pair.server.request = NULL;
	pump_until(&pair, pair.client.closed);
	must(pair.client.closed_status == -EAGAIN);
	pair_close(&pair);
}

Test(tls_peers, no_key)
{
	struct tp_tls_config empty = {.find = NULL};

	only_tls();
	client_without(NULL);
	client_without(&empty);
	server_without(NULL);
	server_without(&empty);
}

/* One end of another provider than the other. */
static void mismatched(const struct tp_ops *connects, const struct tp_ops *accepts)
{
	struct end client, server, *ends[] = {&client, &server};
	struct tp_listener *listener;
	struct tp_device *device;
	struct tp_addr addr;

	end_open(&client, connects, NULL);
	end_open(&server, accepts, NULL);
	test_addr(&addr);
	must(!accepts->listen(server.domain, &addr, &listener));
	must(!connects->device_open(&listener->addr, &device));
	must(!connects->connect(client.domain, device, &listener->addr, CONNECT_MS, NULL,
				&client.conn));
	while (!server.request)
		pump_ends(ends, 2);
	must(!accepts->accept(server.domain, server.request, NULL, &server.conn));
	server.request = NULL;
	while (!client.closed || !server.closed)
		pump_ends(ends, 2);
	must(client.closed_status == -EPROTONOSUPPORT && server.closed_status == -EPROTONOSUPPORT);
	/* Both know why, and the one that connects what to do. */
	must(strstr(client.conn->why, connects == &tp_tls ? "use tcp://" : "use tls://"));
	must(strstr(server.conn->why, accepts == &tp_tls ? "does not speak TLS" : "speaks TLS"));
	must(!client.connected && !server.connected);
	accepts->unlisten(listener);
	end_close(&client);
	end_close(&server);
	connects->device_close(device);
}

Test(tls_peers, a_plain_client)
{
	only_tls();
	mismatched(&tp_tcp, &tp_tls);
}

Test(tls_peers, a_plain_server)
{
	only_tls();
	mismatched(&tp_tls, &tp_tcp);
}
