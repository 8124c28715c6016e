/*
 * A secret that a client and a server share: what proves the one to the other. With what names it,
 * which is no secret.
 */
#ifndef USRBIO_COMMON_AUTH_SECRET_H
#define USRBIO_COMMON_AUTH_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_SIZE   32
#define SECRET_ID_MAX 64 /* characters of an id: letters, digits, '_', '.', '-' */
#define TAG_SIZE      4	 /* tells the keys of an id apart */

struct secret {
	uint8_t key[SECRET_SIZE];
};

/* 0, -EIO: no randomness. */
int secret_draw(struct secret *secret);
void secret_wipe(struct secret *secret);
/* What follows from it, for one purpose, and tells nothing about it. 0, -EIO. */
int secret_derive(const struct secret *secret, const char *purpose, uint8_t *out, size_t len);
int secret_tag(const struct secret *secret, uint8_t tag[TAG_SIZE]);

/*
 * By what TLS knows it: "ID.TAG", the tag in hexadecimal digits, and a key that follows from it.
 * secret_of_identity takes an identity apart: false if it is none.
 */
#define IDENTITY_MAX (SECRET_ID_MAX + 1 + 2 * TAG_SIZE + 1)
#define PSK_SIZE     32
void secret_identity(const char *id, const uint8_t tag[TAG_SIZE], char identity[IDENTITY_MAX]);
bool secret_of_identity(const char *identity, char id[SECRET_ID_MAX + 1], uint8_t tag[TAG_SIZE]);
int secret_psk(const struct secret *secret, uint8_t psk[PSK_SIZE]);

bool secret_id_ok(const char *id, size_t len);

#endif
