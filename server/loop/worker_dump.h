/* A worker's part of a state dump. */
#ifndef USRBIO_SERVER_LOOP_WORKER_DUMP_H
#define USRBIO_SERVER_LOOP_WORKER_DUMP_H

#include <stdbool.h>

struct worker;

/*
 * Ask the worker, from another thread, to log its state. The worker's thread does so in steps of
 * one connection, does its other work between them, and posts worker->dumped at the end. False: it
 * has not finished the previous dump.
 */
bool worker_dump(struct worker *worker);

#endif
