/*
 * The requests of a connection that have segments to start, by priority. High goes before normal,
 * and normal before low. Each priority has a weight, so that each makes progress.
 */
#ifndef USRBIO_SERVER_IO_QUEUE_H
#define USRBIO_SERVER_IO_QUEUE_H

#include <stdbool.h>

#include "common/base/wrr.h"
#include "proto/limits.h"
#include "common/base/list.h"

struct server_request;

struct queue {
	struct list lists[NR_PRIORITIES];
	struct wrr wrr; /* counted in segments */
};

void queue_init(struct queue *queue);
void queue_add(struct queue *queue, struct server_request *req);
static inline bool queue_empty(const struct queue *queue)
{
	for (int i = 0; i < NR_PRIORITIES; i++)
		if (!list_empty(&queue->lists[i]))
			return false;
	return true;
}

/* Get the request whose segment is next; NULL if the queue is empty. The request stays queued. */
struct server_request *queue_next(struct queue *queue);
/* Count one started segment of the request that queue_next() returned. */
void queue_charge(struct queue *queue, const struct server_request *req);

#endif
