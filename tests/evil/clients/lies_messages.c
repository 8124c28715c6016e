/* Messages that are none, or not for a server, or not now. */
#include <errno.h>
#include <string.h>

#include "proto/codec.h"
#include "tests/support/must.h"
#include "tests/evil/clients/evil.h"

#define FRAME(bytes) bytes, sizeof(bytes) - 1

static void frame(struct evil *e, const struct lie *lie)
{
	wire_frame(&e->wire, lie->bytes, lie->len);
	expect_end(e);
}

static void message(struct evil *e, const struct lie *lie)
{
	wire_msg(&e->wire, lie->bytes);
	expect_end(e);
}

/* As many bytes of one value as a frame holds, behind the type. */
static void bomb(struct evil *e, const struct lie *lie)
{
	uint8_t bytes[FRAME_MAX];
	const uint8_t *pattern = lie->bytes;

	bytes[0] = (uint8_t)lie->number;
	for (size_t i = 1; i < sizeof(bytes); i++)
		bytes[i] = pattern[(i - 1) % lie->len];
	wire_frame(&e->wire, bytes, 1 + (sizeof(bytes) - 1) / lie->len * lie->len);
	/* A field nobody knows is skipped, a field too many is refused: never more than that. */
	wire_frame(&e->wire, "\xee", 1);
	expect_end(e);
}

/* A field nobody knows that holds a field that holds a field, as deep as a frame is. */
static void nested(struct evil *e, const struct lie *lie)
{
	uint8_t bytes[FRAME_MAX];
	size_t at = sizeof(bytes);

	while (at > 8) {
		size_t len = sizeof(bytes) - at;

		bytes[--at] = (uint8_t)(len >> 14 & 0x7f);
		bytes[--at] = (uint8_t)(len >> 7 & 0x7f) | 0x80;
		bytes[--at] = (uint8_t)(len & 0x7f) | 0x80;
		bytes[--at] = 0x7a; /* field 15, with a length */
	}
	bytes[--at] = MSG_PING;
	wire_frame(&e->wire, bytes + at, sizeof(bytes) - at);
	expect_alive(e);
}

/* Words that are no whole number of entries: field 2 of a SubmitBatch, all zero. */
static void words(struct evil *e, const struct lie *lie)
{
	uint8_t bytes[FRAME_MAX] = {MSG_SUBMIT, 0x0d, IO_READ, 0, 1, 0, 0x12};
	size_t len = (size_t)lie->number * 8;

	bytes[7] = (uint8_t)(len & 0x7f) | 0x80;
	bytes[8] = (uint8_t)(len >> 7);
	wire_frame(&e->wire, bytes, 9 + len);
	expect_end(e);
}

static void kind(struct evil *e, const struct lie *lie)
{
	uint8_t bytes[8 + 40] = {MSG_SUBMIT, 0x0d, 0, 0, 0, 0, 0x12, 40};
	uint32_t word = (uint32_t)lie->number;

	memcpy(bytes + 2, &word, sizeof(word));
	wire_frame(&e->wire, bytes, sizeof(bytes));
	expect_end(e);
}

/* Each kind of message in place of the first; none is answered. */
static void anything_first(struct evil *e, const struct lie *lie)
{
	const struct io_entry io = good_io(e);
	const struct message msgs[] = {
		{.type = MSG_REGION_ADD, .region_add = {.size = 4096, .access = ACCESS_READ}},
		{.type = MSG_REGION_DROP},
		{.type = MSG_SUBMIT, .submit = {.op = IO_READ, .n = 1, .io = &io}},
		{.type = MSG_CALL, .call = {.op = CALL_MKDIR, .path = text("never"), .mode = 0700}},
		{.type = MSG_CALL, .call = {.op = CALL_STAT}},
		{.type = MSG_PING},
		{.type = MSG_GOODBYE},
	};

	for (size_t i = 0; i < sizeof(msgs) / sizeof(*msgs); i++) {
		struct evil other;

		evil_open(&other, e->fixture, e->name, STAGE_PARAMS);
		wire_msg(&other.wire, &msgs[i]);
		expect_end(&other);
		if (other.heard.nr_pongs)
			escape(&other, "a ping was answered before the hello");
		evil_close(&other, e);
	}
}

/* What follows a violation in the same segment is not done. */
static void and_then_a_call(struct evil *e, const struct lie *lie)
{
	const struct message call = {
		.type = MSG_CALL,
		.call = {.tag = 64, .op = CALL_MKDIR, .path = text("never"), .mode = 0755}};
	uint8_t bytes[1024] = {WIRE_MSG, [4] = 1, [32] = 0xee};
	struct evil honest;
	size_t n = 33;

	for (int i = 0; i < 8; i++)
		n += wire_pack(&call, bytes + n, sizeof(bytes) - n);
	wire_bytes(&e->wire, bytes, n);
	expect_end(e);
	evil_open(&honest, e->fixture, e->name, STAGE_WELCOME);
	expect_status(&honest,
		      evil_call(&honest, &(struct call){.op = CALL_STAT, .path = text("never")}),
		      -ENOENT);
	evil_close(&honest, e);
}

static void pong(struct evil *e, const struct lie *lie)
{
	for (uint64_t i = 0; i < 1000; i++)
		wire_msg(&e->wire,
			 &(struct message){.type = MSG_PING, .ping = {.nonce = i, .pong = 1}});
	expect_alive(e);
	if (e->heard.nr_pongs != 1)
		escape(e, "a pong was answered");
}

static void goodbye(struct evil *e)
{
	wire_msg(&e->wire, &(struct message){.type = MSG_GOODBYE});
}

/* Behind the first nothing is done, and the session cannot be entered any more. */
static void goodbye_twice(struct evil *e, const struct lie *lie)
{
	const struct io_entry io = good_io(e);
	struct evil again, honest;
	struct hello hello = evil_hello("data");

	goodbye(e);
	goodbye(e);
	evil_submit(e, IO_READ, &io, 1);
	wire_msg(&e->wire, &(struct message){.type = MSG_CALL,
					     .call = {.tag = 64,
						      .op = CALL_MKDIR,
						      .path = text("never"),
						      .mode = 0755}});
	goodbye(e);
	expect_end(e);
	hello.session_id = (struct bytes){e->heard.session_id, SESSION_ID_SIZE};
	hello.session_key = (struct bytes){e->heard.session_key, SESSION_KEY_SIZE};
	hello.epoch = 1;
	evil_open(&again, e->fixture, e->name, STAGE_PARAMS);
	expect_status(&again, evil_handshake(&again, &hello), -ESTALE);
	evil_close(&again, e);
	evil_open(&honest, e->fixture, e->name, STAGE_WELCOME);
	expect_status(&honest,
		      evil_call(&honest, &(struct call){.op = CALL_STAT, .path = text("never")}),
		      -ENOENT);
	evil_close(&honest, e);
}

/* I/Os and calls are under way: each ends or is dropped, and the server goes on. */
static void goodbye_amid(struct evil *e, const struct lie *lie)
{
	struct io_entry io = good_io(e);

	for (uint32_t tag = 1; tag <= 64; tag++) {
		io.ids = io_ids(0, tag);
		evil_submit(e, IO_READ, &io, 1);
		wire_msg(&e->wire,
			 &(struct message){.type = MSG_CALL,
					   .call = {.tag = tag, .op = CALL_STAT, .file = e->file}});
	}
	goodbye(e);
	if (evil_until(e, SEEN_PONG))
		escape(e, "a pong that nobody asked for");
	expect_file(e);
}

/* In fields that a Goodbye does not have: the id and the key of another session. */
static void goodbye_of_another(struct evil *e, const struct lie *lie)
{
	uint8_t bytes[1 + 2 + SESSION_ID_SIZE + 2 + SESSION_KEY_SIZE] = {MSG_GOODBYE, 0x2a,
									 SESSION_ID_SIZE};
	struct evil owner;

	evil_open(&owner, e->fixture, e->name, STAGE_FILE);
	memcpy(bytes + 3, owner.heard.session_id, SESSION_ID_SIZE);
	bytes[3 + SESSION_ID_SIZE] = 0x32;
	bytes[4 + SESSION_ID_SIZE] = SESSION_KEY_SIZE;
	memcpy(bytes + 5 + SESSION_ID_SIZE, owner.heard.session_key, SESSION_KEY_SIZE);
	wire_frame(&e->wire, bytes, sizeof(bytes));
	expect_end(e);
	expect_status(&owner, evil_io(&owner, IO_READ, good_io(&owner)), 4096);
	evil_close(&owner, e);
}

#define MESSAGE(...)            \
	&(const struct message) \
	{                       \
		__VA_ARGS__     \
	}

static const struct io_result done = {.tag = 1, .result = 4096};

const struct lie message_lies[] = {
	{"type-zero", STAGE_WELCOME, frame, FRAME("\0\0")},
	{"type-unknown", STAGE_WELCOME, frame, FRAME("\x0a\x08\x01")},
	{"type-255", STAGE_PARAMS, frame, FRAME("\xff")},
	{"varint-endless", STAGE_WELCOME, frame,
	 FRAME("\x07\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")},
	{"length-beyond-the-frame", STAGE_WELCOME, frame, FRAME("\x07\x22\x7f path")},
	{"length-of-4-gib", STAGE_WELCOME, frame, FRAME("\x07\x22\xff\xff\xff\xff\x0f path")},
	{"length-negative", STAGE_WELCOME, frame,
	 FRAME("\x07\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01 path")},
	{"field-zero", STAGE_WELCOME, frame, FRAME("\x07\x00\x00\x00")},
	{"group", STAGE_WELCOME, frame, FRAME("\x07\x0b\x0b\x0b\x0b\x0c")},
	{"cut-in-a-field", STAGE_WELCOME, frame, FRAME("\x07\x0d\x01\x02")},
	{"wrong-wire-type", STAGE_WELCOME, frame, FRAME("\x07\x08\x01\x10\x03")},
	{"bomb-of-ranges", STAGE_WELCOME, bomb, FRAME("\x51\0\0\0\0\0\0\0\0"), MSG_CALL},
	{"bomb-of-unknown-fields", STAGE_WELCOME, bomb, FRAME("\x78\x01"), MSG_PING},
	{"bomb-of-empty-strings", STAGE_WELCOME, bomb, FRAME("\x22\x00"), MSG_CALL},
	{"bomb-of-groups", STAGE_WELCOME, bomb, FRAME("\x0b"), MSG_HELLO},
	{"bomb-first", STAGE_PARAMS, bomb, FRAME("\x78\x01"), MSG_HELLO},
	{"nested", STAGE_WELCOME, nested},
	{"batch-of-none", STAGE_FILE, words, .number = 0},
	{"batch-of-half-an-entry", STAGE_FILE, words, .number = 2},
	{"batch-of-an-entry-and-a-word", STAGE_FILE, words, .number = 6},
	{"batch-of-257", STAGE_FILE, words, .number = 257 * 5},
	{"batch-op", STAGE_FILE, kind, .number = 3 | PRIORITY_NORMAL << 16},
	{"batch-no-op", STAGE_FILE, kind, .number = PRIORITY_NORMAL << 16},
	{"batch-flags", STAGE_FILE, kind, .number = IO_READ | 0x80 << 8},
	{"batch-priority", STAGE_FILE, kind, .number = IO_READ | NR_PRIORITIES << 16},
	{"batch-priority-huge", STAGE_FILE, kind, .number = IO_READ | 0xffffll << 16},
	{"anything-first", STAGE_FILE, anything_first},
	{"and-then-a-call", STAGE_WELCOME, and_then_a_call},
	{"goodbye-twice", STAGE_FILE, goodbye_twice},
	{"goodbye-amid-io", STAGE_FILE, goodbye_amid},
	{"goodbye-of-another", STAGE_FILE, goodbye_of_another},
	{"of-a-server-completion", STAGE_WELCOME, message,
	 MESSAGE(.type = MSG_COMPLETION, .completion = {.n = 1, .done = &done})},
	{"of-a-server-reply", STAGE_WELCOME, message, MESSAGE(.type = MSG_REPLY)},
	{"of-a-server-welcome", STAGE_WELCOME, message,
	 MESSAGE(.type = MSG_WELCOME, .welcome = {.status = -EIO})},
	{"of-a-server-first", STAGE_PARAMS, message,
	 MESSAGE(.type = MSG_WELCOME, .welcome = {.status = -EIO})},
	{"pongs-nobody-asked-for", STAGE_WELCOME, pong},
	{NULL},
};
