/*
 * Secrets, and values that HKDF with SHA-256 derives from them. The caller owns the secrets. This
 * code has no state, so any thread may call it.
 */
#include "common/auth/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "common/crypto/hkdf.h"

int secret_draw(struct secret *secret)
{
	return getrandom(secret->key, sizeof(secret->key), 0) == sizeof(secret->key) ? 0 : -EIO;
}

void secret_wipe(struct secret *secret)
{
	OPENSSL_cleanse(secret, sizeof(*secret));
}

int secret_derive(const struct secret *secret, const char *purpose, uint8_t *out, size_t len)
{
	static const char salt[] = "usrbio";
	uint8_t prk[HKDF_SIZE];
	int err = hkdf_extract(salt, strlen(salt), secret->key, sizeof(secret->key), prk);

	if (!err)
		err = hkdf_expand(prk, purpose, out, len);
	OPENSSL_cleanse(prk, sizeof(prk));
	return err;
}

int secret_tag(const struct secret *secret, uint8_t tag[TAG_SIZE])
{
	return secret_derive(secret, "tag", tag, TAG_SIZE);
}

void secret_identity(const char *id, const uint8_t tag[TAG_SIZE], char identity[IDENTITY_MAX])
{
	snprintf(identity, IDENTITY_MAX, "%s.%02x%02x%02x%02x", id, tag[0], tag[1], tag[2], tag[3]);
}

bool secret_of_identity(const char *identity, char id[SECRET_ID_MAX + 1], uint8_t tag[TAG_SIZE])
{
	const char *dot = strrchr(identity, '.');
	unsigned char hex[TAG_SIZE];

	if (!dot || !secret_id_ok(identity, (size_t)(dot - identity)))
		return false;
	/* sscanf() would take signs and blanks as well. */
	if (strlen(dot + 1) != 2 * TAG_SIZE ||
	    strspn(dot + 1, "0123456789abcdefABCDEF") != 2 * TAG_SIZE ||
	    sscanf(dot + 1, "%2hhx%2hhx%2hhx%2hhx", &hex[0], &hex[1], &hex[2], &hex[3]) != TAG_SIZE)
		return false;
	memcpy(id, identity, (size_t)(dot - identity));
	id[dot - identity] = '\0';
	memcpy(tag, hex, TAG_SIZE);
	return true;
}

int secret_psk(const struct secret *secret, uint8_t psk[PSK_SIZE])
{
	return secret_derive(secret, "tls", psk, PSK_SIZE);
}

bool secret_id_ok(const char *id, size_t len)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	if (!len || len > SECRET_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!id[i] || !strchr(letters, id[i]))
			return false;
	return true;
}
