/*
 * The exchange of a handshake: its transcript and its keys, computed by OpenSSL (X25519, HKDF,
 * HMAC-SHA-256). The connection owns it, and only the connection's thread uses it.
 */
#include "common/auth/exchange.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/crypto/hkdf.h"
#include "common/crypto/openssl.h"

static const char label[] = "usrbio handshake 1";
static const char *const key_names[NR_AUTH_KEYS] = {"server", "client", "session"};

/* Compute transcript = SHA-256(a, b). Returns 0 or -EIO. */
static int hash(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t transcript[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int done = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
		   EVP_DigestUpdate(ctx, a, a_len) && EVP_DigestUpdate(ctx, b, b_len) &&
		   EVP_DigestFinal_ex(ctx, transcript, NULL);

	EVP_MD_CTX_free(ctx);
	return done ? 0 : -EIO;
}

/* Compute the public half of a private key. Returns 0 or -EIO. */
static int public_half(const uint8_t own[AUTH_SHARE_SIZE], uint8_t share[AUTH_SHARE_SIZE])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, own, AUTH_SHARE_SIZE);
	size_t len = AUTH_SHARE_SIZE;
	int done = key && EVP_PKEY_get_raw_public_key(key, share, &len) == 1;

	EVP_PKEY_free(key);
	return done ? 0 : -EIO;
}

/*
 * Compute the common secret. Returns 0 or -EIO. -EKEYREJECTED: with this share everybody would know
 * the result.
 */
static int agree(const uint8_t own[AUTH_SHARE_SIZE], const uint8_t share[AUTH_SHARE_SIZE],
		 uint8_t *common)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, own, AUTH_SHARE_SIZE);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, share, AUTH_SHARE_SIZE);
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	size_t len = AUTH_SHARE_SIZE;
	int err = -EIO;

	if (peer && ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, peer) == 1)
		err = EVP_PKEY_derive(ctx, common, &len) == 1 ? 0 : -EKEYREJECTED;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(key);
	return err;
}

int exchange_begin(struct exchange *x, const void *binding, size_t len,
		   uint8_t nonce[AUTH_NONCE_SIZE], uint8_t share[AUTH_SHARE_SIZE])
{
	int err;

	openssl_begin();
	err = hash(label, strlen(label), binding, len, x->transcript);
	if (err)
		return err;
	if (getrandom(nonce, AUTH_NONCE_SIZE, 0) != AUTH_NONCE_SIZE ||
	    getrandom(x->own, sizeof(x->own), 0) != sizeof(x->own))
		return -EIO;
	return public_half(x->own, share);
}

int exchange_add(struct exchange *x, const void *frame, size_t len)
{
	return hash(x->transcript, sizeof(x->transcript), frame, len, x->transcript);
}

int exchange_keys(struct exchange *x, const struct secret *secret,
		  const uint8_t share[AUTH_SHARE_SIZE])
{
	uint8_t ikm[SECRET_SIZE + AUTH_SHARE_SIZE], prk[HKDF_SIZE];
	int err = agree(x->own, share, ikm + SECRET_SIZE);

	memcpy(ikm, secret->key, SECRET_SIZE);
	if (!err)
		err = hkdf_extract(x->transcript, sizeof(x->transcript), ikm, sizeof(ikm), prk);
	for (int i = 0; i < NR_AUTH_KEYS && !err; i++)
		err = hkdf_expand(prk, key_names[i], x->keys[i], AUTH_KEY_SIZE);
	OPENSSL_cleanse(ikm, sizeof(ikm));
	OPENSSL_cleanse(prk, sizeof(prk));
	OPENSSL_cleanse(x->own, sizeof(x->own));
	return err;
}

int exchange_mac_by(const struct exchange *x, const uint8_t key[AUTH_KEY_SIZE],
		    uint8_t mac[AUTH_MAC_SIZE])
{
	unsigned len = AUTH_MAC_SIZE;

	return HMAC(EVP_sha256(), key, AUTH_KEY_SIZE, x->transcript, sizeof(x->transcript), mac,
		    &len)
		       ? 0
		       : -EIO;
}

int exchange_mac(const struct exchange *x, enum auth_key key, uint8_t mac[AUTH_MAC_SIZE])
{
	return exchange_mac_by(x, x->keys[key], mac);
}

bool exchange_equal(const void *a, const void *b, size_t len)
{
	return !CRYPTO_memcmp(a, b, len);
}

bool exchange_check_by(const struct exchange *x, const uint8_t key[AUTH_KEY_SIZE],
		       const uint8_t mac[AUTH_MAC_SIZE])
{
	uint8_t own[AUTH_MAC_SIZE];

	return !exchange_mac_by(x, key, own) && exchange_equal(own, mac, sizeof(own));
}

bool exchange_check(const struct exchange *x, enum auth_key key, const uint8_t mac[AUTH_MAC_SIZE])
{
	return exchange_check_by(x, x->keys[key], mac);
}

void exchange_wipe(struct exchange *x)
{
	OPENSSL_cleanse(x, sizeof(*x));
}
