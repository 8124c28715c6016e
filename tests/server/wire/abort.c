/*
 * ABORT: an I/O that the client gives up ends at once, whatever the disk does, and lands on nothing
 * newer; its connection and everything else on it go on.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "scene.h"

static void abort_ios(struct peer *peer, const uint32_t *tags, size_t n)
{
	peer_send(peer, &(struct message){.type = MSG_ABORT, .abort = {.ios = tags, .nr_ios = n}});
}

static void abort_io(struct peer *peer, uint32_t tag)
{
	abort_ios(peer, &tag, 1);
}

/* Submit a write, and give up when it is with the disk: some turns of the worker later. */
static void write_and_abort(struct scene *scene)
{
	scene_submit(&scene->old, IO_WRITE, 7, scene->file, OLD);
	for (int i = 0; i < 5; i++)
		scene_ping(&scene->old);
	abort_io(&scene->old, 7);
	cr_assert_eq(scene_result(&scene->old, 7), -ECANCELED);
}

/* True if the I/O ended while the disk still held it back. */
static bool write_ends(const char *scheme)
{
	struct scene scene;
	bool held;

	scene_open(&scene, scheme, "fault:write.delay_ms=300:");
	write_and_abort(&scene);
	held = scene_byte("f") != OLD;
	/* The same tag and the same range again: behind the barrier. */
	scene_submit(&scene.fast, IO_WRITE, 7, scene.seen, NEW);
	cr_assert_eq(scene_result(&scene.fast, 7), LEN);
	scene_outlast(&scene.old);
	cr_assert_eq(scene_byte("f"), NEW, "the aborted write landed on a newer one");
	scene_submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	cr_assert_eq(scene_result(&scene.old, 7), LEN, "the tag can be used again");
	cr_assert_eq(scene_byte("f"), OLD);
	scene_close(&scene);
	return held;
}

/* On a busy machine the disk may be done too early; then the case is repeated. */
Test(abort, a_write_ends_before_the_disk_and_lands_on_nothing_newer)
{
	for (size_t i = 0; i < 2; i++)
		while (!write_ends(schemes[i]))
			;
}

static void read_ends(const char *scheme)
{
	struct scene scene;
	uint32_t tags[4] = {7, 8, 9, 10};

	scene_open(&scene, scheme, "fault:read.delay_ms=100,write.delay_ms=200:");
	memset(scene.fast.memory, OLD, LEN);
	cr_assert_eq(peer_io(&scene.fast, IO_WRITE, scene.seen, 0, LEN, 0), LEN);
	for (uint32_t i = 0; i < 4; i++)
		scene_submit(&scene.old, IO_READ, tags[i], scene.file, 0);
	scene_ping(&scene.old);
	abort_ios(&scene.old, tags, 4);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert(scene_result(&scene.old, tags[i]) == -ECANCELED ||
			  scene.old.results[tags[i]] >= (int64_t)LEN);
	memset(scene.old.memory + READ_AT, NEW, LEN);
	scene_outlast(&scene.old);
	cr_assert_eq(bytes_diff(scene.old.memory + READ_AT, LEN, NEW), -1,
		     "the memory of an aborted read was written");
	scene_close(&scene);
}

Test(abort, the_memory_of_an_aborted_read_is_left_alone)
{
	for (size_t i = 0; i < 2; i++)
		read_ends(schemes[i]);
}

/* True if all of them ended while the disk still held back what they waited for. */
static bool waiting_ends(const char *scheme)
{
	struct scene scene;
	uint32_t tags[64];
	bool held;

	scene_open(&scene, scheme, "fault:write.delay_ms=300:");
	write_and_abort(&scene);
	for (uint32_t i = 0; i < 64; i++) {
		tags[i] = 100 + i;
		scene_submit(&scene.old, i % 2 ? IO_READ : IO_WRITE, tags[i], scene.file, NEW);
	}
	scene_ping(&scene.old);
	abort_ios(&scene.old, tags, 64);
	for (uint32_t i = 0; i < 64; i++)
		scene_result(&scene.old, tags[i]);
	/* Its region is free at once. */
	cr_assert_eq(peer_drop(&scene.old, 0), 0);
	held = scene_byte("f") != OLD;
	peer_add_region(&scene.old, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	scene_outlast(&scene.old);
	scene_submit(&scene.fast, IO_READ, 7, scene.seen, 0);
	cr_assert_neq(scene_result(&scene.fast, 7), NO_RESULT);
	scene_close(&scene);
	return held;
}

Test(abort, what_waits_at_a_barrier_ends_too)
{
	for (size_t i = 0; i < 2; i++)
		while (!waiting_ends(schemes[i]))
			;
}

static void nothing_to_abort(struct server *server)
{
	uint32_t tags[ABORT_MAX];
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "memory");
	file = peer_open_file(&peer, "f", RW);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, LEN, 0), LEN);
	for (uint32_t i = 0; i < ABORT_MAX; i++)
		tags[i] = i % 5 ? i * 0x01010101u : 1;
	for (int i = 0; i < 1000; i++)
		abort_ios(&peer, tags, ABORT_MAX);
	peer_send(&peer, &(struct message){.type = MSG_ABORT,
					   .abort = {.calls = tags, .nr_calls = ABORT_MAX}});
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, LEN, 0), LEN);
	cr_assert_eq(peer.nr_results, 2, "nothing else was completed");
	peer_close(&peer);
}

Test(abort, a_tag_not_under_way_is_ignored)
{
	fixture_each_scheme(nothing_to_abort, NULL);
}

enum { ROUNDS = 300, DEPTH = 32, BIG = 700000 };

/* Some of what was submitted, each at any time between its beginning and its end. */
static void abort_some(struct peer *peer, uint64_t *state)
{
	uint32_t tags[DEPTH];
	size_t n = 0;

	for (uint32_t i = 0; i < DEPTH; i++)
		if (next_random(state) % 3)
			tags[n++] = 1 + i;
	for (uint64_t i = next_random(state) % 20; i; i--)
		peer_step(peer);
	if (n)
		abort_ios(peer, tags, n);
}

static void at_any_time(struct server *server)
{
	static const char *const exports[] = {"memory", "slow", "null"};
	uint64_t state = 1, files[3];
	struct peer peers[3];
	unsigned nr_aborted = 0, nr_whole = 0;

	for (int e = 0; e < 3; e++) {
		fixture_open(&peers[e], server, exports[e]);
		files[e] = peer_open_file(&peers[e], "f",
					  e < 2 ? RW : (uint32_t)(OPEN_READ | OPEN_WRITE));
		cr_assert_eq(peer_io(&peers[e], IO_WRITE, files[e], 0, BIG, 0), BIG);
	}
	for (int round = 0; round < ROUNDS; round++) {
		int e = round % 3;
		struct peer *peer = &peers[e];

		for (uint32_t i = 0; i < DEPTH; i++) {
			struct peer_io io = {.tag = 1 + i,
					     .file = files[e],
					     .len = next_random(&state) % BIG + 1};

			peer_submit(peer, next_random(&state) % 2 ? IO_READ : IO_WRITE,
				    PRIORITY_NORMAL, &io, 1);
		}
		abort_some(peer, &state);
		for (uint32_t i = 0; i < DEPTH; i++) {
			int64_t result = scene_result(peer, 1 + i);

			cr_assert(result > 0 || result == -ECANCELED, "%ld", (long)result);
			nr_aborted += result == -ECANCELED;
			nr_whole += result > 0;
		}
	}
	cr_assert_gt(nr_aborted, 0);
	cr_assert_gt(nr_whole, 0);
	for (int e = 0; e < 3; e++) {
		cr_assert_eq(peer_drop(&peers[e], 0), 0);
		peer_close(&peers[e]);
	}
}

/* The peer ends the program when an I/O is completed twice, or its memory touched afterwards. */
Test(abort, each_io_ends_once_whenever_it_is_aborted)
{
	fixture_each_scheme(at_any_time, NULL);
}

enum { NR_FILES = 8, CLUTCH = 10, PIECE = 256 << 10 };

static void write_piece(struct peer *peer, const char *name)
{
	uint64_t file = peer_open_file(peer, name, RW);

	cr_assert_eq(peer_io(peer, IO_WRITE, file, 0, PIECE, 0), PIECE);
}

static void submit_piece(struct peer *peer, uint32_t tag, uint64_t file)
{
	peer_submit(peer, IO_READ, PRIORITY_NORMAL,
		    &(struct peer_io){.tag = tag, .file = file, .len = PIECE}, 1);
}

/*
 * Have the slow disk keep all the buffers that it can get, by reads that are aborted at once. True
 * if the fast export found some while it had them: while `first`, which it got first, had no end.
 */
static bool finds_buffers(const char *scheme)
{
	const struct server_config config = {.nr_workers = 1, .staging_mib = 8};
	struct server *server =
		files_start_twice(scheme, "/tmp", "fault:read.delay_ms=2000:", &config);
	uint32_t tag = 100, first = 1;
	struct peer slow, fast;
	uint64_t file;
	bool found;

	fixture_open(&slow, server, "slow");
	fixture_open(&fast, server, "fast");
	write_piece(&fast, "f");
	submit_piece(&slow, first, peer_open_file(&slow, "f", RW));
	scene_ping(&slow);
	for (int i = 0; i < NR_FILES; i++) {
		char name[2] = {(char)('0' + i), 0};

		write_piece(&fast, name);
		file = peer_open_file(&slow, name, RW);
		for (int j = 0; j < CLUTCH; j++) {
			submit_piece(&slow, ++tag, file);
			scene_ping(&slow);
			abort_io(&slow, tag);
			scene_result(&slow, tag);
		}
	}
	file = peer_open_file(&fast, "f", RW);
	cr_assert_eq(peer_io(&fast, IO_READ, file, 0, PIECE, 0), PIECE);
	peer_step(&slow);
	scene_ping(&slow);
	found = slow.results[first] == NO_RESULT;
	peer_close(&slow);
	peer_close(&fast);
	files_stop(server);
	return found;
}

/* On a busy machine the slow disk may be done too early; then the case is repeated. */
Test(abort, a_disk_that_hangs_leaves_buffers_for_other_exports)
{
	for (size_t i = 0; i < 2; i++)
		while (!finds_buffers(schemes[i]))
			;
}
