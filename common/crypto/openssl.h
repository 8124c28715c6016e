/* The function that each user of OpenSSL here calls first. */
#ifndef USRBIO_COMMON_CRYPTO_OPENSSL_H
#define USRBIO_COMMON_CRYPTO_OPENSSL_H

#include <openssl/crypto.h>
#include <stdbool.h>

/*
 * Keep OpenSSL from freeing its memory in an exit handler. Any thread calls this before its first
 * call to OpenSSL. When a program exits, threads of the library may still run a handshake and use
 * that memory. Only the first such call of a process counts: a program that uses OpenSSL earlier
 * decides for itself.
 */
static inline void openssl_begin(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

/* False: the exit handler of OpenSSL, which belongs to the program then, has freed its memory. */
static inline bool openssl_is_up(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

#endif
