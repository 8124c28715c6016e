/* The write verifier of an export, as a client sees it: when it changes, and when not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static char dir[] = "/tmp/usrbio-verifier-XXXXXX";
static char faulty[128];

static struct server *start(const char *scheme)
{
	const struct export_config exports[] = {
		{.name = "files", .where = dir, .unlocked = true},
		{.name = "again", .where = dir, .unlocked = true},
		{.name = "sync", .where = dir, .unlocked = true, .sync = true},
		{.name = "memory", .where = "memory:"},
		{.name = "memory-sync", .where = "memory:", .sync = true},
		{.name = "faulty", .where = faulty, .unlocked = true},
	};

	return fixture_start_with(scheme, exports, 6, (struct server_config){.nr_workers = 1});
}

/* What a Welcome says. */
static struct welcome welcome(struct server *server, const char *export)
{
	struct welcome told;
	struct peer peer;

	fixture_open(&peer, server, export);
	told = peer.heard.welcome;
	peer_close(&peer);
	return told;
}

static uint64_t verifier(struct server *server, const char *export)
{
	uint64_t value = welcome(server, export).verifier;

	cr_assert_neq(value, 0);
	cr_assert_eq(welcome(server, export).verifier, value, "the same for all");
	return value;
}

static int fsync_call(struct peer *peer, uint64_t file)
{
	return peer_call(peer, &(struct call){.op = CALL_FSYNC, .file = file});
}

Test(verifier, a_restart_changes_it_only_if_the_files_are_gone)
{
	uint64_t files, memory;
	struct server *server;

	cr_assert(mkdtemp(dir));
	snprintf(faulty, sizeof(faulty), "fault:sync.eio=#2:%s", dir);
	server = start("loop");
	files = verifier(server, "files");
	memory = verifier(server, "memory");
	cr_assert_neq(files, memory);
	cr_assert_neq(files, verifier(server, "again"));
	cr_assert_eq(welcome(server, "sync").export_flags, EXPORT_SYNC);
	cr_assert_eq(welcome(server, "files").export_flags, 0);
	cr_assert_eq(welcome(server, "memory-sync").export_flags, 0, "it cannot do that");
	server_stop(server);

	server = start("loop");
	cr_assert_eq(verifier(server, "files"), files);
	cr_assert_neq(verifier(server, "memory"), memory);
	server_stop(server);
	rmdir(dir);
}

static void lost_body(struct server *server)
{
	uint64_t before = verifier(server, "faulty"), other = verifier(server, "files"), file;
	struct peer peer;

	fixture_open(&peer, server, "faulty");
	file = peer_open_file(&peer, "f", RW);
	cr_assert_eq(fsync_call(&peer, file), 0);
	cr_assert_eq(peer.heard.reply.verifier, before);
	cr_assert_eq(fsync_call(&peer, file), -EIO);
	cr_assert_neq(peer.heard.reply.verifier, before, "the answer itself says so");
	cr_assert_neq(peer.heard.reply.verifier, 0);
	before = peer.heard.reply.verifier;
	cr_assert_eq(fsync_call(&peer, file), 0, "the kernel reports a loss once");
	cr_assert_eq(peer.heard.reply.verifier, before);
	cr_assert_eq(verifier(server, "faulty"), before);
	cr_assert_eq(verifier(server, "files"), other, "another export has lost nothing");
	cr_assert_eq(fsync_call(&peer, 77), -ESTALE);
	peer_close(&peer);
}

Test(verifier, a_failed_sync_changes_it)
{
	char path[64];

	cr_assert(mkdtemp(dir));
	snprintf(faulty, sizeof(faulty), "fault:sync.eio=#2:%s", dir);
	for (size_t i = 0; i < 2; i++) {
		struct server *server = start(schemes[i]);

		lost_body(server);
		server_stop(server);
	}
	snprintf(path, sizeof(path), "%s/f", dir);
	unlink(path);
	rmdir(dir);
}
