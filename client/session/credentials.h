/*
 * The key by which a mount proves its identity. key=NAME in the URL is the file NAME in the folder
 * $USRBIO_KEYS (/etc/usrbio/keys); without that it is the file $USRBIO_KEY; without either there is
 * no key, and loop:///DIR needs none. It is read again for each attempt to connect, so that a key
 * may be changed while a mount is in use.
 */
#ifndef USRBIO_CLIENT_SESSION_CREDENTIALS_H
#define USRBIO_CLIENT_SESSION_CREDENTIALS_H

#include <stdint.h>

#include "common/auth/secret.h"

struct mountspec;

struct credentials {
	char id[SECRET_ID_MAX + 1]; /* "": no key */
	uint8_t tag[TAG_SIZE];
	struct secret secret;
};

struct tp_tls_config;

/* Derive the parameters of TLS. 0, -EIO. */
int credentials_for_tls(const struct credentials *credentials, struct tp_tls_config *tls);
/*
 * Read credentials into a struct that is zeroed or was read before. 0, also if there is no key now
 * and there was none before. -EKEYREJECTED: the key cannot be used, and the struct stays as it is;
 * the log says why.
 */
int credentials_read(const struct mountspec *spec, struct credentials *credentials);

#endif
