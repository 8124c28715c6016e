/* Batches over several real files: each entry gets its own file, and all are closed in the end. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define BLOCK	  ((uint64_t)4096)
#define NR_ROUNDS 50

/* Of this process, the server's: descriptors of files below the directory. */
static unsigned nr_open(void)
{
	char path[300], file[300];
	size_t len = strlen(files_directory);
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned n = 0;

	cr_assert(dir);
	while ((entry = readdir(dir))) {
		ssize_t got;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		got = readlink(path, file, sizeof(file) - 1);
		file[got < 0 ? 0 : got] = 0;
		n += !strncmp(file, files_directory, len) && file[len] == '/';
	}
	closedir(dir);
	return n;
}

/* Which file an entry names: runs of one and of several, and a stranger in between. */
static const char pattern[] = "aababb?bb??aaa?b";
enum { NR_ENTRIES = sizeof(pattern) - 1 };

static uint64_t seed_of(size_t i, unsigned round)
{
	return (uint64_t)pattern[i] * 1000 + round;
}

/* One batch; entry i is block i of its file, and of the memory at `at`. */
static void transfer(struct peer *peer, uint32_t op, const uint64_t *handles, uint64_t at)
{
	struct peer_io ios[NR_ENTRIES];

	for (uint32_t i = 0; i < NR_ENTRIES; i++)
		ios[i] = (struct peer_io){
			.tag = i,
			.file = pattern[i] == '?' ? handles[0] + 1000 : handles[pattern[i] - 'a'],
			.off = i * BLOCK,
			.len = BLOCK,
			.region_off = at + i * BLOCK,
		};
	peer->nr_results = 0;
	peer_submit(peer, op, 0, ios, NR_ENTRIES);
	peer_until(peer, peer->nr_results == NR_ENTRIES);
	for (uint32_t i = 0; i < NR_ENTRIES; i++) {
		/* By an immediate: the peer notes INT64_MAX. */
		bool whole = peer->results[i] == (int64_t)BLOCK || peer->results[i] == INT64_MAX;

		cr_assert(pattern[i] == '?' ? peer->results[i] == -ESTALE : whole, "entry %u", i);
	}
}

static void round_trip(struct peer *peer, const uint64_t *handles, unsigned round)
{
	const uint64_t back = NR_ENTRIES * BLOCK;

	for (size_t i = 0; i < NR_ENTRIES; i++)
		pattern_fill(peer->memory + i * BLOCK, BLOCK, seed_of(i, round), i * BLOCK);
	transfer(peer, IO_WRITE, handles, 0);
	memset(peer->memory + back, 0xee, back);
	transfer(peer, IO_READ, handles, back);
	for (size_t i = 0; i < NR_ENTRIES; i++)
		if (pattern[i] != '?')
			cr_assert(pattern_diff(peer->memory + back + i * BLOCK, BLOCK,
					       seed_of(i, round), i * BLOCK) < 0,
				  "entry %zu", i);
}

static void mixed_body(struct server *server)
{
	const uint32_t flags = OPEN_READ | OPEN_WRITE | OPEN_CREATE;
	uint64_t handles[2];
	struct peer peer;

	fixture_open(&peer, server, "files");
	handles[0] = peer_open_file(&peer, "a", flags);
	handles[1] = peer_open_file(&peer, "b", flags);
	cr_assert_geq(nr_open(), 2);
	for (unsigned round = 0; round < NR_ROUNDS; round++)
		round_trip(&peer, handles, round);
	cr_assert_geq(nr_open(), 2);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_CLOSE, .file = handles[i]}),
			     0);
	/* On the server's own threads, soon. */
	while (nr_open())
		sched_yield();
	peer_close(&peer);
}

Test(files, entries_get_their_own_and_all_are_closed)
{
	for (size_t i = 0; i < 2; i++) {
		struct server *server = files_start(schemes[i], "/tmp");

		mixed_body(server);
		files_stop(server);
	}
}
