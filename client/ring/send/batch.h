/*
 * The way of I/Os from rings to messages. The rules of io_depth decide which submitted I/Os are
 * released; released I/Os are sent in batches of one ring each. Everything here runs under the
 * connection's lock, on any thread.
 */
#ifndef USRBIO_CLIENT_RING_SEND_BATCH_H
#define USRBIO_CLIENT_RING_SEND_BATCH_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct ring;

/* Submit the prepared I/Os of a ring: release what io_depth allows, and send it if possible. */
void batch_submitted(struct ring *ring);

/* Send released I/Os for as long as the server takes them. */
void batch_dispatch(struct conn *conn);
/* True if released I/Os wait to be sent. */
bool resend_waits(const struct conn *conn);
/* Send resend I/Os again for as long as the server takes them. */
void resend_send(struct conn *conn);
/*
 * End released I/Os and those of the resend queue that are overdue, or whose ring or memory is
 * gone. The server cannot access their memory, because none of them is under way.
 */
void resend_sweep(struct conn *conn);

/* Release the incomplete batches that have waited for their ring's timeout. */
void batch_timers(struct conn *conn, uint64_t now);
/* Return the time when the next incomplete batch has to be released, or NEVER. */
uint64_t batch_next_timer(const struct conn *conn);

#endif
