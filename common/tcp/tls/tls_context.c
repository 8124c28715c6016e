/*
 * The OpenSSL context of all connections. It allows only TLS 1.3 with external pre-shared keys, and
 * has the callbacks that find the keys. The process owns it: it is made once and never freed. Any
 * thread may use it.
 */
#include "common/tcp/tls/tls_impl.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "common/crypto/openssl.h"

/* The only cipher that is offered; its hash is the one that the keys are made for. */
#define CIPHER "TLS_AES_128_GCM_SHA256"
static const unsigned char cipher_id[] = {0x13, 0x01};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static SSL_CTX *context;

static SSL_SESSION *session_of(SSL *ssl, const uint8_t psk[TP_PSK_SIZE])
{
	SSL_SESSION *session = SSL_SESSION_new();

	if (session && SSL_SESSION_set1_master_key(session, psk, TP_PSK_SIZE) &&
	    SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, cipher_id)) &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static bool find_key(struct tls *tls, const unsigned char *name, size_t len, uint8_t *psk)
{
	if (len >= sizeof(tls->identity) || memchr(name, '\0', len))
		return false;
	memcpy(tls->identity, name, len);
	tls->identity[len] = '\0';
	if (!tls->config->find(tls->config->arg, tls->identity, psk))
		return true;
	tls->identity[0] = '\0';
	return false;
}

/* An unknown name gets a random key, so that it fails like a wrong key. */
static int on_name(SSL *ssl, const unsigned char *name, size_t len, SSL_SESSION **session)
{
	uint8_t psk[TP_PSK_SIZE];

	*session = NULL;
	if (find_key(SSL_get_app_data(ssl), name, len, psk) || RAND_bytes(psk, sizeof(psk)) == 1)
		*session = session_of(ssl, psk);
	OPENSSL_cleanse(psk, sizeof(psk));
	return *session != NULL;
}

static int on_hello(SSL *ssl, const EVP_MD *md, const unsigned char **name, size_t *len,
		    SSL_SESSION **session)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (!tls->session || !SSL_SESSION_up_ref(tls->session))
		return 0;
	*name = (const unsigned char *)tls->identity;
	*len = strlen(tls->identity);
	*session = tls->session;
	return 1;
}

bool tls_take_key(struct tls *tls, const struct tp_tls_config *config)
{
	memcpy(tls->identity, config->identity, sizeof(tls->identity) - 1);
	tls->session = session_of(tls->ssl, config->psk);
	return tls->session;
}

/*
 * Note the alert internal_error. By the rules of TLS it says that the end that sends it failed for
 * a reason of its own. Here it also says that a server takes no connection: tls_refuse().
 */
static void on_info(const SSL *ssl, int where, int value)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (!(where & SSL_CB_ALERT) || (value & 0xff) != SSL_AD_INTERNAL_ERROR)
		return;
	if (where & SSL_CB_WRITE)
		tls->failed = true;
	else
		tls->refused = true;
}

/*
 * Count the messages of TLS itself that come. After too many, let OpenSSL discard what it has read
 * ahead, as behind a farewell: tls_recv() ends the connection.
 */
static void on_message(int sent, int version, int type, const void *buf, size_t len, SSL *ssl,
		       void *arg)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (!sent && type == SSL3_RT_HANDSHAKE && ++tls->nr_unpaid > TLS_UNPAID_MAX)
		SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

static bool set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_ENABLE_KTLS);
	SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx, 1); /* reads a record by one system call instead of two */
	SSL_CTX_set_info_callback(ctx, on_info);
	SSL_CTX_set_msg_callback(ctx, on_message);
	SSL_CTX_set_psk_find_session_callback(ctx, on_name);
	SSL_CTX_set_psk_use_session_callback(ctx, on_hello);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
	       SSL_CTX_set_num_tickets(ctx, 0) && SSL_CTX_set_ciphersuites(ctx, CIPHER) &&
	       SSL_CTX_set1_groups_list(ctx, "X25519");
}

static void make_context(void)
{
	openssl_begin();
	context = SSL_CTX_new(TLS_method());
	if (context && !set_up(context)) {
		SSL_CTX_free(context);
		context = NULL;
	}
}

SSL_CTX *tls_context(void)
{
	pthread_once(&once, make_context);
	return context;
}
