/* The flooder's thread owns its connection; what it counts is atomic. */
#include "tests/evil/tls/flooder.h"

#include <endian.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/tcp/base/wire.h"
#include "common/transport/connect_params.h"
#include "proto/limits.h"
#include "tests/peer/wire.h"
#include "tests/support/must.h"
#include "tests/support/process.h"

struct flooder {
	pthread_t thread;
	const char *url;
	const struct tp_tls_config *key;
	const struct flood *flood;
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	uint64_t sent, most; /* on this connection, and the most on one that the server ended */
	_Atomic uint64_t total;
	atomic_bool stop;
};

static int use_key(SSL *ssl, const EVP_MD *md, const unsigned char **name, size_t *len,
		   SSL_SESSION **session)
{
	static const unsigned char cipher[] = {0x13, 0x01};
	const struct flooder *flooder = SSL_get_app_data(ssl);

	*session = SSL_SESSION_new();
	must(*session && SSL_SESSION_set1_master_key(*session, flooder->key->psk, TP_PSK_SIZE) &&
		     SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, cipher)) &&
		     SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION),
	     "a session");
	*name = (const unsigned char *)flooder->key->identity;
	*len = strlen(flooder->key->identity);
	return 1;
}

static bool stopped(const struct flooder *flooder)
{
	return atomic_load(&flooder->stop);
}

static void count(struct flooder *flooder, uint64_t bytes)
{
	flooder->sent += bytes;
	atomic_fetch_add(&flooder->total, bytes);
}

/* False: the server has left. */
static bool update_keys(struct flooder *flooder)
{
	BIO *bio = SSL_get_wbio(flooder->ssl);
	uint64_t before = BIO_number_written(bio);
	bool good = SSL_key_update(flooder->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
		    SSL_do_handshake(flooder->ssl) == 1;

	count(flooder, BIO_number_written(bio) - before);
	return good;
}

static bool say(struct flooder *flooder, const void *bytes, int len)
{
	count(flooder, (uint64_t)len);
	return SSL_write(flooder->ssl, bytes, len) == len;
}

void flood_crumbs(struct flooder *flooder)
{
	enum { LEN = 65535, CRUMB = 6 };
	static unsigned char crumbs[LEN][CRUMB];
	static const unsigned char head[] = {1, LEN >> 16, LEN >> 8, LEN & 0xff};
	ssize_t n = 0;

	for (size_t i = 0; i < LEN; i++)
		memcpy(crumbs[i], (const unsigned char[]){22, 3, 1, 0, 1, i < 4 ? head[i] : 0},
		       CRUMB);
	for (size_t at = 0; at < sizeof(crumbs) && n >= 0 && !stopped(flooder); at += (size_t)n) {
		n = send(flooder->fd, (char *)crumbs + at, sizeof(crumbs) - at, MSG_NOSIGNAL);
		count(flooder, n > 0 ? (uint64_t)n : 0);
	}
}

void flood_keys(struct flooder *flooder)
{
	if (SSL_connect(flooder->ssl) != 1)
		return;
	while (!stopped(flooder) && update_keys(flooder))
		;
}

void flood_hello(struct flooder *flooder)
{
	struct wire_header hdr = {.op = WIRE_MSG, .len = htole32(FRAME_MAX)};
	struct connect_params params;
	bool good = SSL_connect(flooder->ssl) == 1;

	connect_params_make(&params, FRAME_MAX, 32);
	good = good && say(flooder, &params, sizeof(params)) && say(flooder, &hdr, sizeof(hdr));
	while (good && !stopped(flooder))
		good = say(flooder, "\1", 1);
}

static void *go_on(void *arg)
{
	struct flooder *flooder = arg;

	while (!stopped(flooder)) {
		flooder->fd = wire_connect(flooder->url);
		flooder->ssl = SSL_new(flooder->context);
		must(flooder->ssl && SSL_set_fd(flooder->ssl, flooder->fd), "TLS");
		SSL_set_app_data(flooder->ssl, flooder);
		flooder->sent = 0;
		flooder->flood->body(flooder);
		if (!stopped(flooder) && flooder->sent > flooder->most)
			flooder->most = flooder->sent;
		SSL_free(flooder->ssl);
		close(flooder->fd);
	}
	return NULL;
}

struct flooder *flooder_start(const char *url, const struct tp_tls_config *key,
			      const struct flood *flood)
{
	struct flooder *flooder = calloc(1, sizeof(*flooder));

	must(flooder, "memory");
	flooder->url = url;
	flooder->key = key;
	flooder->flood = flood;
	flooder->context = SSL_CTX_new(TLS_client_method());
	must(flooder->context, "a context of TLS");
	SSL_CTX_set_psk_use_session_callback(flooder->context, use_key);
	must(!pthread_create(&flooder->thread, NULL, go_on, flooder), "thread");
	return flooder;
}

void flooder_await(struct flooder *flooder, uint64_t bytes)
{
	uint64_t until = atomic_load(&flooder->total) + bytes;

	while (atomic_load(&flooder->total) < until)
		nap_ms(1);
}

uint64_t flooder_stop(struct flooder *flooder)
{
	uint64_t most;

	atomic_store(&flooder->stop, true);
	pthread_join(flooder->thread, NULL);
	most = flooder->most;
	SSL_CTX_free(flooder->context);
	free(flooder);
	return most;
}
