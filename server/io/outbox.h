/*
 * What a connection has to say and has not said yet: results, coalesced into CompletionBatches, and
 * single messages after them. Everything in it is bounded by what the client may have open.
 */
#ifndef USRBIO_SERVER_IO_OUTBOX_H
#define USRBIO_SERVER_IO_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "common/base/list.h"

struct tp_conn;

/* A message on its way; what it points to lives as long as it does. */
struct outgoing {
	struct list node;
	struct message msg;
	void (*release)(struct outgoing *out); /* sent, or never will be */
};

struct outbox {
	struct list messages;
	uint32_t nr_messages;
	struct io_result *results; /* a ring of `size` */
	uint32_t size, head, count;
};

void outbox_init(struct outbox *box);
/* Room for max results. 0 or -ENOMEM. */
int outbox_open(struct outbox *box, uint32_t max);
/* Releases what is left. After outbox_init. */
void outbox_close(struct outbox *box);

void outbox_result(struct outbox *box, uint32_t tag, int64_t result);
void outbox_message(struct outbox *box, struct outgoing *out);

static inline bool outbox_empty(const struct outbox *box)
{
	return !box->count && !box->nr_messages;
}

/* Send what the transport takes; the rest waits for TP_EV_READY. How many messages went. */
unsigned outbox_send(struct outbox *box, struct tp_conn *tp);

#endif
