/*
 * From rings to messages: which prepared I/Os may go (io_depth's rules), and sending them in
 * batches, ring by ring. Everything here runs under the connection's lock.
 */
#ifndef USRBIO_CLIENT_BATCH_H
#define USRBIO_CLIENT_BATCH_H

#include <stdint.h>

struct conn;
struct ring;

/* More has been submitted: release what io_depth lets go, and send it if there is room. */
void batch_submitted(struct ring *ring);

/* Send released I/Os for as long as the server takes them. */
void batch_dispatch(struct conn *conn);
/* Released I/Os of all rings end with this error instead. */
void batch_fail(struct conn *conn, int error);

/* Release the incomplete batches whose time is up. */
void batch_timers(struct conn *conn, uint64_t now);
/* When the next one is, or NEVER. */
uint64_t batch_next_timer(const struct conn *conn);

#endif
