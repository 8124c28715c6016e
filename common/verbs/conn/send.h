/* The send queue of a connection. Only the domain's thread uses it. */
#ifndef USRBIO_COMMON_VERBS_CONN_SEND_H
#define USRBIO_COMMON_VERBS_CONN_SEND_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"

struct verbs_conn;

enum { CREDIT_SLOTS = 2 }; /* the slots that only empty messages may use */

enum verbs_slot_kind {
	SLOT_OP,     /* a READ or WRITE, which TP_EV_DONE reports */
	SLOT_MSG,    /* a message, which frees its buffer */
	SLOT_CREDIT, /* an empty message, which carries only credits */
};

/* One work request. */
struct verbs_slot {
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	enum verbs_slot_kind kind;
	int status;   /* 0 or -errno, when it is retired */
	void *cookie; /* SLOT_OP: the caller's */
	unsigned buf; /* SLOT_MSG: the number of its buffer */
};

/*
 * The send queue: a ring, and four counts that only grow. Each is at most as large as the next. The
 * slots [reported, retired) have ended, and TP_EV_DONE is due. The card has [retired, posted). The
 * slots [posted, queued) wait for flush().
 */
struct verbs_send_queue {
	struct verbs_slot *slots;
	uint32_t size; /* a power of two */
	uint32_t reported, retired, posted, queued;
	unsigned nr_ops, max_ops; /* READs and WRITEs that are not reported */
	unsigned nr_msgs;	  /* messages that are queued or that the card has */
	unsigned nr_credits;	  /* empty messages that are queued or that the card has */
	unsigned run;		  /* work requests since the last signalled one */
	uint64_t run_bytes;	  /* their bytes */
	unsigned *free_bufs;	  /* a stack of send buffers */
	unsigned nr_free_bufs;
	bool held; /* msg_buf has given out a buffer, and taken a slot and a credit for it */
};

/* Allocate the queue. Returns 0 or -ENOMEM. */
int send_open(struct verbs_conn *conn);
void send_close(struct verbs_conn *conn);
/* Give the card what is queued, at least one request. Returns 0; -errno: the card refuses it. */
int send_flush(struct verbs_conn *conn);
/* Take a completed send. Returns 0, or -errno with which the connection has to end. */
int send_completed(struct verbs_conn *conn, const struct ibv_wc *wc);
/* Retire all slots that are left, with the connection's status. The queue pair is destroyed. */
void send_abandon(struct verbs_conn *conn);
/* True if a kind of send that got -EAGAIN is possible again. */
bool send_worth_retry(const struct verbs_conn *conn);
/* Queue an empty message that returns credits. It takes one credit. False: no slot is free. */
bool send_credits(struct verbs_conn *conn);
void *verbs_msg_buf(struct tp_conn *conn);
void verbs_msg_send(struct tp_conn *conn, size_t len);
int verbs_post(struct tp_conn *conn, const struct tp_op *op);

#endif
