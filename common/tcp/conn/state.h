/* The states of a connection, and how it ends. */
#ifndef USRBIO_COMMON_TCP_CONN_STATE_H
#define USRBIO_COMMON_TCP_CONN_STATE_H

#include "common/tcp/conn/conn.h"

/* Begin when the socket is connected: with the TLS handshake, or the connect parameters. */
void tcp_state_start(struct tcp_conn *conn);
/* Run the state of a connection that was woken. */
void tcp_state_run(struct tcp_conn *conn, struct tcp_sink *sink);
/* Note that epoll reports that the socket can be written. */
void tcp_state_writable(struct tcp_conn *conn);
/* End the connection, because its timer has expired. */
void tcp_state_timeout(struct tcp_conn *conn);
/* Send what is queued. If the memory of an answer is lost, the connection ends. */
void tcp_state_flush(struct tcp_conn *conn);
/* Send what is queued, and then end. */
void tcp_state_disconnect(struct tp_conn *conn);
/* End at once: close the socket. The next polls report this. */
void tcp_state_end(struct tcp_conn *conn, int status);

#endif
