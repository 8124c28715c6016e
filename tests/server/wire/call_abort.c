/*
 * Calls that nobody waits for any more, because they were aborted or their connection ended: those
 * that the store has not begun change nothing, the others bar what they change until they are over.
 * The file system is tests/support/slowfs, where they hang as long as the test likes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"
#include "slow.h"
#include "tests/support/must.h"

static struct call call_of(uint32_t op, const char *path)
{
	return (struct call){.op = op, .path = text(path), .mode = 0755};
}

static int make(const char *path)
{
	return slow_call(call_of(CALL_MKDIR, path));
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
		cr_assert_eq(slow_call(call_of(CALL_STAT, name)), 0);
		cr_assert_eq(slow_call(call_of(CALL_RMDIR, name)), 0);
	}
}

/* Behind the mount, whose kernel knows nothing of it yet. */
static void make_in_backing(const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", slow.fs.backing, name);
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
	rule = slowfs_rule(&slow.fs, "lookup", "d/in", "hang");
	tag = slow_send(call_of(CALL_RMDIR, "d/in/gone"));
	slowfs_wait(&slow.fs, rule, 1);
	slow_abort(tag);
	cr_assert_eq(slow_reply(tag), -ECANCELED);
	expect_others_well();
	slow_abort(tag); /* once more: it is not under way */
	slowfs_drop(&slow.fs, rule);
	/* Its thread goes on, too. */
	cr_assert_eq(slow_call(call_of(CALL_STAT, "d/in/gone")), 0);
	cr_assert_eq(make("d/in/other"), 0);
	cr_assert(slow_has("d/in/gone"), "an aborted call was done");
}

Test(call_abort, a_call_that_was_not_begun_changes_nothing)
{
	slow_each_scheme(unbegun_body);
}

/* It is in the middle of the change: nothing newer in the directory comes before its end. */
static void barred(uint32_t op, const char *ops)
{
	const struct call hung = {.op = op,
				  .path = text("d/old"),
				  .path2 = text("d/new"),
				  .flags = op == CALL_OPEN ? RW : 0,
				  .mode = 0755};
	enum { MANY = 100 };
	uint32_t tag, later;
	unsigned before;
	int rule;

	make_in_backing("d");
	make_in_backing("other");
	if (op == CALL_RMDIR || op == CALL_RENAME)
		make_in_backing("d/old");
	rule = slowfs_rule(&slow.fs, ops, "d/old", "hang");
	tag = slow_send(hung);
	slowfs_wait(&slow.fs, rule, 1);
	slow_abort(tag);
	cr_assert_eq(slow_reply(tag), -ECANCELED);
	before = slow.peer.heard.nr_replies;
	/* More of them than there are threads. */
	for (int i = 0; i < MANY; i++)
		slow_send(create_of("d/many"));
	later = slow_send(call_of(CALL_MKDIR, "d/later"));
	slow_send(call_of(CALL_MKDIR, "d/latest"));
	expect_others_well();
	slow_abort(later);
	cr_assert_eq(slow_reply(later), -ECANCELED, "what waits can be given up as well");
	cr_assert_not(slow_has("d/latest"), "it outran an older change");
	before = slow.peer.heard.nr_replies;
	slowfs_drop(&slow.fs, rule);
	peer_until(&slow.peer, slow.peer.heard.nr_replies == before + MANY + 1);
	cr_assert(slow_has("d/latest"));
	cr_assert(slow_has("d/many"));
	cr_assert_not(slow_has("d/later"));
	cr_assert_eq(slow_has("d/old"), op == CALL_MKDIR || op == CALL_OPEN, "it was done");
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
	slow_each_scheme(mkdir_body);
	slow_each_scheme(rmdir_body);
	slow_each_scheme(rename_body);
	slow_each_scheme(create_body);
}

/* The same of a file: its data waits, that of others does not. */
static void truncate_body(void)
{
	uint64_t file = peer_open_file(&slow.peer, "f", RW),
		 other = peer_open_file(&slow.peer, "g", RW);
	uint32_t tag, later;
	int rule;

	slow.next_tag = 100;
	make_in_backing("other");
	scene_submit(&slow.peer, IO_WRITE, 1, file, OLD);
	cr_assert_eq(scene_result(&slow.peer, 1), LEN);
	rule = slowfs_rule(&slow.fs, "setattr", "f", "hang");
	tag = slow_send((struct call){.op = CALL_TRUNCATE, .file = file, .len = 0});
	slowfs_wait(&slow.fs, rule, 1);
	slow_abort(tag);
	cr_assert_eq(slow_reply(tag), -ECANCELED);
	scene_submit(&slow.peer, IO_WRITE, 2, file, NEW);
	later = slow_send((struct call){.op = CALL_TRUNCATE, .file = file, .len = LEN});
	cr_assert_eq(slow_call((struct call){.op = CALL_TRUNCATE, .file = other, .len = 5}), 0);
	scene_submit(&slow.peer, IO_WRITE, 3, other, NEW);
	cr_assert_eq(scene_result(&slow.peer, 3), LEN);
	expect_others_well();
	cr_assert_eq(slow.peer.results[2], NO_RESULT, "a write outran an older truncation");
	slowfs_drop(&slow.fs, rule);
	cr_assert_eq(slow_reply(later), 0);
	cr_assert_eq(scene_result(&slow.peer, 2), LEN);
	scene_submit(&slow.peer, IO_READ, 4, file, 0);
	cr_assert_geq(scene_result(&slow.peer, 4), (int64_t)LEN);
	cr_assert_eq(slow.peer.memory[READ_AT], NEW, "an old truncation landed on newer data");
}

Test(call_abort, a_truncation_that_hangs_bars_its_file)
{
	slow_each_scheme(truncate_body);
}

/* Reads change nothing. There are so many of them that other I/Os of the file wait. */
static void hung_reads_body(void)
{
	uint64_t file = peer_open_file(&slow.peer, "f", RW);
	uint32_t tags[8];
	int rule;

	slow.next_tag = 100;
	scene_submit(&slow.peer, IO_WRITE, 1, file, OLD);
	cr_assert_eq(scene_result(&slow.peer, 1), LEN);
	rule = slowfs_rule(&slow.fs, "read", "f", "hang");
	for (uint32_t i = 0; i < 8; i++) {
		tags[i] = 10 + i;
		scene_submit(&slow.peer, IO_READ, tags[i], file, 0);
		slowfs_wait(&slow.fs, rule, i + 1);
	}
	peer_send(&slow.peer,
		  &(struct message){.type = MSG_ABORT, .abort = {.ios = tags, .nr_ios = 8}});
	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(scene_result(&slow.peer, tags[i]), -ECANCELED);
	scene_submit(&slow.peer, IO_READ, 30, file, 0);
	cr_assert_eq(slow_call((struct call){
			     .op = CALL_SETATTR, .file = file, .flags = SET_MODE, .mode = 0600}),
		     0);
	cr_assert_eq(slow.peer.results[30], NO_RESULT);
	slowfs_drop(&slow.fs, rule);
	cr_assert_geq(scene_result(&slow.peer, 30), (int64_t)LEN);
}

Test(call_abort, reads_that_hang_stop_no_call, .timeout = 60)
{
	slow_each_scheme(hung_reads_body);
}

/* The session is resumed at once, and the repeated call waits for its first run. */
static void repeated_body(void)
{
	struct call hung = {.op = CALL_MKDIR, .path = text("d/old"), .mode = 0755};
	uint32_t tag;
	int rule;

	make_in_backing("d");
	make_in_backing("other");
	rule = slowfs_rule(&slow.fs, "mkdir", "d/old", "hang");
	tag = slow_send(hung);
	slowfs_wait(&slow.fs, rule, 1);
	slow_resume();
	slow.next_tag = tag - 1;
	hung.replay = 1;
	cr_assert_eq(slow_send(hung), tag);
	slow_send(call_of(CALL_RMDIR, "d/old")); /* newer than it */
	expect_others_well();
	slow_abort(tag + 1);
	cr_assert_eq(slow_reply(tag + 1), -ECANCELED);
	slowfs_drop(&slow.fs, rule);
	cr_assert_eq(slow_reply(tag), 0, "it was done once");
	cr_assert(slow_has("d/old"));
}

/* One that changes nothing and so bars nothing. Its answer is that of the first run, too. */
static void reopened_body(void)
{
	struct call hung = create_of("f");
	uint32_t tag;
	int rule;

	make_in_backing("other");
	peer_open_file(&slow.peer, "f", RW);
	rule = slowfs_rule(&slow.fs, "open", "f", "hang");
	slow.next_tag = 100;
	tag = slow_send(hung);
	slowfs_wait(&slow.fs, rule, 1);
	slow_resume();
	slow.next_tag = tag - 1;
	hung.replay = 1;
	cr_assert_eq(slow_send(hung), tag);
	expect_others_well();
	cr_assert_eq(slowfs_matched(&slow.fs, rule), 1, "it is done a second time");
	slowfs_drop(&slow.fs, rule);
	cr_assert_eq(slow_reply(tag), 0);
	cr_assert_neq(slow.peer.heard.reply.file, 0);
}

Test(call_abort, a_repeated_call_waits_for_its_first_run)
{
	slow_each_scheme(repeated_body);
	slow_each_scheme(reopened_body);
}

/* The session ends while a call of it hangs; so does the server, before the call does. */
static void outlived_body(void)
{
	int rule;

	make_in_backing("d");
	rule = slowfs_rule(&slow.fs, "mkdir", "d/old", "hang");
	slow_send(call_of(CALL_MKDIR, "d/old"));
	slow_send(call_of(CALL_MKDIR, "d/next"));
	slowfs_wait(&slow.fs, rule, 1);
	slow_resume();
	slow_send(call_of(CALL_MKDIR, "d/more"));
	scene_ping(&slow.peer);
	slowfs_release(&slow.fs, rule, 1);
}

Test(call_abort, a_server_stops_after_calls_without_a_connection)
{
	slow_each_scheme(outlived_body);
}
