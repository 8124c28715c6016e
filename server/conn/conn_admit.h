/*
 * Admission of connections without a Welcome: how many a worker admits, and which of them it evicts
 * when memory or connections run short.
 */
#ifndef USRBIO_SERVER_CONN_CONN_ADMIT_H
#define USRBIO_SERVER_CONN_CONN_ADMIT_H

struct server_conn;
struct worker;

/*
 * Let a new connection wait for its Hello. If the worker has too many connections without a
 * Welcome, the oldest of them ends.
 */
void conn_admit(struct server_conn *conn);
/*
 * There is no memory for a connection. Have the oldest connection without a Hello end, of the
 * worker that has the most, and the oldest session without a connection if it has to yield. Any
 * worker calls it about itself.
 */
void conn_make_room(struct worker *worker);

#endif
