/*
 * An evil client reaches into the server: WRITE, READ, atomics. Nothing of a server
 * may be reached, by whatever key. One that succeeds, even for no bytes, is a hit. Each costs its
 * connection, so each is tried over a new one.
 */
#include <errno.h>
#include <string.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"
#include "tests/peer/rdma/end.h"

static const char *name_of(enum ibv_wr_opcode opcode)
{
	switch (opcode) {
	case IBV_WR_RDMA_READ:
		return "READ";
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
	case IBV_WR_ATOMIC_CMP_AND_SWP:
		return "atomic";
	default:
		return "WRITE";
	}
}

static void reach(struct evil *e, const struct rdma_op *op)
{
	if (rdma_does(e->wire.rdma, op))
		escape(e, "a hit: %s of %u bytes at %llx by key %x", name_of(op->opcode), op->len,
		       (unsigned long long)op->addr, op->key);
}

/* By a key of its own, where its own memory is: the server's card must not know it. */
static void by_own_key(struct evil *e, const struct lie *lie)
{
	reach(e, &(struct rdma_op){.opcode = (enum ibv_wr_opcode)lie->number,
				   .addr = e->granted,
				   .key = e->granted_key,
				   .len = (uint32_t)lie->len});
}

static void own_key(struct evil *e, const struct lie *lie)
{
	by_own_key(e, lie);
	expect_end(e);
	expect_file(e);
}

/* A SEND that takes a key with it. That it arrives is no hit: the server must go on without one. */
static void invalidate(struct evil *e, const struct lie *lie)
{
	rdma_post(e->wire.rdma, &(struct rdma_op){.opcode = IBV_WR_SEND_WITH_INV,
						  .imm = e->granted_key,
						  .len = 16});
	expect_end(e);
	expect_file(e);
}

/* While its good I/Os are under way: those that are not over end, and nobody else notices. */
static void under_io(struct evil *e, const struct lie *lie)
{
	struct io_entry io[64];

	for (uint32_t i = 0; i < 64; i++) {
		io[i] = good_io(e);
		io[i].ids = io_ids(0, i);
	}
	evil_submit(e, IO_READ, io, 64);
	by_own_key(e, lie);
	while (evil_step(e) != SEEN_END)
		;
	expect_file(e);
}

const struct lie reach_lies[] = {
	{"reach-write-nothing", STAGE_PARAMS, own_key, .number = IBV_WR_RDMA_WRITE},
	{"reach-read-nothing", STAGE_PARAMS, own_key, .number = IBV_WR_RDMA_READ},
	{"reach-write-nothing-later", STAGE_FILE, own_key, .number = IBV_WR_RDMA_WRITE},
	{"reach-immediate-nothing", STAGE_FILE, own_key, .number = IBV_WR_RDMA_WRITE_WITH_IMM},
	{"reach-write", STAGE_FILE, own_key, .len = 4096, .number = IBV_WR_RDMA_WRITE},
	{"reach-read", STAGE_FILE, own_key, .len = 4096, .number = IBV_WR_RDMA_READ},
	{"reach-add", STAGE_FILE, own_key, .len = 8, .number = IBV_WR_ATOMIC_FETCH_AND_ADD},
	{"reach-swap", STAGE_FILE, own_key, .len = 8, .number = IBV_WR_ATOMIC_CMP_AND_SWP},
	{"reach-invalidate", STAGE_FILE, invalidate},
	{"reach-write-under-io", STAGE_FILE, under_io, .len = 64, .number = IBV_WR_RDMA_WRITE},
	{"reach-read-under-io", STAGE_FILE, under_io, .len = 64, .number = IBV_WR_RDMA_READ},
	{"reach-guesses", STAGE_WELCOME, tell_guesses},
	{NULL},
};
