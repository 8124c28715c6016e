/* Finding and reading a client's key. No state. */
#include "client/credentials.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/mountspec.h"
#include "common/auth/keyfile.h"
#include "common/log.h"
#include "common/transport.h"

#define KEYS_FOLDER "/etc/usrbio/keys"

/* False: no key is meant, or its name is too long to be one. */
static bool key_path(const struct mountspec *spec, char path[PATH_MAX])
{
	const char *file = secure_getenv("USRBIO_KEY"), *folder = secure_getenv("USRBIO_KEYS");

	if (*spec->key)
		return snprintf(path, PATH_MAX, "%s/%s", folder ? folder : KEYS_FOLDER, spec->key) <
		       PATH_MAX;
	return file && *file && snprintf(path, PATH_MAX, "%s", file) < PATH_MAX;
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
	/* A keyring's section is as good; what else it grants is the server's business. */
	return strcmp(word, "key") ? NULL : keyfile_secret(value, &credentials->secret);
}

int credentials_read(const struct mountspec *spec, struct credentials *credentials)
{
	static const struct secret none;
	char path[PATH_MAX];
	int err;

	*credentials = (struct credentials){0};
	if (!key_path(spec, path))
		return 0;
	err = keyfile_read(path, take_line, credentials);
	if (!err && (!*credentials->id || !memcmp(&credentials->secret, &none, sizeof(none)))) {
		log_error("%s: no key in it", path);
		err = -EINVAL;
	}
	if (!err)
		err = secret_tag(&credentials->secret, credentials->tag);
	if (err)
		secret_wipe(&credentials->secret);
	return err ? -EKEYREJECTED : 0;
}

int credentials_for_tls(const struct credentials *credentials, struct tp_tls_config *tls)
{
	*tls = (struct tp_tls_config){0};
	if (!*credentials->id)
		return 0;
	secret_identity(credentials->id, credentials->tag, tls->identity);
	return secret_psk(&credentials->secret, tls->psk);
}
