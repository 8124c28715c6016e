/* I/O when there is much of it, when nobody takes the answers, and when the server stops. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "server/worker/staging.h"

static void deaf_body(struct server *server)
{
	for (uint32_t op = IO_READ; op <= IO_WRITE; op++) {
		struct peer_io ios[BATCH_MAX];
		struct peer peer, other;
		uint64_t file;

		fixture_open(&peer, server, "null");
		file = peer_open_file(&peer, "f", OPEN_READ | OPEN_WRITE);
		for (uint32_t i = 0; i < BATCH_MAX; i++)
			ios[i] = (struct peer_io){.tag = i, .file = file, .len = SEGMENT_SIZE};
		peer_submit(&peer, op, PRIORITY_NORMAL, ios, BATCH_MAX);
		/* It looks at nothing while the server serves somebody else. */
		fixture_open(&other, server, "null");
		file = peer_open_file(&other, "f", OPEN_READ | OPEN_WRITE);
		for (int i = 0; i < 200; i++)
			cr_assert_eq(peer_io(&other, op, file, 0, SEGMENT_SIZE, 0), SEGMENT_SIZE);
		peer_close(&other);
		peer_close(&peer);
	}
}

Test(io, who_does_not_listen_harms_nobody)
{
	const struct server_config config = {.nr_workers = 1};

	fixture_each_scheme(deaf_body, &config);
}

static void stop_body(struct server *server)
{
	(void)server;
}

Test(io, an_idle_server_stops)
{
	fixture_each_scheme(stop_body, NULL);
}

Test(io, stopping_lets_what_runs_end)
{
	for (size_t s = 0; s < 2; s++) {
		struct server *server = fixture_start(schemes[s], NULL);
		struct peer_io io = {.tag = 1, .len = SEGMENT_SIZE};
		struct peer peer;

		fixture_open(&peer, server, "null");
		io.file = peer_open_file(&peer, "f", OPEN_READ);
		peer_submit(&peer, IO_READ, PRIORITY_NORMAL, &io, 1);
		peer_until(&peer, peer.results[1] != NO_RESULT);
		server_stop(server);
		peer_until(&peer, peer.link.closed);
		peer_close(&peer);
	}
}

Test(io, a_huge_one_and_many_small_ones_share_little_staging)
{
	/* So many that they outlast the submission of the small ones on a busy machine. */
	enum { NR_BIG = 40 };
	struct server_config config = {.nr_workers = 1, .staging_mib = 1};

	for (size_t s = 0; s < 2; s++) {
		struct server *server = fixture_start(schemes[s], &config);
		struct peer_io ios[BATCH_MAX];
		struct peer big, small;
		uint64_t file, small_file;

		fixture_open(&big, server, "null");
		fixture_open(&small, server, "null");
		file = peer_open_file(&big, "f", OPEN_READ);
		small_file = peer_open_file(&small, "f", OPEN_READ);
		for (uint32_t i = 0; i < BATCH_MAX; i++)
			ios[i] = (struct peer_io){.tag = i, .file = file, .len = PEER_MEMORY};
		peer_submit(&big, IO_READ, PRIORITY_NORMAL, ios, NR_BIG);
		for (uint32_t i = 0; i < BATCH_MAX; i++)
			ios[i] = (struct peer_io){
				.tag = i, .file = small_file, .len = 8192 * (i % 4 + 1)};
		peer_submit(&small, IO_READ, PRIORITY_NORMAL, ios, BATCH_MAX);
		while (small.nr_results < BATCH_MAX) {
			peer_step(&small);
			peer_step(&big);
		}
		cr_assert_lt(big.nr_results, (unsigned)NR_BIG,
			     "the small ones did not wait for the big ones");
		peer_until(&big, big.nr_results == NR_BIG);
		peer_close(&small);
		peer_close(&big);
		server_stop(server);
	}
}

/* Results of a long batch do not wait until all of it is done. */
static void batch_in_turns_body(struct server *server)
{
	enum { N = 64 };
	struct peer_io ios[N];
	struct peer peer;
	uint64_t file;

	fixture_connect(&peer, server);
	cr_assert_eq(peer_hello_as(&peer, &(struct hello){.version_max = PROTO_VERSION,
							  .export = text("null")}),
		     0);
	peer_add_region(&peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	file = peer_open_file(&peer, "f", OPEN_READ);
	for (uint32_t i = 0; i < N; i++)
		ios[i] = (struct peer_io){
			.tag = i, .file = file, .off = i * 4096ull, .len = 4096, .region_off = 0};
	peer_submit(&peer, IO_READ, PRIORITY_NORMAL, ios, N);
	peer_until(&peer, peer.nr_results == N || peer.link.closed);
	cr_assert_geq(peer.nr_batches, 4);
	peer_close(&peer);
}

Test(io, a_long_batch_is_answered_in_turns)
{
	fixture_each_scheme(batch_in_turns_body, NULL);
}
