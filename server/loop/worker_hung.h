/* What hangs in the file systems, as a worker knows it: for the log of a server that stops. */
#ifndef USRBIO_SERVER_LOOP_WORKER_HUNG_H
#define USRBIO_SERVER_LOOP_WORKER_HUNG_H

struct worker;

/*
 * Have the worker end its connections, log which I/Os and calls are with a file system, mark
 * exports with such I/O as `hung`, and post worker->named. Another thread calls this, once in the
 * life of a worker.
 */
void worker_name_hung(struct worker *worker);

#endif
