/* The queue pair of a connection (conn->qp). */
#ifndef USRBIO_COMMON_VERBS_CONN_QP_H
#define USRBIO_COMMON_VERBS_CONN_QP_H

#include <infiniband/verbs.h>

struct verbs_conn;

/* How often the card repeats a packet. For soft-RoCE, 7 would mean without an end. */
enum { RETRIES = 6 };

/* Create the queue pair, in the state INIT. Returns 0 or -errno. */
int qp_open(struct verbs_conn *conn);
void qp_close(struct verbs_conn *conn);
/*
 * Make it ready to receive and to send. The connection manager knows the peer's queue pair. Returns
 * 0 or -errno.
 */
int qp_start(struct verbs_conn *conn);
/* Move it to the error state, in which all its work requests come back. */
void qp_stop(struct verbs_conn *conn);
/* Convert the status of a work completion to 0 or -errno. */
int qp_wc_errno(enum ibv_wc_status status);

#endif
