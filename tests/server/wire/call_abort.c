/*
 * Calls that nobody waits for any more, because they were aborted or their connection ended: those
 * that the store has not begun change nothing, the others bar what they change until they are over.
 * The file system is tests/support/slowfs, where they hang as long as the test likes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"
#include "tests/support/must.h"
#include "tests/support/slowfs.h"

static struct slowfs fs;
static char scratch[64];
static struct server *server;
static struct peer peer;
static uint32_t next_tag;

static bool in_backing(const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", fs.backing, name);
	return !access(path, F_OK);
}

static void begin(const char *scheme)
{
	const struct export_config export = {.name = "files", .where = fs.mount, .unlocked = true};

	snprintf(scratch, sizeof(scratch), "/tmp/usrbio-calls-XXXXXX");
	must(mkdtemp(scratch), "mkdtemp");
	slowfs_start(&fs, scratch);
	server = fixture_start_with(scheme, &export, 1,
				    (struct server_config){.nr_workers = 2, .linger_ms = 60000});
	next_tag = 0;
	fixture_open(&peer, server, "files");
}

static void end(void)
{
	char command[128];

	slowfs_drop(&fs, 0);
	peer_close(&peer);
	server_stop(server);
	slowfs_stop(&fs);
	snprintf(command, sizeof(command), "rm -r %s", scratch);
	cr_assert_eq(system(command), 0);
}

static void each_scheme(void (*body)(void))
{
	if (slowfs_missing())
		cr_skip_test("%s", slowfs_missing());
	for (size_t i = 0; i < 2; i++) {
		begin(schemes[i]);
		body();
		end();
	}
}

/* Send a call, and return its tag. */
static uint32_t send_call(struct call call)
{
	call.tag = ++next_tag;
	peer_send(&peer, &(struct message){.type = MSG_CALL, .call = call});
	return call.tag;
}

/* Send it and wait for its answer, while others may be under way. */
static int do_call(struct call call)
{
	const uint32_t tag = send_call(call);
	const unsigned before = peer.heard.nr_replies;

	peer_until(&peer, peer.heard.nr_replies > before);
	cr_assert_eq(peer.heard.reply.tag, tag);
	return peer.heard.reply.status;
}

static void abort_call(uint32_t tag)
{
	peer_send(&peer,
		  &(struct message){.type = MSG_ABORT, .abort = {.calls = &tag, .nr_calls = 1}});
}

/* The next answer is to this call. */
static int await_reply(uint32_t tag)
{
	const unsigned before = peer.heard.nr_replies;

	peer_until(&peer, peer.heard.nr_replies > before);
	cr_assert_eq(peer.heard.reply.tag, tag, "%u: %d", peer.heard.reply.tag,
		     peer.heard.reply.status);
	return peer.heard.reply.status;
}

static struct call call_of(uint32_t op, const char *path)
{
	return (struct call){.op = op, .path = text(path), .mode = 0755};
}

static int make(const char *path)
{
	return do_call(call_of(CALL_MKDIR, path));
}

static struct call create_of(const char *path)
{
	return (struct call){.op = CALL_OPEN, .path = text(path), .flags = RW, .mode = 0644};
}

/* What is in another directory goes on, whatever hangs. */
static void expect_others_well(void)
{
	static unsigned nr;
	char name[32];

	snprintf(name, sizeof(name), "other/%u", ++nr);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(make(name), 0);
		cr_assert_eq(do_call(call_of(CALL_STAT, name)), 0);
		cr_assert_eq(do_call(call_of(CALL_RMDIR, name)), 0);
	}
}

/* Behind the mount, whose kernel knows nothing of it yet. */
static void make_in_backing(const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", fs.backing, name);
	must(!mkdir(path, 0755), "mkdir");
}

/* A call that hangs before it has come to the change. */
static void unbegun_body(void)
{
	uint32_t tag;
	int rule;

	make_in_backing("d");
	make_in_backing("d/in");
	make_in_backing("d/in/gone");
	make_in_backing("other");
	rule = slowfs_rule(&fs, "lookup", "d/in", "hang");
	tag = send_call(call_of(CALL_RMDIR, "d/in/gone"));
	slowfs_wait(&fs, rule, 1);
	abort_call(tag);
	cr_assert_eq(await_reply(tag), -ECANCELED);
	expect_others_well();
	abort_call(tag); /* once more: it is not under way */
	slowfs_drop(&fs, rule);
	/* Its thread goes on, too. */
	cr_assert_eq(do_call(call_of(CALL_STAT, "d/in/gone")), 0);
	cr_assert_eq(make("d/in/other"), 0);
	cr_assert(in_backing("d/in/gone"), "an aborted call was done");
}

Test(call_abort, a_call_that_was_not_begun_changes_nothing)
{
	each_scheme(unbegun_body);
}

/* It is in the middle of the change: nothing newer in the directory comes before its end. */
static void barred(uint32_t op, const char *ops)
{
	const struct call hung = {
		.op = op, .path = text("d/old"), .path2 = text("d/new"), .flags = RW, .mode = 0755};
	enum { MANY = 100 };
	uint32_t tag, later;
	unsigned before;
	int rule;

	make_in_backing("d");
	make_in_backing("other");
	if (op == CALL_RMDIR || op == CALL_RENAME)
		make_in_backing("d/old");
	rule = slowfs_rule(&fs, ops, "d/old", "hang");
	tag = send_call(hung);
	slowfs_wait(&fs, rule, 1);
	abort_call(tag);
	cr_assert_eq(await_reply(tag), -ECANCELED);
	before = peer.heard.nr_replies;
	/* More of them than there are threads. */
	for (int i = 0; i < MANY; i++)
		send_call(create_of("d/many"));
	later = send_call(call_of(CALL_MKDIR, "d/later"));
	send_call(call_of(CALL_MKDIR, "d/latest"));
	expect_others_well();
	abort_call(later);
	cr_assert_eq(await_reply(later), -ECANCELED, "what waits can be given up as well");
	cr_assert_not(in_backing("d/latest"), "it outran an older change");
	before = peer.heard.nr_replies;
	slowfs_drop(&fs, rule);
	peer_until(&peer, peer.heard.nr_replies == before + MANY + 1);
	cr_assert(in_backing("d/latest"));
	cr_assert(in_backing("d/many"));
	cr_assert_not(in_backing("d/later"));
	cr_assert_eq(in_backing("d/old"), op == CALL_MKDIR || op == CALL_OPEN, "it was done");
}

static void mkdir_body(void)
{
	barred(CALL_MKDIR, "mkdir");
}

static void rmdir_body(void)
{
	barred(CALL_RMDIR, "rmdir");
}

static void rename_body(void)
{
	barred(CALL_RENAME, "rename");
}

static void create_body(void)
{
	barred(CALL_OPEN, "create");
}

Test(call_abort, a_call_that_hangs_bars_its_directory)
{
	each_scheme(mkdir_body);
	each_scheme(rmdir_body);
	each_scheme(rename_body);
	each_scheme(create_body);
}

/* The same of a file: its data waits, that of others does not. */
static void truncate_body(void)
{
	uint64_t file = peer_open_file(&peer, "f", RW), other = peer_open_file(&peer, "g", RW);
	uint32_t tag, later;
	int rule;

	next_tag = 100;
	make_in_backing("other");
	scene_submit(&peer, IO_WRITE, 1, file, OLD);
	cr_assert_eq(scene_result(&peer, 1), LEN);
	rule = slowfs_rule(&fs, "setattr", "f", "hang");
	tag = send_call((struct call){.op = CALL_TRUNCATE, .file = file, .len = 0});
	slowfs_wait(&fs, rule, 1);
	abort_call(tag);
	cr_assert_eq(await_reply(tag), -ECANCELED);
	scene_submit(&peer, IO_WRITE, 2, file, NEW);
	later = send_call((struct call){.op = CALL_TRUNCATE, .file = file, .len = LEN});
	cr_assert_eq(do_call((struct call){.op = CALL_TRUNCATE, .file = other, .len = 5}), 0);
	scene_submit(&peer, IO_WRITE, 3, other, NEW);
	cr_assert_eq(scene_result(&peer, 3), LEN);
	expect_others_well();
	cr_assert_eq(peer.results[2], NO_RESULT, "a write outran an older truncation");
	slowfs_drop(&fs, rule);
	cr_assert_eq(await_reply(later), 0);
	cr_assert_eq(scene_result(&peer, 2), LEN);
	scene_submit(&peer, IO_READ, 4, file, 0);
	cr_assert_geq(scene_result(&peer, 4), (int64_t)LEN);
	cr_assert_eq(peer.memory[READ_AT], NEW, "an old truncation landed on newer data");
}

Test(call_abort, a_truncation_that_hangs_bars_its_file)
{
	each_scheme(truncate_body);
}

/* Lose the connection, and resume the session on another. */
static void resume(void)
{
	const struct hello hello = peer_hello_again(&peer, "files", 1);
	struct peer next;

	fixture_connect(&next, server);
	peer_say_hello(&next, &hello);
	while (!next.heard.nr_welcomes) {
		if (!peer.link.closed)
			peer_step(&peer);
		peer_step(&next);
	}
	cr_assert_eq(next.heard.welcome.status, 0);
	peer_close(&peer);
	peer = next;
	peer.link.conn->user = &peer;
}

/* The session is resumed at once, and the repeated call waits for its first run. */
static void repeated_body(void)
{
	struct call hung = {.op = CALL_MKDIR, .path = text("d/old"), .mode = 0755};
	uint32_t tag;
	int rule;

	make_in_backing("d");
	make_in_backing("other");
	rule = slowfs_rule(&fs, "mkdir", "d/old", "hang");
	tag = send_call(hung);
	slowfs_wait(&fs, rule, 1);
	resume();
	next_tag = tag - 1;
	hung.replay = 1;
	cr_assert_eq(send_call(hung), tag);
	send_call(call_of(CALL_RMDIR, "d/old")); /* newer than it */
	expect_others_well();
	abort_call(tag + 1);
	cr_assert_eq(await_reply(tag + 1), -ECANCELED);
	slowfs_drop(&fs, rule);
	cr_assert_eq(await_reply(tag), 0, "it was done once");
	cr_assert(in_backing("d/old"));
}

/* One that changes nothing and so bars nothing. Its answer is that of the first run, too. */
static void reopened_body(void)
{
	struct call hung = create_of("f");
	uint32_t tag;
	int rule;

	make_in_backing("other");
	peer_open_file(&peer, "f", RW);
	rule = slowfs_rule(&fs, "open", "f", "hang");
	next_tag = 100;
	tag = send_call(hung);
	slowfs_wait(&fs, rule, 1);
	resume();
	next_tag = tag - 1;
	hung.replay = 1;
	cr_assert_eq(send_call(hung), tag);
	expect_others_well();
	cr_assert_eq(slowfs_matched(&fs, rule), 1, "it is done a second time");
	slowfs_drop(&fs, rule);
	cr_assert_eq(await_reply(tag), 0);
	cr_assert_neq(peer.heard.reply.file, 0);
}

Test(call_abort, a_repeated_call_waits_for_its_first_run)
{
	each_scheme(repeated_body);
	each_scheme(reopened_body);
}

/* The session ends while a call of it hangs; so does the server, before the call does. */
static void outlived_body(void)
{
	int rule;

	make_in_backing("d");
	rule = slowfs_rule(&fs, "mkdir", "d/old", "hang");
	send_call(call_of(CALL_MKDIR, "d/old"));
	send_call(call_of(CALL_MKDIR, "d/next"));
	slowfs_wait(&fs, rule, 1);
	resume();
	send_call(call_of(CALL_MKDIR, "d/more"));
	scene_ping(&peer);
	slowfs_release(&fs, rule, 1);
}

Test(call_abort, a_server_stops_after_calls_without_a_connection)
{
	each_scheme(outlived_body);
}
