/* The set-up of an io_uring, as well as the running kernel can. Only evloop.c uses it. */
#ifndef USRBIO_SERVER_STORE_EVLOOP_RING_H
#define USRBIO_SERVER_STORE_EVLOOP_RING_H

struct io_uring;

#define HELD_MAX 64 /* descriptors that a ring can hold; an export needs at most one */

/*
 * Set up a ring. Returns 0, or -errno with the reason in the log. The ring is disabled
 * (IORING_SETUP_R_DISABLED), and belongs to the thread that enables it. From then on it takes only
 * the operations that this project uses; others fail with -EACCES.
 */
int evloop_ring_open(struct io_uring *ring, unsigned entries);

#endif
