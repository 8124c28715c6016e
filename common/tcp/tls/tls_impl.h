/* Inside tls*.c, which keep OpenSSL to themselves: the struct they share, and their helpers. */
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
	const struct tp_tls_config *config; /* who accepted: asked for the key */
	SSL_SESSION *session;		    /* who connects: its key */
	char identity[TP_IDENTITY_MAX];	    /* of the key in use; "": none known */
	bool accepted;
	bool offloaded; /* the kernel encrypts what is sent */
	bool heard;	/* anything came from the peer: */
	char first;	/* its first byte */
	bool drained;	/* the last receive left nothing in the socket */
	uint8_t channel[TP_CHANNEL_SIZE];
	char why[TP_WHY_MAX];
	uint32_t held; /* bytes of out, in a record the socket has not taken whole */
	char out[TLS_RECORD_MAX];
};

/* tls_context.c: the context of all connections, made once; NULL: no memory. */
SSL_CTX *tls_context(void);
/* The key of the end that connects. */
bool tls_take_key(struct tls *tls, const struct tp_tls_config *config);

/* tls_wire.c: what is between OpenSSL and the socket of `tls`, once it has one; NULL: no memory. */
BIO *tls_wire(struct tls *tls);

/* Before a call whose error is looked at: what is left from elsewhere would be taken for ours. */
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
