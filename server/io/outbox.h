/*
 * Messages of a connection that wait to be sent: results, coalesced into Completions, and single
 * messages after them. The limits on what a client may have open bound all of it.
 */
#ifndef USRBIO_SERVER_IO_OUTBOX_H
#define USRBIO_SERVER_IO_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "common/base/list.h"

struct tp_conn;

/* A message to be sent. What it points to lives until release(). */
struct outgoing {
	struct list node;
	struct message msg;
	void (*release)(struct outgoing *out); /* called when it was sent or never will be */
};

struct outbox {
	struct list messages;
	uint32_t nr_messages;
	struct io_result *results; /* a ring of `size` */
	uint32_t size, head, count;
};

void outbox_init(struct outbox *box);
/* Allocate room for max results. 0 or -ENOMEM. */
int outbox_open(struct outbox *box, uint32_t max);
/* Release what is left. After outbox_init(). */
void outbox_close(struct outbox *box);

void outbox_result(struct outbox *box, uint32_t tag, int64_t result);
void outbox_message(struct outbox *box, struct outgoing *out);

static inline bool outbox_empty(const struct outbox *box)
{
	return !box->count && !box->nr_messages;
}

/* Send what the transport takes; the rest waits for TP_EV_READY. How many messages were sent. */
unsigned outbox_send(struct outbox *box, struct tp_conn *tp);

#endif
