/* The thread of a worker: functions that start it, stop it, and ask it for something. */
#ifndef USRBIO_SERVER_LOOP_WORKER_LOOP_H
#define USRBIO_SERVER_LOOP_WORKER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* Start the thread. Returns 0 or -errno. */
int worker_start(struct worker *worker);
/*
 * Tell the worker, from another thread, to finish I/O under way and to disconnect, at end_ns at the
 * latest. It posts server->idle when no connection is left and the store is done, and still answers
 * other workers until worker_exit().
 */
void worker_stop(struct worker *worker, uint64_t end_ns);
/* Tell an idle worker, from another thread, to end its thread. */
void worker_exit(struct worker *worker);
/* Wait for the end of the thread. */
void worker_join(struct worker *worker);
/*
 * Tell the worker, from another thread, that the keyring was read again. It ends the connections
 * that may not stay.
 */
void worker_review(struct worker *worker);
/* End all connections of a worker that stops. Only its own thread calls this. */
void worker_end_conns(struct worker *worker);
/*
 * Poll wires and stores once, and do what is to be done. Returns false if there was nothing. *due
 * is when the next timer is due, or NEVER.
 */
bool worker_turn(struct worker *worker, uint64_t *due);

#endif
