/* What may happen to the bytes of a connection over tls. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/tls.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/transport/connect_params.h"
#include "common/tcp/conn/conn.h"
#include "tests/transport/tls/only_tls.h"
#include "tests/transport/tls/relay.h"

static void through_open(struct pair *pair, struct relay *relay, size_t kept_max)
{
	pair_prepare(pair, NULL, NULL);
	relay_open(relay, pair, kept_max);
	must(relay_accept(relay));
	relay_until(relay, pair->client.connected && pair->server.connected);
}

static void through_close(struct pair *pair, struct relay *relay)
{
	relay_close(relay);
	pair_close(pair);
}

/* The minor version of an unencrypted record is for nobody to look at (RFC 8446, 5.1). */
#define FREE_BYTE 2

/* Does a connection come about, with this byte changed? */
static bool survives(enum side side, size_t at)
{
	struct relay relay;
	struct pair pair;
	bool connected;

	pair_prepare(&pair, NULL, NULL);
	relay_open(&relay, &pair, 0);
	relay.flip_side = side;
	relay.flip_at = at;
	relay.mask = (unsigned char)(1 << at % 8);
	/* With a length changed each end may wait for the other. */
	relay.patience_ms = at == FREE_BYTE ? 0 : 50;
	must(relay_accept(&relay));
	relay_until(&relay, (pair.client.closed && pair.server.closed) ||
				    (pair.client.connected && pair.server.connected));
	connected = pair.client.connected && pair.server.connected;
	if (connected)
		must(!memcmp(pair.client.conn->channel, pair.server.conn->channel,
			     TP_CHANNEL_SIZE));
	through_close(&pair, &relay);
	return connected;
}

/* With the connect parameters, which are the first words in it. */
Test(tls, every_byte_of_the_handshake_changed, .timeout = 200)
{
	struct relay whole;
	struct pair pair;

	only_tls();
	through_open(&pair, &whole, 0);
	for (enum side side = CLIENT; side <= SERVER; side++) {
		must(whole.passed[side] > 200);
		for (size_t at = 0; at < whole.passed[side]; at++)
			must(survives(side, at) == (at == FREE_BYTE));
	}
	through_close(&pair, &whole);
}

Test(tls, every_byte_of_a_message_changed)
{
	only_tls();
	for (size_t at = 0, len = 1; at < len; at++) {
		struct relay relay;
		struct pair pair;

		through_open(&pair, &relay, 0);
		must(send_msg(&pair.client, "believe me", 10));
		pair.ops->flush(pair.client.conn);
		relay.flip_at = relay.passed[CLIENT] + at;
		len = relay.passed[CLIENT];
		relay.patience_ms = 50;
		relay.mask = (unsigned char)(1 << at % 8);
		relay_until(&relay, pair.server.closed);
		must(pair.server.closed_status == -ECONNRESET && !pair.server.msgs);
		len = relay.passed[CLIENT] - len;
		through_close(&pair, &relay);
	}
}

static void cut(enum side side)
{
	struct relay relay;
	struct pair pair;
	struct end *victim = side == CLIENT ? &pair.server : &pair.client;

	through_open(&pair, &relay, 0);
	must(send_msg(side == CLIENT ? &pair.client : &pair.server, "and then", 8));
	pair.ops->flush(side == CLIENT ? pair.client.conn : pair.server.conn);
	relay_until(&relay, victim->msgs == 1);
	relay_cut(&relay, side);
	relay_until(&relay, victim->closed);
	must(victim->closed_status == -ECONNRESET);
	through_close(&pair, &relay);
}

/* A FIN can be anybody's: only what was encrypted is a farewell. */
Test(tls, an_end_that_was_not_said_is_a_loss)
{
	only_tls();
	cut(CLIENT);
	cut(SERVER);
}

static void in_pieces(size_t piece, uint32_t len)
{
	struct tp_op write, read;
	struct relay relay;
	struct pair pair;

	pair_prepare(&pair, NULL, NULL);
	relay_open(&relay, &pair, 0);
	relay.piece = piece;
	must(relay_accept(&relay));
	relay_until(&relay, pair.client.connected && pair.server.connected);
	write = make_op(&pair, TP_WRITE, 1, 3, len);
	read = make_op(&pair, TP_READ, 1u << 20, 3, len);
	fill(write.local, len, 5);
	must(post_op(&pair.server, &write) && post_op(&pair.server, &read));
	must(send_msg(&pair.server, "x", 1) && send_msg(&pair.client, "y", 1));
	pair.ops->flush(pair.server.conn);
	pair.ops->flush(pair.client.conn);
	relay_until(&relay,
		    pair.server.dones == 2 && pair.client.msgs == 1 && pair.server.msgs == 1);
	must(!pair.server.failed_dones);
	must(filled(pair.client.mem + 3, len, 5) && filled(read.local, len, 5));
	through_close(&pair, &relay);
}

Test(tls, records_in_pieces, .timeout = 100)
{
	only_tls();
	in_pieces(1, 1);
	in_pieces(1, 3000);
	in_pieces(7, 16384);
	in_pieces(1021, 16385);
	in_pieces(4096, 300000);
}

/* Nobody else's bytes come along, and epoll knows nothing of what TLS has received already. */
Test(tls, records_that_came_together)
{
	struct tp_conn *client, *server;
	struct pair pair;

	only_tls();
	pair_open(&pair); /* a neighbour: with a connection alone the provider asks its socket often
			   */
	client = pair.client.conn;
	server = pair.server.conn;
	pair.client.connected = pair.server.connected = 0;
	pair.client.conn = pair.server.conn = NULL;
	pair_connect(&pair);
	for (int i = 0; i < 3; i++) {
		must(send_msg(&pair.client, "x", 1));
		pair.ops->flush(pair.client.conn);
	}
	pump_until(&pair, pair.server.msgs == 3);
	pair.ops->conn_free(client);
	pair.ops->conn_free(server);
	pair_close(&pair);
}

/* Connections whose sending the kernel encrypts. -1: its module is not there. */
static int count_offloaded(void)
{
	FILE *file = fopen("/proc/net/tls_stat", "r");
	char name[64];
	int value, n = -1;

	while (file && fscanf(file, "%63s %d", name, &value) == 2)
		if (!strcmp(name, "TlsCurrTxSw"))
			n = value;
	if (file)
		fclose(file);
	return n;
}

static bool is_offloaded(const struct end *end)
{
	struct tls12_crypto_info_aes_gcm_128 keys;
	socklen_t len = sizeof(keys);

	return !getsockopt(tcp_conn_of(end->conn)->source.fd, SOL_TLS, TLS_TX, &keys, &len);
}

Test(tls, the_kernel_encrypts_where_it_can)
{
	struct pair pair;

	only_tls();
	if (count_offloaded() < 0)
		cr_skip_test("no kTLS here: modprobe tls");
	pair_open(&pair);
	must(is_offloaded(&pair.client) && is_offloaded(&pair.server));
	pair_close(&pair);
}

static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int sig)
{
	sigpipes++;
}

/* A program that uses us need not know of it. */
Test(tls, no_sigpipe)
{
	struct pair pair;

	only_tls();
	signal(SIGPIPE, count_sigpipe);
	pair_open(&pair);
	pair.ops->conn_free(pair.client.conn);
	pair.client.conn = NULL;
	for (int i = 0; i < 100 && send_msg(&pair.server, "x", 1); i++)
		pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.server.closed);
	must(!sigpipes);
	pair_close(&pair);
}

/* A record that the socket did not take whole is all there is to be sent. */
Test(tls, the_last_record_waits_for_the_socket, .timeout = 20)
{
	const struct tcp_conn *conn;
	struct pair pair;
	unsigned sent = 0;

	only_tls();
	pair_open(&pair);
	conn = tcp_conn_of(pair.server.conn);
	while (!conn->tx.blocked) {
		must(send_msg(&pair.server, "just one more", 13));
		pair.ops->flush(pair.server.conn);
		end_poll(&pair.server);
		sent++;
	}
	must(conn->tx.head == conn->tx.tail || count_offloaded() > 0);
	pump_until(&pair, pair.client.msgs == sent);
	pair_close(&pair);
}

/* All that fits the wire and some more, and a farewell behind it while nobody receives. */
Test(tls, a_farewell_behind_a_full_socket)
{
	struct pair pair;
	unsigned sent = 0;
	void *buf;

	only_tls();
	pair_open(&pair);
	while ((buf = pair.ops->msg_buf(pair.server.conn))) {
		memset(buf, 'x', DEFAULT_MSG);
		pair.ops->msg_send(pair.server.conn, DEFAULT_MSG);
		pair.ops->flush(pair.server.conn);
		sent++;
	}
	pair.ops->disconnect(pair.server.conn);
	pump_until(&pair, pair.client.closed && pair.server.closed);
	must(pair.client.msgs == sent && pair.client.closed_status == 0);
	pair_close(&pair);
}

Test(tls, the_channel_is_theirs_alone)
{
	static const uint8_t nothing[TP_CHANNEL_SIZE];
	uint8_t client[2][TP_BINDING_MAX], server[2][TP_BINDING_MAX];
	struct pair pairs[2];
	size_t len = 0;

	for (int i = 0; i < 2; i++) {
		pair_open(&pairs[i]);
		len = tp_binding(pairs[i].client.conn, client[i]);
		must(len == tp_binding(pairs[i].server.conn, server[i]));
		must(!memcmp(client[i], server[i], len));
	}
	must(!memcmp(client[0] + len - TP_CHANNEL_SIZE, nothing, TP_CHANNEL_SIZE) ==
	     !test_is("tls"));
	must(!memcmp(client[0], client[1], len) == !test_is("tls"));
	pair_close(&pairs[0]);
	pair_close(&pairs[1]);
}

static bool seen(const struct relay *relay, const void *what, size_t len)
{
	return memmem(relay->kept[CLIENT], relay->passed[CLIENT], what, len) ||
	       memmem(relay->kept[SERVER], relay->passed[SERVER], what, len);
}

/* Over tcp the same is all there to be seen: that is what the wire looks for. */
Test(tls, nothing_travels_in_clear)
{
	static const char wrote[] = "written by the server", said[] = "said by the client";
	const uint32_t magic = CONNECT_PARAMS_MAGIC;
	bool open = test_is("tcp");
	struct tp_op op;
	struct relay relay;
	struct pair pair;

	if (test_ops() != &tp_tls && test_ops() != &tp_tcp)
		cr_skip_test("there is no wire to look at");
	through_open(&pair, &relay, 1u << 20);
	op = make_op(&pair, TP_WRITE, 0, 0, 100000);
	op.tag = 0x51a9e77d;
	for (uint32_t i = 0; i + sizeof(wrote) < op.len; i += sizeof(wrote))
		memcpy((char *)op.local + i, wrote, sizeof(wrote));
	must(post_op(&pair.server, &op) && send_msg(&pair.client, said, sizeof(said)));
	op = make_op(&pair, TP_READ, 1u << 20, 0, 100000);
	op.tag = 0x51a9e77d;
	must(post_op(&pair.server, &op));
	pair.ops->flush(pair.server.conn);
	pair.ops->flush(pair.client.conn);
	relay_until(&relay, pair.server.dones == 2 && pair.server.msgs == 1);
	must(relay.passed[CLIENT] > 100000 && relay.passed[SERVER] > 100000);
	must(seen(&relay, wrote, sizeof(wrote)) == open);
	must(seen(&relay, said, sizeof(said)) == open);
	must(seen(&relay, &magic, sizeof(magic)) == open);
	must(seen(&relay, &op.tag, sizeof(op.tag)) == open);
	must(!seen(&relay, &op.raddr, sizeof(op.raddr)));
	must(!seen(&relay, test_keys.psk, TP_PSK_SIZE));
	through_close(&pair, &relay);
}
