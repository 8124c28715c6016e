/* The queue pair of a connection. */
#ifndef USRBIO_COMMON_VERBS_CONN_QP_H
#define USRBIO_COMMON_VERBS_CONN_QP_H

#include <infiniband/verbs.h>

struct verbs_conn;

enum { RETRIES = 6 }; /* of a packet; 7 means for ever, to soft-RoCE at least */

int qp_open(struct verbs_conn *conn);
void qp_close(struct verbs_conn *conn);
/* Ready to receive and to send, once the connection manager knows the peer's. 0 or -errno. */
int qp_start(struct verbs_conn *conn);
/* All its work requests come back. */
void qp_stop(struct verbs_conn *conn);
/* What a work completion's status means, as 0 or -errno. */
int qp_wc_errno(enum ibv_wc_status status);

#endif
