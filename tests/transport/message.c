/* Messages: contents, order, floods, credits. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

#include "tests/transport/harness.h"

#define NR_FLOOD 5000

/* Messages begin with their number; the rest tells of it. */
struct stream {
	unsigned expected;
	size_t len;
};

static void make_msg(char *msg, size_t len, unsigned number)
{
	memcpy(msg, &number, sizeof(number));
	fill(msg + sizeof(number), len - sizeof(number), number);
}

static void expect_next(struct end *end, const struct tp_event *event)
{
	struct stream *stream = end->ctx;
	unsigned number;

	if (event->type != TP_EV_MSG)
		return;
	must(event->len == stream->len);
	memcpy(&number, event->msg, sizeof(number));
	must(number == stream->expected);
	must(filled((const char *)event->msg + sizeof(number), event->len - sizeof(number),
		    number));
	stream->expected++;
}

/* The message of this length, whatever its number. */
static void expect_filled(struct end *end, const struct tp_event *event)
{
	size_t *len = end->ctx;

	if (event->type != TP_EV_MSG)
		return;
	must(event->len == *len);
	must(filled(event->msg, event->len, (uint32_t)*len));
}

static void every_size(struct pair *pair, struct end *from, struct end *to)
{
	static const size_t sizes[] = {1, 2, 31, 32, 33, 100, 1000, 4064, 4095, DEFAULT_MSG};
	char msg[DEFAULT_MSG];
	size_t len;

	to->on_event = expect_filled;
	to->ctx = &len;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		len = sizes[i];
		fill(msg, len, (uint32_t)len);
		must(send_msg(from, msg, len));
		from->conn->ops->flush(from->conn);
		pump_until(pair, to->msgs == i + 1);
	}
	to->on_event = NULL;
}

Test(message, every_size_both_ways)
{
	struct pair pair;

	pair_open(&pair);
	every_size(&pair, &pair.client, &pair.server);
	every_size(&pair, &pair.server, &pair.client);
	pair_close(&pair);
}

Test(message, the_largest_there_is)
{
	struct tp_domain_config config = test_config();
	static char msg[TP_MSG_MAX];
	size_t len = sizeof(msg);
	struct pair pair;

	config.msg_max = TP_MSG_MAX;
	pair_prepare(&pair, &config, &config);
	pair_connect(&pair);
	pair.server.on_event = expect_filled;
	pair.server.ctx = &len;
	fill(msg, len, (uint32_t)len);
	for (int i = 0; i < 50; i++)
		must(send_msg(&pair.client, msg, len));
	pair.ops->flush(pair.client.conn);
	pump_until(&pair, pair.server.msgs == 50);
	pair_close(&pair);
}

Test(message, a_buffer_is_the_same_until_it_is_sent)
{
	struct pair pair;
	char *buf;

	pair_open(&pair);
	while (!(buf = pair.ops->msg_buf(pair.client.conn)))
		pump(&pair);
	/* A wrapper may claim there is none; what it gives is the same. */
	for (int i = 0; i < 10; i++) {
		char *again = pair.ops->msg_buf(pair.client.conn);

		must(!again || again == buf);
	}
	buf[0] = 'x';
	pair.ops->msg_send(pair.client.conn, 1);
	pair.ops->flush(pair.client.conn);
	pump_until(&pair, pair.server.msgs == 1);
	pair_close(&pair);
}

/* Far more than anybody has buffers for, flushed or not, to a receiver that keeps up. */
static void flood(unsigned flush_every, int max_events)
{
	struct stream stream = {.len = 1000};
	char msg[1000];
	struct pair pair;

	pair_open(&pair);
	pair.server.max_events = max_events;
	pair.server.on_event = expect_next;
	pair.server.ctx = &stream;
	for (unsigned i = 0; i < NR_FLOOD; i++) {
		make_msg(msg, sizeof(msg), i);
		must(send_msg(&pair.client, msg, sizeof(msg)));
		if (i % flush_every == 0)
			pair.ops->flush(pair.client.conn);
	}
	pair.ops->flush(pair.client.conn);
	pump_until(&pair, stream.expected == NR_FLOOD);
	must(pair.server.msgs == NR_FLOOD);
	pair_close(&pair);
}

Test(message, flood_one_by_one)
{
	flood(1, MAX_EVENTS);
}

Test(message, flood_in_batches)
{
	flood(NR_SENDS / 2, MAX_EVENTS);
}

Test(message, flood_flushed_only_when_full)
{
	flood(NR_FLOOD, MAX_EVENTS);
}

Test(message, flood_told_one_event_at_a_time)
{
	flood(NR_SENDS, 1);
}

/* Nobody polls the receiver: the sender is stopped before long, and nothing is lost. */
Test(message, a_deaf_receiver_stops_the_sender, .timeout = 60)
{
	struct stream stream = {.len = DEFAULT_MSG};
	struct end *sender;
	char msg[DEFAULT_MSG];
	struct pair pair;
	unsigned sent = 0, readies;
	void *buf;

	pair_open(&pair);
	pair.server.on_event = expect_next;
	pair.server.ctx = &stream;
	sender = &pair.client;
	for (;;) {
		readies = sender->readies;
		buf = pair.ops->msg_buf(sender->conn);
		if (!buf) {
			pair.ops->flush(sender->conn);
			/* A little patience: the wire may still be carrying. */
			for (int i = 0; i < 2000 && sender->readies == readies; i++)
				end_poll(sender);
			if (sender->readies == readies)
				break;
			continue;
		}
		make_msg(msg, sizeof(msg), sent++);
		memcpy(buf, msg, sizeof(msg));
		pair.ops->msg_send(sender->conn, sizeof(msg));
		pair.ops->flush(sender->conn);
		must(sent < 100000);
	}
	must(sent >= NR_SENDS);
	pump_until(&pair, stream.expected == sent && sender->readies != readies);
	make_msg(msg, sizeof(msg), sent);
	must(send_msg(sender, msg, sizeof(msg)));
	pair.ops->flush(sender->conn);
	pump_until(&pair, stream.expected == sent + 1);
	pair_close(&pair);
}

/* Polls only when arm() or the descriptor says so, and sleeps at once after each poll. */
static void poll_if_woken(struct end *end)
{
	struct pollfd fd = {.fd = end->domain->fd, .events = POLLIN};

	if (end->domain->ops->arm(end->domain) || poll(&fd, 1, 0) == 1)
		end_poll(end);
}

/* To sleep on messages one has just been handed must not keep their sender waiting. */
Test(message, a_receiver_that_sleeps_after_each_poll)
{
	struct stream stream = {.len = 1000};
	char msg[1000];
	struct tp_domain_config few = test_config();
	struct pair pair;
	unsigned sent = 0;

	few.nr_recvs = 4; /* one poll takes them all */
	pair_prepare(&pair, NULL, &few);
	pair_connect(&pair);
	pair.server.on_event = expect_next;
	pair.server.ctx = &stream;
	while (stream.expected < 1000) {
		void *buf = sent < 1000 ? pair.ops->msg_buf(pair.client.conn) : NULL;

		if (buf) {
			make_msg(msg, sizeof(msg), sent++);
			memcpy(buf, msg, sizeof(msg));
			pair.ops->msg_send(pair.client.conn, sizeof(msg));
		} else {
			pair.ops->flush(pair.client.conn);
			poll_if_woken(&pair.client);
		}
		poll_if_woken(&pair.server);
	}
	pair_close(&pair);
}

Test(message, both_flood_each_other)
{
	struct stream up = {.len = 2000}, down = {.len = 2000};
	char msg[2000];
	struct pair pair;

	pair_open(&pair);
	pair.server.on_event = pair.client.on_event = expect_next;
	pair.server.ctx = &up;
	pair.client.ctx = &down;
	for (unsigned i = 0; i < 2000; i++) {
		make_msg(msg, sizeof(msg), i);
		must(send_msg(&pair.client, msg, sizeof(msg)));
		must(send_msg(&pair.server, msg, sizeof(msg)));
	}
	pair.ops->flush(pair.client.conn);
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, up.expected == 2000 && down.expected == 2000);
	pair_close(&pair);
}

Test(message, counters_tell_what_happened)
{
	struct pair pair;

	pair_open(&pair);
	for (int i = 0; i < 100; i++)
		must(send_msg(&pair.client, "hello", 5));
	pair.ops->flush(pair.client.conn);
	pump_until(&pair, pair.server.msgs == 100);
	must(pair.client.domain->count.msgs_sent == 100);
	must(pair.server.domain->count.msgs_received == 100);
	must(pair.client.domain->count.msgs_received == 0);
	must(pair.client.domain->count.doorbells >= 1);
	must(pair.client.domain->count.doorbells <= 120);
	must(pair.server.domain->count.polls > 0);
	pair_close(&pair);
}
