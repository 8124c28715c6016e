/*
 * The handshake of a connection: the messages Hello and Welcome, and with a key Challenge and Proof
 * between them. The connection's lock is held.
 */
#ifndef USRBIO_CLIENT_SESSION_HANDSHAKE_H
#define USRBIO_CLIENT_SESSION_HANDSHAKE_H

#include <stddef.h>

struct conn;
struct message;

/* Send the hello, because the transport is connected. */
void session_handshake_begin(struct conn *conn);
/* Handle a message that comes before the connection is welcomed. */
void session_handshake_message(struct conn *conn, const void *frame, size_t len,
			       const struct message *msg);

#endif
