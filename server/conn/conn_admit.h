/*
 * Connections without a Welcome: how many a worker admits, and which of them it evicts when memory
 * or connections run short.
 */
#ifndef USRBIO_SERVER_CONN_CONN_ADMIT_H
#define USRBIO_SERVER_CONN_CONN_ADMIT_H

struct server_conn;
struct worker;

/* Await the connection's Hello. The worker's oldest without a Welcome ends if there are too many.
 */
void conn_admit(struct server_conn *conn);
/* End the worker's oldest connection without a Hello, if any: its memory is needed. */
void conn_evict(struct worker *worker);
/* The same, from another thread. */
void conn_ask_evict(struct worker *worker);

#endif
