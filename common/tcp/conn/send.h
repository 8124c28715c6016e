/* The functions of struct tp_ops by which the user of a connection sends. */
#ifndef USRBIO_COMMON_TCP_CONN_SEND_H
#define USRBIO_COMMON_TCP_CONN_SEND_H

#include "common/transport/transport.h"

void *tcp_send_buf(struct tp_conn *conn);
void tcp_send_msg(struct tp_conn *conn, size_t len);
int tcp_send_post(struct tp_conn *conn, const struct tp_op *op);
void tcp_send_flush(struct tp_conn *conn);

#endif
