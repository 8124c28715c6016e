/*
 * The persistent names of files as clients get them: the name that the store gave, sealed by the
 * server. The seal proves to a later server, with the same key, that this client was allowed to
 * open the file with these flags. Any thread may call these functions.
 */
#ifndef USRBIO_SERVER_CALLS_PERSISTENT_H
#define USRBIO_SERVER_CALLS_PERSISTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auth/secret.h"
#include "proto/message.h"
#include "server/account/keyring.h"

struct export;
struct store_file;

/* The client whose names they are, and what they are sealed with. */
struct persistent_owner {
	const struct secret *key; /* of the server */
	const struct export *export;
	struct permit permit;
	char id[SECRET_ID_MAX + 1]; /* "": it has no key */
};

/* Seal the name of a file that the client has opened. Returns its length; 0: it has none. */
size_t persistent_seal(const struct persistent_owner *owner, const struct store_file *file,
		       uint8_t sealed[PERSISTENT_MAX]);
/*
 * Open a name that a client sent. *name is the store's name, in the same memory. *proven is true if
 * a server with this key sealed it for this client, with the access modes of `flags` or more.
 * Returns 0. -ESTALE: it is no name of a file of this export.
 */
int persistent_open(const struct persistent_owner *owner, struct bytes sealed, uint32_t flags,
		    struct bytes *name, bool *proven);

#endif
