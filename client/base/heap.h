/*
 * A binary min-heap of 64-bit keys in the caller's memory. As long as keys come in order, the usual
 * case, it is a queue, and costs no more than one. The caller serialises.
 */
#ifndef USRBIO_CLIENT_BASE_HEAP_H
#define USRBIO_CLIENT_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap {
	uint64_t *keys; /* a circle of mask + 1, a power of two, with room for all keys */
	uint32_t mask;
	uint32_t top; /* where the least key is */
	uint32_t n;
	bool sorted; /* all keys are in order from the top on */
};

void heap_push(struct heap *heap, uint64_t key);
/* Take out the least key; there must be one. */
uint64_t heap_pop(struct heap *heap);

#endif
