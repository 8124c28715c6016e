/* Too much of everything, too slow, or not to the end. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/transport/transport.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"

/* Until the server has answered all, or has had enough. */
static void drain(struct evil *e)
{
	const struct message ping = {.type = MSG_PING, .ping = {.nonce = UINT64_MAX}};

	wire_msg(&e->wire, &ping);
	shutdown(e->wire.fd, SHUT_WR);
	while (evil_step(e) != SEEN_END)
		;
}

/* The same message again and again, without a look at what comes back. */
static void flood(struct evil *e, const struct lie *lie)
{
	const struct message *msg = lie->bytes;
	uint8_t bytes[64 * 1024];
	size_t len = 0, n = 0;

	for (int i = 0; i < 64; i++, n++)
		len += wire_pack(msg, bytes + len, sizeof(bytes) - len);
	for (; n <= (size_t)lie->number; n += 64)
		wire_bytes(&e->wire, bytes, len);
	drain(e);
	if (e->nr_successes)
		escape(e, "an I/O nobody asked for");
}

/* Opens, and nothing is ever closed. */
static void opens(struct evil *e, const struct lie *lie)
{
	const struct call call = {.op = CALL_OPEN, .path = text("file"), .flags = OPEN_READ};

	for (int i = 0; i < 1000; i++)
		if (evil_call(e, &call)) {
			escape(e, "open %d: %d", i, e->status);
			return;
		}
}

/* All region ids there are, twice around; then one more. */
static void regions(struct evil *e, const struct lie *lie)
{
	struct message drop = {.type = MSG_REGION_DROP};

	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < REGIONS_MAX; i++)
			evil_region(e, i, BASE + MARGIN, 4096, ACCESS_WRITE);
		expect_alive(e);
		for (uint32_t i = 0; i < REGIONS_MAX && !round; i++) {
			drop.region_drop.tag = i;
			drop.region_drop.region = i;
			wire_msg(&e->wire, &drop);
			if (evil_until(e, SEEN_REPLY))
				expect_status(e, e->status, 0);
		}
	}
	evil_region(e, 0, BASE + MARGIN, 4096, ACCESS_WRITE);
	expect_end(e);
}

/* Batches of I/O that fails, as fast as they go. */
static void bad_io(struct evil *e, const struct lie *lie)
{
	struct io_entry io[BATCH_MAX];

	for (uint32_t i = 0; i < BATCH_MAX; i++)
		io[i] = (struct io_entry){.ids = io_ids(i, i), .file = i, .len = 4096};
	for (int batch = 0; batch < 200 && !e->over; batch++) {
		evil_submit(e, IO_READ, io, BATCH_MAX);
		while (e->nr_results < (unsigned)(batch + 1) * BATCH_MAX && !e->over)
			evil_step(e);
	}
	if (e->nr_successes || e->over)
		escape(e, "%u I/Os of nothing succeeded", e->nr_successes);
}

/* Half-open: connections that say nothing, or stop before the hello. A proper client comes in. */
static void half_open(struct evil *e, const struct lie *lie)
{
	enum { MANY = 400 };
	struct wire wires[MANY];
	uint8_t hello[256];
	size_t len = wire_pack(&(struct message){.type = MSG_HELLO, .hello = evil_hello("data")},
			       hello, sizeof(hello));

	for (int i = 0; i < MANY; i++) {
		wires[i] = (struct wire){.fd = wire_connect(e->fixture->url)}; /* only to speak */
		if (i % 4)
			wire_send_params(&wires[i]);
		if (i % 4 == 2)
			wire_bytes(&wires[i], hello, 16);
		if (i % 4 == 3)
			wire_bytes(&wires[i], hello, len - 1);
		if (i % 50 == 0)
			expect_file(e);
	}
	expect_file(e);
	for (int i = 0; i < MANY; i++)
		wire_end(&wires[i]);
}

/* Asks for all it may, and never reads: it holds its own up, and nobody else. */
static void never_reads(struct evil *e, const struct lie *lie)
{
	struct evil others[8];

	for (int i = 0; i < 8; i++) {
		struct io_entry io[256];

		evil_open(&others[i], e->fixture, e->name, STAGE_FILE);
		for (uint32_t n = 0; n < 256; n++) {
			io[n] = good_io(&others[i]);
			io[n].len = FILE_SIZE;
		}
		for (int batch = 0; batch < 4; batch++)
			evil_submit(&others[i], IO_READ, io, 256);
	}
	for (int i = 0; i < 5; i++)
		expect_file(e);
	for (int i = 0; i < 8; i++)
		evil_close(&others[i], e);
}

/* Never gives the data of its writes, for which the server keeps buffers. */
static void not_answered(struct evil *e)
{
}

static void never_gives(struct evil *e, const struct lie *lie)
{
	struct evil others[8];

	for (int i = 0; i < 8; i++) {
		struct io_entry io[64];

		evil_open(&others[i], e->fixture, e->name, STAGE_FILE);
		others[i].asked = not_answered;
		for (uint32_t n = 0; n < 64; n++) {
			io[n] = good_io(&others[i]);
			io[n].off = FILE_SIZE;
			io[n].len = FILE_SIZE;
		}
		evil_submit(&others[i], IO_WRITE, io, 64);
		evil_step(&others[i]);
	}
	for (int i = 0; i < 20; i++)
		expect_file(e);
	for (int i = 0; i < 8; i++)
		evil_close(&others[i], e);
	expect_file(e);
}

/* Reads with the smallest buffer, a byte at a time: late, and right. */
static void reads_bytes(struct evil *e, const struct lie *lie)
{
	struct io_entry io = good_io(e);
	uint8_t *bytes = malloc(2 * FILE_SIZE);
	size_t n = 0, want = sizeof(struct wire_header) + FILE_SIZE;
	int small = 1;

	must(bytes, "memory");
	setsockopt(e->wire.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	io.len = FILE_SIZE;
	evil_submit(e, IO_READ, &io, 1);
	while (n < want && recv(e->wire.fd, bytes + n, 1, 0) == 1)
		n++;
	if (n < want ||
	    pattern_diff(bytes + sizeof(struct wire_header), FILE_SIZE, FILE_SEED, 0) >= 0)
		escape(e, "read slowly, the file is not what it was");
	free(bytes);
	if (!evil_until(e, SEEN_RESULT) || e->result != FILE_SIZE)
		escape(e, "no result");
}

/* Leaves by a reset with I/O under way, again and again. */
static void resets(struct evil *e, const struct lie *lie)
{
	for (int i = 0; i < 100; i++) {
		struct io_entry io[32];
		struct evil other;

		evil_open(&other, e->fixture, e->name, STAGE_FILE);
		for (uint32_t n = 0; n < 32; n++) {
			io[n] = good_io(&other);
			io[n].off = i % 2 ? FILE_SIZE : 0;
			io[n].len = 1024 + 2000 * n;
		}
		evil_submit(&other, i % 2 ? IO_WRITE : IO_READ, io, 32);
		for (int steps = 0; steps < i % 7; steps++)
			evil_step(&other);
		wire_reset(&other.wire);
		free(other.memory);
		free(other.asked_for);
		e->escapes += other.escapes;
	}
	expect_file(e);
}

static void come_and_go(struct evil *e, const struct lie *lie)
{
	for (int i = 0; i < 300; i++) {
		struct evil other;

		evil_open(&other, e->fixture, e->name, (enum stage)(i % 4));
		if (i % 3)
			evil_close(&other, e);
		else {
			wire_reset(&other.wire);
			free(other.memory);
			free(other.asked_for);
		}
	}
	expect_file(e);
}

#define MESSAGE(...)            \
	&(const struct message) \
	{                       \
		__VA_ARGS__     \
	}

const struct lie flood_lies[] = {
	{"flood-of-pings", STAGE_WELCOME, flood, MESSAGE(.type = MSG_PING), .number = 50000},
	{"flood-of-pongs", STAGE_WELCOME, flood, MESSAGE(.type = MSG_PING, .ping = {.pong = 1}),
	 .number = 200000},
	{"flood-of-calls", STAGE_WELCOME, flood,
	 MESSAGE(.type = MSG_CALL, .call = {.op = CALL_STAT, .path = TEXT("file")}),
	 .number = 20000},
	{"flood-of-opens", STAGE_WELCOME, flood,
	 MESSAGE(.type = MSG_CALL,
		 .call = {.op = CALL_OPEN, .path = TEXT("file"), .flags = OPEN_READ}),
	 .number = 3000},
	{"flood-of-readdirs", STAGE_WELCOME, flood,
	 MESSAGE(.type = MSG_CALL, .call = {.op = CALL_READDIR, .off = 12345}), .number = 5000},
	{"flood-of-drops", STAGE_WELCOME, flood, MESSAGE(.type = MSG_REGION_DROP), .number = 50000},
	{"flood-of-regions", STAGE_WELCOME, regions},
	{"flood-of-bad-io", STAGE_FILE, bad_io},
	{"opens-without-end", STAGE_WELCOME, opens},
	{"half-open", STAGE_SOCKET, half_open},
	{"never-reads", STAGE_SOCKET, never_reads},
	{"never-gives", STAGE_SOCKET, never_gives},
	{"reads-byte-by-byte", STAGE_FILE, reads_bytes},
	{"resets", STAGE_SOCKET, resets},
	{"come-and-go", STAGE_SOCKET, come_and_go},
	{NULL},
};
