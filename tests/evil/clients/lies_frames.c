/* Lies below the messages: connect parameters, headers, one-sided operations against a server, and
 * bytes that stop in the middle. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/transport/connect_params.h"
#include "common/transport/transport.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"

#define PARAMS(magic_, version_, msg_max_, nr_recvs_)            \
	&(const struct connect_params){.magic = (magic_),        \
				       .version = (version_),    \
				       .msg_max = (msg_max_),    \
				       .nr_recvs = (nr_recvs_)}, \
		sizeof(struct connect_params)
#define HEADER(...) &(const struct wire_header){__VA_ARGS__}, sizeof(struct wire_header)

static void params(struct evil *e, const struct lie *lie)
{
	wire_bytes(&e->wire, lie->bytes, lie->len);
	/* The server's own may come first; after it nothing does. */
	wire_take_params(&e->wire);
	expect_end(e);
}

static void half_of_params(struct evil *e, const struct lie *lie)
{
	wire_bytes(&e->wire, "USRB\1\0", 6);
	shutdown(e->wire.fd, SHUT_WR);
	wire_take_params(&e->wire);
	expect_end(e);
}

static void byte_by_byte(struct evil *e, const struct lie *lie)
{
	uint8_t bytes[sizeof(struct connect_params) + 256];
	const struct message hello = {.type = MSG_HELLO, .hello = evil_hello("data")};
	struct connect_params mine;
	size_t n;

	connect_params_make(&mine, FRAME_MAX, 32);
	memcpy(bytes, &mine, sizeof(mine));
	n = sizeof(mine) + wire_pack(&hello, bytes + sizeof(mine), 256);
	for (size_t i = 0; i < n; i++)
		wire_bytes(&e->wire, bytes + i, 1);
	wire_take_params(&e->wire);
	if (!evil_until(e, SEEN_WELCOME))
		escape(e, "slow, but true, and refused");
	expect_status(e, e->status, 0);
	expect_alive(e);
}

/* A header, and as many bytes behind it as it says, up to a point. */
static void header(struct evil *e, const struct lie *lie)
{
	const struct wire_header *hdr = lie->bytes;
	static const uint8_t zeros[8192];

	wire_header(&e->wire, hdr);
	wire_bytes(&e->wire, zeros, hdr->len < sizeof(zeros) ? hdr->len : sizeof(zeros));
	expect_end(e);
}

/* Wherever a page of the server may be: nothing is read, nothing is written. */
static void reach_everywhere(struct evil *e, const struct lie *lie)
{
	uint64_t state = 1;

	for (int i = 0; i < 64; i++) {
		struct evil other;
		struct wire_header hdr = {.op = (uint8_t)lie->number, .len = 64};

		evil_open(&other, e->fixture, e->name, STAGE_WELCOME);
		hdr.off = next_random(&state) >> (16 + i % 32);
		hdr.tag = (uint32_t)next_random(&state);
		wire_header(&other.wire, &hdr);
		if (hdr.op == WIRE_WRITE)
			wire_bytes(&other.wire, other.memory, hdr.len);
		expect_end(&other);
		evil_close(&other, e);
	}
}

static void garbage(struct evil *e, const struct lie *lie)
{
	uint64_t state = 3, junk[1024];

	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++)
		junk[i] = next_random(&state) | 0x80; /* no operation that there is */
	wire_bytes(&e->wire, junk, sizeof(junk));
	expect_end(e);
}

/* A stream that breaks off at each of its bytes; the server sees a loss, and that is all. */
static void truncate_at_every_byte(struct evil *e, enum stage stage, const struct message *msg)
{
	uint8_t bytes[1024];
	size_t len = wire_pack(msg, bytes, sizeof(bytes));

	for (size_t n = 1; n < len; n++) {
		struct evil other;

		evil_open(&other, e->fixture, e->name, stage);
		wire_bytes(&other.wire, bytes, n);
		shutdown(other.wire.fd, SHUT_WR);
		expect_end(&other);
		evil_close(&other, e);
	}
}

static void truncated_hello(struct evil *e, const struct lie *lie)
{
	truncate_at_every_byte(e, STAGE_PARAMS,
			       &(struct message){.type = MSG_HELLO, .hello = evil_hello("data")});
}

static void truncated_batch(struct evil *e, const struct lie *lie)
{
	const struct io_entry io = good_io(e);

	truncate_at_every_byte(e, STAGE_WELCOME,
			       &(struct message){.type = MSG_SUBMIT,
						 .submit = {.op = IO_READ, .n = 1, .io = &io}});
}

static void truncated_call(struct evil *e, const struct lie *lie)
{
	truncate_at_every_byte(e, STAGE_WELCOME,
			       &(struct message){.type = MSG_CALL,
						 .call = {.tag = 64,
							  .op = CALL_MKDIR,
							  .path = text("never"),
							  .mode = 0755}});
	expect_status(e, evil_call(e, &(struct call){.op = CALL_STAT, .path = text("never")}),
		      -ENOENT);
}

static void terminate(struct evil *e, const struct lie *lie)
{
	wire_header(&e->wire, &(struct wire_header){.op = WIRE_TERMINATE, .status = (uint32_t)-13});
	wire_msg(
		&e->wire,
		&(struct message){.type = MSG_CALL,
				  .call = {.op = CALL_MKDIR, .path = text("never"), .mode = 0755}});
	expect_end(e);
	expect_file(e);
}

static void terminate_in_an_io(struct evil *e, const struct lie *lie)
{
	struct io_entry io = good_io(e);

	io.off = FILE_SIZE;
	evil_submit(e, IO_WRITE, &io, 1);
	terminate(e, lie);
}

const struct lie frame_lies[] = {
	{"params-magic", STAGE_SOCKET, params, PARAMS(0x12345678, 1, FRAME_MAX, 32)},
	{"params-version", STAGE_SOCKET, params, PARAMS(CONNECT_PARAMS_MAGIC, 9, FRAME_MAX, 32)},
	{"params-msg-max", STAGE_SOCKET, params, PARAMS(CONNECT_PARAMS_MAGIC, 1, 1023, 32)},
	{"params-credits", STAGE_SOCKET, params, PARAMS(CONNECT_PARAMS_MAGIC, 1, FRAME_MAX, 1)},
	{"params-half", STAGE_SOCKET, half_of_params},
	{"byte-by-byte", STAGE_SOCKET, byte_by_byte},
	{"op-zero", STAGE_WELCOME, header, HEADER(.op = 0)},
	{"op-unknown", STAGE_WELCOME, header, HEADER(.op = WIRE_NR_OPS)},
	{"op-255", STAGE_PARAMS, header, HEADER(.op = 255, .len = 16)},
	{"flags-of-a-message", STAGE_WELCOME, header, HEADER(.op = WIRE_MSG, .flags = 1, .len = 4)},
	{"flags-unknown", STAGE_WELCOME, header, HEADER(.op = WIRE_WRITE, .flags = 0x80)},
	{"reserved", STAGE_WELCOME, header, HEADER(.op = WIRE_MSG, .reserved = 1, .len = 4)},
	{"message-empty", STAGE_WELCOME, header, HEADER(.op = WIRE_MSG)},
	{"message-too-long", STAGE_WELCOME, header, HEADER(.op = WIRE_MSG, .len = FRAME_MAX + 1)},
	{"message-of-4-gib", STAGE_WELCOME, header, HEADER(.op = WIRE_MSG, .len = UINT32_MAX)},
	{"message-of-4-gib-first", STAGE_PARAMS, header, HEADER(.op = WIRE_MSG, .len = ~0u)},
	{"write-into-the-server", STAGE_WELCOME, header,
	 HEADER(.op = WIRE_WRITE, .len = 4096, .off = 0x400000, .tag = 1)},
	{"write-before-hello", STAGE_PARAMS, header,
	 HEADER(.op = WIRE_WRITE, .len = 4096, .off = 0x400000)},
	{"write-at-null", STAGE_WELCOME, header, HEADER(.op = WIRE_WRITE, .len = 1)},
	{"write-that-wraps", STAGE_WELCOME, header,
	 HEADER(.op = WIRE_WRITE, .len = 4096, .off = UINT64_MAX - 100)},
	{"write-too-long", STAGE_WELCOME, header, HEADER(.op = WIRE_WRITE, .len = TP_OP_MAX + 1)},
	{"write-everywhere", STAGE_WELCOME, reach_everywhere, .number = WIRE_WRITE},
	{"immediate", STAGE_WELCOME, header, HEADER(.op = WIRE_WRITE, .flags = WIRE_HAS_IMM)},
	{"immediate-before-hello", STAGE_PARAMS, header,
	 HEADER(.op = WIRE_WRITE, .flags = WIRE_HAS_IMM)},
	{"write-of-nothing", STAGE_WELCOME, header, HEADER(.op = WIRE_WRITE)},
	{"read-from-the-server", STAGE_WELCOME, header,
	 HEADER(.op = WIRE_READ_REQ, .len = 4096, .off = 0x400000, .tag = 1)},
	{"read-before-hello", STAGE_PARAMS, header,
	 HEADER(.op = WIRE_READ_REQ, .len = 4096, .off = 0x400000)},
	{"read-too-long", STAGE_WELCOME, header, HEADER(.op = WIRE_READ_REQ, .len = ~0u)},
	{"read-everywhere", STAGE_WELCOME, reach_everywhere, .number = WIRE_READ_REQ},
	{"read-of-nothing", STAGE_WELCOME, header, HEADER(.op = WIRE_READ_REQ)},
	{"answer-to-nothing", STAGE_WELCOME, header, HEADER(.op = WIRE_READ_RESP, .len = 4096)},
	{"answer-of-nothing", STAGE_WELCOME, header, HEADER(.op = WIRE_READ_RESP)},
	{"terminate-first", STAGE_PARAMS, terminate},
	{"terminate", STAGE_WELCOME, terminate},
	{"terminate-in-an-io", STAGE_FILE, terminate_in_an_io},
	{"garbage", STAGE_PARAMS, garbage},
	{"garbage-later", STAGE_FILE, garbage},
	{"truncated-hello", STAGE_WELCOME, truncated_hello},
	{"truncated-batch", STAGE_FILE, truncated_batch},
	{"truncated-call", STAGE_WELCOME, truncated_call},
	{NULL},
};
