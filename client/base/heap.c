/*
 * A binary heap of keys; see heap.h. Sorted keys are a heap already, so a key that is added in
 * order needs no sifting. A ring owns it; any thread, under the ring's lock `reaping`.
 */
#include "client/base/heap.h"

static uint64_t *at(const struct heap *heap, uint32_t i)
{
	return &heap->keys[(heap->top + i) & heap->mask];
}

void heap_push(struct heap *heap, uint64_t key)
{
	uint32_t i = heap->n++;

	heap->sorted = !i || (heap->sorted && *at(heap, i - 1) <= key);
	while (!heap->sorted && i && *at(heap, (i - 1) / 2) > key) {
		*at(heap, i) = *at(heap, (i - 1) / 2);
		i = (i - 1) / 2;
	}
	*at(heap, i) = key;
}

uint64_t heap_pop(struct heap *heap)
{
	uint64_t least = *at(heap, 0), key = *at(heap, --heap->n);
	uint32_t i = 0, child;

	if (heap->sorted) {
		heap->top++;
		return least;
	}
	while ((child = 2 * i + 1) < heap->n) {
		if (child + 1 < heap->n && *at(heap, child + 1) < *at(heap, child))
			child++;
		if (*at(heap, child) >= key)
			break;
		*at(heap, i) = *at(heap, child);
		i = child;
	}
	*at(heap, i) = key;
	return least;
}
