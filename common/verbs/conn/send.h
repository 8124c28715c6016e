/* The send queue of a connection. */
#ifndef USRBIO_COMMON_VERBS_CONN_SEND_H
#define USRBIO_COMMON_VERBS_CONN_SEND_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"

struct verbs_conn;

enum { CREDIT_SLOTS = 2 }; /* slots that only empty messages may use */

enum verbs_slot_kind {
	SLOT_OP,     /* a READ or WRITE: gives TP_EV_DONE */
	SLOT_MSG,    /* a message: gives a buffer back */
	SLOT_CREDIT, /* nothing but credits */
};

struct verbs_slot {
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	enum verbs_slot_kind kind;
	int status;
	void *cookie;
	unsigned buf;
};

/*
 * The send queue: a ring, and four counts that only grow, each up to the next.
 * [reported, retired) is over, TP_EV_DONE not given yet; [retired, posted) is with the card;
 * [posted, queued) waits for flush().
 */
struct verbs_send_queue {
	struct verbs_slot *slots;
	uint32_t size; /* a power of two */
	uint32_t reported, retired, posted, queued;
	unsigned nr_ops, max_ops;
	unsigned nr_msgs; /* with the card or queued */
	unsigned nr_credits;
	unsigned run; /* work requests since the last signalled one, and their bytes */
	uint64_t run_bytes;
	unsigned *free_bufs; /* a stack of send buffers */
	unsigned nr_free_bufs;
	bool held; /* msg_buf gave the top of the stack away; its slot and credit are taken */
};

int send_open(struct verbs_conn *conn);
void send_close(struct verbs_conn *conn);
/* Give the card what is queued, something at least. 0 or -errno: the card refuses it. */
int send_flush(struct verbs_conn *conn);
/* 0, or -errno: the connection has to end with it. */
int send_completed(struct verbs_conn *conn, const struct ibv_wc *wc);
/* All that is left ends with the connection's status. */
void send_abandon(struct verbs_conn *conn);
bool send_worth_retry(const struct verbs_conn *conn);
/* Queue an empty message with the credits owed; it takes one credit. False: no slot is free. */
bool send_credits(struct verbs_conn *conn);
void *verbs_msg_buf(struct tp_conn *conn);
void verbs_msg_send(struct tp_conn *conn, size_t len);
int verbs_post(struct tp_conn *conn, const struct tp_op *op);

#endif
