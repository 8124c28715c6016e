/* Setting up an io_uring as well as the running kernel can; for evloop.c alone. */
#ifndef USRBIO_SERVER_EVLOOP_RING_H
#define USRBIO_SERVER_EVLOOP_RING_H

struct io_uring;

/*
 * 0, or -errno with the reason in the log. The ring is disabled (IORING_SETUP_R_DISABLED in
 * ring->flags) where the kernel wants one thread to own it.
 */
int evloop_ring_open(struct io_uring *ring, unsigned entries);

#endif
