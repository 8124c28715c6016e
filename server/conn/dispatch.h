/* From a frame to what it asks for: decode, then a handler by message type. */
#ifndef USRBIO_SERVER_CONN_DISPATCH_H
#define USRBIO_SERVER_CONN_DISPATCH_H

#include <stddef.h>

struct server_conn;

/* A frame has come. What breaks the protocol ends the connection, and nothing else. */
void dispatch(struct server_conn *conn, const void *frame, size_t len);

#endif
