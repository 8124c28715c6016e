/* What a state dump says about one connection. */
#ifndef USRBIO_SERVER_CONN_CONN_DUMP_H
#define USRBIO_SERVER_CONN_CONN_DUMP_H

struct server_conn;

/* Log the connection's state: a line, and some more if it has I/O or calls under way. */
void conn_dump(const struct server_conn *conn);

#endif
