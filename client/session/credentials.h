/*
 * The key by which a mount proves who it is: key=NAME in its URL is the file NAME in the folder
 * $USRBIO_KEYS (/etc/usrbio/keys); without that it is the file $USRBIO_KEY; without either there is
 * none, and for loop:///DIR none is needed. Read again for each attempt to connect, so that a key
 * may be changed under a mount.
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

/* What TLS needs of them. 0, -EIO. */
int credentials_for_tls(const struct credentials *credentials, struct tp_tls_config *tls);
/*
 * Into zeroes, or what was read before. 0, also where there is none, and was none before.
 * -EKEYREJECTED: it cannot be used, and they stay as they are; the log says why.
 */
int credentials_read(const struct mountspec *spec, struct credentials *credentials);

#endif
