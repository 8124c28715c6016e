/* Bytes without work over tls: how many of them one turn reads, and when it is enough. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/tcp/conn/conn.h"
#include "common/tcp/tls/tls_impl.h"
#include "tests/transport/plain.h"
#include "tests/transport/tls/only_tls.h"

static struct tls *tls_of(const struct end *end)
{
	return tcp_conn_of(end->conn)->tls;
}

/* Two ends that encrypt by OpenSSL: the kernel would change no key. */
static void open_without_ktls(struct pair *pair)
{
	only_tls();
	SSL_CTX_clear_options(tls_context(), SSL_OP_ENABLE_KTLS);
	pair_open(pair);
}

/* False: the socket is full, or the peer has gone. */
static bool update_keys(const struct end *end)
{
	SSL *ssl = tls_of(end)->ssl;

	return SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
}

/* Poll once. Returns how many bytes that has read from the socket. */
static uint64_t poll_bytes(struct end *end)
{
	BIO *bio = SSL_get_rbio(tls_of(end)->ssl);
	uint64_t before = BIO_number_read(bio);

	end_poll(end);
	return BIO_number_read(bio) - before;
}

static void is_read_in_turns(struct end *from, struct end *to)
{
	enum { RECORD = 27, NR = 8 * TLS_TURN / RECORD };
	uint64_t total = 0, most = 0;

	tls_of(to)->nr_dataless = INT_MIN; /* that there are too many is another matter */
	for (int i = 0; i < (int)NR; i++)
		must(update_keys(from));
	while (total < 6 * TLS_TURN) {
		uint64_t bytes = poll_bytes(to);

		total += bytes;
		most = bytes > most ? bytes : most;
		must(!to->closed);
	}
	must(most <= TLS_TURN);
}

Test(tls_floods, fresh_keys_are_read_in_turns)
{
	struct pair pair;

	open_without_ktls(&pair);
	is_read_in_turns(&pair.client, &pair.server);
	is_read_in_turns(&pair.server, &pair.client);
	pair_close(&pair);
}

static void is_enough(struct end *from, struct end *to)
{
	for (int i = 0; i < 1000; i++)
		must(update_keys(from));
	while (!to->closed)
		end_poll(to);
	must(to->closed_status == -EPROTO && strstr(to->conn->why, "in a row"));
	must(tls_of(to)->nr_dataless == TLS_DATALESS_MAX + 1); /* the others were discarded */
}

Test(tls_floods, too_many_fresh_keys_end_it)
{
	struct pair pair;

	open_without_ktls(&pair);
	is_enough(&pair.client, &pair.server);
	pair_close(&pair);
	pair_open(&pair);
	is_enough(&pair.server, &pair.client);
	pair_close(&pair);
}

Test(tls_floods, fresh_keys_now_and_then_are_welcome)
{
	enum { ROUNDS = 200 };
	struct pair pair;

	open_without_ktls(&pair);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		for (int n = 0; n < TLS_DATALESS_MAX; n++)
			must(update_keys(&pair.client) && update_keys(&pair.server));
		must(send_msg(&pair.client, "x", 1) && send_msg(&pair.server, "y", 1));
		pair.ops->flush(pair.client.conn);
		pair.ops->flush(pair.server.conn);
		pump_until(&pair, pair.client.msgs == i && pair.server.msgs == i);
	}
	pair_close(&pair);
}

/* A ClientHello in records of one byte each, which OpenSSL collects. */
Test(tls_floods, a_hello_in_crumbs_is_read_in_turns)
{
	enum { LEN = 65535, CRUMB = 6 };
	static unsigned char crumbs[LEN][CRUMB];
	static const unsigned char head[] = {1, LEN >> 16, LEN >> 8, LEN & 0xff};
	uint64_t total = 0, most = 0;
	size_t sent = 0;
	struct pair pair;
	int fd;

	only_tls();
	for (size_t i = 0; i < LEN; i++)
		memcpy(crumbs[i], (const unsigned char[]){22, 3, 1, 0, 1, i < 4 ? head[i] : 0},
		       CRUMB);
	pair_prepare(&pair, NULL, NULL);
	fd = test_socket_to(&pair.listener->addr);
	while (!pair.server.request)
		end_poll(&pair.server);
	must(!pair.ops->accept(pair.server.domain, pair.server.request, NULL, &pair.server.conn));
	pair.server.request = NULL;
	while (total < sizeof(crumbs) / 2) {
		ssize_t n = send(fd, (char *)crumbs + sent, sizeof(crumbs) - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		uint64_t bytes = poll_bytes(&pair.server);

		sent += n > 0 ? (size_t)n : 0;
		total += bytes;
		most = bytes > most ? bytes : most;
		must(!pair.server.closed);
	}
	must(most <= TLS_HANDSHAKE_TURN);
	close(fd);
	pair_close(&pair);
}

/* OpenSSL keeps the part that has come, and nobody need look at it again before the rest. */
Test(tls_floods, half_a_record_lets_the_domain_sleep)
{
	static const char half[] = {23, 3, 3, 16, 0, 'h', 'a', 'l', 'f'};
	struct pair pair;

	open_without_ktls(&pair);
	must(send(tls_of(&pair.client)->fd, half, sizeof(half), MSG_NOSIGNAL) == sizeof(half));
	while (!SSL_has_pending(tls_of(&pair.server)->ssl))
		end_poll(&pair.server);
	for (int polls = 0; pair.ops->arm(pair.server.domain); polls++) {
		must(polls < 1000);
		end_poll(&pair.server);
	}
	must(!pair.server.closed);
	pair_close(&pair);
}
