/* The state dump: what hangs is in it, with its age, and nobody is harmed by it. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static char log_text[1 << 16];

/* What the server logs about itself. */
static const char *dump(struct server *server)
{
	FILE *file = tmpfile();
	int before = dup(STDERR_FILENO);
	ssize_t n;

	dup2(fileno(file), STDERR_FILENO);
	server_dump(server);
	dup2(before, STDERR_FILENO);
	close(before);
	n = pread(fileno(file), log_text, sizeof(log_text) - 1, 0);
	cr_assert_geq(n, 0);
	log_text[n] = '\0';
	fclose(file);
	return log_text;
}

static void contains(const char *text, const char *part)
{
	cr_assert(strstr(text, part), "no \"%s\" in\n%s", part, text);
}

static void sleep_ms(unsigned ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000l};

	nanosleep(&ts, NULL);
}

static struct server *start(const char *scheme, const char *rules, char *dir)
{
	struct export_config export = {.name = "data"};
	struct server_config config = {.nr_workers = 2, .session_ms = 5000};
	char where[128];

	strcpy(dir, "/tmp/usrbio-dump-XXXXXX");
	cr_assert(mkdtemp(dir));
	snprintf(where, sizeof(where), "fault:%s:posix:%s", rules, dir);
	export.where = where;
	return fixture_start_with(scheme, &export, 1, config);
}

static void stop(struct server *server, const char *dir, const char *name)
{
	char path[128];

	server_stop(server);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	rmdir(dir);
}

static void io_body(const char *scheme)
{
	char dir[64];
	struct server *server = start(scheme, "read.delay_ms=1500", dir);
	struct peer peer;
	struct peer_io io = {.tag = 7, .off = 8192, .len = 4096};
	const char *text, *age;

	fixture_open(&peer, server, "data");
	io.file = peer_open_file(&peer, "hangs", RW);
	peer_submit(&peer, IO_READ, PRIORITY_NORMAL, &io, 1);
	for (int i = 0; i < 60; i++) {
		peer_step(&peer);
		sleep_ms(10);
	}
	text = dump(server);
	contains(text, "connection 1 ");
	contains(text, ": active, key \"\", export \"data\"");
	contains(text, ": 1 of ");
	contains(text, "segments: 1 with the store, 0 with the wire");
	contains(text, "1 regions");
	contains(text, ": up, key \"\", export \"data\", epoch 0, 1 connections");
	contains(text, "oldest I/O: read of 4096 bytes at 8192 of \"hangs\", admitted ");
	age = strstr(text, "admitted ");
	cr_assert_geq(atof(age + strlen("admitted ")), 0.5);
	cr_assert_lt(atof(age + strlen("admitted ")), 1.5);
	contains(text, "worker 0: end");
	contains(text, "worker 1: end");
	contains(text, "dump: end");
	peer_until(&peer, peer.results[7] != NO_RESULT);
	cr_assert_eq(peer.results[7], 0);
	cr_assert_not(strstr(dump(server), "oldest I/O"), "it has ended");
	peer_close(&peer);
	sleep_ms(200);
	contains(dump(server), "without a connection, kept for 4.");
	stop(server, dir, "hangs");
}

Test(dump, shows_an_io_that_hangs_and_its_age)
{
	for (size_t i = 0; i < 2; i++)
		io_body(schemes[i]);
}

static void call_body(const char *scheme)
{
	char dir[64];
	struct server *server = start(scheme, "stat.delay_ms=1000", dir);
	const struct message msg = {
		.type = MSG_CALL,
		.call = {.tag = 1, .op = CALL_STAT, .path = text("red\033[31m")},
	};
	const char *text;
	struct peer peer;

	fixture_open(&peer, server, "data");
	peer_send(&peer, &msg);
	for (int i = 0; i < 30; i++) {
		peer_step(&peer);
		sleep_ms(10);
	}
	text = dump(server);
	contains(text, "calls: 1 under way, 0 wait");
	contains(text, "call stat \"red?[31m\": under way, came 0.");
	contains(text, "export \"data\": calls: 1 busy, 0 wait; closes: 0 busy, 0 wait; threads: ");
	peer_close(&peer);
	stop(server, dir, "none");
}

Test(dump, shows_a_call_that_hangs_with_its_name_masked)
{
	for (size_t i = 0; i < 2; i++)
		call_body(schemes[i]);
}

struct dumper {
	struct server *server;
	atomic_bool stop;
	unsigned nr;
};

static void *dump_often(void *arg)
{
	struct dumper *dumper = arg;

	for (; !atomic_load(&dumper->stop); dumper->nr++)
		contains(dump(dumper->server), "dump: end");
	return NULL;
}

static void load_body(const char *scheme)
{
	char dir[64];
	struct server *server = start(scheme, "", dir);
	struct dumper dumper = {.server = server};
	struct peer peer;
	pthread_t thread;
	uint64_t file;

	fixture_open(&peer, server, "data");
	file = peer_open_file(&peer, "busy", RW);
	cr_assert_eq(pthread_create(&thread, NULL, dump_often, &dumper), 0);
	for (uint64_t i = 0; i < 300; i++) {
		pattern_fill(peer.memory, 300000, i, 0);
		cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 300000, 0), 300000);
		cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 300000, 1 << 20), 300000);
		cr_assert_lt(pattern_diff(peer.memory + (1 << 20), 300000, i, 0), 0);
	}
	atomic_store(&dumper.stop, true);
	pthread_join(thread, NULL);
	cr_assert_gt(dumper.nr, 1);
	peer_close(&peer);
	stop(server, dir, "busy");
}

Test(dump, harms_nobody_under_load)
{
	for (size_t i = 0; i < 2; i++)
		load_body(schemes[i]);
}
