/*
 * The outbox, which encodes straight into the transport's send buffers. The connection owns it, and
 * only its worker's thread runs this.
 */
#include "server/io/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/transport/transport.h"
#include "proto/codec.h"

#define FRAME_ROOM 32u /* bytes for the type, the field's header and its length */

void outbox_init(struct outbox *box)
{
	*box = (struct outbox){0};
	list_init(&box->messages);
}

int outbox_open(struct outbox *box, uint32_t max)
{
	box->results = calloc(max, sizeof(*box->results));
	if (!box->results)
		return -ENOMEM;
	box->size = max;
	return 0;
}

void outbox_close(struct outbox *box)
{
	struct list *node;

	while ((node = list_pop(&box->messages))) {
		struct outgoing *out = container_of(node, struct outgoing, node);

		out->release(out);
	}
	free(box->results);
	outbox_init(box);
}

void outbox_result(struct outbox *box, uint32_t tag, int64_t result)
{
	uint32_t at = box->head + box->count;

	assert(box->count < box->size);
	if (at >= box->size)
		at -= box->size;
	box->results[at] = (struct io_result){.tag = tag, .result = result};
	box->count++;
}

void outbox_message(struct outbox *box, struct outgoing *out)
{
	list_add_tail(&box->messages, &out->node);
	box->nr_messages++;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool send_results(struct outbox *box, struct tp_conn *tp)
{
	void *buf = tp->ops->msg_buf(tp);
	uint32_t n = min_u32(box->count, box->size - box->head), room;
	struct message msg; /* a Completion uses a small part of it */

	if (!buf)
		return false;
	room = (tp->msg_max - FRAME_ROOM) / (uint32_t)sizeof(*box->results);
	n = min_u32(n, min_u32(COMPLETIONS_MAX, room));
	msg.type = MSG_COMPLETION;
	msg.completion = (struct completion){.n = n, .done = box->results + box->head};
	tp->ops->msg_send(tp, (size_t)codec_encode(&msg, buf, tp->msg_max));
	box->head += n;
	if (box->head == box->size)
		box->head = 0;
	box->count -= n;
	return true;
}

static bool send_message(struct outbox *box, struct tp_conn *tp)
{
	struct outgoing *out = container_of(box->messages.next, struct outgoing, node);
	void *buf = tp->ops->msg_buf(tp);
	long len;

	if (!buf)
		return false;
	len = codec_encode(&out->msg, buf, tp->msg_max);
	if (len < 0) { /* a reply that is too long for this peer */
		struct message too_long = {
			.type = MSG_REPLY,
			.reply = {.tag = out->msg.reply.tag, .status = (int)len},
		};

		len = codec_encode(&too_long, buf, tp->msg_max);
	}
	tp->ops->msg_send(tp, (size_t)len);
	list_del(&out->node);
	box->nr_messages--;
	out->release(out);
	return true;
}

unsigned outbox_send(struct outbox *box, struct tp_conn *tp)
{
	unsigned sent = 0;

	while (box->count && send_results(box, tp))
		sent++;
	while (!box->count && box->nr_messages && send_message(box, tp))
		sent++;
	return sent;
}
