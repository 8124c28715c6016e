/* The tls provider and programs that are not ours: OpenSSL's own ends, played by hand. */
#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/transport/connect_params.h"
#include "common/tcp/base/wire.h"
#include "tests/transport/harness.h"
#include "tests/transport/tls/only_tls.h"
#include "tests/transport/plain.h"

/* A server of somebody else's, with a certificate that it has made itself. */
static SSL_CTX *certified(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *cert = X509_new();

	must(context && key && cert && SSL_CTX_set_num_tickets(context, 0));
	must(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
	must(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	must(X509_set_pubkey(cert, key) && X509_sign(cert, key, NULL));
	must(SSL_CTX_use_certificate(context, cert) && SSL_CTX_use_PrivateKey(context, key));
	X509_free(cert);
	EVP_PKEY_free(key);
	return context;
}

Test(tls_strangers, a_server_with_a_certificate_and_no_key)
{
	SSL_CTX *context;
	struct tp_addr addr;
	struct pair pair;
	int listener, fd;
	SSL *ssl;

	only_tls();
	signal(SIGPIPE, SIG_IGN); /* OpenSSL's own sockets raise it */
	context = certified();
	ssl = SSL_new(context);
	pair_prepare(&pair, NULL, NULL);
	listener = test_listen_plainly(&addr);
	must(!pair.ops->connect(pair.client.domain, pair.device, &addr, CONNECT_MS, NULL,
				&pair.client.conn));
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	must(fd >= 0 && ssl && SSL_set_fd(ssl, fd));
	while (!pair.client.closed) {
		SSL_accept(ssl);
		end_poll(&pair.client);
	}
	SSL_accept(ssl);
	must(SSL_is_init_finished(ssl)); /* TLS itself had nothing against it */
	must(pair.client.closed_status == -EKEYREJECTED && !pair.client.connected);
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	close(listener);
	pair_close(&pair);
}

/* A client of somebody else's, which has the key or not. */
struct stranger {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	struct pair pair;
	struct end *server;
};

static unsigned tickets;

static int use_key(SSL *ssl, const EVP_MD *md, const unsigned char **name, size_t *len,
		   SSL_SESSION **session)
{
	static const unsigned char cipher[] = {0x13, 0x01};

	*session = SSL_SESSION_new();
	must(*session && SSL_SESSION_set1_master_key(*session, test_keys.psk, TP_PSK_SIZE));
	must(SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, cipher)));
	must(SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION));
	*name = (const unsigned char *)test_keys.identity;
	*len = strlen(test_keys.identity);
	return 1;
}

static unsigned use_key_of_old(SSL *ssl, const char *hint, char *name, unsigned max_name,
			       unsigned char *psk, unsigned max)
{
	must(max_name >= TP_IDENTITY_MAX && max >= TP_PSK_SIZE);
	strcpy(name, test_keys.identity);
	memcpy(psk, test_keys.psk, TP_PSK_SIZE);
	return TP_PSK_SIZE;
}

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
	tickets++;
	return 0;
}

static void stranger_open(struct stranger *who, int version, bool has_key)
{
	struct pair *pair = &who->pair;

	who->server = &pair->server;
	who->context = SSL_CTX_new(TLS_client_method());
	must(who->context && SSL_CTX_set_max_proto_version(who->context, version));
	SSL_CTX_set_session_cache_mode(who->context, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(who->context, count_ticket);
	if (has_key && version == TLS1_3_VERSION)
		SSL_CTX_set_psk_use_session_callback(who->context, use_key);
	else if (has_key)
		SSL_CTX_set_psk_client_callback(who->context, use_key_of_old);
	pair_prepare(pair, NULL, NULL);
	who->fd = test_socket_to(&pair->listener->addr);
	must(!fcntl(who->fd, F_SETFL, O_NONBLOCK));
	who->ssl = SSL_new(who->context);
	must(who->ssl && SSL_set_fd(who->ssl, who->fd));
	while (!pair->server.request)
		end_poll(&pair->server);
	must(!pair->ops->accept(pair->server.domain, pair->server.request, NULL,
				&pair->server.conn));
	pair->server.request = NULL;
	signal(SIGPIPE, SIG_IGN); /* OpenSSL's own sockets raise it */
}

static void stranger_close(struct stranger *who)
{
	SSL_free(who->ssl);
	SSL_CTX_free(who->context);
	close(who->fd);
	pair_close(&who->pair);
}

static void not_let_in(int version, bool has_key)
{
	struct stranger who;

	stranger_open(&who, version, has_key);
	while (!who.server->closed) {
		SSL_connect(who.ssl);
		end_poll(who.server);
	}
	must(who.server->closed_status == -EKEYREJECTED && !who.server->connected);
	must(!SSL_is_init_finished(who.ssl));
	stranger_close(&who);
}

Test(tls_strangers, an_older_version_even_with_the_key)
{
	only_tls();
	not_let_in(TLS1_2_VERSION, true);
}

Test(tls_strangers, a_client_that_offers_no_key)
{
	only_tls();
	not_let_in(TLS1_3_VERSION, false);
}

static void hear(struct stranger *who, void *buf, int len)
{
	int got = 0, n;

	for (; got<len; got += n> 0 ? n : 0) {
		n = SSL_read(who->ssl, (char *)buf + got, len - got);
		end_poll(who->server);
		must(n > 0 || SSL_get_error(who->ssl, n) == SSL_ERROR_WANT_READ);
	}
}

static void enter(struct stranger *who)
{
	struct connect_params mine, theirs;

	while (SSL_connect(who->ssl) != 1) {
		must(!who->server->closed);
		end_poll(who->server);
	}
	connect_params_make(&mine, DEFAULT_MSG, 32);
	must(SSL_write(who->ssl, &mine, sizeof(mine)) == sizeof(mine));
	hear(who, &theirs, sizeof(theirs));
	must(!connect_params_check(&theirs, &theirs, NULL));
}

struct said {
	struct wire_header hdr;
	char text;
} __attribute__((packed));

static void say(struct stranger *who, char text)
{
	struct said mine = {.hdr = {.op = WIRE_MSG, .len = htole32(1)}, .text = text};

	must(SSL_write(who->ssl, &mine, sizeof(mine)) == sizeof(mine));
}

static void answer(struct stranger *who)
{
	struct said theirs;

	must(send_msg(who->server, "y", 1));
	who->pair.ops->flush(who->server->conn);
	hear(who, &theirs, sizeof(theirs));
	must(theirs.text == 'y');
}

Test(tls_strangers, a_client_of_another_make_with_the_key)
{
	struct stranger who;

	only_tls();
	stranger_open(&who, TLS1_3_VERSION, true);
	enter(&who);
	must(!strcmp(SSL_get_cipher_name(who.ssl), "TLS_AES_128_GCM_SHA256"));
	say(&who, 'x');
	while (!who.server->msgs)
		end_poll(who.server);
	answer(&who);
	must(!tickets);
	stranger_close(&who);
}

/* Ours never ask for fresh keys. Who does gets them, but not of a kernel that encrypts. */
Test(tls_strangers, one_that_asks_for_fresh_keys)
{
	bool kernel = access("/proc/net/tls_stat", F_OK) == 0;
	struct stranger who;

	only_tls();
	stranger_open(&who, TLS1_3_VERSION, true);
	enter(&who);
	for (unsigned i = 1; i < 5 && !who.server->closed; i++) {
		must(SSL_key_update(who.ssl, SSL_KEY_UPDATE_REQUESTED));
		say(&who, 'x');
		while (who.server->msgs < i && !who.server->closed)
			end_poll(who.server);
		if (!kernel)
			answer(&who);
	}
	must(!who.server->closed == !kernel);
	must(who.server->closed_status == (kernel ? -EPROTO : 0));
	stranger_close(&who);
}

/* After the handshake of TLS, and before anything of ours. */
Test(tls_strangers, one_that_sends_nothing_but_fresh_keys)
{
	struct stranger who;

	only_tls();
	stranger_open(&who, TLS1_3_VERSION, true);
	while (SSL_connect(who.ssl) != 1) {
		must(!who.server->closed);
		end_poll(who.server);
	}
	while (!who.server->closed) {
		if (SSL_key_update(who.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
			SSL_do_handshake(who.ssl);
		end_poll(who.server);
	}
	must(who.server->closed_status == -EPROTO && !who.server->connected);
	must(strstr(who.server->conn->why, "such as KeyUpdate"));
	stranger_close(&who);
}
