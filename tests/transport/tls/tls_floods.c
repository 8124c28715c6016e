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

/* The KeyUpdates are made first and sent together, so that the sockets take them at any speed. */
static void is_read_in_turns(struct end *from, struct end *to)
{
	enum { RECORD = 27, NR = 8 * TLS_TURN / RECORD };
	BIO *made = BIO_new(BIO_s_mem());
	uint64_t total = 0, most = 0;
	size_t len, sent = 0;
	char *bytes;

	tls_of(to)->nr_unpaid = INT_MIN; /* that there are too many is another matter */
	must(made);
	SSL_set0_wbio(tls_of(from)->ssl, made);
	for (int i = 0; i < (int)NR; i++)
		must(update_keys(from));
	len = (size_t)BIO_get_mem_data(made, &bytes);
	must(len == (size_t)NR * RECORD);
	while (total < 6 * TLS_TURN) {
		ssize_t n = send(tls_of(from)->fd, bytes + sent, len - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		uint64_t read = poll_bytes(to);

		sent += n > 0 ? (size_t)n : 0;
		total += read;
		most = read > most ? read : most;
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
	must(to->closed_status == -EPROTO && strstr(to->conn->why, "such as KeyUpdate"));
	must(tls_of(to)->nr_unpaid == TLS_UNPAID_MAX + 1); /* the others were discarded */
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

/* Rounds of KeyUpdates and then messages from the client, until the server has had enough. */
static void mix(struct pair *pair, unsigned keys, unsigned msgs, unsigned msg_len, unsigned rounds)
{
	static const char text[DEFAULT_MSG];

	for (unsigned i = 1; i <= rounds && !pair->server.closed; i++) {
		for (unsigned n = 0; n < keys; n++)
			must(update_keys(&pair->client));
		for (unsigned n = 0; n < msgs; n++)
			must(send_msg(&pair->client, text, msg_len));
		pair->ops->flush(pair->client.conn);
		pump_until(pair, pair->server.msgs == i * msgs || pair->server.closed);
	}
}

Test(tls_floods, fresh_keys_now_and_then_are_welcome)
{
	enum { MSGS = TLS_UNPAID_MAX * TLS_PRICE / DEFAULT_MSG };
	struct pair pair;

	open_without_ktls(&pair);
	mix(&pair, TLS_UNPAID_MAX, MSGS, DEFAULT_MSG, 20);
	must(!pair.server.closed);
	pair_close(&pair);
}

Test(tls_floods, fresh_keys_with_little_data_end_it)
{
	struct pair pair;

	open_without_ktls(&pair);
	mix(&pair, 1, 1, 1, TLS_UNPAID_MAX + 1);
	must(pair.server.closed && pair.server.closed_status == -EPROTO);
	must(pair.server.msgs == TLS_UNPAID_MAX);
	pair_close(&pair);
}

/* A ClientHello in records of one byte each, which OpenSSL collects. */
enum { HELLO_LEN = 65535, CRUMB = 6 };
static unsigned char crumbs[HELLO_LEN][CRUMB];

static void make_crumbs(void)
{
	static const unsigned char head[] = {1, HELLO_LEN >> 16, HELLO_LEN >> 8, HELLO_LEN & 0xff};

	for (size_t i = 0; i < HELLO_LEN; i++)
		memcpy(crumbs[i], (const unsigned char[]){22, 3, 1, 0, 1, i < 4 ? head[i] : 0},
		       CRUMB);
}

/* Somebody connects who will send crumbs. Returns the socket, and the server's end of it. */
static int come_with_crumbs(struct pair *pair, struct tp_conn **conn)
{
	int fd = test_socket_to(&pair->listener->addr);

	while (!pair->server.request)
		end_poll(&pair->server);
	must(!pair->ops->accept(pair->server.domain, pair->server.request, NULL, conn));
	pair->server.request = NULL;
	return fd;
}

Test(tls_floods, a_hello_in_crumbs_is_read_in_turns)
{
	uint64_t total = 0, most = 0;
	size_t sent = 0;
	struct pair pair;
	int fd;

	only_tls();
	make_crumbs();
	pair_prepare(&pair, NULL, NULL);
	fd = come_with_crumbs(&pair, &pair.server.conn);
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

enum { STRANGERS = 40, STRANGERS_A_POLL = 2 };

static uint64_t bytes_of(struct tp_conn *const strangers[])
{
	uint64_t bytes = 0;

	for (int i = 0; i < STRANGERS; i++)
		bytes += BIO_number_read(SSL_get_rbio(tcp_conn_of(strangers[i])->tls->ssl));
	return bytes;
}

/* Who is in does not wait for all who are at the door. */
Test(tls_floods, of_many_handshakes_a_poll_goes_on_with_few)
{
	enum { EACH = 2 * TLS_HANDSHAKE_TURN };
	struct tp_conn *strangers[STRANGERS];
	uint64_t before, most = 0;
	int fds[STRANGERS];
	struct pair pair;

	only_tls();
	make_crumbs();
	pair_open(&pair);
	for (int i = 0; i < STRANGERS; i++)
		fds[i] = come_with_crumbs(&pair, &strangers[i]);
	for (int i = 0; i < STRANGERS; i++)
		must(send(fds[i], crumbs, EACH, MSG_NOSIGNAL) == EACH);
	must(send_msg(&pair.client, "x", 1));
	pair.ops->flush(pair.client.conn);
	while (bytes_of(strangers) < (uint64_t)STRANGERS * EACH) {
		before = bytes_of(strangers);
		must(before < (uint64_t)STRANGERS * EACH / 2 || pair.server.msgs);
		end_poll(&pair.server);
		if (bytes_of(strangers) - before > most)
			most = bytes_of(strangers) - before;
	}
	must(most <= STRANGERS_A_POLL * TLS_HANDSHAKE_TURN);
	for (int i = 0; i < STRANGERS; i++) {
		pair.ops->conn_free(strangers[i]);
		close(fds[i]);
	}
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
