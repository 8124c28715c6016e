/* A client and a server that take turns in one thread. */
#ifndef TESTS_BENCH_COST_H
#define TESTS_BENCH_COST_H

#include <stdbool.h>

#define COST_MOUNT "loop:///" /* a null store, whatever the directory has */

/* One turn of the server's only worker: false when there was nothing to do, or is no server yet. */
bool cost_server_turn(void);

#endif
