/* HKDF by OpenSSL. This code has no state and owns nothing. Any thread may call it. */
#include "common/crypto/hkdf.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "common/crypto/openssl.h"

static OSSL_PARAM octets(const char *name, const void *data, size_t len)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)data, len);
}

static int derive(int mode, OSSL_PARAM key, OSSL_PARAM other, void *out, size_t len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		key,
		other,
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf;
	EVP_KDF_CTX *ctx;
	int done;

	openssl_begin();
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	done = ctx && EVP_KDF_derive(ctx, out, len, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return done ? 0 : -EIO;
}

int hkdf_extract(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		 uint8_t prk[HKDF_SIZE])
{
	return derive(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, octets(OSSL_KDF_PARAM_KEY, ikm, ikm_len),
		      octets(OSSL_KDF_PARAM_SALT, salt, salt_len), prk, HKDF_SIZE);
}

int hkdf_expand(const uint8_t prk[HKDF_SIZE], const char *info, uint8_t *out, size_t len)
{
	return derive(EVP_KDF_HKDF_MODE_EXPAND_ONLY, octets(OSSL_KDF_PARAM_KEY, prk, HKDF_SIZE),
		      octets(OSSL_KDF_PARAM_INFO, info, strlen(info)), out, len);
}
