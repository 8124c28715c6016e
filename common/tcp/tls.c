/*
 * TLS for a connection, by OpenSSL. An object is its connection's and used by that one's thread;
 * the context and the method of BIOs are made once per process and stay.
 */
#include "common/tcp/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define RECORD_MAX 16384
#define LABEL	   "EXPORTER-usrbio"
/* The only cipher offered, and the hash that the keys are for. */
#define CIPHER "TLS_AES_128_GCM_SHA256"
static const unsigned char cipher_id[] = {0x13, 0x01};

struct tls {
	SSL *ssl;
	int fd;
	const struct tp_tls_config *config; /* who accepted: asked for the key */
	SSL_SESSION *session;		    /* who connects: its key */
	char identity[TP_IDENTITY_MAX];	    /* of the key in use; "": none known */
	bool accepted;
	bool offloaded; /* the kernel encrypts what is sent */
	bool heard;	/* anything came from the peer: */
	char first;	/* its first byte */
	bool drained;	/* the last receive left nothing in the socket */
	uint32_t held;	/* bytes of out, in a record the socket has not taken whole */
	char out[RECORD_MAX];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static SSL_CTX *context; /* NULL: no memory for it */
static BIO_METHOD *wire; /* a socket BIO that raises no SIGPIPE */
static int (*socket_read)(BIO *, char *, int);

static int wire_read(BIO *bio, char *buf, int len)
{
	struct tls *tls = BIO_get_app_data(bio);
	int got = socket_read(bio, buf, len);

	tls->drained = got < len;
	if (got > 0 && !tls->heard) {
		tls->heard = true;
		tls->first = *buf;
	}
	return got;
}

/*
 * With the kernel encrypting, what OpenSSL itself still sends is alerts, of two bytes. And answers
 * to those who ask for fresh keys; but the kernel would not take them.
 */
static ssize_t send_alert(int fd, const char *buf, int len)
{
	char control[CMSG_SPACE(1)] = {0};
	struct iovec iov = {(char *)buf, (size_t)len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (len != 2) {
		errno = EPROTO;
		return -1;
	}
	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = SSL3_RT_ALERT;
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static int wire_write(BIO *bio, const char *buf, int len)
{
	struct tls *tls = BIO_get_app_data(bio);
	ssize_t sent = BIO_get_ktls_send(bio) ? send_alert(tls->fd, buf, len)
					      : send(tls->fd, buf, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)sent;
}

static bool make_wire(void)
{
	const BIO_METHOD *plain = BIO_s_socket();

	wire = BIO_meth_new(BIO_TYPE_SOCKET, "usrbio");
	if (!wire)
		return false;
	socket_read = BIO_meth_get_read(plain);
	return BIO_meth_set_create(wire, BIO_meth_get_create(plain)) &&
	       BIO_meth_set_destroy(wire, BIO_meth_get_destroy(plain)) &&
	       BIO_meth_set_ctrl(wire, BIO_meth_get_ctrl(plain)) &&
	       BIO_meth_set_read(wire, wire_read) && BIO_meth_set_write(wire, wire_write);
}

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

/* An unknown name gets a key that nobody has: it fails as a wrong key does. */
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

static bool make_context(void)
{
	context = SSL_CTX_new(TLS_method());
	if (!context)
		return false;
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_ENABLE_KTLS);
	SSL_CTX_clear_options(context, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(context, 1); /* a record by one system call, not by two */
	SSL_CTX_set_psk_find_session_callback(context, on_name);
	SSL_CTX_set_psk_use_session_callback(context, on_hello);
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) &&
	       SSL_CTX_set_num_tickets(context, 0) && SSL_CTX_set_ciphersuites(context, CIPHER) &&
	       SSL_CTX_set1_groups_list(context, "X25519");
}

static void make_all(void)
{
	if (make_wire() && make_context())
		return;
	BIO_meth_free(wire);
	SSL_CTX_free(context);
	context = NULL;
}

/* The key of the end that connects. */
static bool take_key(struct tls *tls, const struct tp_tls_config *config)
{
	memcpy(tls->identity, config->identity, sizeof(tls->identity) - 1);
	tls->session = session_of(tls->ssl, config->psk);
	return tls->session;
}

static bool attach(struct tls *tls)
{
	BIO *bio;

	tls->ssl = SSL_new(context);
	bio = tls->ssl ? BIO_new(wire) : NULL;
	if (!bio)
		return false;
	BIO_set_fd(bio, tls->fd, BIO_NOCLOSE);
	BIO_set_app_data(bio, tls);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	if (tls->accepted)
		SSL_set_accept_state(tls->ssl);
	else
		SSL_set_connect_state(tls->ssl);
	return true;
}

int tls_open(const struct tp_tls_config *config, bool accepted, int fd, struct tls **out)
{
	struct tls *tls;

	if (!config || (accepted ? !config->find : !*config->identity)) {
		log_warn("a connection over TLS needs a key, and there is none");
		return -EKEYREJECTED;
	}
	pthread_once(&once, make_all);
	tls = context ? calloc(1, sizeof(*tls)) : NULL;
	if (!tls)
		return -ENOMEM;
	tls->config = config;
	tls->accepted = accepted;
	tls->fd = fd;
	if (!attach(tls) || (!accepted && !take_key(tls, config))) {
		ERR_clear_error();
		tls_close(tls);
		return -ENOMEM;
	}
	*out = tls;
	return 0;
}

void tls_close(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	SSL_SESSION_free(tls->session);
	free(tls);
}

/* What is left from elsewhere would be taken for ours. */
static void begin(void)
{
	ERR_clear_error();
	errno = 0;
}

static const char *reason(unsigned long error)
{
	const char *text = ERR_reason_error_string(error);

	return text ? text : "no reason given";
}

/*
 * What a call that did not succeed means, in errno's words; 0: the peer said goodbye. `err` is
 * errno after it. Leaves nothing in the thread's queue of errors, which belongs to the program.
 */
static int meaning(struct tls *tls, int ret, int err)
{
	int code = SSL_get_error(tls->ssl, ret);
	unsigned long first = ERR_peek_error();

	ERR_clear_error();
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
		return EAGAIN;
	if (code == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (code == SSL_ERROR_SYSCALL)
		return err ? err : ECONNRESET;
	if (ERR_GET_REASON(first) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
		log_warn("TLS: %s", reason(first));
	return ECONNRESET;
}

static int say_stranger(struct tls *tls)
{
	/* In the first words of a plain peer of ours, so that its log can say the same. */
	static const char alert[] = {SSL3_RT_ALERT,	     3, 3, 0, 2, SSL3_AL_FATAL,
				     SSL_AD_PROTOCOL_VERSION};

	log_warn("the %s does not speak TLS, and this connection is to be with it",
		 tls->accepted ? "client" : "server");
	send(tls->fd, alert, sizeof(alert), MSG_NOSIGNAL);
	return -EPROTO;
}

static int say_rejected(struct tls *tls, const char *why)
{
	if (!tls->accepted)
		log_warn("TLS: the server does not know the key %s, or has another one, or "
			 "something between here and there changed what was said: %s",
			 tls->identity, why);
	else
		log_warn("TLS: a client did not prove that it has the key %s: %s",
			 *tls->identity ? tls->identity : "it named, which is unknown", why);
	return -EKEYREJECTED;
}

static int handshake_failed(struct tls *tls, int ret)
{
	int code = SSL_get_error(tls->ssl, ret);
	unsigned long first = ERR_peek_error();

	ERR_clear_error();
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (tls->heard && tls->first != SSL3_RT_HANDSHAKE && tls->first != SSL3_RT_ALERT)
		return say_stranger(tls);
	if (code == SSL_ERROR_SYSCALL ||
	    ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return -ECONNREFUSED;
	return say_rejected(tls, reason(first));
}

int tls_handshake(struct tls *tls, uint8_t channel[TP_CHANNEL_SIZE])
{
	int ret;

	begin();
	ret = SSL_do_handshake(tls->ssl);
	if (ret != 1)
		return handshake_failed(tls, ret);
	/* A server may offer a certificate instead. It proves nothing to us. */
	if (!SSL_session_reused(tls->ssl))
		return say_rejected(tls, "it did without a key");
	if (SSL_export_keying_material(tls->ssl, channel, TP_CHANNEL_SIZE, LABEL, strlen(LABEL),
				       NULL, 0, 0) != 1)
		return -ENOMEM;
	tls->offloaded = BIO_get_ktls_send(SSL_get_wbio(tls->ssl));
	log_debug("TLS with key %s%s", tls->identity, tls->offloaded ? ", by the kernel" : "");
	return 0;
}

/* In TLS 1.3 a read never waits for room to write; only an answer to a KeyUpdate could. */
bool tls_wants_out(const struct tls *tls)
{
	return SSL_want_write(tls->ssl);
}

ssize_t tls_recv(struct tls *tls, const struct msghdr *msg)
{
	size_t got;
	int ret;

	begin();
	ret = SSL_read_ex(tls->ssl, msg->msg_iov->iov_base, msg->msg_iov->iov_len, &got);
	if (ret == 1)
		return (ssize_t)got;
	errno = meaning(tls, ret, errno);
	return errno ? -1 : 0;
}

bool tls_has_more(const struct tls *tls)
{
	return !tls->drained || SSL_has_pending(tls->ssl);
}

bool tls_holds(const struct tls *tls)
{
	return tls->held;
}

/* One record, whole: OpenSSL wants to see the same bytes until the socket has all of it. */
int tls_push(struct tls *tls)
{
	size_t sent;
	int ret;

	begin();
	ret = SSL_write_ex(tls->ssl, tls->out, tls->held, &sent);
	if (ret == 1) {
		tls->held = 0;
		return 0;
	}
	errno = meaning(tls, ret, errno);
	if (!errno)
		errno = EPIPE;
	return -1;
}

/* As much as fits a record. The segments are used up. */
static void gather(struct tls *tls, struct msghdr *msg)
{
	while (msg->msg_iovlen && tls->held < RECORD_MAX) {
		struct iovec *iov = msg->msg_iov;
		size_t n = RECORD_MAX - tls->held;

		if (n > iov->iov_len)
			n = iov->iov_len;
		memcpy(tls->out + tls->held, iov->iov_base, n);
		tls->held += (uint32_t)n;
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= n;
		if (!iov->iov_len) {
			msg->msg_iov++;
			msg->msg_iovlen--;
		}
	}
}

ssize_t tls_send(struct tls *tls, struct msghdr *msg, int flags)
{
	ssize_t taken = 0;

	if (tls->offloaded)
		return sendmsg(tls->fd, msg, flags);
	if (tls->held && tls_push(tls))
		return -1;
	while (msg->msg_iovlen) {
		gather(tls, msg);
		taken += tls->held;
		if (tls_push(tls))
			return errno == EAGAIN ? taken : -1;
	}
	return taken;
}

ssize_t tls_splice(struct tls *tls, int pipe, size_t len, unsigned flags)
{
	size_t taken = 0;

	if (tls->offloaded)
		return splice(pipe, NULL, tls->fd, NULL, len, flags);
	if (tls->held && tls_push(tls))
		return -1;
	while (taken < len) {
		size_t room = len - taken < RECORD_MAX ? len - taken : RECORD_MAX;
		ssize_t got = read(pipe, tls->out, room);

		if (got <= 0)
			return taken ? (ssize_t)taken : got;
		taken += (size_t)got;
		tls->held = (uint32_t)got;
		if (tls_push(tls))
			return errno == EAGAIN ? (ssize_t)taken : -1;
	}
	return (ssize_t)taken;
}

bool tls_farewell(struct tls *tls)
{
	int ret;

	begin();
	ret = SSL_shutdown(tls->ssl);
	return ret >= 0 || meaning(tls, ret, errno) != EAGAIN;
}
