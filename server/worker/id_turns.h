/*
 * The turns of the ids at a worker. An id takes turns with other ids, and its connections with each
 * other, so that an id with many connections starts no more segments, and gets no more of the
 * buffers that become free, than one with a single connection. The connections of an id hold it.
 * The worker owns it, and only its thread uses it.
 */
#ifndef USRBIO_SERVER_WORKER_ID_TURNS_H
#define USRBIO_SERVER_WORKER_ID_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "server/worker/staging.h"

struct account;
struct rates;

/* An id in a line of ids, and what of it waits there. */
struct id_line {
	struct list node;  /* in the line while `conns` is not empty */
	struct list conns; /* its pipelines, next first */
};

struct id_turns {
	struct list all; /* in worker->ids */
	const struct account *account;
	unsigned nr_conns;
	struct rates *rates;  /* what it may have in a second; NULL: no limit */
	struct id_line ready; /* in worker->ready */
	struct id_line waiting_for_buf[NR_STAGING]; /* in worker->waiting_for_buf */
	uint32_t nr_held[NR_STAGING]; /* its segments by class, without those that hang */
};

/*
 * Get the id of a connection that begins, with its rates from now on. NULL: no memory. The caller
 * gives it back when the connection is freed, and none of its lists are in use.
 */
struct id_turns *id_turns_get(struct list *ids, const struct account *account, struct rates *rates);
void id_turns_put(struct id_turns *id);

/* Append a connection of the id, by its node, to those that wait in the line. */
static inline void id_turns_add(struct list *line, struct id_line *id, struct list *node)
{
	list_add_tail(&id->conns, node);
	if (list_empty(&id->node))
		list_add_tail(line, &id->node);
}

/* The same in front of its other connections, because it has waited longer. */
static inline void id_turns_add_first(struct list *line, struct id_line *id, struct list *node)
{
	list_add_head(&id->conns, node);
	if (list_empty(&id->node))
		list_add_tail(line, &id->node);
}

/* Take the next node off, of the next id; NULL: there is none. */
static inline struct list *id_turns_next(struct list *line)
{
	while (!list_empty(line)) {
		struct id_line *id = container_of(line->next, struct id_line, node);
		struct list *node = id->conns.next;

		/* It has none if they have left meanwhile. */
		if (node->next == &id->conns)
			list_del(&id->node);
		else
			list_move_tail(line, &id->node);
		if (node != &id->conns) {
			list_del(node);
			return node;
		}
	}
	return NULL;
}

#endif
