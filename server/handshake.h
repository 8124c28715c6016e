/* The first message of a connection: who it is, and what it may. */
#ifndef USRBIO_SERVER_HANDSHAKE_H
#define USRBIO_SERVER_HANDSHAKE_H

struct conn;
struct message;

/* Answers with a Welcome; one that says no is the last message. Always 0. */
int handshake_hello(struct conn *conn, const struct message *msg);

#endif
