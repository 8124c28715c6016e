/* A binary min-heap of 64-bit keys in the caller's memory. The caller serialises. */
#ifndef USRBIO_CLIENT_HEAP_H
#define USRBIO_CLIENT_HEAP_H

#include <stdint.h>

struct heap {
	uint64_t *keys; /* room for as many as are ever pushed at once */
	uint32_t n;
};

void heap_push(struct heap *heap, uint64_t key);
/* The least key; there must be one. */
uint64_t heap_pop(struct heap *heap);

#endif
