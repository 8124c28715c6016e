/*
 * A set of keys as a hash table with open addressing: 16 bytes per slot, at most three quarters of
 * the slots in use. The caller owns it and serialises the calls; any thread.
 */
#include "client/tool/ledger/idset.h"

#include <stdlib.h>
#include <string.h>

#include "client/tool/base/tool.h"

/* Mix by the finalizer of splitmix64: every bit of the input changes every bit of the result. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

struct idkey idset_key_of(const void *bytes, size_t len, uint64_t seed_a, uint64_t seed_b)
{
	const uint8_t *at = bytes;
	struct idkey key = {mix(seed_a ^ len), mix(seed_b + len)};

	while (len) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, at, n);
		key.a = mix(key.a ^ word);
		key.b = mix((key.b + word) * 0x9e3779b97f4a7c15u + key.a);
		at += n;
		len -= n;
	}
	key.b |= 1; /* so that no key equals the empty slot */
	return key;
}

/* Find the slot of the key, or the empty slot for it. */
static struct idkey *find(const struct idset *set, struct idkey key)
{
	size_t at = key.a & (set->room - 1);

	while (set->slots[at].b && (set->slots[at].a != key.a || set->slots[at].b != key.b))
		at = (at + 1) & (set->room - 1);
	return &set->slots[at];
}

static void grow(struct idset *set)
{
	struct idset larger = {.room = set->room ? 2 * set->room : 256};

	larger.slots = calloc(larger.room, sizeof(*larger.slots));
	if (!larger.slots)
		exit(fail_text("out of memory"));
	for (size_t i = 0; i < set->room; i++) {
		if (set->slots[i].b)
			*find(&larger, set->slots[i]) = set->slots[i];
	}
	larger.n = set->n;
	free(set->slots);
	*set = larger;
}

bool idset_add(struct idset *set, struct idkey key)
{
	struct idkey *slot;

	if (4 * set->n >= 3 * set->room)
		grow(set);
	slot = find(set, key);
	if (slot->b)
		return false;
	*slot = key;
	set->n++;
	return true;
}

bool idset_has(const struct idset *set, struct idkey key)
{
	return set->room && find(set, key)->b;
}

void idset_free(struct idset *set)
{
	free(set->slots);
	*set = (struct idset){0};
}
