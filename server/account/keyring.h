/*
 * The keyring: the ids that the server knows, their keys, and their permissions. It is read from a
 * file (keyfile.h), and changes only when the file is read again. Any thread may use it.
 *
 *	[alice]
 *	key = 64 hexadecimal digits	a second line replaces the first key without a gap
 *	export = data:rw		or NAME:ro; *:ro is for all exports; any number of lines
 *	uid = 1000			do the calls of this id as this user and group
 *	gid = 1000
 *	max-inflight = 64		I/Os of one connection, below the server's limit
 *	max-connections = 8		of all clients of this id together;
 *					also max-sessions, and max-files that are open
 *	max-bytes-per-second = 100000000	the same; read and written
 *	max-ios-per-second = 5000	the same
 */
#ifndef USRBIO_SERVER_ACCOUNT_KEYRING_H
#define USRBIO_SERVER_ACCOUNT_KEYRING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/auth/secret.h"
#include "server/account/rates.h"

struct keyring;

/* The name of a key, which is public. */
struct key_name {
	char id[SECRET_ID_MAX + 1]; /* "": none */
	uint8_t tag[TAG_SIZE];
};

/* The permissions of the owner of a key at an export. */
struct permit {
	bool read_only;
	bool as_user; /* uid and gid are set */
	uid_t uid;
	gid_t gid;
	/* 0: what the server allows. The first is for a connection, the others for the id. */
	uint32_t max_inflight, max_files, max_connections, max_sessions;
	uint64_t max_rates[NR_RATES]; /* in a second; 0: no limit */
};

bool keyring_permit_equal(const struct permit *a, const struct permit *b);

/* Open a keyring file. Returns 0, or -errno after a line in the log that says what is wrong. */
int keyring_open(struct keyring **keyring, const char *path);
void keyring_close(struct keyring *keyring);
/* Read the file again. Returns 0, or -errno after a log line; then nothing has changed. */
int keyring_reload(struct keyring *keyring);

/* The number of ids in the keyring. */
unsigned keyring_size(struct keyring *keyring);

/*
 * Get the secret of a key. False: the key is unknown, and *secret stays as it was. Both results
 * take the same time.
 */
bool keyring_secret(struct keyring *keyring, const struct key_name *name, struct secret *secret);
/* Get the TLS key of an identity. `keyring` is a struct keyring. Returns 0, -ENOENT or -EIO. */
int keyring_psk(void *keyring, const char *identity, uint8_t psk[PSK_SIZE]);
/* True if this id has a key and a grant for the export. */
bool keyring_knows(struct keyring *keyring, const char *id, const char *export);
/*
 * Get the permissions of a key's owner at an export. Returns 0. -ENOENT: the owner has no grant for
 * it. -EKEYREJECTED: the key is not in the keyring.
 */
int keyring_permits(struct keyring *keyring, const struct key_name *name, const char *export,
		    struct permit *permit);

#endif
