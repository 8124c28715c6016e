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

/* A server with one worker that has three large buffers. Each address where it listens is an id. */
static struct server *start_with_ids(const char *where)
{
	static const struct listen_config listens[] = {{.scheme = "tcp", .host = "127.0.0.1"},
						       {.scheme = "loop", .host = "another"},
						       {.scheme = "loop", .host = "third"}};
	const struct export_config export = {.name = "files", .where = where};
	const struct server_config config = {.nr_workers = 1,
					     .staging_mib = 1,
					     .stall_ms = 3600000, /* nobody is ended */
					     .keepalive_ms = 3600000,
					     .exports = &export,
					     .nr_exports = 1,
					     .listens = listens,
					     .nr_listens = 3};
	struct server *server;

	cr_assert_eq(server_start(&config, &server), 0);
	return server;
}

/* Open n connections of an id. */
static void open_all(struct peer *peers, unsigned n, struct server *server, unsigned id)
{
	for (unsigned i = 0; i < n; i++)
		peer_open(&peers[i], server_address(server, id), "files");
}

static void close_all(struct peer *peers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		peer_close(&peers[i]);
}

/*
 * Two connections of an id that take nothing would have all three buffers, and have the share of
 * one, so that a client of another id goes on.
 */
Test(priority, an_id_has_one_share_whatever_its_connections)
{
	struct server *server = start_with_ids("null:1G");
	struct peer deaf[6], peer;

	open_all(&peer, 1, server, 0);
	open_all(deaf, 6, server, 1);
	for (int i = 0; i < 6; i++)
		submit_large(&deaf[i], PRIORITY_HIGH, BATCH_MAX);
	submit_large(&peer, PRIORITY_LOW, 40);
	peer_until(&peer, peer.nr_results == 40);
	close_all(deaf, 6);
	close_all(&peer, 1);
	server_stop(server);
}

/* Two ids that take nothing have a buffer each, and neither gets the third one. */
Test(priority, the_last_buffer_is_for_an_id_that_has_none)
{
	struct server *server = start_with_ids("null:1G");
	struct peer deaf[2][3], peer;

	open_all(&peer, 1, server, 0);
	for (unsigned i = 0; i < 2; i++)
		open_all(deaf[i], 3, server, i + 1);
	for (unsigned n = 0; n < 3; n++)
		for (unsigned i = 0; i < 2; i++)
			submit_large(&deaf[i][n], PRIORITY_HIGH, 1);
	submit_large(&peer, PRIORITY_LOW, 40);
	peer_until(&peer, peer.nr_results == 40);
	for (unsigned i = 0; i < 2; i++)
		close_all(deaf[i], 3);
	close_all(&peer, 1);
	server_stop(server);
}

/*
 * One id has two of the three buffers. Two others ask for the third one without a pause, one of
 * them by many connections. They get it in turns, and so do the connections.
 */
Test(priority, ids_that_wait_for_a_buffer_have_turns)
{
	enum { MANY = 6, N = 40 };
	struct server *server = start_with_ids("fault:read.delay_ms=1:null:1G");
	struct peer deaf, many[MANY], one;
	unsigned taken = 0;

	open_all(&deaf, 1, server, 1);
	open_all(many, MANY, server, 2);
	open_all(&one, 1, server, 0);
	submit_large(&deaf, PRIORITY_NORMAL, BATCH_MAX);
	for (int i = 0; i < MANY; i++)
		submit_large(&many[i], PRIORITY_NORMAL, BATCH_MAX);
	submit_large(&one, PRIORITY_NORMAL, N);
	while (one.nr_results < N) {
		peer_step(&one);
		for (int i = 0; i < MANY; i++)
			peer_step(&many[i]);
	}
	for (int i = 0; i < MANY; i++)
		taken += many[i].nr_results;
	cr_assert_lt(taken, 3u * N / 2, "%u, where the other one got %u", taken, (unsigned)N);
	for (int i = 0; i < MANY; i++)
		cr_assert_geq(many[i].nr_results, taken / MANY / 2, "%d", i);
	close_all(&deaf, 1);
	close_all(many, MANY);
	close_all(&one, 1);
	server_stop(server);
}
