/*
 * The key table: chained buckets under a reader-writer lock. The device owns it, and any thread may
 * use it. Domains take the lock for reading, for at most one non-blocking receive or send.
 * Registrations take it for writing. They are preferred, so that they do not wait long for busy
 * domains.
 */
#include "common/transport/keys.h"

#include <errno.h>
#include <sys/random.h>

#include "common/transport/transport.h"

int keys_init(struct keys *keys)
{
	pthread_rwlockattr_t attr;
	int err;

	*keys = (struct keys){.buckets = {NULL}};
	err = pthread_rwlockattr_init(&attr);
	if (err)
		return -err;
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	err = rwlock_init(&keys->lock, &attr, LOCK_KEYS);
	pthread_rwlockattr_destroy(&attr);
	return -err;
}

void keys_fini(struct keys *keys)
{
	rwlock_destroy(&keys->lock);
}

void keys_enter(struct keys *keys)
{
	rwlock_read(&keys->lock);
}

void keys_leave(struct keys *keys)
{
	rwlock_release(&keys->lock);
}

static struct key **bucket_of(struct keys *keys, uint32_t key)
{
	return &keys->buckets[key % KEYS_NR_BUCKETS];
}

static struct key *find(const struct keys *keys, uint32_t key)
{
	struct key *it = keys->buckets[key % KEYS_NR_BUCKETS];

	while (it && it->key != key)
		it = it->next;
	return it;
}

/*
 * Draw a key that is not in use. 0 is left out, because it is the value of a field that was not
 * set.
 */
static int draw_key(const struct keys *keys, uint32_t *out)
{
	do {
		if (getrandom(out, sizeof(*out), 0) != (ssize_t)sizeof(*out))
			return -EAGAIN;
	} while (!*out || find(keys, *out));
	return 0;
}

int keys_add(struct keys *keys, struct key *key, void *base, size_t len, unsigned access)
{
	struct key **bucket;
	int err;

	if (!access || access & ~(unsigned)(TP_REMOTE_READ | TP_REMOTE_WRITE))
		return -EINVAL;
	if (!base || !len || len > UINTPTR_MAX - (uintptr_t)base)
		return -EFAULT;
	*key = (struct key){.access = access, .base = (uintptr_t)base, .len = len};
	rwlock_write(&keys->lock);
	err = draw_key(keys, &key->key);
	if (!err) {
		bucket = bucket_of(keys, key->key);
		key->next = *bucket;
		*bucket = key;
	}
	rwlock_release(&keys->lock);
	return err;
}

void keys_remove(struct keys *keys, struct key *key)
{
	struct key **link;

	rwlock_write(&keys->lock);
	link = bucket_of(keys, key->key);
	while (*link != key)
		link = &(*link)->next;
	*link = key->next;
	rwlock_release(&keys->lock);
}

void *keys_find(const struct keys *keys, uint32_t key, uint64_t addr, uint32_t len, unsigned access)
{
	const struct key *it = find(keys, key);

	if (!it || (it->access & access) != access)
		return NULL;
	if (addr < it->base || addr - it->base > it->len || len > it->len - (addr - it->base))
		return NULL;
	return (void *)(uintptr_t)addr;
}
