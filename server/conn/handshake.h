/*
 * How a connection enters its session and leaves it: its identity, its permissions, and when it may
 * begin.
 */
#ifndef USRBIO_SERVER_CONN_HANDSHAKE_H
#define USRBIO_SERVER_CONN_HANDSHAKE_H

#include <stddef.h>

struct server_conn;
struct message;

/* Allocate the handshake when the connection is accepted. 0 or -ENOMEM. */
int handshake_open(struct server_conn *conn);
/* Free the handshake, unless a Welcome has taken it along. The outbox has been closed. */
void handshake_close(struct server_conn *conn);
/*
 * Handle a Hello or a Proof. The answer is a Challenge or a Welcome, at once or when the older
 * connections of the session have ended. A Welcome that refuses is the last message. 0, -EPROTO,
 * -EBADMSG, -EIO, -EMSGSIZE.
 */
int handshake_message(struct server_conn *conn, const void *frame, size_t len,
		      const struct message *msg);
/* The keyring was read again: end the connection unless its permissions are the same. */
void handshake_review(struct server_conn *conn);
/*
 * Leave the session, if the connection is in one. Nothing of it is under way any more. It may be
 * called again.
 */
void handshake_leave(struct server_conn *conn);

#endif
