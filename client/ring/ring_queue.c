/*
 * The queues of a ring, through which its I/Os go from one stage to the next. They belong to the
 * ring; ring.h says which thread may use which member.
 */
#include "client/conn/conn.h"
#include "client/ring/ring.h"

struct slot *ring_slot(struct ring *ring, uint32_t *index)
{
	/* Slots that were used before are taken first, because they are in the CPU's cache. */
	if (ring->reused != atomic_load_explicit(&ring->freed, memory_order_acquire))
		*index = ring->free_queue[ring->reused & ring->mask];
	else if (ring->fresh < ring->entries)
		*index = ring->fresh;
	else
		return NULL;
	return &ring->slots[*index];
}

void ring_prepared(struct ring *ring, uint32_t index)
{
	if (index == ring->fresh)
		ring->fresh++;
	else
		ring->reused++;
	ring->slots[index].seq = ring->prepared;
	ring->prepared_queue[ring->prepared & ring->mask] = index;
	ring->prepared++;
}

void ring_mark(struct ring *ring)
{
	struct ring_mark *last = &ring->marks[ring->last_mark % RING_MARKS];
	uint32_t tick = ring->conn->tick;

	/*
	 * All marks are in use only if the clock stood still: then the last one covers more I/Os.
	 */
	if (last->tick != tick && last->upto > ring->sent &&
	    ring->last_mark - ring->first_mark < RING_MARKS - 1)
		last = &ring->marks[++ring->last_mark % RING_MARKS];
	else if (last->upto <= ring->sent)
		ring->first_mark = ring->last_mark;
	*last = (struct ring_mark){.upto = ring->released, .tick = tick};
}

uint32_t ring_tick(const struct ring *ring, uint64_t number)
{
	uint32_t mark = ring->last_mark;

	while (mark != ring->first_mark && ring->marks[(mark - 1) % RING_MARKS].upto > number)
		mark--;
	return ring->marks[mark % RING_MARKS].tick;
}

void ring_complete(struct ring *ring, uint32_t index, int64_t result)
{
	uint64_t completed = atomic_load_explicit(&ring->completed, memory_order_relaxed);

	ring->slots[index].result = result;
	ring->completed_queue[completed & ring->mask] = index;
	atomic_store_explicit(&ring->completed, completed + 1, memory_order_release);
	ring->under_way--;
	if (atomic_load_explicit(&ring->fd, memory_order_relaxed) >= 0)
		ring_fd_signal(ring);
	if (ring->nr_waiters)
		ring->conn->wait.wake_pending = true;
}

bool ring_is_stuck(const struct ring *ring)
{
	uint64_t reaped = atomic_load_explicit(&ring->reaped, memory_order_acquire);

	return ring->submitted - reaped == ring->entries && ring_nr_ready(ring) &&
	       !ring->under_way && ring->sent == ring->released;
}
