/*
 * What an OPEN opened that its client gave up is closed. The sessions here may have one open file:
 * if another one can be opened, none is left.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "scene.h"
#include "slow.h"

static struct call open_of(const char *path)
{
	return (struct call){.op = CALL_OPEN, .path = text(path), .flags = RW, .mode = 0644};
}

static struct call again(struct call call)
{
	call.replay = 1;
	return call;
}

/* The tags of calls that the client has sent on earlier connections. */
static void send_former(struct peer *peer, const uint32_t *tags, size_t n)
{
	peer_send(peer,
		  &(struct message){.type = MSG_ABORT, .abort = {.former = tags, .nr_former = n}});
}

static void expect_none_open(void)
{
	cr_assert_eq(slow_call(open_of("another")), 0, "an open file is left: %d",
		     slow.peer.heard.reply.status);
	cr_assert_eq(slow_call((struct call){.op = CALL_CLOSE, .file = slow.peer.heard.reply.file}),
		     0);
}

/* One thread makes the calls of an export, and each session may have one open file. */
static void with_one_of_each(void (*body)(void))
{
	slow.config = (struct server_config){.nr_workers = 1, .call_threads = 1, .max_files = 1};
	slow_each_scheme(body);
}

/* The first run hangs, and its repetition waits for the thread. */
static void first_runs_body(void)
{
	uint32_t tag;
	int rule = slowfs_rule(&slow.fs, "create", "f", "hang");

	tag = slow_send(open_of("f"));
	slowfs_wait(&slow.fs, rule, 1);
	slow_resume();
	slow.next_tag = tag - 1;
	slow_send(again(open_of("f")));
	slow_abort(tag);
	cr_assert_eq(slow_reply(tag), -ECANCELED);
	slowfs_drop(&slow.fs, rule);
	expect_none_open();
}

Test(call_opened, by_the_first_run_of_an_aborted_call)
{
	with_one_of_each(first_runs_body);
}

/* The first run is over, and its reply was lost. The repetition waits for the thread. */
static void first_over_body(void)
{
	uint32_t tag, busy;
	int rule;

	cr_assert_eq(slow_call(open_of("f")), 0);
	tag = slow.next_tag;
	slow_resume();
	rule = slowfs_rule(&slow.fs, "mkdir", "d", "hang");
	busy = slow_send((struct call){.op = CALL_MKDIR, .path = text("d"), .mode = 0755});
	slowfs_wait(&slow.fs, rule, 1);
	slow.next_tag = tag - 1;
	slow_send(again(open_of("f")));
	slow.next_tag = busy;
	slow_abort(tag);
	cr_assert_eq(slow_reply(tag), -ECANCELED);
	slowfs_drop(&slow.fs, rule);
	cr_assert_eq(slow_reply(busy), 0);
	expect_none_open();
}

Test(call_opened, by_a_first_run_that_was_over)
{
	with_one_of_each(first_over_body);
}

/* The client does not repeat it, and says so: it is over, or hangs. */
static void former_body(void)
{
	uint32_t tags[3], tag;
	int rule;

	cr_assert_eq(slow_call(open_of("f")), 0);
	tag = slow.next_tag;
	tags[0] = tag + CALL_SLOTS;
	tags[1] = tag + 1;
	tags[2] = 0;
	slow_resume();
	send_former(&slow.peer, tags, 3);
	cr_assert_eq(slow_call(open_of("another")), -EMFILE, "other calls keep their files");
	send_former(&slow.peer, &tag, 1);
	send_former(&slow.peer, &tag, 1);
	expect_none_open();

	rule = slowfs_rule(&slow.fs, "create", "g", "hang");
	tag = slow_send(open_of("g"));
	slowfs_wait(&slow.fs, rule, 1);
	slow_resume();
	send_former(&slow.peer, &tag, 1);
	scene_ping(&slow.peer);
	slowfs_drop(&slow.fs, rule);
	expect_none_open();
}

Test(call_opened, by_calls_that_are_not_repeated)
{
	with_one_of_each(former_body);
}

/* ---- however an Abort and the end of a call meet ---- */

#define ROUNDS 300

static struct server *server;
static struct peer peer;
static uint32_t next_tag, epoch;

static uint32_t open_and_abort(unsigned nr_between)
{
	struct call call = open_of("f");

	call.tag = ++next_tag;
	peer_send(&peer, &(struct message){.type = MSG_CALL, .call = call});
	for (unsigned i = 0; i < nr_between; i++)
		peer_send(&peer, &(struct message){.type = MSG_PING});
	peer_send(&peer, &(struct message){.type = MSG_ABORT,
					   .abort = {.calls = &call.tag, .nr_calls = 1}});
	return call.tag;
}

static int call_as(struct call call)
{
	call.tag = ++next_tag;
	return peer_call(&peer, &call);
}

static void expect_one_closed(void)
{
	cr_assert_eq(call_as(open_of("g")), 0, "an open file is left: %d", peer.heard.reply.status);
	cr_assert_eq(call_as((struct call){.op = CALL_CLOSE, .file = peer.heard.reply.file}), 0);
}

/* The client hears what came of it, and closes what was opened. */
static void heard(unsigned nr_between)
{
	const unsigned before = peer.heard.nr_replies;
	const struct reply *reply = &peer.heard.reply;

	open_and_abort(nr_between);
	peer_until(&peer, peer.heard.nr_replies > before);
	cr_assert(reply->status == 0 || reply->status == -ECANCELED);
	if (!reply->status)
		cr_assert_eq(call_as((struct call){.op = CALL_CLOSE, .file = reply->file}), 0);
	expect_one_closed();
}

/* The connection is lost before it hears anything. */
static void unheard(unsigned nr_between)
{
	const uint32_t tag = open_and_abort(nr_between);
	const struct hello hello = peer_hello_again(&peer, "memory", ++epoch);
	struct peer next;

	peer_close(&peer);
	fixture_connect(&next, server);
	cr_assert_eq(peer_hello_as(&next, &hello), 0);
	peer = next;
	peer.link.conn->user = &peer;
	send_former(&peer, &tag, 1);
	expect_one_closed();
}

static void meet(void (*round)(unsigned nr_between))
{
	const struct server_config config = {
		.nr_workers = 1, .call_threads = 1, .max_files = 1, .session_ms = 3600000};

	for (size_t i = 0; i < 2; i++) {
		server = fixture_start(schemes[i], &config);
		next_tag = epoch = 0;
		fixture_open(&peer, server, "memory");
		for (unsigned j = 0; j < ROUNDS; j++)
			round(j % 16);
		peer_close(&peer);
		server_stop(server);
	}
}

Test(call_opened, by_a_call_that_ends_while_it_is_aborted)
{
	meet(heard);
}

Test(call_opened, by_a_call_whose_reply_is_lost)
{
	meet(unheard);
}
