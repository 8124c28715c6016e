/* The states of a connection, and how it ends. */
#ifndef USRBIO_COMMON_TCP_CONN_STATE_H
#define USRBIO_COMMON_TCP_CONN_STATE_H

#include "common/tcp/conn/conn.h"

/* The socket is connected. */
void tcp_state_start(struct tcp_conn *conn);
/* What the connection was woken for. */
void tcp_state_run(struct tcp_conn *conn, struct tcp_sink *sink);
/* epoll says that the socket can be written. */
void tcp_state_writable(struct tcp_conn *conn);
/* The connection's timer has expired. */
void tcp_state_timeout(struct tcp_conn *conn);
/* Send what is queued, and end the connection if that is against the rules. */
void tcp_state_flush(struct tcp_conn *conn);
/* Say goodbye, and end. */
void tcp_state_disconnect(struct tp_conn *conn);
/* End at once: the socket is closed, and events say so in the next polls. */
void tcp_state_end(struct tcp_conn *conn, int status);

#endif
