/*
 * The TLS of a connection: how it is made, secured by a handshake, and freed. tls_stream.c moves
 * the bytes. The connection owns it, and only the connection's thread uses it.
 */
#include "common/tcp/tls/tls_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

#define LABEL "EXPORTER-usrbio"

static bool attach(struct tls *tls)
{
	SSL_CTX *context = tls_context();
	BIO *bio;

	tls->ssl = context ? SSL_new(context) : NULL;
	bio = tls->ssl ? tls_wire(tls) : NULL;
	if (!bio)
		return false;
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	if (tls->accepted)
		SSL_set_accept_state(tls->ssl);
	else
		SSL_set_connect_state(tls->ssl);
	return true;
}

/* Report why OpenSSL has no TLS for a connection: -ENOMEM, or -EIO after a line in the log. */
static int cannot_begin(void)
{
	unsigned long error = ERR_peek_error();

	ERR_clear_error();
	if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
		return -ENOMEM;
	log_peer("TLS cannot begin here, because of a failure in getrandom or OpenSSL: %s",
		 tls_reason(error));
	return -EIO;
}

int tls_open(const struct tp_tls_config *config, bool accepted, int fd, struct tls **out)
{
	struct tls *tls;

	if (!config || (accepted ? !config->find : !*config->identity)) {
		log_peer("a connection over TLS needs a key, and there is none");
		return -EKEYREJECTED;
	}
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return -ENOMEM;
	tls->config = config;
	tls->accepted = accepted;
	tls->fd = fd;
	if (!attach(tls) || (!accepted && !tls_take_key(tls, config))) {
		tls_close(tls);
		return cannot_begin();
	}
	*out = tls;
	return 0;
}

const char *tls_why(const struct tls *tls)
{
	return tls->why;
}

void tls_close(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	SSL_SESSION_free(tls->session);
	free(tls);
}

/* Send a fatal alert of TLS, unencrypted, without OpenSSL. */
static void send_alert(int fd, char description)
{
	const char alert[] = {SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, description};

	send(fd, alert, sizeof(alert), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void tls_refuse(int fd)
{
	send_alert(fd, SSL_AD_INTERNAL_ERROR);
}

/* By this alert a peer of this project that speaks no TLS knows the cause. */
static int say_stranger(struct tls *tls)
{
	snprintf(tls->why, sizeof(tls->why), "does not speak TLS%s",
		 tls->accepted ? "" : ": use tcp://, without tls=required");
	send_alert(tls->fd, SSL_AD_PROTOCOL_VERSION);
	return -EPROTONOSUPPORT;
}

static int say_failed(struct tls *tls, unsigned long error)
{
	snprintf(tls->why, sizeof(tls->why), "got no answer, because OpenSSL failed here: %s",
		 tls_reason(error));
	return -EIO;
}

static int say_rejected(struct tls *tls, const char *why)
{
	if (!tls->accepted)
		snprintf(tls->why, sizeof(tls->why),
			 "rejects our key: unknown id, wrong key, or messages were changed on the "
			 "network (TLS: %s)",
			 why);
	else
		snprintf(tls->why, sizeof(tls->why), "has not proved the key %s (TLS: %s)",
			 *tls->identity ? tls->identity : "it named, which is unknown", why);
	return -EKEYREJECTED;
}

static int handshake_failed(struct tls *tls, int ret)
{
	int code = SSL_get_error(tls->ssl, ret);
	unsigned long first = ERR_peek_error();

	ERR_clear_error();
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
		return -EINPROGRESS;
	if (tls->refused) {
		snprintf(tls->why, sizeof(tls->why), "%s, or its TLS fails", TP_WHY_BUSY);
		return -EAGAIN;
	}
	if (tls->failed)
		return say_failed(tls, first);
	if (tls->heard && tls->first != SSL3_RT_HANDSHAKE && tls->first != SSL3_RT_ALERT)
		return say_stranger(tls);
	if (code == SSL_ERROR_SYSCALL ||
	    ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return -ECONNABORTED;
	return say_rejected(tls, tls_reason(first));
}

int tls_handshake(struct tls *tls, const uint8_t **channel)
{
	int ret;

	tls_begin(tls, TLS_HANDSHAKE_TURN);
	ret = SSL_do_handshake(tls->ssl);
	if (ret != 1)
		return handshake_failed(tls, ret);
	/* A server may use a certificate instead of the key, but that proves nothing here. */
	if (!SSL_session_reused(tls->ssl))
		return say_rejected(tls, "it did not use a key");
	if (SSL_export_keying_material(tls->ssl, tls->channel, TP_CHANNEL_SIZE, LABEL,
				       strlen(LABEL), NULL, 0, 0) != 1)
		return -ENOMEM;
	tls->nr_unpaid = 0;
	tls->offloaded = BIO_get_ktls_send(SSL_get_wbio(tls->ssl));
	log_debug("TLS with key %s%s", tls->identity, tls->offloaded ? ", by the kernel" : "");
	*channel = tls->channel;
	return 0;
}

/* In TLS 1.3 a read waits for room to write only if it has to answer a KeyUpdate. */
bool tls_wants_out(const struct tls *tls)
{
	return SSL_want_write(tls->ssl);
}
