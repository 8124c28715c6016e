/*
 * From rings to messages: which prepared I/Os may go (io_depth's rules), and sending them in
 * batches, ring by ring. Everything here runs under the connection's lock.
 */
#ifndef USRBIO_CLIENT_RING_BATCH_H
#define USRBIO_CLIENT_RING_BATCH_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct ring;

/* I/Os have been submitted: release what io_depth lets go, and send it if there is room. */
void batch_submitted(struct ring *ring);

/* Send released I/Os for as long as the server takes them. */
void batch_dispatch(struct conn *conn);
/* Do released I/Os wait to be sent? */
bool resend_waits(const struct conn *conn);
/* Send resend I/Os again for as long as the server takes them. */
void resend_send(struct conn *conn);
/*
 * End released and resend I/Os whose time is up, or whose ring or memory is gone. None of them is
 * under way, so that the server does not touch their memory.
 */
void resend_sweep(struct conn *conn);

/* Release the incomplete batches whose time is up. */
void batch_timers(struct conn *conn, uint64_t now);
/* When the next incomplete batch is to be released, or NEVER. */
uint64_t batch_next_timer(const struct conn *conn);

#endif
