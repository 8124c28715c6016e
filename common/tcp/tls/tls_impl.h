/* The struct and the helpers that tls*.c share. No other code of this provider uses OpenSSL. */
#ifndef USRBIO_COMMON_TCP_TLS_TLS_IMPL_H
#define USRBIO_COMMON_TCP_TLS_TLS_IMPL_H

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/tcp/tls/tls.h"

#define TLS_RECORD_MAX 16384

/*
 * The most bytes that one call of OpenSSL takes from the socket: during the handshake, and after
 * it, when the limit is more than OpenSSL asks for at once and more than a record of any length.
 */
#define TLS_HANDSHAKE_TURN 4096u
#define TLS_TURN	   17408u
/*
 * The most messages of TLS itself, such as a KeyUpdate, that may come unpaid. This many bytes of
 * data pay for one.
 */
#define TLS_PRICE      16384u
#define TLS_UNPAID_MAX 8

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
	uint32_t turn;	/* bytes that the call of OpenSSL under way may still take */
	int nr_unpaid;	/* messages of TLS itself that no data has paid for */
	uint32_t paid;	/* bytes of data towards the price of the next, if there is one */
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

/*
 * Begin a call of OpenSSL, which may take `turn` bytes from the socket. What is left waits there,
 * and epoll reports it again. Old errors are cleared, so that an error after the call is its own.
 */
static inline void tls_begin(struct tls *tls, uint32_t turn)
{
	ERR_clear_error();
	errno = 0;
	tls->turn = turn;
}

static inline const char *tls_reason(unsigned long error)
{
	const char *text = ERR_reason_error_string(error);

	return text ? text : "no reason given";
}

#endif
