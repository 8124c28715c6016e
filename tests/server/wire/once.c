/* Calls repeated in a later incarnation of their session: the same answer, and done once. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"

#define EXPORT "memory"

static struct server *server;
static struct peer peer;
static uint32_t epoch, sequence;

static void start(const char *scheme)
{
	const struct server_config config = {.nr_workers = 2, .session_ms = 3600000};

	server = fixture_start(scheme, &config);
	epoch = sequence = 0;
	fixture_open(&peer, server, EXPORT);
}

static void stop(void)
{
	peer_close(&peer);
	server_stop(server);
}

/* The connection is lost, and the session begins its next incarnation. */
static void next_life(uint32_t channel)
{
	struct hello hello = peer_hello_again(&peer, EXPORT, ++epoch);
	struct peer next;

	hello.channel = channel;
	peer_close(&peer);
	fixture_connect(&next, server);
	cr_assert_eq(peer_hello_as(&next, &hello), 0);
	peer = next;
	/* The transport tells events to whom it was given; the strings are the peer's own. */
	peer.link.conn->user = &peer;
}

static struct call with_tag(struct call call)
{
	call.tag = 3 + CALL_SLOTS * ++sequence;
	return call;
}

/* Do it, then repeat it in the next incarnation. Each must give `status`, and a third time without
 * `replay` must give `again`: it has been done by then. */
static struct reply do_twice(struct call call, int status, int again)
{
	struct reply first;

	call = with_tag(call);
	cr_assert_eq(peer_call(&peer, &call), status, "op %u: %d", call.op,
		     peer.heard.reply.status);
	first = peer.heard.reply;
	next_life(0);
	call.replay = 1;
	cr_assert_eq(peer_call(&peer, &call), status, "op %u again: %d", call.op,
		     peer.heard.reply.status);
	cr_assert_eq(peer.heard.reply.tag, call.tag);
	cr_assert_eq(peer.heard.reply.file, first.file);
	cr_assert_eq(peer.heard.reply.attr_valid, first.attr_valid);
	cr_assert_eq(peer.heard.reply.persistent.len, first.persistent.len);
	if (first.attr_valid)
		cr_assert_eq(memcmp(&peer.heard.reply.attr, &first.attr, sizeof(first.attr)), 0);
	call.replay = 0;
	call = with_tag(call);
	cr_assert_eq(peer_call(&peer, &call), again, "op %u without replay: %d", call.op,
		     peer.heard.reply.status);
	return first;
}

static uint64_t size_of(uint64_t file)
{
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_STAT, .file = file}), 0);
	return peer.heard.reply.attr.size;
}

/* Changes that can be told from having been done twice by their answers. */
static void names_body(void)
{
	const uint32_t create = OPEN_READ | OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE;
	struct reply opened;
	struct call open = {.op = CALL_OPEN, .path = text("f"), .flags = create, .mode = 0644};
	struct call reopen = {
		.op = CALL_REOPEN, .path = text("f"), .flags = OPEN_READ | OPEN_WRITE};
	uint8_t name[PERSISTENT_MAX];

	opened = do_twice(open, 0, -EEXIST);
	do_twice((struct call){.op = CALL_LINK, .path = text("f"), .path2 = text("g")}, 0, -EEXIST);
	do_twice((struct call){.op = CALL_LINK, .file = opened.file, .path2 = text("h")}, 0,
		 -EEXIST);
	do_twice((struct call){.op = CALL_RENAME, .path = text("g"), .path2 = text("i")}, 0,
		 -ENOENT);
	do_twice((struct call){.op = CALL_UNLINK, .path = text("i")}, 0, -ENOENT);
	do_twice((struct call){.op = CALL_MKDIR, .path = text("d"), .mode = 0755}, 0, -EEXIST);
	do_twice((struct call){.op = CALL_RMDIR, .path = text("d")}, 0, -ENOENT);
	do_twice((struct call){.op = CALL_RMDIR, .path = text("d")}, -ENOENT, -ENOENT);

	cr_assert_gt(opened.persistent.len, 0);
	peer_open_file(&peer, "f", OPEN_READ);
	memcpy(name, peer.heard.persistent, opened.persistent.len);
	reopen.persistent = (struct bytes){name, opened.persistent.len};
	opened = do_twice(reopen, 0, 0);
	cr_assert_neq(peer.heard.reply.file, opened.file, "a third open file");
}

/* Changes whose second time would show in the file only. */
static void data_body(void)
{
	const uint64_t file = peer_open_file(&peer, "data", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	const uint64_t range[2] = {0, 65536};
	struct call truncate =
		with_tag((struct call){.op = CALL_TRUNCATE, .file = file, .len = 100});
	struct call punch;

	cr_assert_eq(peer_call(&peer, &truncate), 0);
	next_life(0);
	cr_assert_eq(
		peer_call(&peer, &(struct call){.op = CALL_TRUNCATE, .file = file, .len = 200}),
		0); /* in another slot */
	truncate.replay = 1;
	cr_assert_eq(peer_call(&peer, &truncate), 0);
	cr_assert_eq(size_of(file), 200);

	punch = with_tag(
		(struct call){.op = CALL_PUNCH, .file = file, .nr_ranges = 1, .range = range});
	cr_assert_eq(peer_call(&peer, &punch), 0);
	next_life(0);
	peer_add_region(&peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	memset(peer.memory, 'x', 4096);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 4096, 0), 4096);
	punch.replay = 1;
	cr_assert_eq(peer_call(&peer, &punch), 0);
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 4096, 8192), 4096);
	cr_assert_eq(peer.memory[8192], 'x');
	/* What changes nothing is done each time. */
	cr_assert_eq(size_of(file), 4096);
}

/* Nothing is known of it: it is done. */
static void unknown_body(void)
{
	struct call make = with_tag(
		(struct call){.op = CALL_MKDIR, .path = text("d"), .mode = 0755, .replay = 1});
	struct call remove;

	cr_assert_eq(peer_call(&peer, &make), 0);
	next_life(1);
	cr_assert_eq(peer_call(&peer, &make), -EEXIST, "another channel remembers nothing");
	next_life(0);
	cr_assert_eq(peer_call(&peer, &make), 0);
	remove = make;
	remove.op = CALL_RMDIR;
	cr_assert_eq(peer_call(&peer, &remove), 0, "another op is another call");
	make.tag += CALL_SLOTS;
	cr_assert_eq(peer_call(&peer, &make), 0);
	make.tag -= CALL_SLOTS;
	cr_assert_eq(peer_call(&peer, &make), -EEXIST, "the slot has been used again since");
}

static void over_each(void (*body)(void))
{
	for (size_t i = 0; i < 2; i++) {
		start(schemes[i]);
		body();
		stop();
	}
}

Test(once, names)
{
	over_each(names_body);
}

Test(once, data)
{
	over_each(data_body);
}

Test(once, unknown)
{
	over_each(unknown_body);
}
