/* What each user of OpenSSL here calls first. */
#ifndef USRBIO_COMMON_CRYPTO_OPENSSL_H
#define USRBIO_COMMON_CRYPTO_OPENSSL_H

#include <openssl/crypto.h>

/*
 * Call this before the first call to OpenSSL; any thread. A program that exits runs its exit
 * handlers while our threads may still shake hands, and OpenSSL's handler would free what they use.
 * Only the first such call of a process counts: a program that uses OpenSSL earlier decides for
 * itself.
 */
static inline void openssl_begin(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

#endif
