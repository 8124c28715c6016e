/* READ and WRITE: contents, order, completions. The server posts, the client's memory is reached.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/transport/harness.h"

static const uint32_t sizes[] = {1,	 2,	   31,	    32,	      33,	4095,  4096,
				 4097,	 8191,	   8192,    8193,     65535,	65536, 65537,
				 100001, 1u << 20, 1048577, 3u << 20, TP_OP_MAX};

#define NR_SIZES (sizeof(sizes) / sizeof(*sizes))

/* One at a time, at odd addresses on both sides, nothing beside the target changed. */
static void every_size(enum tp_kind kind)
{
	struct pair pair;

	pair_open(&pair);
	for (uint32_t i = 0; i < NR_SIZES; i++) {
		uint32_t len = sizes[i];
		struct tp_op op = make_op(&pair, kind, 4097 + i, 12289 + 3 * i, len);
		char *remote = (char *)(uintptr_t)op.raddr, *local = op.local;
		char *source = kind == TP_READ ? remote : local;
		char *target = kind == TP_READ ? local : remote;

		fill(source, len, i);
		memset(target - 64, 0x5a, (size_t)len + 128);
		op.cookie = &op;
		must(post_op(&pair.server, &op));
		pair.ops->flush(pair.server.conn);
		pump_until(&pair, pair.server.dones == i + 1);
		must(!pair.server.failed_dones);
		if (kind == TP_WRITE) { /* a message behind it says that it is there */
			must(send_msg(&pair.server, "x", 1));
			pair.ops->flush(pair.server.conn);
			pump_until(&pair, pair.client.msgs == i + 1);
		}
		must(filled(target, len, i));
		for (int j = 0; j < 64; j++)
			must(target[j - 64] == 0x5a && target[len + (uint32_t)j] == 0x5a);
	}
	must(pair.client.dones == 0);
	pair_close(&pair);
}

Test(onesided, write_every_size)
{
	every_size(TP_WRITE);
}

Test(onesided, read_every_size)
{
	every_size(TP_READ);
}

/* All of them queued before one flush. */
static void pipelined(enum tp_kind kind)
{
	struct pair pair;
	size_t off = 1;

	pair_open(&pair);
	fill(kind == TP_READ ? pair.client.mem : pair.server.mem, MEM_LEN, 7);
	for (uint32_t i = 0; i < NR_SIZES - 2; i++) { /* the two largest would not fit */
		struct tp_op op = make_op(&pair, kind, off, off, sizes[i]);

		must(post_op(&pair.server, &op));
		off += sizes[i];
	}
	must(off <= MEM_LEN);
	pair.ops->flush(pair.server.conn);
	must(send_msg(&pair.server, "x", 1));
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.server.dones == NR_SIZES - 2 && pair.client.msgs == 1);
	must(!pair.server.failed_dones);
	must(!memcmp(pair.client.mem + 1, pair.server.mem + 1, off - 1));
	pair_close(&pair);
}

Test(onesided, writes_pipelined)
{
	pipelined(TP_WRITE);
}

Test(onesided, reads_pipelined)
{
	pipelined(TP_READ);
}

/* Rule 3: the bytes are there when the message that follows them arrives. */
static void check_visible(struct end *end, const struct tp_event *event)
{
	uint32_t number;

	if (event->type != TP_EV_MSG)
		return;
	memcpy(&number, event->msg, sizeof(number));
	must(filled(end->mem + number * 20000u % 4000000u, 20000, number));
}

Test(onesided, a_write_is_visible_before_the_next_message)
{
	struct pair pair;

	pair_open(&pair);
	pair.client.on_event = check_visible;
	for (uint32_t i = 0; i < 200; i++) {
		size_t off = i * 20000u % 4000000u;
		struct tp_op op = make_op(&pair, TP_WRITE, off, off, 20000);

		fill(op.local, 20000, i);
		must(post_op(&pair.server, &op));
		must(send_msg(&pair.server, &i, sizeof(i)));
		if (i % 3 == 0)
			pair.ops->flush(pair.server.conn);
	}
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.client.msgs == 200 && pair.server.dones == 200);
	pair_close(&pair);
}

/* Immediates and messages come in the order in which they were posted. */
struct order {
	uint32_t expected;
};

static void check_order(struct end *end, const struct tp_event *event)
{
	struct order *order = end->ctx;
	uint32_t number = 0;

	if (event->type == TP_EV_MSG)
		memcpy(&number, event->msg, sizeof(number));
	else if (event->type == TP_EV_IMM)
		number = event->imm;
	else
		return;
	must(number == order->expected);
	if (event->type == TP_EV_IMM && number % 2)
		must(filled(end->mem + 64u * (number % 1024), 64, number));
	order->expected++;
}

Test(onesided, immediates_keep_their_place)
{
	struct order order = {0};
	struct pair pair;

	pair_open(&pair);
	pair.client.on_event = check_order;
	pair.client.ctx = &order;
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t len = i % 2 ? 64 : 0;
		struct tp_op op = make_op(&pair, TP_WRITE, 64u * (i % 1024), 64u * (i % 1024), len);

		op.has_imm = true;
		op.tag = i;
		if (i % 7 == 0) {
			must(send_msg(&pair.server, &i, sizeof(i)));
		} else {
			fill(op.local, 64, i);
			must(post_op(&pair.server, &op));
		}
		if (i % 5 == 0)
			pair.ops->flush(pair.server.conn);
	}
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, order.expected == 3000);
	pair_close(&pair);
}

/* Rules 1 and 2: one DONE for each post, in post order. */
struct tally {
	uintptr_t expected;
};

static void check_tally(struct end *end, const struct tp_event *event)
{
	struct tally *tally = end->ctx;

	if (event->type != TP_EV_DONE)
		return;
	must((uintptr_t)event->cookie == tally->expected);
	tally->expected++;
}

static void mixture(unsigned nr_posts, int max_events)
{
	struct tally tally = {1};
	uint32_t random = 42;
	struct pair pair;
	unsigned imms = 0, msgs = 0;

	pair_open(&pair);
	pair.server.on_event = check_tally;
	pair.server.ctx = &tally;
	pair.server.max_events = max_events;
	fill(pair.client.mem, 1u << 20, 1);
	fill(pair.server.mem, 1u << 20, 1);
	for (uintptr_t i = 1; i <= nr_posts; i++) {
		uint32_t len = next_random(&random) % (i % 64 ? 3000 : 70000);
		size_t off = next_random(&random) % ((1u << 20) - len);
		struct tp_op op = make_op(&pair, next_random(&random) % 2 ? TP_READ : TP_WRITE, off,
					  off, len + 1);

		op.cookie = (void *)i;
		op.has_imm = op.kind == TP_WRITE && next_random(&random) % 3 == 0;
		imms += op.has_imm;
		must(post_op(&pair.server, &op));
		if (next_random(&random) % 4 == 0) {
			must(send_msg(&pair.server, "x", 1));
			msgs++;
		}
		if (next_random(&random) % 8 == 0)
			pair.ops->flush(pair.server.conn);
	}
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.server.dones == nr_posts && pair.client.imms == imms &&
				  pair.client.msgs == msgs);
	must(tally.expected == nr_posts + 1);
	must(!pair.server.failed_dones);
	/* Both sides held the same bytes, so whatever moved in whatever direction, they still do.
	 */
	must(filled(pair.client.mem, 1u << 20, 1));
	must(filled(pair.server.mem, 1u << 20, 1));
	must(pair.server.domain->count.reads + pair.server.domain->count.writes == nr_posts);
	must(pair.server.domain->count.imms_sent == imms);
	must(pair.client.domain->count.imms_received == imms);
	pair_disconnect(&pair);
	must(pair.server.dones == nr_posts);
	pair_close(&pair);
}

Test(onesided, ten_thousand_posts_ten_thousand_dones, .timeout = 100)
{
	mixture(10000, MAX_EVENTS);
}

Test(onesided, the_same_told_one_event_at_a_time, .timeout = 100)
{
	mixture(1000, 1);
}

/* Rule 5, with many under way: a DONE says that the local buffer is ours again, filled if a READ.
 */
#define SLOT_LEN 20000u

struct slots {
	enum tp_kind kind;
	unsigned seen;
};

static void check_slot(struct end *end, const struct tp_event *event)
{
	struct slots *slots = end->ctx;
	char *slot = event->cookie;

	if (event->type != TP_EV_DONE)
		return;
	must(slot == end->mem + (slots->seen++ % NR_POSTS) * SLOT_LEN);
	if (slots->kind == TP_READ)
		must(filled(slot, SLOT_LEN, 9));
	memset(slot, 0, SLOT_LEN);
}

static void buffers_reused(enum tp_kind kind)
{
	struct slots slots = {.kind = kind};
	struct pair pair;

	pair_open(&pair);
	pair.server.on_event = check_slot;
	pair.server.ctx = &slots;
	fill(pair.client.mem, SLOT_LEN, 9);
	memset(pair.server.mem, 0, MEM_LEN);
	for (unsigned i = 0; i < 300; i++) {
		size_t remote = kind == TP_READ ? 0 : i * 25000u;
		struct tp_op op;

		while (i - slots.seen >= NR_POSTS)
			pump(&pair);
		op = make_op(&pair, kind, (i % NR_POSTS) * SLOT_LEN, remote, SLOT_LEN);
		op.cookie = op.local;
		if (kind == TP_WRITE)
			fill(op.local, SLOT_LEN, i);
		must(post_op(&pair.server, &op));
		if (i % 4 == 3)
			pair.ops->flush(pair.server.conn);
	}
	must(send_msg(&pair.server, "x", 1));
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, slots.seen == 300 && pair.client.msgs == 1);
	for (unsigned i = 0; kind == TP_WRITE && i < 300; i++)
		must(filled(pair.client.mem + i * 25000u, SLOT_LEN, i));
	pair_close(&pair);
}

Test(onesided, a_done_read_is_there)
{
	buffers_reused(TP_READ);
}

Test(onesided, a_done_write_has_let_go)
{
	buffers_reused(TP_WRITE);
}

Test(onesided, posts_are_bounded)
{
	struct pair pair;
	int posted = 0, err = 0;

	pair_open(&pair);
	/* A wrapper may say -EAGAIN early; nobody may take more than asked for without a poll. */
	for (int i = 0; i < 10 * NR_POSTS && !err; i++) {
		struct tp_op op = make_op(&pair, TP_READ, 0, 0, 4096);

		err = pair.ops->post(pair.server.conn, &op);
		posted += !err;
	}
	must(err == -EAGAIN && posted <= NR_POSTS);
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.server.dones == (unsigned)posted && pair.server.readies);
	pair_close(&pair);
}

static bool by_direction(struct end *end, uint32_t tag, enum tp_access access,
			 struct tp_range *range)
{
	struct tp_mem **mems = end->ctx;

	*range = (struct tp_range){.base = (uintptr_t)end->mem,
				   .len = 65536,
				   .key = mems[access == TP_REMOTE_WRITE]->key};
	return true;
}

Test(onesided, two_registrations_of_one_buffer)
{
	struct tp_mem *mems[2];
	struct tp_mem *reader, *writer;
	struct pair pair;
	struct tp_op op;

	pair_open(&pair);
	must(!pair.ops->mem_register(pair.device, pair.client.mem, 65536, TP_REMOTE_READ, &reader));
	must(!pair.ops->mem_register(pair.device, pair.client.mem, 65536, TP_REMOTE_WRITE,
				     &writer));
	mems[0] = reader;
	mems[1] = writer;
	pair.client.ctx = mems;
	pair.client.range = by_direction;
	must(reader->key != writer->key && reader->key != pair.mem->key);
	fill(pair.server.mem, 65536, 3);
	op = make_op(&pair, TP_WRITE, 0, 0, 65536);
	op.key = writer->key;
	must(post_op(&pair.server, &op));
	op = make_op(&pair, TP_READ, 1u << 20, 0, 65536);
	op.key = reader->key;
	must(post_op(&pair.server, &op));
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.server.dones == 2);
	must(!pair.server.failed_dones);
	must(filled(pair.server.mem + (1u << 20), 65536, 3));
	pair_disconnect(&pair);
	pair.ops->mem_deregister(reader);
	pair.ops->mem_deregister(writer);
	pair_close(&pair);
}
