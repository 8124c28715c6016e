/*
 * How a connection is greeted: Hello, with a key Challenge and Proof, and Welcome. The connection's
 * lock is held.
 */
#ifndef USRBIO_CLIENT_SESSION_HANDSHAKE_H
#define USRBIO_CLIENT_SESSION_HANDSHAKE_H

#include <stddef.h>

struct conn;
struct message;

/* The transport is connected: say hello. */
void session_handshake_begin(struct conn *conn);
/* Whatever comes before the connection is greeted. */
void session_handshake_message(struct conn *conn, const void *frame, size_t len,
			       const struct message *msg);

#endif
