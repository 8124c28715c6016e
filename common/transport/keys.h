/*
 * The key table of a device maps keys to memory, for providers that emulate one-sided operations.
 *
 * Any thread may add and remove. A thread accesses memory by key only between keys_enter and
 * keys_leave, and looks the key up again each time it enters. keys_remove waits for the threads
 * inside, so that the memory may be unmapped when it returns.
 */
#ifndef USRBIO_COMMON_TRANSPORT_KEYS_H
#define USRBIO_COMMON_TRANSPORT_KEYS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/lock.h"

#define KEYS_NR_BUCKETS 1024

struct key {
	uint32_t key; /* random, so that a known key reveals no other one */
	unsigned access;
	uintptr_t base;
	size_t len;
	struct key *next;
};

struct keys {
	struct rwlock lock; /* LOCK_KEYS: protects the buckets and the memory behind them */
	struct key *buckets[KEYS_NR_BUCKETS];
};

/* Returns 0 or -errno. */
int keys_init(struct keys *keys);
void keys_fini(struct keys *keys);

/*
 * Draw a key for [base, base + len) and add it, whether or not memory is mapped there. Returns 0.
 * -EFAULT: no memory can be there. -EINVAL: `access` is empty or unknown. -EAGAIN: no random bytes.
 */
int keys_add(struct keys *keys, struct key *key, void *base, size_t len, unsigned access);
void keys_remove(struct keys *keys, struct key *key);

void keys_enter(struct keys *keys);
void keys_leave(struct keys *keys);
/* Find the memory at [addr, addr + len) of `key` if all of `access` is allowed there, else NULL. */
void *keys_find(const struct keys *keys, uint32_t key, uint64_t addr, uint32_t len,
		unsigned access);

#endif
