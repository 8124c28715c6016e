/* The heap: sift up, sift down. Keys that come in order, the usual case, never move up. */
#include "client/heap.h"

void heap_push(struct heap *heap, uint64_t key)
{
	uint32_t at = heap->n++;

	while (at && heap->keys[(at - 1) / 2] > key) {
		heap->keys[at] = heap->keys[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->keys[at] = key;
}

uint64_t heap_pop(struct heap *heap)
{
	uint64_t least = heap->keys[0], key = heap->keys[--heap->n];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < heap->n) {
		if (child + 1 < heap->n && heap->keys[child + 1] < heap->keys[child])
			child++;
		if (heap->keys[child] >= key)
			break;
		heap->keys[at] = heap->keys[child];
		at = child;
	}
	heap->keys[at] = key;
	return least;
}
