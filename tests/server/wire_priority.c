/* Priorities over the wire, by hand, where a client would hide what happens. */
#include <criterion/criterion.h>
#include <string.h>

#include "peer.h"
#include "server/staging.h"

/*
 * Someone who takes nothing of what it asked for has all large buffers. Large I/O of another peer
 * has to wait for one; small I/O that is more urgent has not.
 */
Test(priority, a_small_urgent_one_does_not_wait_for_a_large_buffer)
{
	enum { QUIET = 20 };
	const struct server_config config = {.nr_workers = 1, .staging_mib = 1};
	struct server *server = bed_start("tcp", &config);
	struct peer_io ios[BATCH_MAX], small = {.tag = BATCH_MAX, .len = 512};
	unsigned quiet = 0, before; /* quiet: small ones in a row without a large one between */
	struct peer deaf, peer;
	uint64_t file;

	peer_open(&deaf, server, "null");
	file = peer_open_file(&deaf, "f", OPEN_READ);
	for (uint32_t i = 0; i < BATCH_MAX; i++)
		ios[i] = (struct peer_io){.tag = i, .file = file, .len = SEGMENT_SIZE};
	peer_submit(&deaf, IO_READ, PRIORITY_NORMAL, ios, BATCH_MAX);
	peer_open(&peer, server, "null");
	file = peer_open_file(&peer, "f", OPEN_READ);
	for (uint32_t i = 0; i < BATCH_MAX; i++)
		ios[i].file = file;
	small.file = file;
	peer_submit(&peer, IO_READ, PRIORITY_LOW, ios, BATCH_MAX);
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
		peer_step(&deaf);
	}
	peer_close(&peer);
	peer_close(&deaf);
	server_stop(server);
}
