/*
 * Barriers: what an old connection left with the disk lands on nothing newer, and nothing else
 * waits for it.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "scene.h"

static void newer_write(const char *scheme)
{
	struct scene scene;

	scene_open(&scene, scheme, "fault:write.delay_ms=100:");
	scene_submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	scene_submit(&scene.fast, IO_WRITE, 7, scene.seen, NEW);
	cr_assert_eq(scene_result(&scene.fast, 7), LEN);
	cr_assert_eq(scene_byte("f"), NEW);
	scene_outlast(&scene.new);
	cr_assert_eq(scene_byte("f"), NEW, "the old write landed on the newer one");
	scene_close(&scene);
}

Test(barrier, an_old_write_never_lands_on_a_newer_one)
{
	for (size_t i = 0; i < 2; i++)
		newer_write(schemes[i]);
}

static void newer_read(const char *scheme)
{
	struct scene scene;

	scene_open(&scene, scheme, "fault:write.delay_ms=100:");
	scene_submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	scene_submit(&scene.fast, IO_READ, 7, scene.seen, 0);
	scene_result(&scene.fast, 7);
	cr_assert_eq(scene.fast.memory[READ_AT], OLD, "it was read before the old write landed");
	scene_close(&scene);
}

Test(barrier, a_read_waits_for_an_old_write)
{
	for (size_t i = 0; i < 2; i++)
		newer_read(schemes[i]);
}

/* True if all this was over while the disk still held the old write back. */
static bool goes_on(const char *scheme)
{
	struct scene scene;
	uint64_t other;
	bool held;

	scene_open(&scene, scheme, "fault:write.delay_ms=500:");
	other = peer_open_file(&scene.fast, "other", RW);
	scene_submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	scene_submit(&scene.new, IO_WRITE, 7, scene.file, NEW);
	scene_submit(&scene.new, IO_READ, 8, scene.file, 0);
	scene_ping(&scene.new);
	cr_assert_eq(peer_call(&scene.new, &(struct call){.op = CALL_STAT, .file = scene.file}), 0);
	cr_assert_eq(peer_io(&scene.fast, IO_WRITE, other, 0, LEN, 0), LEN);
	cr_assert_eq(peer_io(&scene.fast, IO_READ, other, 0, LEN, 0), LEN);
	held = scene_byte("f") != OLD;
	cr_assert(!held || scene.new.results[7] == NO_RESULT);
	cr_assert(!held || scene.new.results[8] == NO_RESULT);
	cr_assert_eq(scene_result(&scene.new, 7), LEN);
	cr_assert_neq(scene_result(&scene.new, 8), NO_RESULT);
	cr_assert_eq(scene_byte("f"), NEW);
	scene_close(&scene);
	return held;
}

/* On a busy machine the disk may be done too early; then the case is repeated. */
Test(barrier, nothing_else_waits_for_an_old_write)
{
	for (size_t i = 0; i < 2; i++)
		while (!goes_on(schemes[i]))
			;
}

static void given_up(const char *scheme)
{
	struct scene scene;
	struct peer third;
	struct hello hello;

	scene_open(&scene, scheme, "fault:write.delay_ms=200:");
	scene_submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	for (uint32_t tag = 10; tag < 100; tag++)
		scene_submit(&scene.new, tag % 2 ? IO_READ : IO_WRITE, tag, scene.file, NEW);
	scene_ping(&scene.new);
	/* What waits at the barrier ends with its region, */
	cr_assert_eq(peer_drop(&scene.new, 0), 0);
	for (uint32_t tag = 10; tag < 100; tag++)
		cr_assert(scene.new.results[tag] == -ECANCELED || scene_byte("f") != 0);
	peer_add_region(&scene.new, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	for (uint32_t tag = 100; tag < 200; tag++)
		scene_submit(&scene.new, tag % 2 ? IO_READ : IO_WRITE, tag, scene.file, NEW);
	scene_ping(&scene.new);
	/* and with its connection. */
	hello = peer_hello_again(&scene.new, "slow", 2);
	peer_close(&scene.new);
	fixture_connect(&third, scene.server);
	cr_assert_eq(peer_hello_as(&third, &hello), 0);
	peer_add_region(&third, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	scene.new = third;
	scene_outlast(&scene.new);
	cr_assert_eq(peer_io(&scene.fast, IO_READ, scene.seen, 0, LEN, 0), LEN);
	scene_close(&scene);
}

Test(barrier, what_waits_ends_with_its_region_and_its_connection)
{
	for (size_t i = 0; i < 2; i++)
		given_up(schemes[i]);
}

/*
 * Each read keeps a buffer of the server while the disk does not answer: beyond some of them even
 * writes wait. All end.
 */
static void many_reads(const char *scheme)
{
	struct scene scene;
	uint32_t nr = 0;

	scene_open(&scene, scheme, "fault:read.delay_ms=300:");
	for (uint32_t tag = 10; tag < 40; tag++)
		scene_submit(&scene.old, IO_READ, tag, scene.file, 0);
	scene_resume(&scene);
	for (uint32_t tag = 10; tag < 40; tag++)
		scene_submit(&scene.new, IO_READ, tag, scene.file, 0);
	scene_submit(&scene.fast, IO_WRITE, 7, scene.seen, NEW);
	cr_assert_eq(scene_result(&scene.fast, 7), LEN);
	for (uint32_t tag = 10; tag < 40; tag++)
		nr += scene_result(&scene.new, tag) > 0;
	cr_assert_eq(nr, 30);
	scene_close(&scene);
}

Test(barrier, many_old_reads_are_waited_for_too)
{
	for (size_t i = 0; i < 2; i++)
		many_reads(schemes[i]);
}

/* The server's buffers belong to the disk until it is done, whoever is still there. */
static void stopped(const char *scheme)
{
	const struct server_config config = {.nr_workers = 1};
	struct server *server =
		files_start_twice(scheme, "/tmp", "fault:write.delay_ms=300:", &config);
	struct peer peer;

	fixture_open(&peer, server, "slow");
	scene_submit(&peer, IO_WRITE, 7, peer_open_file(&peer, "f", RW), OLD);
	scene_ping(&peer);
	peer_close(&peer);
	files_stop(server);
}

Test(barrier, a_server_that_stops_waits_for_its_disk)
{
	for (size_t i = 0; i < 2; i++)
		stopped(schemes[i]);
}
