/*
 * A connection's way into its session, and out of it: who it is, what it may do, and when it may
 * begin.
 */
#ifndef USRBIO_SERVER_CONN_HANDSHAKE_H
#define USRBIO_SERVER_CONN_HANDSHAKE_H

#include <stddef.h>

struct server_conn;
struct message;

/* Room for all that is said until the Welcome, taken when the connection is accepted. 0, -ENOMEM.
 */
int handshake_open(struct server_conn *conn);
/* Give it back, where it has not gone with a Welcome. The outbox is closed. */
void handshake_close(struct server_conn *conn);
/*
 * A Hello or a Proof. Answered with a Challenge or a Welcome: at once, or when the older
 * connections of its session are gone. A Welcome that says no is the last message. 0, -EPROTO,
 * -EIO, -EMSGSIZE.
 */
int handshake_message(struct server_conn *conn, const void *frame, size_t len,
		      const struct message *msg);
/* The keyring was read again: end it if it may not go on as it is. */
void handshake_review(struct server_conn *conn);
/* Nothing of it is under way any more: leave the session, if it is in one. May be repeated. */
void handshake_leave(struct server_conn *conn);

#endif
