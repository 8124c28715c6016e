/* Priorities over the wire, by hand, where a client would hide what happens. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "server/worker/staging.h"

static void submit_large(struct peer *peer, enum priority priority, uint32_t n)
{
	const uint64_t file = peer_open_file(peer, "f", OPEN_READ);
	struct peer_io ios[BATCH_MAX];

	for (uint32_t i = 0; i < n; i++)
		ios[i] = (struct peer_io){.tag = i, .file = file, .len = SEGMENT_SIZE};
	peer_submit(peer, IO_READ, priority, ios, n);
}

/*
 * Two that take nothing of what they asked for have all large buffers between them: three. Large
 * I/O of another peer has to wait for one; small I/O that is more urgent has not.
 */
Test(priority, a_small_urgent_one_does_not_wait_for_a_large_buffer)
{
	enum { QUIET = 20 };
	const struct server_config config = {.nr_workers = 1, .staging_mib = 1};
	struct server *server = fixture_start("tcp", &config);
	struct peer_io small = {.tag = BATCH_MAX, .len = 512};
	unsigned quiet = 0, before; /* quiet: small ones in a row without a large one between */
	struct peer deaf[2], peer;

	for (int i = 0; i < 2; i++) {
		fixture_open(&deaf[i], server, "null");
		submit_large(&deaf[i], PRIORITY_NORMAL, BATCH_MAX);
	}
	fixture_open(&peer, server, "null");
	small.file = peer_open_file(&peer, "f", OPEN_READ);
	submit_large(&peer, PRIORITY_LOW, BATCH_MAX);
	while (quiet < QUIET && peer.nr_results - (small.tag - BATCH_MAX) < BATCH_MAX) {
		before = peer.nr_results;
		peer_submit(&peer, IO_READ, PRIORITY_HIGH, &small, 1);
		peer_until(&peer, peer.results[small.tag] != NO_RESULT);
		quiet = peer.nr_results == before + 1 ? quiet + 1 : 0;
		small.tag++;
	}
	cr_assert_eq(quiet, QUIET, "small ones were done only where large ones were");
	while (peer.nr_results < small.tag) {
		peer_step(&peer);
		peer_step(&deaf[0]);
		peer_step(&deaf[1]);
	}
	peer_close(&peer);
	peer_close(&deaf[0]);
	peer_close(&deaf[1]);
	server_stop(server);
}

/* One alone that takes nothing leaves a buffer of the three for the others. */
Test(priority, the_deaf_do_not_get_all_buffers)
{
	const struct server_config config = {.nr_workers = 1, .staging_mib = 1};
	struct server *server = fixture_start("tcp", &config);
	struct peer deaf, peer;

	fixture_open(&deaf, server, "null");
	submit_large(&deaf, PRIORITY_HIGH, BATCH_MAX);
	fixture_open(&peer, server, "null");
	submit_large(&peer, PRIORITY_LOW, 40);
	peer_until(&peer, peer.nr_results == 40);
	peer_close(&peer);
	peer_until(&deaf, deaf.nr_results == BATCH_MAX);
	peer_close(&deaf);
	server_stop(server);
}

/*
 * An id is an address here. Two connections of one that take nothing would have all three buffers,
 * and have the share of one, so that a client of another id goes on.
 */
Test(priority, an_id_has_one_share_whatever_its_connections)
{
	static const struct export_config null = {.name = "null", .where = "null:1G"};
	const struct listen_config listens[] = {{.scheme = "tcp", .host = "127.0.0.1"},
						{.scheme = "loop", .host = "another"}};
	const struct server_config config = {.nr_workers = 1,
					     .staging_mib = 1,
					     .stall_ms = 3600000, /* nobody is ended */
					     .keepalive_ms = 3600000,
					     .exports = &null,
					     .nr_exports = 1,
					     .listens = listens,
					     .nr_listens = 2};
	struct peer deaf[6], peer;
	struct server *server;

	cr_assert_eq(server_start(&config, &server), 0);
	peer_open(&peer, server_address(server, 0), "null");
	for (int i = 0; i < 6; i++) {
		peer_open(&deaf[i], server_address(server, 1), "null");
		submit_large(&deaf[i], PRIORITY_HIGH, BATCH_MAX);
	}
	submit_large(&peer, PRIORITY_LOW, 40);
	peer_until(&peer, peer.nr_results == 40);
	for (int i = 0; i < 6; i++)
		peer_close(&deaf[i]);
	peer_close(&peer);
	server_stop(server);
}
