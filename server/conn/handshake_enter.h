/* The part of the handshake that asks for permissions and enters the session. */
#ifndef USRBIO_SERVER_CONN_HANDSHAKE_ENTER_H
#define USRBIO_SERVER_CONN_HANDSHAKE_ENTER_H

#include <stdbool.h>

struct permit;
struct server_conn;

/* True if the client's Hello named a key. */
bool handshake_has_key(const struct server_conn *conn);
/*
 * Ask the keyring how the client may use that export. Without a keyring every client may use it in
 * every way. The result is that of keyring_permits().
 */
int handshake_permits(const struct server_conn *conn, const char *export, struct permit *permit);
/*
 * Enter the session that the Hello named, or a new one. An export that is missing and one that is
 * not permitted give the same answer, so that a client cannot find out which exports there are.
 * Returns 0 or -EAGAIN as session_enter(). Another error is the status of the Welcome, whose text
 * is set then, except for -EKEYREJECTED.
 */
int handshake_enter(struct server_conn *conn);
/* Say in the Welcome why the client cannot enter its session. Returns the status for it. */
int handshake_explain(struct server_conn *conn, int err);

#endif
