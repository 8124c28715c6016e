/*
 * A secret that a client and a server share, and by which each proves its identity to the other.
 * The names of a secret are public. The caller owns it.
 */
#ifndef USRBIO_COMMON_AUTH_SECRET_H
#define USRBIO_COMMON_AUTH_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_SIZE   32
#define SECRET_ID_MAX 64 /* characters of an id: letters, digits, '_', '.', '-' */
#define TAG_SIZE      4	 /* bytes that tell the keys of one id apart */

struct secret {
	uint8_t key[SECRET_SIZE];
};

/* Fill it with random bytes. Returns 0; -EIO: the system has none. */
int secret_draw(struct secret *secret);
/* Overwrite it. */
void secret_wipe(struct secret *secret);
/* Derive bytes for one purpose, which reveal nothing about the secret. Returns 0 or -EIO. */
int secret_derive(const struct secret *secret, const char *purpose, uint8_t *out, size_t len);
/* Derive the tag, which is public. Returns 0 or -EIO. */
int secret_tag(const struct secret *secret, uint8_t tag[TAG_SIZE]);

/*
 * The values that TLS uses: the identity "ID.TAG", with the tag in hexadecimal digits, and a key
 * that is derived from the secret. secret_of_identity() parses an identity. False: the text is no
 * identity.
 */
#define IDENTITY_MAX (SECRET_ID_MAX + 1 + 2 * TAG_SIZE + 1)
#define PSK_SIZE     32
void secret_identity(const char *id, const uint8_t tag[TAG_SIZE], char identity[IDENTITY_MAX]);
bool secret_of_identity(const char *identity, char id[SECRET_ID_MAX + 1], uint8_t tag[TAG_SIZE]);
int secret_psk(const struct secret *secret, uint8_t psk[PSK_SIZE]);

/* True if these len characters are a valid id. */
bool secret_id_ok(const char *id, size_t len);

#endif
