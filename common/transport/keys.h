/*
 * The key table of a device: key -> memory, for providers that emulate one-sided operations.
 *
 * Any thread may add and remove. Whoever touches memory by key does so between keys_enter and
 * keys_leave, and looks the key up again every time it enters: keys_remove waits for those inside,
 * so that memory may be unmapped once it has returned.
 */
#ifndef USRBIO_COMMON_TRANSPORT_KEYS_H
#define USRBIO_COMMON_TRANSPORT_KEYS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_NR_BUCKETS 1024

struct key {
	uint32_t key; /* random: a number seen says nothing about the others */
	unsigned access;
	uintptr_t base;
	size_t len;
	struct key *next;
};

struct keys {
	pthread_rwlock_t lock; /* guards the buckets and the memory behind them */
	struct key *buckets[KEYS_NR_BUCKETS];
};

int keys_init(struct keys *keys);
void keys_fini(struct keys *keys);

/*
 * Draw a key for [base, base + len) and make it known, whatever is there. -EFAULT: nothing can be;
 * -EINVAL: no access.
 */
int keys_add(struct keys *keys, struct key *key, void *base, size_t len, unsigned access);
void keys_remove(struct keys *keys, struct key *key);

void keys_enter(struct keys *keys);
void keys_leave(struct keys *keys);
/* The memory at [addr, addr + len) of `key` if all of `access` is allowed there, else NULL. */
void *keys_find(const struct keys *keys, uint32_t key, uint64_t addr, uint32_t len,
		unsigned access);

#endif
