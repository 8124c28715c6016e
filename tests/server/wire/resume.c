/* Sessions that outlive their connections: incarnations and fences. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

/* The same directory twice, without and with what makes the disk slow. */
static struct server *start(const char *scheme, const char *slow)
{
	struct server_config config = {.nr_workers = 1, .session_ms = 60000};

	return files_start_twice(scheme, "/tmp", slow, &config);
}

/* Another connection of the session of `from`; not said Hello yet. */
static void resume(struct peer *peer, struct server *server, const struct peer *from,
		   uint32_t epoch)
{
	const struct hello hello = peer_hello_again(from, "slow", epoch);

	fixture_connect(peer, server);
	peer_say_hello(peer, &hello);
}

/* Go on with both until a Welcome is there: what the old one is told must not wait for us. */
static int await_welcome(struct peer *peer, struct peer *old)
{
	while (!peer->heard.nr_welcomes && !peer->link.closed) {
		if (old && !old->link.closed)
			peer_step(old);
		peer_step(peer);
	}
	return peer->heard.nr_welcomes ? peer->heard.welcome.status : -ENOTCONN;
}

static void add_memory(struct peer *peer)
{
	peer_add_region(peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
}

/* Until the worker has taken in what was sent before. */
static void ping(struct peer *peer)
{
	unsigned before = peer->heard.nr_pongs;

	peer_send(peer, &(struct message){.type = MSG_PING});
	peer_until(peer, peer->heard.nr_pongs > before || peer->link.closed);
}

static void submit_write(struct peer *peer, uint64_t file, uint64_t len, uint8_t byte)
{
	struct peer_io io = {.tag = 7, .file = file, .len = len};

	memset(peer->memory, byte, len);
	peer_submit(peer, IO_WRITE, PRIORITY_NORMAL, &io, 1);
}

static void incarnations_body(const char *scheme)
{
	struct server *server = start(scheme, "fault::");
	struct peer one, two, three, four;
	uint64_t file;

	fixture_open(&one, server, "slow");
	file = peer_open_file(&one, "f", RW);
	cr_assert_eq(peer_io(&one, IO_WRITE, file, 0, 100, 0), 100);

	resume(&two, server, &one, 5);
	cr_assert_eq(await_welcome(&two, &one), 0);
	cr_assert_arr_eq(two.heard.session_id, one.heard.session_id, SESSION_ID_SIZE);
	peer_until(&one, one.link.closed);
	add_memory(&two);
	cr_assert_eq(peer_io(&two, IO_READ, file, 0, 100, 0), 100, "its files are still open");

	resume(&three, server, &one, 4);
	cr_assert_eq(await_welcome(&three, NULL), -EALREADY, "that incarnation is over");
	peer_until(&three, three.link.closed);
	peer_close(&three);
	resume(&three, server, &one, 5);
	cr_assert_eq(await_welcome(&three, NULL), 0, "and this one may be joined");
	cr_assert_eq(peer_call(&two, &(struct call){.op = CALL_STAT, .file = file}), 0);

	resume(&four, server, &one, 6);
	while (!four.heard.nr_welcomes) {
		peer_step(&two);
		peer_step(&three);
		peer_step(&four);
	}
	cr_assert_eq(four.heard.welcome.status, 0);
	peer_until(&two, two.link.closed);
	peer_until(&three, three.link.closed);
	peer_close(&one);
	peer_close(&two);
	peer_close(&three);
	peer_close(&four);
	files_stop(server);
}

Test(resume, a_higher_epoch_ends_the_lower_ones)
{
	for (size_t i = 0; i < 2; i++)
		incarnations_body(schemes[i]);
}

/* What is at the first byte, seen past the slow disk. */
static uint8_t first_byte(struct peer *fast, uint64_t file)
{
	cr_assert_eq(peer_io(fast, IO_READ, file, 0, 1, PEER_MEMORY / 2), 1);
	return fast->memory[PEER_MEMORY / 2];
}

static bool exists(struct peer *peer, const char *path)
{
	return !peer_call(peer, &(struct call){.op = CALL_STAT, .path = text(path)});
}

/*
 * Whether the old call is caught before it begins is a matter of luck. Never done after the Welcome
 * is what counts, and that repeating it gives the answer it had or would have had.
 */
static void slow_call_body(const char *scheme)
{
	struct server *server = start(scheme, "fault:mkdir.delay_ms=20:");
	const struct call make = {.op = CALL_MKDIR, .path = text("d"), .mode = 0755, .tag = 64},
			  other = {.op = CALL_MKDIR, .path = text("e"), .mode = 0755, .tag = 65},
			  again = {.op = CALL_MKDIR,
				   .path = text("d"),
				   .mode = 0755,
				   .tag = 64,
				   .replay = 1};
	struct peer old, new, fast;
	int before;

	fixture_open(&old, server, "slow");
	fixture_open(&fast, server, "fast");
	peer_send(&old, &(struct message){.type = MSG_CALL, .call = make});
	ping(&old);
	resume(&new, server, &old, 1);
	cr_assert_eq(await_welcome(&new, &old), 0);
	before = exists(&fast, "d");
	cr_assert_eq(peer_call(&new, &other), 0); /* takes as long as the first one */
	cr_assert_eq(exists(&fast, "d"), before);
	cr_assert_eq(peer_call(&new, &again), 0);
	cr_assert(exists(&fast, "d"));
	peer_close(&old);
	peer_close(&new);
	peer_close(&fast);
	files_stop(server);
}

Test(resume, a_slow_call_is_not_done_after_the_welcome)
{
	for (size_t i = 0; i < 2; i++)
		slow_call_body(schemes[i]);
}

/*
 * A connection waits only for the end of the wire of an older one, which is soon. So each of these
 * is tried until it has happened. Here: to say something out of place while it waits.
 */
static bool is_rude_while_it_waits(struct server *server, const struct peer *old, uint32_t epoch)
{
	struct peer rude;
	bool waited;

	resume(&rude, server, old, epoch);
	peer_send(&rude, &(struct message){.type = MSG_PING});
	peer_until(&rude, rude.heard.nr_pongs || rude.link.closed);
	waited = !rude.heard.nr_welcomes;
	peer_close(&rude);
	return waited;
}

/* Two in a row, of which the second overtakes the first, which was let in or still waits. */
static bool is_overtaken(struct server *server, struct peer *old, uint32_t epoch)
{
	const struct hello hellos[] = {peer_hello_again(old, "slow", epoch),
				       peer_hello_again(old, "slow", epoch + 1)};
	struct peer first, second;
	int status;

	fixture_connect(&first, server);
	fixture_connect(&second, server);
	peer_say_hello(&first, &hellos[0]);
	peer_say_hello(&second, &hellos[1]);
	while (!first.heard.nr_welcomes || !second.heard.nr_welcomes) {
		peer_step(&first);
		peer_step(&second);
	}
	status = first.heard.welcome.status;
	cr_assert_eq(second.heard.welcome.status, 0);
	peer_until(&first, first.link.closed);
	peer_close(&first);
	peer_close(old);
	*old = second;
	old->link.conn->user = old;
	return status == -EALREADY;
}

static void overtaken_body(const char *scheme)
{
	struct server *server = start(scheme, "fault::");
	uint32_t epoch = 1;
	struct peer old;

	fixture_open(&old, server, "slow");
	while (!is_overtaken(server, &old, epoch))
		epoch += 2;
	epoch += 2;
	while (!is_rude_while_it_waits(server, &old, epoch++)) {
		struct peer next;

		resume(&next, server, &old, epoch++);
		cr_assert_eq(await_welcome(&next, &old), 0);
		peer_close(&old);
		old = next;
		old.link.conn->user = &old;
	}
	peer_close(&old);
	files_stop(server);
}

Test(resume, who_waits_is_overtaken_or_leaves)
{
	for (size_t i = 0; i < 2; i++)
		overtaken_body(schemes[i]);
}

/*
 * Each incarnation leaves a write behind that the disk holds back. When the next incarnation is
 * welcome, the file is written past the slow disk, and a second write is sent after the first
 * through the slow one: when that is over the first is, too, and nothing of it may be seen.
 */
Test(resume, old_writes_never_land_on_newer_ones)
{
	struct server *server = start("tcp", "fault:write.delay_ms=3:");
	enum { INCARNATIONS = 1000, MEMORY = 8192 };
	struct peer peers[2], fast;
	struct peer *old = &peers[0], *new = &peers[1];
	unsigned late = 0;
	uint64_t file, seen;

	fixture_open(&fast, server, "fast");
	seen = peer_open_file(&fast, "f", RW);
	fixture_open(old, server, "slow");
	file = peer_open_file(old, "f", RW);
	for (uint32_t epoch = 1; epoch <= INCARNATIONS; epoch++) {
		struct peer *last = old;

		const struct hello hello = peer_hello_again(old, "slow", epoch);

		fixture_connect(new, server);
		submit_write(old, file, 4096, 0xee);
		ping(old);
		peer_say_hello(new, &hello);
		cr_assert_eq(await_welcome(new, old), 0);
		memset(fast.memory, (uint8_t)epoch % 128, 4096);
		cr_assert_eq(peer_io(&fast, IO_WRITE, seen, 0, 4096, 0), 4096);
		new->reach = MEMORY;
		peer_add_region(new, 0, 0, MEMORY, ACCESS_READ | ACCESS_WRITE);
		cr_assert_eq(peer_io(new, IO_WRITE, file, 1 << 20, 1, 0), 1);
		late += first_byte(&fast, seen) != (uint8_t)epoch % 128;
		peer_close(old);
		old = new;
		new = last;
	}
	peer_close(old);
	peer_close(&fast);
	files_stop(server);
	printf("RESULT fencing replays=%d late_applied=%u\n", INCARNATIONS, late);
	fflush(stdout);
	cr_assert_eq(late, 0);
}
