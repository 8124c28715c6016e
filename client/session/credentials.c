/*
 * Finds and reads the key of a client; see credentials.h. No state. The caller owns the result; the
 * thread that connects calls it.
 */
#include "client/session/credentials.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/spec/mountspec.h"
#include "common/auth/keyfile.h"
#include "common/base/log.h"
#include "common/transport/transport.h"

#define KEYS_FOLDER "/etc/usrbio/keys"

/*
 * Write the path of the key. Returns its length, which may exceed the buffer; 0: no key is
 * configured.
 */
static int key_path(const struct mountspec *spec, char path[PATH_MAX])
{
	const char *file = secure_getenv("USRBIO_KEY"), *folder = secure_getenv("USRBIO_KEYS");

	if (*spec->serve) /* a server in this process asks for no key */
		return 0;
	if (*spec->key)
		return snprintf(path, PATH_MAX, "%s/%s", folder ? folder : KEYS_FOLDER, spec->key);
	return file ? snprintf(path, PATH_MAX, "%s", file) : 0;
}

static const char *take_line(void *arg, const char *id, const char *word, char *value)
{
	struct credentials *credentials = arg;

	if (!word) {
		if (*credentials->id)
			return "a client has one id";
		strcpy(credentials->id, id);
		return NULL;
	}
	/* A section of a keyring is accepted too; the other words in it are for the server. */
	return strcmp(word, "key") ? NULL : keyfile_secret(value, &credentials->secret);
}

/* Read a file into empty credentials. 0, or -errno, which is logged. */
static int read_file(const char *path, struct credentials *credentials)
{
	static const struct secret none;
	struct log_catch caught;
	int err;

	log_catch_begin(&caught);
	err = keyfile_read(path, take_line, credentials);
	log_catch_end(&caught);
	if (err)
		log_error("cannot read the key file %s", caught.text);
	if (!err && (!*credentials->id || !memcmp(&credentials->secret, &none, sizeof(none)))) {
		log_error("there is no key in the key file %s", path);
		err = -EINVAL;
	}
	return err ? err : secret_tag(&credentials->secret, credentials->tag);
}

/* True if this process lacks something for now. Then nothing is known about the key. */
static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -EIO;
}

int credentials_read(const struct mountspec *spec, struct credentials *credentials)
{
	struct credentials found = {0};
	char path[PATH_MAX];
	int len = key_path(spec, path), err = 0;

	if (!len && *credentials->id) {
		log_error("USRBIO_KEY named the key of this mount and is not set any more: set "
			  "it again");
		return -EKEYREJECTED;
	}
	if (len >= PATH_MAX) {
		log_error("the name of the file with the key is too long");
		return -EKEYREJECTED;
	}
	if (len)
		err = read_file(path, &found);
	if (!err)
		*credentials = found;
	secret_wipe(&found.secret);
	return err && !is_shortage(err) ? -EKEYREJECTED : err;
}

int credentials_for_tls(const struct credentials *credentials, struct tp_tls_config *tls)
{
	*tls = (struct tp_tls_config){0};
	if (!*credentials->id)
		return 0;
	secret_identity(credentials->id, credentials->tag, tls->identity);
	return secret_psk(&credentials->secret, tls->psk);
}
