/* How whoever uses OpenSSL here begins. */
#ifndef USRBIO_COMMON_AUTH_OPENSSL_H
#define USRBIO_COMMON_AUTH_OPENSSL_H

#include <openssl/crypto.h>

/*
 * Before the first call to it. A program that ends has its handlers run while threads of ours may
 * still shake hands, and OpenSSL's would free what they use. Only the first call that a process
 * makes decides: a program that uses OpenSSL earlier has its own way.
 */
static inline void openssl_begin(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

#endif
