/* Reads and writes over the wire, by hand, over each provider. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "server/worker/staging.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static const uint64_t sizes[] = {
	1,
	511,
	4096,
	SMALL_SIZE,
	SMALL_SIZE + 1,
	SEGMENT_SIZE - 1,
	SEGMENT_SIZE,
	SEGMENT_SIZE + 1,
	3 * SEGMENT_SIZE + 777,
	10u << 20,
};
#define NR_SIZES (sizeof(sizes) / sizeof(*sizes))

static void sizes_body(struct server *server)
{
	const uint64_t back = 12u << 20;
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "memory");
	file = peer_open_file(&peer, "f", RW);
	for (size_t i = 0; i < NR_SIZES; i++) {
		uint64_t len = sizes[i], off = 12345 * i, at = 13 * i;

		pattern_fill(peer.memory + at, len, i, off);
		memset(peer.memory + back, 0xee, len + 64);
		cr_assert_eq(peer_io(&peer, IO_WRITE, file, off, len, at), (int64_t)len);
		cr_assert_eq(peer_io(&peer, IO_READ, file, off, len, back + 32), (int64_t)len);
		cr_assert(pattern_diff(peer.memory + back + 32, len, i, off) < 0, "size %zu",
			  (size_t)len);
		cr_assert_eq(peer.memory[back + 31], 0xee);
		cr_assert_eq(peer.memory[back + 32 + len], 0xee);
	}
	cr_assert_eq(peer.nr_imms, NR_SIZES, "full reads complete by an immediate");
	peer_close(&peer);
}

Test(io, all_sizes_come_back_as_they_went)
{
	fixture_each_scheme(sizes_body, NULL);
}

static void eof_body(struct server *server)
{
	const uint64_t size = 2 * SEGMENT_SIZE + 100;
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "memory");
	file = peer_open_file(&peer, "f", RW);
	pattern_fill(peer.memory, size, 1, 0);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, size, 0), (int64_t)size);
	memset(peer.memory, 0xee, PEER_MEMORY);
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 20 * SEGMENT_SIZE, 0), (int64_t)size);
	cr_assert(pattern_diff(peer.memory, size, 1, 0) < 0);
	cr_assert_eq(peer.memory[size], 0xee);
	cr_assert_eq(peer_io(&peer, IO_READ, file, size, 10, 0), 0);
	cr_assert_eq(peer_io(&peer, IO_READ, file, size + SEGMENT_SIZE, 4 * SEGMENT_SIZE, 0), 0);
	cr_assert_eq(peer_io(&peer, IO_READ, file, SEGMENT_SIZE, 9 * SEGMENT_SIZE, 0),
		     (int64_t)(size - SEGMENT_SIZE));
	cr_assert_eq(peer.nr_imms, 0, "short reads complete by a message");
	peer_close(&peer);
}

Test(io, reads_end_at_end_of_file)
{
	fixture_each_scheme(eof_body, NULL);
}

static void many_body(struct server *server)
{
	enum { N = 3000, LEN = 4000 };
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "memory");
	file = peer_open_file(&peer, "f", RW);
	for (uint32_t op = IO_WRITE; op >= IO_READ; op--) {
		struct peer_io ios[BATCH_MAX];
		unsigned before = peer.nr_results;

		if (op == IO_WRITE)
			pattern_fill(peer.memory, (size_t)N * LEN, 7, 0);
		else
			memset(peer.memory, 0, PEER_MEMORY);
		for (uint32_t i = 0, n = 0; i < N; i++) {
			uint64_t at = (uint64_t)i * LEN;

			ios[n++] = (struct peer_io){
				.tag = i, .file = file, .off = at, .len = LEN, .region_off = at};
			if (n == BATCH_MAX || i + 1 == N) {
				peer_submit(&peer, op, i % NR_PRIORITIES, ios, n);
				n = 0;
			}
		}
		peer_until(&peer, peer.nr_results == before + N || peer.link.closed);
		cr_assert_not(peer.link.closed);
		for (uint32_t i = 0; i < N; i++)
			cr_assert(peer.results[i] == INT64_MAX || peer.results[i] == LEN);
	}
	cr_assert(pattern_diff(peer.memory, (size_t)N * LEN, 7, 0) < 0);
	peer_close(&peer);
}

Test(io, thousands_in_flight_complete_once_each)
{
	fixture_each_scheme(many_body, NULL);
}

static void without_imm_body(struct server *server)
{
	struct peer peer;
	uint64_t file;

	fixture_connect(&peer, server);
	cr_assert_eq(peer_hello_as(&peer, &(struct hello){.version_max = PROTO_VERSION,
							  .export = text("memory")}),
		     0);
	cr_assert_eq(peer.heard.welcome.features, 0);
	peer_add_region(&peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	file = peer_open_file(&peer, "f", RW);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 5000, 0), 5000);
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 5000, 0), 5000);
	cr_assert_eq(peer.nr_imms, 0);
	peer_close(&peer);
}

Test(io, immediates_are_for_those_who_know_them)
{
	fixture_each_scheme(without_imm_body, NULL);
}

static void errors_body(struct server *server)
{
	const uint64_t len = 8 * SEGMENT_SIZE;
	struct peer peer;
	uint64_t file;
	int failed = 0;

	fixture_open(&peer, server, "errors");
	file = peer_open_file(&peer, "f", RW);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, len, 0), -EIO);
	for (int i = 0; i < 20; i++) {
		int64_t result = peer_io(&peer, IO_WRITE, file, 0, 4096, 0);

		cr_assert(result == -EIO || result == 4096);
		failed += result == -EIO;
	}
	cr_assert_eq(failed, 4);
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 4 * SEGMENT_SIZE, 0), -EIO);
	cr_assert_eq(peer.nr_imms, 0, "a failed read never says success");
	peer_close(&peer);
}

Test(io, one_bad_segment_fails_the_whole)
{
	fixture_each_scheme(errors_body, NULL);
}

struct bad {
	uint32_t op;
	struct peer_io io;
	int64_t result;
};

static void bad_body(struct server *server)
{
	struct peer peer;
	uint64_t rw, ro, wo, dir;

	fixture_open(&peer, server, "memory");
	rw = peer_open_file(&peer, "f", RW);
	ro = peer_open_file(&peer, "f", OPEN_READ);
	wo = peer_open_file(&peer, "f", OPEN_WRITE);
	dir = peer_open_file(&peer, "", OPEN_READ | OPEN_DIRECTORY);
	peer_add_region(&peer, 1, 0, 4096, ACCESS_READ);
	peer_add_region(&peer, 2, 0, 4096, ACCESS_WRITE);
	memset(peer.memory, 0xee, 8192);
	{
		const uint64_t most = INT64_MAX;
		const struct bad bad[] = {
			{IO_READ, {.file = rw, .len = 0}, -EINVAL},
			{IO_READ, {.file = rw, .len = IO_LEN_MAX + 1}, -EINVAL},
			{IO_READ, {.file = rw, .len = 1, .off = most}, -EINVAL},
			{IO_READ, {.file = rw, .len = 2, .off = most - 1}, -EINVAL},
			{IO_READ, {.file = rw, .len = 1, .off = UINT64_MAX}, -EINVAL},
			{IO_WRITE, {.file = rw, .len = UINT64_MAX, .off = 1}, -EINVAL},
			{IO_READ, {.file = rw, .len = 1, .region = 3}, -EINVAL},
			{IO_READ, {.file = rw, .len = 1, .region = UINT32_MAX}, -EINVAL},
			{IO_READ, {.file = rw, .len = 1, .region_off = PEER_MEMORY}, -EINVAL},
			{IO_READ, {.file = rw, .len = 1, .region_off = UINT64_MAX}, -EINVAL},
			{IO_READ, {.file = rw, .len = 4097, .region = 2}, -EINVAL},
			{IO_READ, {.file = rw, .len = 2, .region = 2, .region_off = 4095}, -EINVAL},
			{IO_READ, {.file = rw, .len = 1, .region = 1}, -EACCES},
			{IO_WRITE, {.file = rw, .len = 1, .region = 2}, -EACCES},
			{IO_WRITE, {.file = ro, .len = 1}, -EBADF},
			{IO_READ, {.file = wo, .len = 1}, -EBADF},
			{IO_READ, {.file = dir, .len = 1}, -EBADF},
			{IO_READ, {.file = 0, .len = 1}, -ESTALE},
			{IO_READ, {.file = rw ^ 1ull << 40, .len = 1}, -ESTALE},
			{IO_READ, {.file = rw + 1000, .len = 1}, -ESTALE},
		};

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			peer_submit(&peer, bad[i].op, PRIORITY_NORMAL, &bad[i].io, 1);
			peer_until(&peer, peer.results[0] != NO_RESULT || peer.link.closed);
			cr_assert_not(peer.link.closed);
			cr_assert_eq(peer.results[0], bad[i].result, "entry %zu: %ld", i,
				     (long)peer.results[0]);
		}
	}
	for (int i = 0; i < 8192; i++)
		cr_assert_eq(peer.memory[i], 0xee);
	cr_assert_eq(peer_io(&peer, IO_WRITE, rw, 0, 10, 0), 10, "the connection lives on");
	peer_close(&peer);
}

Test(io, every_entry_is_checked)
{
	fixture_each_scheme(bad_body, NULL);
}

static void read_only_body(struct server *server)
{
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "readonly");
	file = peer_open_file(&peer, "f", OPEN_READ);
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 10, 0), 10);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 10, 0), -EROFS);
	peer_close(&peer);
}

Test(io, a_read_only_export_takes_no_write)
{
	fixture_each_scheme(read_only_body, NULL);
}

static void handles_body(struct server *server)
{
	struct peer peer;
	uint64_t file, x = 88172645463325252ull;
	unsigned rejected = 0;

	fixture_open(&peer, server, "memory");
	file = peer_open_file(&peer, "f", RW);
	for (int round = 0; round < 10000 / BATCH_MAX + 1; round++) {
		struct peer_io ios[BATCH_MAX];
		unsigned before = peer.nr_results;

		for (uint32_t i = 0; i < BATCH_MAX; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			/* Half of them with the true index, so that only the rest can save us. */
			ios[i] = (struct peer_io){
				.tag = i,
				.len = 1,
				.file = i % 2 ? x : (x & ~0xffffull) | (file & 0xffff)};
		}
		peer_submit(&peer, IO_READ, PRIORITY_NORMAL, ios, BATCH_MAX);
		peer_until(&peer, peer.nr_results == before + BATCH_MAX || peer.link.closed);
		for (uint32_t i = 0; i < BATCH_MAX; i++)
			rejected += peer.results[i] == -ESTALE;
	}
	cr_assert_eq(rejected, (10000 / BATCH_MAX + 1) * BATCH_MAX);
	peer_close(&peer);
}

Test(io, no_random_handle_is_accepted)
{
	fixture_each_scheme(handles_body, NULL);
}

static void priority_body(struct server *server)
{
	enum { N = 200 };
	struct peer_io low[N], high[8];
	struct peer peer;
	uint64_t file;
	unsigned worst = 0;

	fixture_open(&peer, server, "slow");
	file = peer_open_file(&peer, "f", RW);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, SEGMENT_SIZE, 0), SEGMENT_SIZE);
	for (uint32_t i = 0; i < N; i++)
		low[i] = (struct peer_io){.tag = 100 + i, .file = file, .len = 4096};
	for (uint32_t i = 0; i < 8; i++)
		high[i] = (struct peer_io){.tag = 2 + i, .file = file, .len = 4096};
	peer.nr_results = 0;
	peer_submit(&peer, IO_READ, PRIORITY_LOW, low, N);
	peer_submit(&peer, IO_READ, PRIORITY_HIGH, high, 8);
	peer_until(&peer, peer.nr_results == N + 8);
	for (unsigned i = 0; i < N + 8; i++)
		if (peer.order[i] < 100)
			worst = i;
	cr_assert_lt(worst, 100, "high ones were done after %u of %u", worst, N);
	peer_close(&peer);
}

Test(io, high_priority_overtakes)
{
	fixture_each_scheme(priority_body, NULL);
}

static void drop_body(struct server *server)
{
	enum { N = 256 };
	struct peer_io ios[N];
	struct peer peer;
	uint64_t file;
	unsigned cancelled = 0;

	fixture_open(&peer, server, "slow");
	file = peer_open_file(&peer, "f", RW);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 1 << 20, 0), 1 << 20);
	peer_add_region(&peer, 1, 0, 16u << 20, ACCESS_WRITE);
	for (uint32_t i = 0; i < N; i++)
		ios[i] = (struct peer_io){.tag = 10 + i, .region = 1, .file = file, .len = 65536};
	peer.nr_results = 0;
	peer_submit(&peer, IO_READ, PRIORITY_NORMAL, ios, N);
	peer_until(&peer, peer.nr_results); /* some run, most wait */
	cr_assert_eq(peer_drop(&peer, 1), 0);
	/* Nothing touches it any more, and everybody has been told. */
	memset(peer.memory, 0xee, 16u << 20);
	for (uint32_t i = 0; i < N; i++) {
		cr_assert_neq(peer.results[10 + i], NO_RESULT);
		cancelled += peer.results[10 + i] == -ECANCELED;
	}
	cr_assert_gt(cancelled, 0);
	cr_assert_lt(cancelled, N);
	cr_assert_eq(peer_drop(&peer, 1), -ENOENT);
	peer_add_region(&peer, 1, 20u << 20, 4096, ACCESS_WRITE);
	ios[0].len = 4096;
	peer_submit(&peer, IO_READ, PRIORITY_NORMAL, ios, 1);
	peer_until(&peer, peer.results[10] != NO_RESULT);
	cr_assert_eq(peer.results[10], INT64_MAX);
	for (size_t i = 0; i < 16u << 20; i++)
		cr_assert_eq(peer.memory[i], 0xee);
	peer_close(&peer);
}

Test(io, drop_waits_for_what_runs_and_cancels_the_rest)
{
	fixture_each_scheme(drop_body, NULL);
}

static void vanish_body(struct server *server)
{
	for (int round = 0; round < 8; round++) {
		struct peer_io ios[64];
		struct peer peer;
		uint64_t file;

		fixture_open(&peer, server, round % 2 ? "slow" : "memory");
		file = peer_open_file(&peer, "f", RW);
		cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 1 << 20, 0), 1 << 20);
		for (uint32_t i = 0; i < 64; i++)
			ios[i] = (struct peer_io){
				.tag = i, .file = file, .len = 1 << 20, .region_off = 4096 * i};
		peer_submit(&peer, IO_READ, PRIORITY_NORMAL, ios, 64);
		for (uint32_t i = 0; i < 64; i++)
			ios[i].tag = 100 + i;
		peer_submit(&peer, IO_WRITE, PRIORITY_NORMAL, ios, 64);
		for (int i = 0; i < 50 * round; i++)
			peer_step(&peer);
		peer_close(&peer);
	}
}

Test(io, clients_may_vanish_in_the_middle)
{
	fixture_each_scheme(vanish_body,
			    NULL); /* server_stop and the leak checker say whether all is freed */
}
