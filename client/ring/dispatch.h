/*
 * The rings' part of a connection: the I/Os that are under way on it, and the rings that have more
 * to send. Belongs to the connection, and everything is under its lock.
 */
#ifndef USRBIO_CLIENT_RING_DISPATCH_H
#define USRBIO_CLIENT_RING_DISPATCH_H

#include "common/base/list.h"
#include "client/conn/conn.h"
#include "client/ring/inflight.h"
#include "common/base/wrr.h"

struct dump;

struct dispatch {
	struct conn_user user;
	struct inflight inflight;
	struct list rings[NR_PRIORITIES]; /* with released I/Os, the next one to send first */
	struct wrr wrr;			  /* between the priorities; counted in I/Os */
	struct list timers;		  /* rings with an incomplete batch that has a time limit */
	uint32_t batch_max;		  /* I/Os that fit into one message */
};

static inline struct dispatch *dispatch_of(const struct conn *conn)
{
	return (struct dispatch *)(void *)conn->users[CONN_USER_RINGS];
}

/* Describe the rings of a connection and their I/Os; its lock is held. */
void dispatch_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

#endif
