/* The thread of a worker: to start it, to stop it, and to ask it for something. */
#ifndef USRBIO_SERVER_LOOP_WORKER_LOOP_H
#define USRBIO_SERVER_LOOP_WORKER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* Start the thread. 0 or -errno. */
int worker_start(struct worker *worker);
/*
 * From another thread: finish, disconnect; server->idle is posted when no connection is left. Then
 * the worker still does what others ask of it until all are idle and it is told to exit.
 */
void worker_stop(struct worker *worker);
void worker_exit(struct worker *worker);
void worker_join(struct worker *worker);
/* From another thread: the keyring was read again; end the connections that may not stay. */
void worker_review(struct worker *worker);
/*
 * Look once at wires and disk and do what is to be done. False: there was nothing. *due: when the
 * next time limit ends, or NEVER.
 */
bool worker_turn(struct worker *worker, uint64_t *due);

#endif
