/*
 * The neighbour: a well-behaved client on a thread of its own, which writes, reads back and
 * compares without a pause. Whatever others do to the server or to this process, it must not see.
 */
#ifndef USRBIO_TESTS_EVIL_NEIGHBOUR_H
#define USRBIO_TESTS_EVIL_NEIGHBOUR_H

#include <stdint.h>

struct neighbour;

/* On a mount point of a good server. */
struct neighbour *neighbour_start(const char *mount);
/* From here on it pauses between rounds, for cases that go on for hours. */
void neighbour_rest(struct neighbour *neighbour, unsigned ms);
/* Until it has done a whole round from here on. */
void neighbour_await(struct neighbour *neighbour);
/* How many of its I/Os went wrong. */
uint64_t neighbour_stop(struct neighbour *neighbour);

#endif
