/* The part of a worker in a state dump. */
#ifndef USRBIO_SERVER_LOOP_WORKER_DUMP_H
#define USRBIO_SERVER_LOOP_WORKER_DUMP_H

#include <stdbool.h>

struct worker;

/*
 * From another thread: ask the worker to log its state. Its thread does so in steps of one
 * connection, between which it works on, and posts worker->dumped at the end. False: it has not
 * finished the dump before.
 */
bool worker_dump(struct worker *worker);

#endif
