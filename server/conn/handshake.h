/*
 * The handshake of a connection: how it proves its identity, gets its permissions, enters its
 * session, and leaves it.
 */
#ifndef USRBIO_SERVER_CONN_HANDSHAKE_H
#define USRBIO_SERVER_CONN_HANDSHAKE_H

#include <stddef.h>

struct server_conn;
struct message;

/* Allocate the handshake of a connection that is being accepted. Returns 0 or -ENOMEM. */
int handshake_open(struct server_conn *conn);
/* Free the handshake, unless a Welcome owns it. The caller has closed the outbox. */
void handshake_close(struct server_conn *conn);
/*
 * Handle a Hello or a Proof. The answer is a Challenge or a Welcome, at once or when the older
 * connections of the session have ended. A Welcome that refuses is the last message. Returns 0,
 * -EPROTO, -EBADMSG, -EIO or -EMSGSIZE.
 */
int handshake_message(struct server_conn *conn, const void *frame, size_t len,
		      const struct message *msg);
/* After the keyring was read again: end the connection unless its permissions are the same. */
void handshake_review(struct server_conn *conn);
/*
 * Leave the session, if the connection is in one. None of its I/O and calls is under way any more.
 * The function may be called again.
 */
void handshake_leave(struct server_conn *conn);

#endif
