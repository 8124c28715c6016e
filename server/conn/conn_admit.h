/*
 * Admission of connections without a Welcome: how many a worker admits, and which of them it evicts
 * when memory or connections run short.
 */
#ifndef USRBIO_SERVER_CONN_CONN_ADMIT_H
#define USRBIO_SERVER_CONN_CONN_ADMIT_H

#include <stddef.h>

struct budget_id;
struct server_conn;
struct worker;

/*
 * Let a new connection wait for its Hello. If the worker has too many connections without a
 * Welcome, the oldest of them ends.
 */
void conn_admit(struct server_conn *conn);
/*
 * There is no memory, these bytes, for a connection of this id; NULL: it is not known yet. Have the
 * oldest connection without a Hello end, of the worker that has the most. Have the id with more
 * than its part lose a connection or session, unless connections without a known id have the
 * memory. If there is none, end the oldest session without a connection that has to yield. Any
 * worker calls it about itself.
 */
void conn_make_room(struct worker *worker, const struct budget_id *id, size_t bytes);

#endif
