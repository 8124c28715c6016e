/*
 * Whom the server knows: ids, their keys, and what each may do, as a file says (keyfile.h). Read
 * again on demand; until then nothing in it changes. Any thread.
 *
 *	[alice]
 *	key = 64 hexadecimal digits	a second one while the first is taken out of use
 *	export = data:rw		or NAME:ro; *:ro for all; as many as one likes
 *	uid = 1000			do everything of theirs as this user, with gid
 *	gid = 1000
 *	max-inflight = 64		limits below those of the server: max-files, too
 *	max-connections = 8		of all their sessions together
 */
#ifndef USRBIO_SERVER_SESSION_KEYRING_H
#define USRBIO_SERVER_SESSION_KEYRING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/auth/secret.h"

struct keyring;

/* The name of a key, without the secret. */
struct key_name {
	char id[SECRET_ID_MAX + 1]; /* "": none */
	uint8_t tag[TAG_SIZE];
};

/* What the owner of a key may do at an export. */
struct permit {
	bool read_only;
	bool as_user; /* uid and gid are to be used */
	uid_t uid;
	gid_t gid;
	uint32_t max_inflight, max_files, max_connections; /* 0: what the server allows */
};

bool keyring_permit_equal(const struct permit *a, const struct permit *b);

/* Open a keyring file. 0, or -errno after a line in the log that says what is wrong. */
int keyring_open(struct keyring **keyring, const char *path);
void keyring_close(struct keyring *keyring);
/* Read the file again; if that fails the old keyring stays in use. */
int keyring_reload(struct keyring *keyring);

/* The number of ids in the keyring. */
unsigned keyring_size(struct keyring *keyring);

/*
 * Get the secret of a key. False: the key is unknown, and *secret stays as it was. Both take the
 * same time.
 */
bool keyring_secret(struct keyring *keyring, const struct key_name *name, struct secret *secret);
/* The key for TLS that goes with an identity. `keyring` is one. 0, -ENOENT, -EIO. */
int keyring_psk(void *keyring, const char *identity, uint8_t psk[PSK_SIZE]);
/* True if this id has a key and a grant for the export. */
bool keyring_knows(struct keyring *keyring, const char *id, const char *export);
/*
 * Get what the owner of a key may do at an export. 0; -ENOENT: nothing; -EKEYREJECTED: the key is
 * not in the keyring.
 */
int keyring_permits(struct keyring *keyring, const struct key_name *name, const char *export,
		    struct permit *permit);

#endif
