/* Setting up an io_uring as well as the running kernel can; for evloop.c alone. */
#ifndef USRBIO_SERVER_STORE_EVLOOP_RING_H
#define USRBIO_SERVER_STORE_EVLOOP_RING_H

struct io_uring;

/*
 * 0, or -errno with the reason in the log. The ring is disabled (IORING_SETUP_R_DISABLED): whoever
 * enables it owns it. From then on it takes only what this project asks of it, else -EACCES.
 */
int evloop_ring_open(struct io_uring *ring, unsigned entries);

#endif
