/*
 * The key by which a mount proves its identity. The option key=NAME of a URL names the file NAME in
 * the folder $USRBIO_KEYS, or /etc/usrbio/keys. Without the option, $USRBIO_KEY is the path of the
 * file. Without both there is no key. A mount loop:///DIR needs none. The file is read again for
 * each attempt to connect, so that a key may be changed while a mount is in use. The session owns
 * its credentials; the reconnector's thread.
 */
#ifndef USRBIO_CLIENT_SESSION_CREDENTIALS_H
#define USRBIO_CLIENT_SESSION_CREDENTIALS_H

#include <stdint.h>

#include "common/auth/secret.h"

struct mountspec;

struct credentials {
	char id[SECRET_ID_MAX + 1]; /* of the client; "": there is no key */
	uint8_t tag[TAG_SIZE];
	struct secret secret;
};

struct tp_tls_config;

/* Derive the parameters of TLS; without a key they are zeroes. 0; -EIO: the cipher failed. */
int credentials_for_tls(const struct credentials *credentials, struct tp_tls_config *tls);
/*
 * Read credentials into a struct that is zeroed or was read before. 0, also if there is no key now
 * and there was none before. -EKEYREJECTED: the key cannot be used, and the struct stays as it is;
 * the log says why.
 */
int credentials_read(const struct mountspec *spec, struct credentials *credentials);

#endif
