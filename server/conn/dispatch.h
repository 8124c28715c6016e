/* Decode a frame and call the handler of its message type. */
#ifndef USRBIO_SERVER_CONN_DISPATCH_H
#define USRBIO_SERVER_CONN_DISPATCH_H

#include <stddef.h>

struct server_conn;

/* Handle a frame. A frame that breaks the protocol ends its connection and affects no other. */
void dispatch(struct server_conn *conn, const void *frame, size_t len);

#endif
