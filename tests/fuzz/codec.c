/*
 * The codec: whatever decodes can be encoded, and decodes to the same again. An input is a frame.
 */
#include <string.h>

#include "proto/codec.h"
#include "tests/fuzz/input.h"

/* A small one, which even small inputs fill, and those of a connection. */
static struct arena arenas[3];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 3; i++)
		insist(!arena_open(&arenas[i], i ? ARENA_SIZE : 1024));
	return 0;
}

/* Every byte that a message points to. */
static unsigned long sum(struct bytes bytes)
{
	unsigned long n = bytes.data ? bytes.data[bytes.len] : 0;

	for (size_t i = 0; i < bytes.len; i++)
		n += bytes.data[i];
	return n;
}

static void look_at(const struct message *msg)
{
	unsigned long n = 0;

	if (msg->type == MSG_CALL) {
		insist(!sum((struct bytes){msg->call.path.data + msg->call.path.len, 0}));
		insist(strlen((const char *)msg->call.path.data) == msg->call.path.len);
		insist(msg->call.op && msg->call.op < NR_CALLS);
		for (size_t i = 0; i < 2 * msg->call.nr_ranges; i++)
			n += msg->call.range[i];
		n += sum(msg->call.path2) + sum(msg->call.persistent);
	} else if (msg->type == MSG_SUBMIT) {
		insist(msg->submit.n && msg->submit.n <= BATCH_MAX);
		for (size_t i = 0; i < msg->submit.n; i++)
			n += io_tag(&msg->submit.io[i]) + msg->submit.io[i].region_off;
	} else if (msg->type == MSG_COMPLETION) {
		insist(msg->completion.n && msg->completion.n <= COMPLETIONS_MAX);
		for (size_t i = 0; i < msg->completion.n; i++)
			n += (unsigned long)msg->completion.done[i].result;
	} else if (msg->type == MSG_REPLY) {
		for (size_t i = 0; i < msg->reply.nr_types; i++)
			n += msg->reply.types[i];
		for (size_t i = 0; i < msg->reply.nr_counts; i++)
			n += msg->reply.counts[i];
		insist(msg->reply.nr_ids <= ANCESTORS_MAX);
		for (size_t i = 0; i < 2 * msg->reply.nr_ids; i++)
			n += msg->reply.ids[i];
		n += sum(msg->reply.names) + sum(msg->reply.persistent);
	} else if (msg->type == MSG_HELLO) {
		insist(msg->hello.channel < SESSION_CONNS_MAX);
		insist(!msg->hello.key_id.len || msg->hello.share.len == SHARE_SIZE);
		n += sum(msg->hello.export) + sum(msg->hello.client) + sum(msg->hello.session_id) +
		     sum(msg->hello.session_key) + sum(msg->hello.key_id) +
		     sum(msg->hello.key_tag) + sum(msg->hello.nonce) + sum(msg->hello.share);
	} else if (msg->type == MSG_CHALLENGE) {
		insist(msg->challenge.mac.len == MAC_SIZE);
		n += sum(msg->challenge.nonce) + sum(msg->challenge.share) +
		     sum(msg->challenge.mac);
	} else if (msg->type == MSG_PROOF) {
		insist(msg->proof.mac.len == MAC_SIZE);
		n += sum(msg->proof.session_mac) + sum(msg->proof.mac);
	} else if (msg->type == MSG_ABORT) {
		insist(msg->abort.nr_ios <= ABORT_MAX && msg->abort.nr_calls <= ABORT_MAX &&
		       msg->abort.nr_former <= ABORT_MAX);
		for (size_t i = 0; i < msg->abort.nr_ios; i++)
			n += msg->abort.ios[i];
		for (size_t i = 0; i < msg->abort.nr_calls; i++)
			n += msg->abort.calls[i];
		for (size_t i = 0; i < msg->abort.nr_former; i++)
			n += msg->abort.former[i];
	} else if (msg->type == MSG_WELCOME) {
		insist(!msg->welcome.mac.len || msg->welcome.mac.len == MAC_SIZE);
		n += sum(msg->welcome.text) + sum(msg->welcome.server) + sum(msg->welcome.mac);
	}
	__asm__ volatile("" : : "r"(n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t first[2 * FRAME_MAX], second[2 * FRAME_MAX];
	struct message msg, again;
	long n, m;

	if (codec_decode(&arenas[len % 2], data, len, &msg))
		return 0;
	look_at(&msg);
	n = codec_encode(&msg, first, sizeof(first));
	insist(n > 0);
	if (n > FRAME_MAX)
		return 0;
	insist(!codec_decode(&arenas[2], first, (size_t)n, &again));
	insist(again.type == msg.type);
	m = codec_encode(&again, second, sizeof(second));
	insist(m == n && !memcmp(first, second, (size_t)n));
	return 0;
}
