/* A connection's part of a state dump. */
#ifndef USRBIO_SERVER_CONN_CONN_DUMP_H
#define USRBIO_SERVER_CONN_CONN_DUMP_H

struct server_conn;

/* Log the connection's state in a few lines. They also show its oldest I/O and calls, if any. */
void conn_dump(const struct server_conn *conn);

#endif
