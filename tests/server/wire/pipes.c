/* Large reads of real files over tcp, which go through pipes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "server/worker/staging.h"

#define FILE_SIZE ((uint64_t)16 << 20)
#define BACK	  FILE_SIZE /* where in the peer's memory what is read goes */
#define NR_READS  64

static uint64_t make_file(struct peer *peer)
{
	uint64_t file = peer_open_file(peer, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);

	pattern_fill(peer->memory, FILE_SIZE, 1, 0);
	cr_assert_eq(peer_io(peer, IO_WRITE, file, 0, FILE_SIZE, 0), (int64_t)FILE_SIZE);
	return file;
}

static void check_read(struct peer *peer, uint64_t file, uint64_t off, uint64_t len)
{
	int64_t want =
		off >= FILE_SIZE ? 0 : (int64_t)(len < FILE_SIZE - off ? len : FILE_SIZE - off);

	memset(peer->memory + BACK, 0xee, len + 64);
	cr_assert_eq(peer_io(peer, IO_READ, file, off, len, BACK + 32), want);
	cr_assert(pattern_diff(peer->memory + BACK + 32, (size_t)want, 1, off) < 0, "%zu at %zu",
		  (size_t)len, (size_t)off);
	cr_assert_eq(peer->memory[BACK + 31], 0xee);
	cr_assert_eq(peer->memory[BACK + 32 + want], 0xee);
}

static void read_any_piece(const char *parent)
{
	struct server *server = files_start("tcp", parent);
	uint64_t file;
	struct peer peer;

	fixture_open(&peer, server, "files");
	file = make_file(&peer);
	for (uint64_t len = SMALL_SIZE - 1; len < 7u << 20; len = len * 3 / 2 + 1)
		for (uint64_t off = 0; off < FILE_SIZE + len; off += FILE_SIZE / 5 + 4095)
			check_read(&peer, file, off, len);
	check_read(&peer, file, FILE_SIZE - SEGMENT_SIZE, SEGMENT_SIZE);
	check_read(&peer, file, FILE_SIZE - SEGMENT_SIZE, SEGMENT_SIZE + 1);
	check_read(&peer, file, FILE_SIZE, 5 * SEGMENT_SIZE);
	peer_close(&peer);
	files_stop(server);
}

Test(pipes, any_piece_of_a_file)
{
	read_any_piece("/tmp");
}

/* Without io_uring, where it lies in memory. */
Test(pipes, any_piece_of_a_file_in_memory)
{
	read_any_piece("/dev/shm");
}

/* Ask for far more than sockets and pipes hold. */
static void ask_for_much(struct peer *peer, struct server *server)
{
	enum { LEN = 1 << 20 };
	struct peer_io ios[NR_READS];
	uint64_t file;

	fixture_open(peer, server, "files");
	file = peer_open_file(peer, "f", OPEN_READ);
	for (uint32_t i = 0; i < NR_READS; i++)
		ios[i] = (struct peer_io){
			.tag = i, .file = file, .off = (uint64_t)i % 15 * LEN + i, .len = LEN};
	peer_submit(peer, IO_READ, PRIORITY_NORMAL, ios, NR_READS);
}

/* A client that goes while the server sends to it leaves nothing in the pipes for the next one. */
Test(pipes, hold_nothing_of_a_client_that_left)
{
	struct server *server = files_start("tcp", "/tmp");
	struct peer peer, leaver;
	uint64_t file;

	fixture_open(&peer, server, "files");
	file = make_file(&peer);
	for (unsigned round = 0; round < 20; round++) {
		ask_for_much(&leaver, server);
		peer_until(&leaver, leaver.nr_results >= round % 5);
		peer_close(&leaver);
		for (uint32_t i = 0; i < 8; i++)
			check_read(&peer, file, round * 1000 + i * 300001, 5 * SEGMENT_SIZE + i);
	}
	peer_close(&peer);
	files_stop(server);
}

/* Clients that take nothing of what they asked for do not keep the others waiting. */
Test(pipes, there_is_a_way_without)
{
	struct server *server = files_start("tcp", "/tmp");
	struct peer peer, idle[3];
	uint64_t file;

	fixture_open(&peer, server, "files");
	file = make_file(&peer);
	for (int i = 0; i < 3; i++)
		ask_for_much(&idle[i], server);
	for (uint32_t i = 0; i < 4; i++)
		check_read(&peer, file, i * 50021, 5 * SEGMENT_SIZE + i);
	for (int i = 0; i < 3; i++) {
		peer_until(&idle[i], idle[i].nr_results == NR_READS || idle[i].link.closed);
		cr_assert_not(idle[i].link.closed, "it did not have to be thrown out first");
		peer_close(&idle[i]);
	}
	peer_close(&peer);
	files_stop(server);
}
