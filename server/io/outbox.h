/*
 * The messages of a connection that wait to be sent: results, several of which share a Completion,
 * and after them single messages. The limits on I/Os and calls of a client bound its size.
 */
#ifndef USRBIO_SERVER_IO_OUTBOX_H
#define USRBIO_SERVER_IO_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "common/base/list.h"

struct tp_conn;

/* A message to be sent. The memory that it points to lives until release(). */
struct outgoing {
	struct list node;
	struct message msg;
	void (*release)(struct outgoing *out); /* called once, after it was sent or given up */
};

struct outbox {
	struct list messages;
	uint32_t nr_messages;
	struct io_result *results; /* a ring buffer of `size` results */
	uint32_t size, head, count;
};

void outbox_init(struct outbox *box);
/* Allocate room for max results. Returns 0 or -ENOMEM. */
int outbox_open(struct outbox *box, uint32_t max);
/* Release the messages that are left. The outbox has been initialised. */
void outbox_close(struct outbox *box);

/* Add a result. The caller has no more I/Os open than there is room for results. */
void outbox_result(struct outbox *box, uint32_t tag, int64_t result);
/* Add a message. The outbox owns it until release(). */
void outbox_message(struct outbox *box, struct outgoing *out);

static inline bool outbox_empty(const struct outbox *box)
{
	return !box->count && !box->nr_messages;
}

/* Send what the transport takes; the rest waits for TP_EV_READY. Returns the number of messages. */
unsigned outbox_send(struct outbox *box, struct tp_conn *tp);

#endif
