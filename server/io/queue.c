/*
 * The queue: a list for each priority, served by weighted round robin. The pipeline owns it, and
 * only its worker's thread runs this.
 */
#include "server/io/queue.h"

#include "server/io/request.h"

_Static_assert(WRR_LEVELS == NR_PRIORITIES && !PRIORITY_HIGH, "a level is a priority");

void queue_init(struct queue *queue)
{
	for (int i = 0; i < NR_PRIORITIES; i++)
		list_init(&queue->lists[i]);
	wrr_init(&queue->wrr);
}

/* Get the priorities that have requests, as a bit for each. */
static unsigned busy(const struct queue *queue)
{
	unsigned bits = 0;

	for (int i = 0; i < NR_PRIORITIES; i++)
		if (!list_empty(&queue->lists[i]))
			bits |= 1u << i;
	return bits;
}

void queue_add(struct queue *queue, struct server_request *req)
{
	list_add_tail(&queue->lists[req->priority], &req->node);
}

struct server_request *queue_next(struct queue *queue)
{
	unsigned bits = busy(queue);

	if (!bits)
		return NULL;
	return container_of(queue->lists[wrr_next(&queue->wrr, bits)].next, struct server_request,
			    node);
}

void queue_charge(struct queue *queue, const struct server_request *req)
{
	wrr_charge(&queue->wrr, req->priority, 1);
}
