/* HKDF (RFC 5869) with SHA-256. Both functions return 0, or -EIO if OpenSSL fails. */
#ifndef USRBIO_COMMON_CRYPTO_HKDF_H
#define USRBIO_COMMON_CRYPTO_HKDF_H

#include <stddef.h>
#include <stdint.h>

#define HKDF_SIZE 32

/* Extract a pseudorandom key from `ikm`, the input key material. */
int hkdf_extract(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		 uint8_t prk[HKDF_SIZE]);
/* Derive at most 255 * HKDF_SIZE bytes for the purpose `info`. */
int hkdf_expand(const uint8_t prk[HKDF_SIZE], const char *info, uint8_t *out, size_t len);

#endif
