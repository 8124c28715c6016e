/* Lies about memory, handles and places in files. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"

/* One field of a good entry is changed: this status, and the connection goes on. */
enum { OFF, LEN, REGION, REGION_OFF, HANDLE };

struct wrong {
	int field, status;
	uint64_t value;
	enum io_op op;
};

static void wrong_entry(struct evil *e, const struct lie *lie)
{
	const struct wrong *wrong = lie->bytes;
	struct io_entry io = good_io(e);

	switch (wrong->field) {
	case OFF:
		io.off = wrong->value;
		break;
	case LEN:
		io.len = wrong->value;
		break;
	case REGION:
		io.ids = io_ids((uint32_t)wrong->value, 1);
		break;
	case REGION_OFF:
		io.region_off = wrong->value;
		break;
	case HANDLE:
		io.file = wrong->value;
	}
	expect_status(e, evil_io(e, wrong->op, io), wrong->status);
	expect_alive(e);
}

/* Where region 0 ends: the last byte is inside, the next one is not. */
static void at_the_edge(struct evil *e, const struct lie *lie)
{
	for (uint64_t len = 1; len <= 4096; len *= 2)
		for (uint64_t over = 0; over < 2; over++) {
			struct io_entry io = good_io(e);

			io.len = len;
			io.region_off = GRANTED - len + over;
			expect_status(e, evil_io(e, IO_READ, io), over ? -EINVAL : (int64_t)len);
			io.off = FILE_SIZE;
			expect_status(e, evil_io(e, IO_WRITE, io), over ? -EINVAL : (int64_t)len);
		}
}

static void region(struct evil *e, const struct lie *lie)
{
	const struct region_add *add = lie->bytes;

	wire_msg(&e->wire, &(struct message){.type = MSG_REGION_ADD, .region_add = *add});
	expect_end(e);
}

/* Each direction without the access it takes. */
static void no_access(struct evil *e, const struct lie *lie)
{
	struct io_entry io = good_io(e);

	evil_region(e, 1, BASE + MARGIN, 65536, ACCESS_READ);
	evil_region(e, 2, BASE + MARGIN, 65536, ACCESS_WRITE);
	io.ids = io_ids(1, 1);
	expect_status(e, evil_io(e, IO_READ, io), -EACCES);
	io.ids = io_ids(2, 1);
	expect_status(e, evil_io(e, IO_WRITE, io), -EACCES);
	expect_alive(e);
}

static void overlapping(struct evil *e, const struct lie *lie)
{
	for (uint32_t i = 1; i < 64; i++) {
		struct io_entry io = good_io(e);

		evil_region(e, i, BASE + MARGIN + 64 * i, 65536, ACCESS_WRITE);
		io.ids = io_ids(i, i);
		expect_status(e, evil_io(e, IO_READ, io), 4096);
		if (pattern_diff(e->memory + MARGIN + (size_t)64 * i, 4096, FILE_SEED, 0) >= 0)
			escape(e, "region %u got other bytes", i);
	}
}

/* The smallest and the largest region there can be: what lies behind its end is not touched. */
static void extreme_regions(struct evil *e, const struct lie *lie)
{
	struct io_entry io = good_io(e);

	evil_region(e, 1, BASE + MARGIN, 1, ACCESS_WRITE);
	io.ids = io_ids(1, 1);
	expect_status(e, evil_io(e, IO_READ, io), -EINVAL);
	evil_region(e, 2, 1, UINT64_MAX - 1, ACCESS_WRITE);
	io.ids = io_ids(2, 1);
	io.region_off = UINT64_MAX - 4096;
	expect_status(e, evil_io(e, IO_READ, io), -EINVAL);
	io.region_off = BASE + MARGIN - 1; /* here it is ours */
	expect_status(e, evil_io(e, IO_READ, io), 4096);
}

static void drops(struct evil *e, const struct lie *lie)
{
	struct message drop = {.type = MSG_REGION_DROP, .region_drop = {.tag = 5, .region = 0}};

	for (int i = 0; i < 3; i++) {
		wire_msg(&e->wire, &drop);
		evil_until(e, SEEN_REPLY);
		expect_status(e, e->status, i ? -ENOENT : 0);
	}
	expect_status(e, evil_io(e, IO_READ, good_io(e)), -EINVAL);
	drop.region_drop.region = REGIONS_MAX - 1;
	wire_msg(&e->wire, &drop);
	evil_until(e, SEEN_REPLY);
	expect_status(e, e->status, -ENOENT);
	expect_alive(e);
}

/* After the answer to a drop, nothing of the region is touched. */
static void drop_under_io(struct evil *e, const struct lie *lie)
{
	struct io_entry io[BATCH_MAX];

	for (uint32_t i = 0; i < BATCH_MAX; i++) {
		io[i] = good_io(e);
		io[i].ids = io_ids(0, i);
		io[i].region_off = i * 1024;
	}
	evil_submit(e, IO_READ, io, BATCH_MAX);
	wire_msg(&e->wire, &(struct message){.type = MSG_REGION_DROP, .region_drop = {.tag = 5}});
	evil_until(e, SEEN_REPLY);
	memset(e->memory, CANARY, MEMORY);
	expect_alive(e);
	if (bytes_diff(e->memory, MEMORY, CANARY) >= 0)
		escape(e, "a region was written after its drop");
	while (e->nr_results < BATCH_MAX)
		if (!evil_until(e, SEEN_RESULT))
			break;
	if (e->nr_results != BATCH_MAX)
		escape(e, "%u results of %d", e->nr_results, BATCH_MAX);
}

/* Each bit of a good handle flipped; then a batch of handles at random. */
static void handles(struct evil *e, const struct lie *lie)
{
	struct io_entry io[BATCH_MAX];
	uint64_t state = 9;

	for (uint32_t i = 0; i < BATCH_MAX; i++) {
		io[i] = good_io(e);
		io[i].ids = io_ids(0, i);
		io[i].file = i < 64 ? e->file ^ 1ull << i : next_random(&state) >> (i % 60);
	}
	evil_submit(e, IO_READ, io, BATCH_MAX);
	while (e->nr_results < BATCH_MAX && evil_until(e, SEEN_RESULT))
		expect_status(e, e->result, -ESTALE);
	if (e->nr_successes)
		escape(e, "%u handles were accepted", e->nr_successes);
	expect_alive(e);
}

/* Closed, it is nobody's, also when its place in the table is another file's. */
static void closed_handles(struct evil *e, const struct lie *lie)
{
	struct call call = {.op = CALL_OPEN, .path = text("file"), .flags = OPEN_READ};
	struct io_entry io = good_io(e);

	for (int i = 0; i < 200; i++) {
		uint64_t old = io.file;

		expect_status(e, evil_call(e, &(struct call){.op = CALL_CLOSE, .file = old}), 0);
		expect_status(e, evil_io(e, IO_READ, io), -ESTALE);
		expect_status(e, evil_call(e, &call), 0);
		expect_status(e, evil_io(e, IO_READ, io), -ESTALE);
		io.file = e->heard.reply.file;
		expect_status(e, evil_io(e, IO_READ, io), 4096);
	}
}

/* A handle of another session, whose file this one has not opened, in all that takes one. */
static void foreign_handles(struct evil *e, const struct lie *lie)
{
	static const uint32_t ops[] = {CALL_CLOSE,    CALL_STAT, CALL_FSYNC,
				       CALL_TRUNCATE, CALL_LINK, CALL_PUNCH};
	struct evil owner;
	struct io_entry io = good_io(e);

	evil_open(&owner, e->fixture, e->name, STAGE_FILE);
	io.file = owner.file;
	evil_region(e, 0, BASE + MARGIN, GRANTED, ACCESS_READ | ACCESS_WRITE);
	expect_status(e, evil_io(e, IO_READ, io), -ESTALE);
	expect_status(e, evil_io(e, IO_WRITE, io), -ESTALE);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		expect_status(e,
			      evil_call(e, &(struct call){.op = ops[i],
							  .file = owner.file,
							  .path2 = text("stolen")}),
			      -ESTALE);
	expect_status(&owner, evil_io(&owner, IO_READ, good_io(&owner)), 4096);
	evil_close(&owner, e);
	expect_file(e);
}

/* Another client's directory, a descriptor of the wrong mode, an export that is read-only. */
static void modes(struct evil *e, const struct lie *lie)
{
	struct call call = {.op = CALL_OPEN, .path = text("file"), .flags = OPEN_READ};
	struct io_entry io = good_io(e);

	evil_call(e, &call);
	io.file = e->heard.reply.file;
	expect_status(e, evil_io(e, IO_WRITE, io), -EBADF);
	call.flags = OPEN_WRITE;
	evil_call(e, &call);
	io.file = e->heard.reply.file;
	expect_status(e, evil_io(e, IO_READ, io), -EBADF);
	call = (struct call){
		.op = CALL_OPEN, .path = text("."), .flags = OPEN_READ | OPEN_DIRECTORY};
	evil_call(e, &call);
	io.file = e->heard.reply.file;
	expect_status(e, evil_io(e, IO_READ, io), -EBADF);
	expect_file(e);
}

static void read_only(struct evil *e, const struct lie *lie)
{
	static const struct call calls[] = {
		{.op = CALL_OPEN, .flags = OPEN_READ | OPEN_WRITE},
		{.op = CALL_OPEN, .flags = OPEN_READ | OPEN_CREATE},
		{.op = CALL_TRUNCATE},
		{.op = CALL_UNLINK},
		{.op = CALL_RMDIR},
		{.op = CALL_MKDIR, .mode = 0755},
		{.op = CALL_RENAME},
		{.op = CALL_LINK},
	};
	const struct hello hello = evil_hello("ro");
	struct io_entry io = good_io(e);

	must(!evil_handshake(e, &hello), "no welcome");
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct call call = calls[i];

		call.path = text("file");
		call.path2 = text("other");
		expect_status(e, evil_call(e, &call), -EROFS);
	}
	evil_call(e, &(struct call){.op = CALL_OPEN, .path = text("file"), .flags = OPEN_READ});
	io.file = e->heard.reply.file;
	evil_region(e, 0, BASE + MARGIN, GRANTED, ACCESS_READ | ACCESS_WRITE);
	expect_status(e, evil_io(e, IO_WRITE, io), -EROFS);
	expect_status(e, evil_io(e, IO_READ, io), 4096);
}

/* More under way than agreed. */
static void beyond_inflight(struct evil *e, const struct lie *lie)
{
	struct hello hello = evil_hello("data");
	struct io_entry io[8];

	hello.max_inflight = 4;
	must(!evil_handshake(e, &hello), "no welcome");
	if (e->heard.welcome.max_inflight > 4)
		escape(e, "more in flight than asked for");
	for (uint32_t i = 0; i < 8; i++)
		io[i] = (struct io_entry){.ids = io_ids(0, i), .len = 4096};
	evil_submit(e, IO_READ, io, 5);
	expect_end(e);
}

static void same_tags(struct evil *e, const struct lie *lie)
{
	struct io_entry io[64];

	for (int i = 0; i < 64; i++)
		io[i] = good_io(e);
	evil_submit(e, IO_READ, io, 64);
	while (e->nr_results < 64 && evil_until(e, SEEN_RESULT))
		;
	if (e->nr_results != 64 || e->nr_successes != 64)
		escape(e, "%u results", e->nr_results);
	expect_alive(e);
	if (e->nr_results != 64)
		escape(e, "a result too many");
}

/* Answers to the server's READ_REQ. */
static void answer(struct evil *e, int64_t more, uint64_t cookie)
{
	const struct wire_header hdr = {.op = WIRE_READ_RESP,
					.len = (uint32_t)(e->wire.hdr.len + more),
					.cookie = e->wire.hdr.cookie ^ cookie};

	wire_header(&e->wire, &hdr);
	wire_bytes(&e->wire, e->memory, hdr.len);
}

static void answer_short(struct evil *e)
{
	answer(e, -1, 0);
}

static void answer_long(struct evil *e)
{
	answer(e, 1, 0);
}

static void answer_other(struct evil *e)
{
	answer(e, 0, 1);
}

static void answer_twice(struct evil *e)
{
	answer(e, 0, 0);
	answer(e, 0, 0);
}

static void answer_end(struct evil *e)
{
	wire_header(&e->wire, &(struct wire_header){.op = WIRE_TERMINATE, .status = (uint32_t)-13});
}

static void write_with(struct evil *e, void (*asked)(struct evil *e))
{
	struct io_entry io = good_io(e);

	io.off = FILE_SIZE;
	e->asked = asked;
	evil_submit(e, IO_WRITE, &io, 1);
	while (evil_step(e) != SEEN_END)
		;
	if (e->nr_successes && asked != answer_twice)
		escape(e, "a write succeeded whose data never came");
	expect_file(e);
}

static void short_answer(struct evil *e, const struct lie *lie)
{
	write_with(e, answer_short);
}

static void long_answer(struct evil *e, const struct lie *lie)
{
	write_with(e, answer_long);
}

static void other_answer(struct evil *e, const struct lie *lie)
{
	write_with(e, answer_other);
}

static void two_answers(struct evil *e, const struct lie *lie)
{
	write_with(e, answer_twice);
}

static void end_for_an_answer(struct evil *e, const struct lie *lie)
{
	write_with(e, answer_end);
}

#define WRONG(field_, op_, value_, status_)                                            \
	STAGE_FILE, wrong_entry, &(const struct wrong)                                 \
	{                                                                              \
		.field = (field_), .op = (op_), .value = (value_), .status = (status_) \
	}
#define ADD(...)                   \
	&(const struct region_add) \
	{                          \
		__VA_ARGS__        \
	}

static void send_abort(struct evil *e, const uint32_t *tags, size_t n)
{
	wire_msg(&e->wire,
		 &(struct message){.type = MSG_ABORT, .abort = {.ios = tags, .nr_ios = n}});
}

/* Of nothing, of calls, and of the same over and over: each is ignored. */
static void abort_flood(struct evil *e, const struct lie *lie)
{
	uint32_t tags[ABORT_MAX];

	for (int i = 0; i < 2000; i++) {
		for (uint32_t j = 0; j < ABORT_MAX; j++)
			tags[j] = j % 2 ? (uint32_t)i * 2654435761u + j : 1;
		send_abort(e, tags, ABORT_MAX);
	}
	wire_msg(&e->wire, &(struct message){.type = MSG_ABORT,
					     .abort = {.calls = tags, .nr_calls = ABORT_MAX}});
	expect_alive(e);
	expect_file(e);
}

/* Twice, and then the tag is used again: each of these I/Os ends once. */
static void abort_and_reuse(struct evil *e, const struct lie *lie)
{
	const uint32_t tag = 1;

	for (unsigned i = 1; i <= 200; i++) {
		const struct io_entry io = good_io(e);

		evil_submit(e, IO_READ, &io, 1);
		send_abort(e, &tag, 1);
		send_abort(e, &tag, 1);
		if (!evil_until(e, SEEN_RESULT)) {
			escape(e, "the server has left");
			return;
		}
		if (e->result != -ECANCELED && e->result != 4096 && e->result != INT64_MAX)
			escape(e, "an aborted read ended with %ld", (long)e->result);
	}
	expect_alive(e);
	if (e->nr_results != 200)
		escape(e, "%u results of 200 reads", e->nr_results);
}

const struct lie io_lies[] = {
	{"abort-flood", STAGE_FILE, abort_flood},
	{"abort-and-reuse", STAGE_FILE, abort_and_reuse},
	{"offset-huge", WRONG(OFF, IO_READ, UINT64_MAX, -EINVAL)},
	{"offset-negative", WRONG(OFF, IO_WRITE, 1ull << 63, -EINVAL)},
	{"offset-and-length-wrap", WRONG(OFF, IO_WRITE, INT64_MAX - 1, -EINVAL)},
	{"length-zero", WRONG(LEN, IO_READ, 0, -EINVAL)},
	{"length-huge", WRONG(LEN, IO_READ, UINT64_MAX, -EINVAL)},
	{"length-beyond-the-region", WRONG(LEN, IO_READ, GRANTED + 1, -EINVAL)},
	{"length-of-2-32-and-a-bit", WRONG(LEN, IO_READ, (1ull << 32) + 4096, -EINVAL)},
	{"region-offset-beyond", WRONG(REGION_OFF, IO_READ, GRANTED, -EINVAL)},
	{"region-offset-a-byte-beyond", WRONG(REGION_OFF, IO_READ, GRANTED - 4095, -EINVAL)},
	{"region-offset-wraps", WRONG(REGION_OFF, IO_READ, -4096ull, -EINVAL)},
	{"region-offset-wraps-write", WRONG(REGION_OFF, IO_WRITE, -1ull, -EINVAL)},
	{"region-unknown", WRONG(REGION, IO_READ, 1, -EINVAL)},
	{"region-too-large", WRONG(REGION, IO_READ, REGIONS_MAX, -EINVAL)},
	{"region-huge", WRONG(REGION, IO_WRITE, UINT32_MAX, -EINVAL)},
	{"handle-zero", WRONG(HANDLE, IO_READ, 0, -ESTALE)},
	{"handle-huge", WRONG(HANDLE, IO_READ, UINT64_MAX, -ESTALE)},
	{"edge-of-a-region", STAGE_FILE, at_the_edge},
	{"add-id", STAGE_WELCOME, region, ADD(.region = REGIONS_MAX, .size = 1, .access = 1)},
	{"add-nothing", STAGE_WELCOME, region, ADD(.base = BASE, .access = 1)},
	{"add-wraps", STAGE_WELCOME, region, ADD(.base = 4096, .size = -4095ull, .access = 1)},
	{"add-no-access", STAGE_WELCOME, region, ADD(.base = BASE, .size = 4096)},
	{"add-unknown-access", STAGE_WELCOME, region, ADD(.size = 4096, .access = 4)},
	{"add-twice", STAGE_FILE, region, ADD(.base = BASE, .size = 4096, .access = 1)},
	{"access", STAGE_FILE, no_access},
	{"overlapping-regions", STAGE_FILE, overlapping},
	{"extreme-regions", STAGE_FILE, extreme_regions},
	{"drops", STAGE_FILE, drops},
	{"drop-under-io", STAGE_FILE, drop_under_io},
	{"handles-at-random", STAGE_FILE, handles},
	{"handles-closed", STAGE_FILE, closed_handles},
	{"handles-of-another-session", STAGE_WELCOME, foreign_handles},
	{"modes", STAGE_FILE, modes},
	{"read-only", STAGE_PARAMS, read_only},
	{"beyond-max-inflight", STAGE_PARAMS, beyond_inflight},
	{"the-same-tag", STAGE_FILE, same_tags},
	{"answer-too-short", STAGE_FILE, short_answer},
	{"answer-too-long", STAGE_FILE, long_answer},
	{"answer-of-another", STAGE_FILE, other_answer},
	{"answer-twice", STAGE_FILE, two_answers},
	{"answer-by-the-end", STAGE_FILE, end_for_an_answer},
	{NULL},
};
