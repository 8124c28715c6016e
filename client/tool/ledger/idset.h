/*
 * A set of keys of 128 bits. Keys are added and never removed. The caller owns a set and serialises
 * the calls; a zeroed set is empty.
 */
#ifndef USRBIO_TOOL_IDSET_H
#define USRBIO_TOOL_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idkey {
	uint64_t a, b; /* b is not 0: a slot with b == 0 is empty */
};

struct idset {
	struct idkey *slots;
	size_t n, room; /* keys, and slots: a power of two, or 0 */
};

/* Make a key from bytes; the two seeds separate keys of different kinds. */
struct idkey idset_key_of(const void *bytes, size_t len, uint64_t seed_a, uint64_t seed_b);

/* Add a key. False if it was there already. Ends the program if there is no memory. */
bool idset_add(struct idset *set, struct idkey key);
/* True if the set has the key. */
bool idset_has(const struct idset *set, struct idkey key);
/* Free the memory; the set is empty then. */
void idset_free(struct idset *set);

#endif
