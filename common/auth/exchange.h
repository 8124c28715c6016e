/*
 * The exchange of one handshake, at either end: the transcript so far, and the keys that follow
 * from it and from the secret. proto/PROTOCOL.md, "Proving a key", defines what is computed. An
 * exchange does no I/O and allocates no memory, and one thread uses it. Each function returns 0, or
 * -EIO if OpenSSL fails, unless its comment says otherwise.
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
	uint8_t transcript[32];	      /* the hash of all frames so far */
	uint8_t own[AUTH_SHARE_SIZE]; /* the private half of this end's share */
	uint8_t keys[NR_AUTH_KEYS][AUTH_KEY_SIZE];
};

/*
 * Begin a handshake over a connection, which `binding` identifies. The caller sends the nonce and
 * the share.
 */
int exchange_begin(struct exchange *x, const void *binding, size_t len,
		   uint8_t nonce[AUTH_NONCE_SIZE], uint8_t share[AUTH_SHARE_SIZE]);
/* Add a frame of either end to the transcript: the whole frame, or its part before the MAC. */
int exchange_add(struct exchange *x, const void *frame, size_t len);
/* Derive the keys, once both shares are known. -EKEYREJECTED: the peer's share is invalid. */
int exchange_keys(struct exchange *x, const struct secret *secret,
		  const uint8_t share[AUTH_SHARE_SIZE]);
/* Compute the MAC of the transcript, by one of the keys or (_by) by a key of the caller. */
int exchange_mac(const struct exchange *x, enum auth_key key, uint8_t mac[AUTH_MAC_SIZE]);
int exchange_mac_by(const struct exchange *x, const uint8_t key[AUTH_KEY_SIZE],
		    uint8_t mac[AUTH_MAC_SIZE]);
/* True if `mac` is that MAC. The time does not depend on the bytes that differ. */
bool exchange_check(const struct exchange *x, enum auth_key key, const uint8_t mac[AUTH_MAC_SIZE]);
bool exchange_check_by(const struct exchange *x, const uint8_t key[AUTH_KEY_SIZE],
		       const uint8_t mac[AUTH_MAC_SIZE]);
/* True if both are equal. The time does not depend on the bytes that differ. */
bool exchange_equal(const void *a, const void *b, size_t len);
/* Overwrite all of it. */
void exchange_wipe(struct exchange *x);

#endif
