/*
 * An evil client's queue pair: SENDs of the wrong size and shape, credits out of nothing, no
 * receives, connections that are begun and left, or broken at the worst moment.
 */
#include <errno.h>
#include <string.h>

#include "tests/support/must.h"
#include "tests/evil/clients/evil.h"
#include "tests/peer/rdma/end.h"

/* One SEND against the rules. */
static void shape(struct evil *e, const struct lie *lie)
{
	const struct rdma_op *op = lie->bytes;

	rdma_post(e->wire.rdma, op);
	expect_end(e);
	expect_file(e);
}

/* A pong takes a receive and brings a credit that was never used, as often as it takes. */
static void one_credit_too_many(struct evil *e, const struct lie *lie)
{
	for (int i = 0; i < 4 && !e->over; i++) {
		e->wire.rdma->unannounced = 1;
		wire_msg(&e->wire,
			 &(struct message){.type = MSG_PING, .ping = {.nonce = 1, .pong = 1}});
	}
	expect_end(e);
}

/* More than the server has receives for, without a thought of credits: its card makes us wait. */
static void without_credit(struct evil *e, const struct lie *lie)
{
	for (uint64_t i = 0; i < 200; i++)
		wire_msg(&e->wire,
			 &(struct message){.type = MSG_PING, .ping = {.nonce = i, .pong = 1}});
	expect_alive(e);
}

/* Nothing of the answers is taken, and no receive posted again. */
static void never_polls(struct evil *e, const struct lie *lie)
{
	struct io_entry io[64];

	for (uint32_t i = 0; i < 64; i++) {
		io[i] = good_io(e);
		io[i].ids = io_ids(0, i);
	}
	evil_submit(e, IO_READ, io, 64);
	for (uint64_t i = 0; i < 100; i++)
		wire_msg(&e->wire, &(struct message){.type = MSG_PING, .ping = {.nonce = i}});
	expect_file(e);
}

/* Promised 32 receives, and there is none for the Welcome. */
static void no_receives(struct evil *e, const struct lie *lie)
{
	const struct hello hello = evil_hello("data");
	struct rdma_end *end = e->wire.rdma;

	rdma_close(end);
	e->wire.rdma = rdma_open(rdma_id_to(e->fixture->url), 0);
	wire_send_params(&e->wire);
	wire_msg(&e->wire, &(struct message){.type = MSG_HELLO, .hello = hello});
	expect_end(e);
	expect_file(e);
}

/* ---- how it begins ---- */

static void params(struct evil *e, const struct lie *lie)
{
	struct rdma_end *end = e->wire.rdma;

	memcpy(&end->params, lie->bytes, sizeof(end->params));
	end->param.private_data_len = (uint8_t)lie->number;
	wire_send_params(&e->wire);
	if (end->connected)
		escape(e, "was let in");
	expect_file(e);
}

/* As few and as small as can be: everything still goes. */
static void least(struct evil *e, const struct lie *lie)
{
	const struct hello hello = evil_hello("data");

	connect_params_make(&e->wire.rdma->params, 1024, 4);
	wire_send_params(&e->wire);
	must(!evil_handshake(e, &hello), "no welcome");
	for (int i = 0; i < 10; i++)
		expect_alive(e);
	expect_status(e, evil_call(e, &(struct call){.op = CALL_STAT, .path = text("file")}), 0);
}

/* Connected by the hundred, and not a word. */
static void half_open(struct evil *e, const struct lie *lie)
{
	struct wire wires[100];

	for (int i = 0; i < 100; i++) {
		wire_begin_to(&wires[i], e->fixture->url);
		wire_send_params(&wires[i]);
	}
	expect_file(e);
	for (int i = 0; i < 100; i++)
		wire_end(&wires[i]);
	expect_file(e);
}

/* Asks to connect and never says that it has heard the answer. */
static void never_established(struct evil *e, const struct lie *lie)
{
	struct connect_params params;
	struct rdma_conn_param param = {.private_data = &params,
					.private_data_len = sizeof(params),
					.responder_resources = 1,
					.initiator_depth = 1};
	struct rdma_cm_id *ids[8];

	connect_params_make(&params, FRAME_MAX, 32);
	for (int i = 0; i < 8; i++) {
		ids[i] = rdma_id_to(e->fixture->url);
		param.qp_num = 0x471100 + (uint32_t)i; /* nobody's; twice the same is refused */
		must(!rdma_connect(ids[i], &param), "rdma_connect: %s", strerror(errno));
	}
	expect_file(e);
	for (int i = 0; i < 8; i++)
		rdma_destroy_id(ids[i]);
}

static void comes_and_goes(struct evil *e, const struct lie *lie)
{
	for (int i = 0; i < 20; i++) {
		struct evil other;

		evil_open(&other, e->fixture, e->name, i % 2 ? STAGE_WELCOME : STAGE_PARAMS);
		evil_close(&other, e);
	}
	expect_file(e);
}

/* ---- how it ends ---- */

static void submit_many(struct evil *e, uint32_t op)
{
	struct io_entry io[64];

	for (uint32_t i = 0; i < 64; i++) {
		io[i] = good_io(e);
		io[i].ids = io_ids(0, i);
		io[i].off = op == IO_READ ? 0 : FILE_SIZE; /* behind what others look at */
		io[i].len = GRANTED / 2;
	}
	evil_submit(e, op, io, 64);
}

/* In error, with everything on its way in both directions. */
static void breaks(struct evil *e, const struct lie *lie)
{
	submit_many(e, (uint32_t)lie->number);
	must(rdma_settled(e->wire.rdma), "the batch is on its way");
	wire_shut(&e->wire);
	while (evil_step(e) != SEEN_END)
		;
	expect_file(e);
}

static void leaves(struct evil *e, const struct lie *lie)
{
	for (int i = 0; i < 4; i++) {
		struct evil other;

		evil_open(&other, e->fixture, e->name, STAGE_FILE);
		submit_many(&other, (uint32_t)lie->number);
		rdma_settled(other.wire.rdma);
		evil_close(&other, e);
	}
	expect_file(e);
}

static const struct connect_params stranger = {.magic = 0x50545448, .version = 1};

const struct lie send_lies[] = {
	{"send-oversized", STAGE_WELCOME, shape,
	 SEND(.opcode = IBV_WR_SEND_WITH_IMM, .len = FRAME_MAX + 1)},
	{"send-oversized-first", STAGE_PARAMS, shape,
	 SEND(.opcode = IBV_WR_SEND_WITH_IMM, .len = FRAME_MAX + 1)},
	{"send-immediate", STAGE_FILE, shape, SEND(.opcode = IBV_WR_SEND, .len = 4)},
	{"send-immediate-first", STAGE_PARAMS, shape, SEND(.opcode = IBV_WR_SEND, .len = 4)},
	{"send-nothing", STAGE_FILE, shape, SEND(.opcode = IBV_WR_SEND)},
	{"send-five-bytes", STAGE_FILE, shape, SEND(.opcode = IBV_WR_SEND, .len = 5)},
	{"send-a-frame-without-credits", STAGE_FILE, shape,
	 SEND(.opcode = IBV_WR_SEND, .len = FRAME_MAX)},
	{"send-zeros", STAGE_FILE, shape, SEND(.opcode = IBV_WR_SEND_WITH_IMM, .len = 64)},
	{"send-credits", STAGE_FILE, shape, SEND(.opcode = IBV_WR_SEND_WITH_IMM, .imm = 1000)},
	{"send-credits-first", STAGE_PARAMS, shape, SEND(.opcode = IBV_WR_SEND_WITH_IMM, .imm = 1)},
	{"send-credits-huge", STAGE_FILE, shape,
	 SEND(.opcode = IBV_WR_SEND_WITH_IMM, .imm = UINT32_MAX)},
	{"send-one-credit-too-many", STAGE_WELCOME, one_credit_too_many},
	{"send-without-credit", STAGE_WELCOME, without_credit},
	{"never-polls", STAGE_FILE, never_polls},
	{"no-receives", STAGE_SOCKET, no_receives},
	{"params-none", STAGE_SOCKET, params, PARAMS(.magic = 0), .number = 0},
	{"params-short", STAGE_SOCKET, params,
	 PARAMS(CONNECT_PARAMS_MAGIC, CONNECT_PARAMS_VERSION, 0, FRAME_MAX, 32), .number = 12},
	{"params-stranger", STAGE_SOCKET, params, &stranger, .number = 16},
	{"params-version", STAGE_SOCKET, params, PARAMS(CONNECT_PARAMS_MAGIC, 9, 0, FRAME_MAX, 32),
	 .number = 16},
	{"params-tiny", STAGE_SOCKET, params,
	 PARAMS(CONNECT_PARAMS_MAGIC, CONNECT_PARAMS_VERSION, 0, 16, 32), .number = 16},
	{"params-few-receives", STAGE_SOCKET, params,
	 PARAMS(CONNECT_PARAMS_MAGIC, CONNECT_PARAMS_VERSION, 0, FRAME_MAX, 3), .number = 16},
	{"params-least", STAGE_SOCKET, least},
	{"half-open", STAGE_WELCOME, half_open},
	{"never-established", STAGE_WELCOME, never_established},
	{"comes-and-goes", STAGE_WELCOME, comes_and_goes},
	{"breaks-under-reads", STAGE_FILE, breaks, .number = IO_READ},
	{"breaks-under-writes", STAGE_FILE, breaks, .number = IO_WRITE},
	{"leaves-under-reads", STAGE_WELCOME, leaves, .number = IO_READ},
	{"leaves-under-writes", STAGE_WELCOME, leaves, .number = IO_WRITE},
	{NULL},
};
