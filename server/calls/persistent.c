/*
 * Sealed persistent names. The server owns the key, which does not change while it runs. This code
 * has no state, and any thread may call it.
 *
 * A seal binds what the client may do again: the export, the access modes, and who it is. Somebody
 * else who learns the name, or the same id when it stands for another user, has only the rights of
 * an OPEN.
 */
#include "server/calls/persistent.h"

#include <errno.h>
#include <string.h>

#include "common/auth/exchange.h"
#include "common/crypto/hkdf.h"
#include "server/session/export.h"
#include "server/store/store.h"

#define MODES (OPEN_READ | OPEN_WRITE)

/* The beginning of a sealed name. The name of the store follows. */
struct sealed {
	uint8_t mac[16]; /* of what follows and of the client, truncated */
	uint64_t export;
	uint32_t modes; /* OPEN_READ and OPEN_WRITE as granted */
	uint32_t zero;
};

/* What the mac is computed of, without holes. */
struct claims {
	uint64_t export;
	uint32_t modes, as_user, uid, gid;
	char owner[SECRET_ID_MAX + 8];
	uint8_t name[STORE_NAME_MAX];
};

/* Compute the mac. Returns 0, or -EIO if OpenSSL fails. */
static int compute(const struct persistent_owner *owner, const struct sealed *sealed,
		   struct bytes name, uint8_t mac[HKDF_SIZE])
{
	const struct permit *permit = &owner->permit;
	const struct secret *key = owner->key;
	struct claims claims = {.export = sealed->export, .modes = sealed->modes};

	_Static_assert(sizeof(claims) == 8 + 16 + SECRET_ID_MAX + 8 + STORE_NAME_MAX, "no holes");
	claims.as_user = permit->as_user;
	claims.uid = permit->as_user ? permit->uid : 0;
	claims.gid = permit->as_user ? permit->gid : 0;
	strcpy(claims.owner, owner->id);
	memcpy(claims.name, name.data, name.len);
	/* Extracting with a salt is HMAC (RFC 5869). The length of the name is a part of it. */
	return hkdf_extract(key->key, sizeof(key->key), &claims,
			    offsetof(struct claims, name) + name.len, mac);
}

size_t persistent_seal(const struct persistent_owner *owner, const struct store_file *file,
		       uint8_t out[PERSISTENT_MAX])
{
	const struct bytes name = {file->persistent, file->persistent_len};
	struct sealed sealed = {.export = owner->export->id, .modes = file->flags & MODES};
	uint8_t mac[HKDF_SIZE];

	_Static_assert(sizeof(sealed) + STORE_NAME_MAX <= PERSISTENT_MAX, "a name fits");
	if (!name.len || compute(owner, &sealed, name, mac))
		return 0;
	memcpy(sealed.mac, mac, sizeof(sealed.mac));
	memcpy(out, &sealed, sizeof(sealed));
	memcpy(out + sizeof(sealed), name.data, name.len);
	return sizeof(sealed) + name.len;
}

int persistent_open(const struct persistent_owner *owner, struct bytes bytes, uint32_t flags,
		    struct bytes *name, bool *proven)
{
	struct sealed sealed;
	uint8_t mac[HKDF_SIZE];

	if (bytes.len <= sizeof(sealed) || bytes.len > sizeof(sealed) + STORE_NAME_MAX)
		return -ESTALE;
	memcpy(&sealed, bytes.data, sizeof(sealed));
	*name = (struct bytes){bytes.data + sizeof(sealed), bytes.len - sizeof(sealed)};
	if (sealed.export != owner->export->id || sealed.zero)
		return -ESTALE;
	*proven = !compute(owner, &sealed, *name, mac) &&
		  exchange_equal(mac, sealed.mac, sizeof(sealed.mac)) &&
		  !(flags & MODES & ~sealed.modes);
	return 0;
}
