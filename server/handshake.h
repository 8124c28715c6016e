/* A connection's way into its session, and out of it: who it is, and when it may begin. */
#ifndef USRBIO_SERVER_HANDSHAKE_H
#define USRBIO_SERVER_HANDSHAKE_H

struct conn;
struct message;

/*
 * The first message. Answered with a Welcome: at once, or when the older connections of its session
 * are gone. One that says no is the last message. 0 or -ENOMEM.
 */
int handshake_hello(struct conn *conn, const struct message *msg);
/* Nothing of it is under way any more: leave the session, if it is in one. May be repeated. */
void handshake_leave(struct conn *conn);

#endif
