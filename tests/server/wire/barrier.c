/*
 * Barriers: what an old connection left with the disk lands on nothing newer, and nothing else
 * waits for it. The slow export and the fast one are the same directory, so that the test can look
 * and write past the slow disk.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define RW  (OPEN_READ | OPEN_WRITE | OPEN_CREATE)
#define LEN 8192u

#define READ_AT (1u << 20) /* in the memory: where reads go to */

enum { OLD = 0xaa, NEW = 0xbb };

/* A file that was written, by an old connection that has left a write of OLD behind. */
struct scene {
	struct server *server;
	struct peer old, new, fast;
	uint64_t file, seen; /* the handle in the slow and in the fast export */
};

/* The first byte of a file, past the server. */
static uint8_t byte_of(const char *name)
{
	char path[128];
	uint8_t byte = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", files_directory, name);
	fd = open(path, O_RDONLY);
	cr_assert(fd >= 0);
	cr_assert_eq(pread(fd, &byte, 1, 0), 1);
	close(fd);
	return byte;
}

static void ping(struct peer *peer)
{
	unsigned before = peer->heard.nr_pongs;

	peer_send(peer, &(struct message){.type = MSG_PING});
	peer_until(peer, peer->heard.nr_pongs > before || peer->link.closed);
}

static void submit(struct peer *peer, uint32_t op, uint32_t tag, uint64_t file, uint8_t byte)
{
	struct peer_io io = {
		.tag = tag, .file = file, .len = LEN, .region_off = op == IO_READ ? READ_AT : 0};

	if (op == IO_WRITE)
		memset(peer->memory, byte, LEN);
	peer_submit(peer, op, PRIORITY_NORMAL, &io, 1);
}

static int64_t result(struct peer *peer, uint32_t tag)
{
	peer_until(peer, peer->results[tag] != NO_RESULT || peer->link.closed);
	return peer->results[tag];
}

static void scene_open(struct scene *scene, const char *scheme, const char *rules)
{
	const struct server_config config = {.nr_workers = 2, .linger_ms = 60000};

	scene->server = files_start_twice(scheme, "/tmp", rules, &config);
	fixture_open(&scene->old, scene->server, "slow");
	fixture_open(&scene->fast, scene->server, "fast");
	scene->file = peer_open_file(&scene->old, "f", RW);
	scene->seen = peer_open_file(&scene->fast, "f", RW);
	cr_assert_eq(peer_io(&scene->fast, IO_WRITE, scene->seen, 0, LEN, 0), LEN);
}

/* Lose the old connection while its I/O is with the disk, and resume its session. */
static void scene_resume(struct scene *scene)
{
	const struct hello hello = peer_hello_again(&scene->old, "slow", 1);

	ping(&scene->old);
	fixture_connect(&scene->new, scene->server);
	peer_say_hello(&scene->new, &hello);
	while (!scene->new.heard.nr_welcomes) {
		if (!scene->old.link.closed)
			peer_step(&scene->old);
		peer_step(&scene->new);
	}
	cr_assert_eq(scene->new.heard.welcome.status, 0);
	peer_add_region(&scene->new, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
}

static void scene_close(struct scene *scene)
{
	peer_close(&scene->old);
	peer_close(&scene->new);
	peer_close(&scene->fast);
	files_stop(scene->server);
}

/* Wait until the slow disk is done with everything that it was given before. */
static void outlast(struct scene *scene)
{
	uint64_t other = peer_open_file(&scene->new, "other", RW);

	cr_assert_eq(peer_io(&scene->new, IO_WRITE, other, 0, LEN, 0), LEN);
}

static void newer_write(const char *scheme)
{
	struct scene scene;

	scene_open(&scene, scheme, "fault:write.delay_ms=100:");
	submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	submit(&scene.fast, IO_WRITE, 7, scene.seen, NEW);
	cr_assert_eq(result(&scene.fast, 7), LEN);
	cr_assert_eq(byte_of("f"), NEW);
	outlast(&scene);
	cr_assert_eq(byte_of("f"), NEW, "the old write landed on the newer one");
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
	submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	submit(&scene.fast, IO_READ, 7, scene.seen, 0);
	result(&scene.fast, 7);
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
	submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	submit(&scene.new, IO_WRITE, 7, scene.file, NEW);
	submit(&scene.new, IO_READ, 8, scene.file, 0);
	ping(&scene.new);
	cr_assert_eq(peer_call(&scene.new, &(struct call){.op = CALL_STAT, .file = scene.file}), 0);
	cr_assert_eq(peer_io(&scene.fast, IO_WRITE, other, 0, LEN, 0), LEN);
	cr_assert_eq(peer_io(&scene.fast, IO_READ, other, 0, LEN, 0), LEN);
	held = byte_of("f") != OLD;
	cr_assert(!held || scene.new.results[7] == NO_RESULT);
	cr_assert(!held || scene.new.results[8] == NO_RESULT);
	cr_assert_eq(result(&scene.new, 7), LEN);
	cr_assert_neq(result(&scene.new, 8), NO_RESULT);
	cr_assert_eq(byte_of("f"), NEW);
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
	submit(&scene.old, IO_WRITE, 7, scene.file, OLD);
	scene_resume(&scene);
	for (uint32_t tag = 10; tag < 100; tag++)
		submit(&scene.new, tag % 2 ? IO_READ : IO_WRITE, tag, scene.file, NEW);
	ping(&scene.new);
	/* What waits at the barrier ends with its region, */
	cr_assert_eq(peer_drop(&scene.new, 0), 0);
	for (uint32_t tag = 10; tag < 100; tag++)
		cr_assert(scene.new.results[tag] == -ECANCELED || byte_of("f") != 0);
	peer_add_region(&scene.new, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	for (uint32_t tag = 100; tag < 200; tag++)
		submit(&scene.new, tag % 2 ? IO_READ : IO_WRITE, tag, scene.file, NEW);
	ping(&scene.new);
	/* and with its connection. */
	hello = peer_hello_again(&scene.new, "slow", 2);
	peer_close(&scene.new);
	fixture_connect(&third, scene.server);
	cr_assert_eq(peer_hello_as(&third, &hello), 0);
	peer_add_region(&third, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	scene.new = third;
	outlast(&scene);
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
		submit(&scene.old, IO_READ, tag, scene.file, 0);
	scene_resume(&scene);
	for (uint32_t tag = 10; tag < 40; tag++)
		submit(&scene.new, IO_READ, tag, scene.file, 0);
	submit(&scene.fast, IO_WRITE, 7, scene.seen, NEW);
	cr_assert_eq(result(&scene.fast, 7), LEN);
	for (uint32_t tag = 10; tag < 40; tag++)
		nr += result(&scene.new, tag) > 0;
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
	submit(&peer, IO_WRITE, 7, peer_open_file(&peer, "f", RW), OLD);
	ping(&peer);
	peer_close(&peer);
	files_stop(server);
}

Test(barrier, a_server_that_stops_waits_for_its_disk)
{
	for (size_t i = 0; i < 2; i++)
		stopped(schemes[i]);
}
