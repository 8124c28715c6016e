/* A server of a file system where calls hang; see slow.h. */
#include "slow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/must.h"

struct slow slow;

static char scratch[64];
static uint32_t epoch;

bool slow_has(const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", slow.fs.backing, name);
	return !access(path, F_OK);
}

static void begin(const char *scheme)
{
	const struct export_config export = {
		.name = "files", .where = slow.fs.mount, .unlocked = true};

	snprintf(scratch, sizeof(scratch), "/tmp/usrbio-calls-XXXXXX");
	must(mkdtemp(scratch), "mkdtemp");
	slowfs_start(&slow.fs, scratch);
	slow.config.session_ms = 60000;
	if (!slow.config.nr_workers)
		slow.config.nr_workers = 2;
	slow.server = fixture_start_with(scheme, &export, 1, slow.config);
	slow.next_tag = epoch = 0;
	fixture_open(&slow.peer, slow.server, "files");
}

static void end(void)
{
	char command[128];

	slowfs_drop(&slow.fs, 0);
	peer_close(&slow.peer);
	server_stop(slow.server);
	slowfs_stop(&slow.fs);
	snprintf(command, sizeof(command), "rm -r %s", scratch);
	cr_assert_eq(system(command), 0);
}

void slow_each_scheme(void (*body)(void))
{
	if (slowfs_missing())
		cr_skip_test("%s", slowfs_missing());
	for (size_t i = 0; i < 2; i++) {
		begin(schemes[i]);
		body();
		end();
	}
}

void slow_resume(void)
{
	const struct hello hello = peer_hello_again(&slow.peer, "files", ++epoch);
	struct peer next;

	fixture_connect(&next, slow.server);
	peer_say_hello(&next, &hello);
	while (!next.heard.nr_welcomes) {
		if (!slow.peer.link.closed)
			peer_step(&slow.peer);
		peer_step(&next);
	}
	cr_assert_eq(next.heard.welcome.status, 0);
	peer_close(&slow.peer);
	slow.peer = next;
	slow.peer.link.conn->user = &slow.peer;
}

uint32_t slow_send(struct call call)
{
	call.tag = ++slow.next_tag;
	peer_send(&slow.peer, &(struct message){.type = MSG_CALL, .call = call});
	return call.tag;
}

int slow_call(struct call call)
{
	const unsigned before = slow.peer.heard.nr_replies;
	const uint32_t tag = slow_send(call);

	peer_until(&slow.peer, slow.peer.heard.nr_replies > before);
	cr_assert_eq(slow.peer.heard.reply.tag, tag);
	return slow.peer.heard.reply.status;
}

void slow_abort(uint32_t tag)
{
	peer_send(&slow.peer,
		  &(struct message){.type = MSG_ABORT, .abort = {.calls = &tag, .nr_calls = 1}});
}

int slow_reply(uint32_t tag)
{
	const unsigned before = slow.peer.heard.nr_replies;

	peer_until(&slow.peer, slow.peer.heard.nr_replies > before);
	cr_assert_eq(slow.peer.heard.reply.tag, tag, "%u: %d", slow.peer.heard.reply.tag,
		     slow.peer.heard.reply.status);
	return slow.peer.heard.reply.status;
}
