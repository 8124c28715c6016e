/* The outbox, over a transport that takes a few messages at a time. */
#include "server/io/outbox.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "common/transport/transport.h"
#include "proto/codec.h"

static unsigned room; /* buffers the transport still has */
static uint8_t buf[FRAME_MAX];
static uint32_t next_tag; /* results must come in order */
static unsigned nr_messages;
static struct arena arena;

static void *msg_buf(struct tp_conn *conn)
{
	return room ? buf : NULL;
}

static void msg_send(struct tp_conn *conn, size_t len)
{
	struct message msg;

	cr_assert_leq(len, conn->msg_max);
	cr_assert_eq(codec_decode(&arena, buf, len, &msg), 0);
	if (msg.type == MSG_COMPLETION)
		for (size_t i = 0; i < msg.completion.n; i++) {
			cr_assert_eq(msg.completion.done[i].tag, next_tag);
			cr_assert_eq(msg.completion.done[i].result, -(int64_t)(next_tag % 2) * EIO);
			next_tag++;
		}
	else
		nr_messages++;
	room--;
}

static const struct tp_ops ops = {.msg_buf = msg_buf, .msg_send = msg_send};

static void count_release(struct outgoing *out)
{
	out->msg.ping.nonce++;
}

static void run(uint32_t msg_max)
{
	enum { N = 1000 };
	struct tp_conn conn = {.ops = &ops, .msg_max = msg_max};
	struct outgoing ping = {.msg = {.type = MSG_PING}, .release = count_release};
	struct outbox box;
	uint32_t tag = 0;

	next_tag = nr_messages = 0;
	cr_assert_eq(arena_open(&arena, ARENA_SIZE), 0);
	outbox_init(&box);
	cr_assert_eq(outbox_open(&box, N), 0);
	for (int round = 0; round < 5; round++) { /* around the ring */
		for (int i = 0; i < 700; i++, tag++)
			outbox_result(&box, tag, -(int64_t)(tag % 2) * EIO);
		outbox_message(&box, &ping);
		room = 1;
		cr_assert_eq(outbox_send(&box, &conn), 1);
		cr_assert_eq(nr_messages, (unsigned)round, "results go first");
		cr_assert_not(outbox_empty(&box));
		while (!outbox_empty(&box)) {
			room = 1;
			outbox_send(&box, &conn);
		}
		cr_assert_eq(next_tag, tag);
		cr_assert_eq(nr_messages, (unsigned)round + 1);
		cr_assert_eq(ping.msg.ping.nonce, (uint64_t)round + 1, "released once");
	}
	outbox_close(&box);
	arena_close(&arena);
}

Test(outbox, results_in_order_then_messages)
{
	run(FRAME_MAX);
}

Test(outbox, small_frames)
{
	run(1024);
}
