/* Weighted priorities: each has credit for a number of segments, refilled when those that have
 * work have none left. */
#include "server/queue.h"

#include "server/request.h"

static const unsigned weights[NR_PRIORITIES] = {
	[PRIORITY_HIGH] = 64,
	[PRIORITY_NORMAL] = 16,
	[PRIORITY_LOW] = 4,
};

static void refill(struct queue *queue)
{
	for (int i = 0; i < NR_PRIORITIES; i++)
		queue->credit[i] = weights[i];
}

void queue_init(struct queue *queue)
{
	for (int i = 0; i < NR_PRIORITIES; i++)
		list_init(&queue->lists[i]);
	refill(queue);
}

bool queue_empty(const struct queue *queue)
{
	for (int i = 0; i < NR_PRIORITIES; i++)
		if (!list_empty(&queue->lists[i]))
			return false;
	return true;
}

void queue_add(struct queue *queue, struct request *req)
{
	list_add_tail(&queue->lists[req->priority], &req->node);
}

static struct request *first_with_credit(struct queue *queue)
{
	for (int i = 0; i < NR_PRIORITIES; i++)
		if (!list_empty(&queue->lists[i]) && queue->credit[i])
			return container_of(queue->lists[i].next, struct request, node);
	return NULL;
}

struct request *queue_next(struct queue *queue)
{
	struct request *req = first_with_credit(queue);

	if (!req && !queue_empty(queue)) {
		refill(queue);
		req = first_with_credit(queue);
	}
	return req;
}

void queue_charge(struct queue *queue, const struct request *req)
{
	queue->credit[req->priority]--;
}
