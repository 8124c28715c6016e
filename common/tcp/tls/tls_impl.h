/* The struct and the helpers that tls*.c share. No other code of this provider uses OpenSSL. */
#ifndef USRBIO_COMMON_TCP_TLS_TLS_IMPL_H
#define USRBIO_COMMON_TCP_TLS_TLS_IMPL_H

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/tcp/tls/tls.h"

#define TLS_RECORD_MAX 16384

struct tls {
	SSL *ssl;
	int fd;
	const struct tp_tls_config *config; /* accepted: it finds the peer's key */
	SSL_SESSION *session;		    /* connecting: the key */
	char identity[TP_IDENTITY_MAX];	    /* of the key in use; "": not known */
	bool accepted;
	bool offloaded; /* the kernel encrypts what is sent */
	bool heard;	/* bytes have come from the peer */
	char first;	/* the first of them */
	bool drained;	/* the last receive left nothing in the socket */
	bool failed;	/* this end has sent the alert internal_error */
	bool refused;	/* the peer has sent it */
	uint8_t channel[TP_CHANNEL_SIZE];
	char why[TP_WHY_MAX];
	uint32_t held; /* bytes of `out` in a record that the socket has not taken completely */
	char out[TLS_RECORD_MAX];
};

/* tls_context.c: get the context of all connections, which is made once; NULL: no memory. */
SSL_CTX *tls_context(void);
/* Take the key of the end that connects. False: no memory. */
bool tls_take_key(struct tls *tls, const struct tp_tls_config *config);

/* tls_wire.c: make the BIO between OpenSSL and the socket of `tls`; NULL: no memory. */
BIO *tls_wire(struct tls *tls);

/* Clear old errors before a call, so that an error after it is really its own. */
static inline void tls_begin(void)
{
	ERR_clear_error();
	errno = 0;
}

static inline const char *tls_reason(unsigned long error)
{
	const char *text = ERR_reason_error_string(error);

	return text ? text : "no reason given";
}

#endif
