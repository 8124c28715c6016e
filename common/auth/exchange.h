/*
 * One handshake, at either end: what was said so far, and the keys that follow from it and from the
 * secret. PROTOCOL.md, "Proving a key", says what is computed. No I/O, no memory of its own; used
 * by one thread. Every function returns 0, or -EIO where the library of ciphers fails, but as
 * noted.
 */
#ifndef USRBIO_COMMON_AUTH_EXCHANGE_H
#define USRBIO_COMMON_AUTH_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auth/secret.h"

#define AUTH_NONCE_SIZE	 32
#define AUTH_SHARE_SIZE	 32 /* X25519 */
#define AUTH_MAC_SIZE	 32 /* HMAC-SHA-256 */
#define AUTH_KEY_SIZE	 32
#define AUTH_BINDING_MAX 64

enum auth_key { AUTH_SERVER, AUTH_CLIENT, AUTH_SESSION, NR_AUTH_KEYS };

struct exchange {
	uint8_t said[32];	      /* the hash of all that was said */
	uint8_t own[AUTH_SHARE_SIZE]; /* the private half of our share */
	uint8_t keys[NR_AUTH_KEYS][AUTH_KEY_SIZE];
};

/* A fresh one over a transport that `binding` tells from others; its nonce and share, to be sent.
 */
int exchange_begin(struct exchange *x, const void *binding, size_t len,
		   uint8_t nonce[AUTH_NONCE_SIZE], uint8_t share[AUTH_SHARE_SIZE]);
/* Something was said, by whichever end: a frame, up to its mac if it has one. */
int exchange_say(struct exchange *x, const void *frame, size_t len);
/* Both shares are known: draw the keys. -EKEYREJECTED: that share is none. */
int exchange_keys(struct exchange *x, const struct secret *secret,
		  const uint8_t share[AUTH_SHARE_SIZE]);
/* The mac of what was said, by one of the keys, or by one from elsewhere. */
int exchange_mac(const struct exchange *x, enum auth_key key, uint8_t mac[AUTH_MAC_SIZE]);
int exchange_mac_by(const struct exchange *x, const uint8_t key[AUTH_KEY_SIZE],
		    uint8_t mac[AUTH_MAC_SIZE]);
/* Is that it? Takes as long whatever differs. */
bool exchange_check(const struct exchange *x, enum auth_key key, const uint8_t mac[AUTH_MAC_SIZE]);
bool exchange_check_by(const struct exchange *x, const uint8_t key[AUTH_KEY_SIZE],
		       const uint8_t mac[AUTH_MAC_SIZE]);
/* Are they the same? The same. */
bool auth_equal(const void *a, const void *b, size_t len);
/* Forget everything. */
void exchange_wipe(struct exchange *x);

#endif
