/*
 * The keyring: a list of owners of keys under a lock. Reading the file again replaces the whole
 * list. The server owns the keyring, and any thread may use it. It is small and used only at
 * handshakes, so a search goes through all of it.
 */
#include "server/account/keyring.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/exchange.h"
#include "common/auth/keyfile.h"
#include "common/base/lock.h"
#include "common/base/log.h"
#include "proto/limits.h"
#include "server/base/identity.h"
#include "common/base/list.h"

#define RATE_MAX 1000000000000ull /* in a second; what is more is no limit */
#define KEYS_MAX 2 /* keys of one owner: the one in use, and the one that replaces it */

struct grant {
	struct list node;
	bool read_only;
	char export[EXPORT_NAME_MAX + 1]; /* "*": all exports */
};

struct owner {
	struct list node;
	char id[SECRET_ID_MAX + 1];
	unsigned nr_keys;
	struct secret keys[KEYS_MAX];
	uint8_t tags[KEYS_MAX][TAG_SIZE];
	struct list grants;
	struct permit permit; /* without read_only, which a grant has */
	bool has_uid, has_gid;
};

struct keyring {
	char *path;
	struct lock lock; /* LOCK_KEYRING: guards `owners`; no other lock is acquired under it */
	struct list owners;
};

static void free_owners(struct list *owners)
{
	struct list *node;

	while ((node = list_pop(owners))) {
		struct owner *owner = container_of(node, struct owner, node);
		struct list *grant;

		while ((grant = list_pop(&owner->grants)))
			free(container_of(grant, struct grant, node));
		explicit_bzero(owner, sizeof(*owner));
		free(owner);
	}
}

static const char *begin_owner(struct list *owners, const char *id)
{
	struct owner *owner;

	list_for_each (node, owners)
		if (!strcmp(container_of(node, struct owner, node)->id, id))
			return "this id has a section already";
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return "out of memory";
	strcpy(owner->id, id);
	list_init(&owner->grants);
	list_add_tail(owners, &owner->node);
	return NULL;
}

static const char *add_key(struct owner *owner, const char *value)
{
	const char *wrong;

	if (owner->nr_keys == KEYS_MAX)
		return "an id has two keys at most";
	wrong = keyfile_secret(value, &owner->keys[owner->nr_keys]);
	if (wrong)
		return wrong;
	if (secret_tag(&owner->keys[owner->nr_keys], owner->tags[owner->nr_keys]))
		return "OpenSSL does not work";
	owner->nr_keys++;
	return NULL;
}

static const char *add_grant(struct owner *owner, char *value)
{
	char *mode = strrchr(value, ':');
	struct grant *grant;

	if (!mode || mode == value || mode - value > EXPORT_NAME_MAX ||
	    (strcmp(mode, ":rw") && strcmp(mode, ":ro")))
		return "use export = NAME:rw or NAME:ro";
	grant = calloc(1, sizeof(*grant));
	if (!grant)
		return "out of memory";
	memcpy(grant->export, value, (size_t)(mode - value));
	grant->read_only = !strcmp(mode, ":ro");
	list_for_each (node, &owner->grants)
		if (!strcmp(container_of(node, struct grant, node)->export, grant->export)) {
			free(grant);
			return "this export is granted already";
		}
	list_add_tail(&owner->grants, &grant->node);
	return NULL;
}

static const char *get_long(const char *value, uint64_t min, uint64_t max, uint64_t *number)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n < min || n > max)
		return "not a number, or out of range";
	*number = n;
	return NULL;
}

static const char *get_number(const char *value, uint32_t min, uint32_t max, uint32_t *number)
{
	uint64_t n = *number;
	const char *wrong = get_long(value, min, max, &n);

	*number = (uint32_t)n;
	return wrong;
}

/* Read a line about what an id may have at a time or in a second. "": it is about something else.
 */
static const char *take_limit(struct permit *permit, const char *word, const char *value)
{
	if (!strcmp(word, "max-inflight"))
		return get_number(value, 1, INFLIGHT_MAX, &permit->max_inflight);
	if (!strcmp(word, "max-files"))
		return get_number(value, 1, FILES_MAX, &permit->max_files);
	if (!strcmp(word, "max-connections"))
		return get_number(value, 1, UINT32_MAX, &permit->max_connections);
	if (!strcmp(word, "max-sessions"))
		return get_number(value, 1, UINT32_MAX, &permit->max_sessions);
	if (!strcmp(word, "max-bytes-per-second"))
		return get_long(value, 1, RATE_MAX, &permit->max_rates[RATE_BYTES]);
	if (!strcmp(word, "max-ios-per-second"))
		return get_long(value, 1, RATE_MAX, &permit->max_rates[RATE_IOS]);
	return "";
}

static const char *take_line(void *arg, const char *id, const char *word, char *value)
{
	struct list *owners = arg;
	struct owner *owner;
	const char *wrong;

	if (!word)
		return begin_owner(owners, id);
	owner = container_of(owners->prev, struct owner, node);
	wrong = take_limit(&owner->permit, word, value);
	if (!wrong || *wrong)
		return wrong;
	if (!strcmp(word, "key"))
		return add_key(owner, value);
	if (!strcmp(word, "export"))
		return add_grant(owner, value);
	if (!strcmp(word, "uid")) {
		owner->has_uid = true;
		return get_number(value, 0, UINT32_MAX - 1, &owner->permit.uid);
	}
	if (!strcmp(word, "gid")) {
		owner->has_gid = true;
		return get_number(value, 0, UINT32_MAX - 1, &owner->permit.gid);
	}
	return "unknown word; use key, export, uid, gid, max-connections, max-sessions, "
	       "max-inflight, max-files, max-bytes-per-second or max-ios-per-second";
}

/* Check that the server can act as the users; otherwise each call would fail later. */
static int check_identities(const char *path, struct list *owners)
{
	const char *missing = identity_missing();

	list_for_each (node, owners) {
		struct owner *owner = container_of(node, struct owner, node);

		if (owner->has_uid && missing) {
			log_error(
				"%s: [%s] has a uid, but this server cannot act as other users: %s",
				path, owner->id, missing);
			return -EPERM;
		}
	}
	return 0;
}

/* Check what concerns several lines of a section. Returns 0 or -errno, logged. */
static int check_owners(const char *path, struct list *owners)
{
	list_for_each (node, owners) {
		struct owner *owner = container_of(node, struct owner, node);

		if (!owner->nr_keys || owner->has_uid != owner->has_gid) {
			log_error("%s: [%s] has %s", path, owner->id,
				  owner->nr_keys ? "one of uid and gid; both are needed"
						 : "no key");
			return -EINVAL;
		}
		owner->permit.as_user = owner->has_uid;
	}
	return check_identities(path, owners);
}

static void move_all(struct list *to, struct list *from)
{
	struct list *node;

	while ((node = list_pop(from)))
		list_add_tail(to, node);
}

int keyring_reload(struct keyring *keyring)
{
	struct list owners, old;
	int err;

	list_init(&owners);
	list_init(&old);
	err = keyfile_read(keyring->path, take_line, &owners);
	if (!err)
		err = check_owners(keyring->path, &owners);
	if (err) {
		free_owners(&owners);
		return err;
	}
	lock_acquire(&keyring->lock);
	move_all(&old, &keyring->owners);
	move_all(&keyring->owners, &owners);
	lock_release(&keyring->lock);
	free_owners(&old);
	return 0;
}

unsigned keyring_size(struct keyring *keyring)
{
	unsigned n = 0;

	lock_acquire(&keyring->lock);
	list_for_each (node, &keyring->owners)
		n++;
	lock_release(&keyring->lock);
	return n;
}

int keyring_open(struct keyring **out, const char *path)
{
	struct keyring *keyring = calloc(1, sizeof(*keyring));
	struct log_catch caught;
	int err = -ENOMEM;

	if (!keyring)
		return -ENOMEM;
	list_init(&keyring->owners);
	lock_init(&keyring->lock, LOCK_KEYRING);
	keyring->path = strdup(path);
	log_catch_begin(&caught);
	if (keyring->path)
		err = keyring_reload(keyring);
	log_catch_end(&caught);
	if (*caught.text)
		log_error("keyring %s", caught.text);
	if (err)
		keyring_close(keyring);
	else
		*out = keyring;
	return err;
}

void keyring_close(struct keyring *keyring)
{
	if (!keyring)
		return;
	free_owners(&keyring->owners);
	lock_destroy(&keyring->lock);
	free(keyring->path);
	free(keyring);
}

/*
 * True if the name is that of one of this owner's keys; then *secret, if not NULL, is set. The time
 * does not depend on which key it is.
 */
static bool owns(const struct owner *owner, const struct key_name *name, struct secret *secret)
{
	bool same = !strcmp(owner->id, name->id), found = false;

	for (unsigned i = 0; i < owner->nr_keys; i++) {
		bool it = same & exchange_equal(owner->tags[i], name->tag, TAG_SIZE);

		if (it && secret)
			*secret = owner->keys[i];
		found |= it;
	}
	return found;
}

bool keyring_secret(struct keyring *keyring, const struct key_name *name, struct secret *secret)
{
	bool found = false;

	lock_acquire(&keyring->lock);
	list_for_each (node, &keyring->owners)
		found |= owns(container_of(node, struct owner, node), name, secret);
	lock_release(&keyring->lock);
	return found;
}

int keyring_psk(void *keyring, const char *identity, uint8_t psk[PSK_SIZE])
{
	struct key_name name = {0};
	struct secret secret = {{0}};
	bool known = secret_of_identity(identity, name.id, name.tag) &&
		     keyring_secret(keyring, &name, &secret);
	int err = secret_psk(&secret,
			     psk); /* also for an unknown key, so that the time does not show it */

	secret_wipe(&secret);
	return err ? err : known ? 0 : -ENOENT;
}

/* Find the grant for an export. A grant by name goes before one for all exports. */
static const struct grant *find_grant(const struct owner *owner, const char *export)
{
	const struct grant *all = NULL;

	list_for_each (node, &owner->grants) {
		const struct grant *grant = container_of(node, struct grant, node);

		if (!strcmp(grant->export, export))
			return grant;
		if (!strcmp(grant->export, "*"))
			all = grant;
	}
	return all;
}

bool keyring_knows(struct keyring *keyring, const char *id, const char *export)
{
	bool known = false;

	lock_acquire(&keyring->lock);
	list_for_each (node, &keyring->owners) {
		const struct owner *owner = container_of(node, struct owner, node);

		known |= !strcmp(owner->id, id) && find_grant(owner, export);
	}
	lock_release(&keyring->lock);
	return known;
}

int keyring_permits(struct keyring *keyring, const struct key_name *name, const char *export,
		    struct permit *permit)
{
	int err = -EKEYREJECTED;

	lock_acquire(&keyring->lock);
	list_for_each (node, &keyring->owners) {
		struct owner *owner = container_of(node, struct owner, node);
		const struct grant *grant;

		if (!owns(owner, name, NULL))
			continue;
		grant = find_grant(owner, export);
		err = grant ? 0 : -ENOENT;
		if (!grant)
			break;
		*permit = owner->permit;
		permit->read_only = grant->read_only;
		break;
	}
	lock_release(&keyring->lock);
	return err;
}

bool keyring_permit_equal(const struct permit *a, const struct permit *b)
{
	return a->read_only == b->read_only && a->as_user == b->as_user && a->uid == b->uid &&
	       a->gid == b->gid && a->max_inflight == b->max_inflight &&
	       a->max_files == b->max_files && a->max_connections == b->max_connections &&
	       a->max_sessions == b->max_sessions &&
	       !memcmp(a->max_rates, b->max_rates, sizeof(a->max_rates));
}
