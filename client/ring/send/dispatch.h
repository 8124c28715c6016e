/*
 * The part of the rings in a connection: the I/Os that are under way on it, and the rings that have
 * I/Os to send. It belongs to the connection and is under its lock.
 */
#ifndef USRBIO_CLIENT_RING_SEND_DISPATCH_H
#define USRBIO_CLIENT_RING_SEND_DISPATCH_H

#include "common/base/list.h"
#include "client/conn/conn.h"
#include "client/ring/send/inflight.h"
#include "common/base/wrr.h"

struct dump;

struct dispatch {
	struct conn_user user;
	struct inflight inflight;
	struct list
		rings[NR_PRIORITIES]; /* those with released I/Os, in the order of their turns */
	struct wrr wrr;		      /* the turns of the priorities, counted in I/Os */
	struct list timers;	      /* rings with an incomplete batch and a time limit for it */
	uint32_t batch_max;	      /* I/Os that fit into one message */
	uint32_t late_tick;	      /* when the first of those that are late became so */
	bool aborts_due;	      /* some are FLYING_LATE: the server has to be told */
	bool log_late;		      /* the next one that the server gave up is to be logged */
};

static inline struct dispatch *dispatch_of(const struct conn *conn)
{
	return (struct dispatch *)(void *)conn->users[CONN_USER_RINGS];
}

/* Add the lines of a state dump about the rings and their I/Os. The lock is held. */
void dispatch_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

#endif
