/*
 * A binary min-heap of 64-bit keys in the caller's memory. Keys usually come in order; the heap is
 * a plain queue then, with the cost of a queue. The caller owns it and serialises the calls.
 */
#ifndef USRBIO_CLIENT_BASE_HEAP_H
#define USRBIO_CLIENT_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap {
	uint64_t *keys; /* a circle of mask + 1, a power of two, with space for all keys */
	uint32_t mask;
	uint32_t top; /* the position of the least key */
	uint32_t n;
	bool sorted; /* all keys from the top on are in order */
};

void heap_push(struct heap *heap, uint64_t key);
/* Remove and return the least key; the heap is not empty. */
uint64_t heap_pop(struct heap *heap);

#endif
