/*
 * An evil client names memory it has not granted, not in this direction, not any more. The server's
 * card is refused by ours: that connection ends, no I/O of it succeeds, and neither the memory nor
 * the file has changed.
 */
#include <errno.h>
#include <string.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"
#include "tests/peer/rdma/end.h"

enum { REFUSED_REGION = 1 };

static void name_region(struct evil *e, uint64_t base, uint64_t size, uint32_t key)
{
	wire_msg(&e->wire, &(struct message){.type = MSG_REGION_ADD,
					     .region_add = {.region = REFUSED_REGION,
							    .key = key,
							    .base = base,
							    .size = size,
							    .access = ACCESS_READ | ACCESS_WRITE}});
}

/* Some I/Os with the region; whether any is said to have gone well. */
static void use_region(struct evil *e, uint32_t op, uint64_t region_off)
{
	struct io_entry io[8];

	for (uint32_t i = 0; i < 8; i++)
		io[i] = (struct io_entry){.ids = io_ids(REFUSED_REGION, i),
					  .file = e->file,
					  .len = 4096,
					  .region_off = region_off};
	evil_submit(e, op, io, 8);
	expect_end(e);
	expect_file(e);
}

/* What a region's key, place and size are changed by. */
struct twist {
	uint32_t key;
	int64_t base, size;
	uint64_t off; /* of the I/Os */
};

static void twisted(struct evil *e, const struct lie *lie)
{
	const struct twist *twist = lie->bytes;

	name_region(e, e->granted + (uint64_t)twist->base, GRANTED + (uint64_t)twist->size,
		    e->granted_key ^ twist->key);
	use_region(e, (uint32_t)lie->number, twist->off);
}

/* Another connection's key, for memory that is granted there. */
static void stolen(struct evil *e, const struct lie *lie)
{
	struct evil owner;

	evil_open(&owner, e->fixture, e->name, STAGE_FILE);
	memset(owner.memory, CANARY, MEMORY);
	name_region(e, owner.granted, GRANTED, owner.granted_key);
	use_region(e, (uint32_t)lie->number, 0);
	if (bytes_diff(owner.memory, MEMORY, CANARY) >= 0)
		escape(e, "memory of another connection has changed");
	expect_status(&owner, evil_io(&owner, IO_READ, good_io(&owner)), 4096);
	evil_close(&owner, e);
}

/* A registration with other rights than the region claims. */
static void rights(struct evil *e, const struct lie *lie)
{
	uint8_t *half = e->memory + MARGIN;
	struct ibv_mr *mr = rdma_register(e->wire.rdma, half, GRANTED, (int)lie->len);

	memset(half, CANARY, GRANTED);
	name_region(e, (uintptr_t)half, GRANTED, mr->rkey);
	use_region(e, (uint32_t)lie->number, 0);
	if (bytes_diff(half, GRANTED, CANARY) >= 0)
		escape(e, "memory that may only be read has changed");
	ibv_dereg_mr(mr);
}

/* Gone while the server works with it. */
static void deregistered(struct evil *e, const struct lie *lie)
{
	struct rdma_end *end = e->wire.rdma;
	struct io_entry io[BATCH_MAX];

	for (uint32_t i = 0; i < BATCH_MAX; i++) {
		io[i] = good_io(e);
		io[i].ids = io_ids(0, i);
		io[i].off = io[i].region_off = i % 60 * 1024;
	}
	pattern_fill(e->memory + MARGIN, GRANTED, FILE_SEED, 0);
	evil_submit(e, (uint32_t)lie->number, io, BATCH_MAX);
	must(rdma_settled(end), "the batch is on its way");
	ibv_dereg_mr(end->granted);
	end->granted = NULL;
	memset(e->memory, CANARY, MEMORY);
	while (evil_step(e) != SEEN_END)
		;
	if (bytes_diff(e->memory, MEMORY, CANARY) >= 0)
		escape(e, "memory that was taken back has changed");
}

/* A drop that is answered and then believed: nobody is punished. */
static void dropped(struct evil *e, const struct lie *lie)
{
	struct rdma_end *end = e->wire.rdma;

	expect_status(e, evil_io(e, IO_READ, good_io(e)), 4096);
	wire_msg(&e->wire, &(struct message){.type = MSG_REGION_DROP, .region_drop = {.tag = 5}});
	evil_until(e, SEEN_REPLY);
	expect_status(e, e->status, 0);
	ibv_dereg_mr(end->granted);
	end->granted = NULL;
	expect_status(e, evil_io(e, IO_READ, good_io(e)), -EINVAL);
	expect_alive(e);
}

/* A full read by an immediate: data that is refused must not be followed by it. */
static void immediates(struct evil *e, const struct lie *lie)
{
	struct hello hello = evil_hello("data");

	hello.features = FEATURE_IMM;
	must(!evil_handshake(e, &hello), "no welcome");
	must(!evil_call(e, &(struct call){.op = CALL_OPEN,
					  .path = text("file"),
					  .flags = OPEN_READ | OPEN_WRITE}),
	     "open");
	e->file = e->heard.reply.file;
	evil_region(e, 0, e->granted, GRANTED, ACCESS_WRITE);
	evil_io(e, IO_READ, good_io(e));
	if (e->result < 4096 || pattern_diff(e->memory + MARGIN, 4096, FILE_SEED, 0) >= 0)
		escape(e, "a good read went wrong");
	name_region(e, e->granted, GRANTED, e->granted_key ^ 1);
	use_region(e, IO_READ, 0);
}

#define TWIST(...)            \
	&(const struct twist) \
	{                     \
		__VA_ARGS__   \
	}

const struct lie key_lies[] = {
	{"key-near", STAGE_FILE, twisted, TWIST(.key = 1), .number = IO_READ},
	{"key-next", STAGE_FILE, twisted, TWIST(.key = 0x100), .number = IO_READ},
	{"key-far", STAGE_FILE, twisted, TWIST(.key = 0x80000000), .number = IO_READ},
	{"key-near-write", STAGE_FILE, twisted, TWIST(.key = 1), .number = IO_WRITE},
	{"key-far-write", STAGE_FILE, twisted, TWIST(.key = 0x80000000), .number = IO_WRITE},
	{"key-before", STAGE_FILE, twisted, TWIST(.base = -4096), .number = IO_READ},
	{"key-across-the-start", STAGE_FILE, twisted, TWIST(.base = -1), .number = IO_READ},
	{"key-across-the-end", STAGE_FILE, twisted, TWIST(.size = 4096, .off = GRANTED - 1),
	 .number = IO_READ},
	{"key-behind", STAGE_FILE, twisted, TWIST(.base = GRANTED), .number = IO_READ},
	{"key-behind-write", STAGE_FILE, twisted, TWIST(.base = GRANTED), .number = IO_WRITE},
	{"key-nowhere", STAGE_FILE, twisted, TWIST(.base = 1ll << 60), .number = IO_READ},
	{"key-stolen", STAGE_FILE, stolen, .number = IO_READ},
	{"key-stolen-write", STAGE_FILE, stolen, .number = IO_WRITE},
	{"key-to-read-only", STAGE_FILE, rights, .len = IBV_ACCESS_REMOTE_READ, .number = IO_READ},
	{"key-to-write-only", STAGE_FILE, rights,
	 .len = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE, .number = IO_WRITE},
	{"key-local", STAGE_FILE, rights, .len = IBV_ACCESS_LOCAL_WRITE, .number = IO_READ},
	{"key-deregistered", STAGE_FILE, deregistered, .number = IO_READ},
	{"key-deregistered-write", STAGE_FILE, deregistered, .number = IO_WRITE},
	{"key-dropped", STAGE_FILE, dropped},
	{"key-immediate", STAGE_PARAMS, immediates},
	{NULL},
};
