/*
 * Hands out completions. They are moved from the completed queue to a heap, so that they come out
 * in the order of preparing, and the files and regions of their I/Os are released. The ring owns
 * all of it; waiting threads call this, one at a time under ring->reaping.
 */
#include "client/files/file.h"
#include "client/memory/region.h"
#include "client/ring/ring.h"

#define INDEX_BITS 20u /* bits of the slot's index in a key of the heap */
#define INDEX_MASK ((1u << INDEX_BITS) - 1)

_Static_assert(RING_ENTRIES_MAX == 1u << INDEX_BITS, "a heap key holds a slot's index");

/* References to a file that are given back together, by one atomic operation for several I/Os. */
struct held {
	struct file *file;
	unsigned n;
};

static void put_files(const struct held *held)
{
	if (held->n)
		file_put_many(held->file, held->n);
}

/* Release the file and region of an I/O. The caller calls put_files in the end. */
static void let_go(const struct slot *slot, struct held *held)
{
	if (slot->file != held->file) {
		put_files(held);
		*held = (struct held){.file = slot->file};
	}
	held->n++;
	if (slot->pinned)
		region_put(region_pinned(slot->region));
}

/* Move completions from the queue to the heap. Under ring->reaping, or at the ring's end. */
static void collect(struct ring *ring)
{
	uint64_t completed = atomic_load_explicit(&ring->completed, memory_order_acquire);

	for (; ring->collected != completed; ring->collected++) {
		uint32_t index = ring->completed_queue[ring->collected & ring->mask];

		heap_push(&ring->ready, (uint64_t)ring->slots[index].seq << INDEX_BITS | index);
	}
}

int ring_reap(struct ring *ring, struct hf3fs_cqe *cqes, int max, int min)
{
	struct held held = {0};
	uint64_t freed;
	int n = 0;

	lock_acquire(&ring->reaping);
	freed = atomic_load_explicit(&ring->freed, memory_order_relaxed);
	collect(ring);
	while (n < max && ring->ready.n && (n || ring->ready.n >= (uint32_t)min)) {
		uint32_t index = (uint32_t)heap_pop(&ring->ready) & INDEX_MASK;
		struct slot *slot = &ring->slots[index];

		cqes[n++] = (struct hf3fs_cqe){.index = (int32_t)index,
					       .result = slot->result,
					       .userdata = slot->userdata};
		let_go(slot, &held);
		ring->free_queue[freed++ & ring->mask] = index;
	}
	atomic_store_explicit(&ring->reaped, freed, memory_order_release);
	atomic_store_explicit(&ring->freed, freed, memory_order_release);
	if (atomic_load_explicit(&ring->fd, memory_order_relaxed) >= 0)
		ring_fd_collected(ring);
	lock_release(&ring->reaping);
	put_files(&held);
	return n;
}

void ring_drop_all(struct ring *ring)
{
	struct held held = {0};

	for (; ring->sent != ring->prepared; ring->sent++)
		let_go(&ring->slots[ring->prepared_queue[ring->sent & ring->mask]], &held);
	collect(ring);
	while (ring->ready.n)
		let_go(&ring->slots[heap_pop(&ring->ready) & INDEX_MASK], &held);
	put_files(&held);
}
