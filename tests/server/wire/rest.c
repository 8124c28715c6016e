/* Sessions without a connection: how long they are kept, and which of them end sooner. */
#include <criterion/criterion.h>
#include <errno.h>

#include "common/base/clock.h"
#include "fixture.h"
#include "server/session/sessions.h"
#include "server/worker/server_impl.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

/* Resume until that is refused; each time may keep the session for another while. */
static void until_forgotten(struct server *server, const struct peer *from)
{
	int status = 0;

	for (uint32_t epoch = 1; !status; epoch++) {
		const struct hello hello = peer_hello_again(from, "memory", epoch);
		struct peer peer;

		fixture_connect(&peer, server);
		status = peer_hello_as(&peer, &hello);
		peer_close(&peer);
	}
	cr_assert_eq(status, -ESTALE);
}

static void disconnect(struct peer *peer)
{
	peer->link.ops->disconnect(peer->link.conn);
	peer_until(peer, peer->link.closed);
}

static void fall_silent(struct peer *peer)
{
	peer->mute = true;
	peer_until(peer, peer->link.closed);
	cr_assert(peer->heard.nr_pings);
}

/* `how` ends the first client's connection; its session is `kept`. */
static void rest_body(const char *scheme, unsigned session_ms, void (*how)(struct peer *peer),
		      bool kept)
{
	const struct server_config config = {
		.nr_workers = 2,
		.session_ms = session_ms,
		.keepalive_ms = how == fall_silent ? 5 : SERVER_OFF,
	};
	struct server *server = fixture_start(scheme, &config);
	struct peer one, two;
	struct hello hello;
	uint64_t file;

	fixture_open(&one, server, "memory");
	file = peer_open_file(&one, "f", RW);
	hello = peer_hello_again(&one, "memory", 1);
	how(&one);
	if (kept) {
		fixture_connect(&two, server);
		cr_assert_eq(peer_hello_as(&two, &hello), 0);
		cr_assert_eq(peer_call(&two, &(struct call){.op = CALL_STAT, .file = file}), 0);
		peer_close(&two);
	} else {
		until_forgotten(server, &one);
	}
	peer_close(&one);
	server_stop(server);
}

/* A disconnect says as little as silence: it may be a reset, with no way back for a while. */
Test(rest, whose_connection_ended_may_come_back_for_the_session_time)
{
	for (size_t i = 0; i < 2; i++) {
		rest_body(schemes[i], 3600000, disconnect, true);
		rest_body(schemes[i], 1, disconnect, false);
		rest_body(schemes[i], 3600000, fall_silent, true);
		rest_body(schemes[i], 1, fall_silent, false);
	}
}

static void say_goodbye(struct peer *peer)
{
	peer_send(peer, &(struct message){.type = MSG_GOODBYE});
}

static int come_back(struct server *server, const struct hello *hello)
{
	struct peer peer;
	int status;

	fixture_connect(&peer, server);
	status = peer_hello_as(&peer, hello);
	peer_close(&peer);
	return status;
}

/* With I/O under way, and behind the Goodbye another one and a call, which nobody answers. */
static void goodbye_body(const char *scheme)
{
	const struct server_config config = {.nr_workers = 2, .session_ms = 3600000};
	struct server *server = fixture_start(scheme, &config);
	struct peer one, two, neighbour;
	struct peer_io io = {.tag = 7, .len = 4096};
	struct hello hello;
	unsigned most;

	fixture_open(&neighbour, server, "memory");
	fixture_open(&one, server, "slow");
	io.file = peer_open_file(&one, "f", RW);
	peer_submit(&one, IO_READ, PRIORITY_NORMAL, &io, 1);
	hello = peer_hello_again(&one, "slow", 0);
	hello.channel = 1;
	fixture_connect(&two, server);
	cr_assert_eq(peer_hello_as(&two, &hello), 0);
	say_goodbye(&one);
	say_goodbye(&one);
	peer_send(&one, &(struct message){.type = MSG_CALL, .call = {.op = CALL_STAT}});
	peer_until(&one, one.link.closed);
	peer_until(&two, two.link.closed);
	cr_assert_eq(one.heard.nr_replies, 1, "of the open");
	hello.epoch = 1;
	cr_assert_eq(come_back(server, &hello), -ESTALE);
	cr_assert_eq(peer_call(&neighbour, &(struct call){.op = CALL_STAT, .path = text("")}), 0);
	peer_close(&one);
	peer_close(&two);
	while (sessions_count(server->sessions, &most) > 1)
		peer_step(&neighbour);
	peer_close(&neighbour);
	server_stop(server);
}

Test(rest, a_goodbye_ends_the_session_at_once)
{
	for (size_t i = 0; i < 2; i++)
		goodbye_body(schemes[i]);
}

enum { YIELD_MS = 400 };

static uint64_t ms_since(uint64_t begin)
{
	return (now_ns() - begin) / NS_PER_MS;
}

/* Clients that were killed have all sessions. */
static void sessions_body(const char *scheme)
{
	const struct server_config config = {
		.nr_workers = 2, .max_sessions = 2, .session_ms = 3600000, .yield_ms = YIELD_MS};
	struct server *server = fixture_start(scheme, &config);
	struct peer one, two, three;
	uint64_t begin;
	struct hello again[2];
	int status;

	fixture_open(&one, server, "memory");
	fixture_open(&two, server, "memory");
	again[0] = peer_hello_again(&one, "memory", 1);
	again[1] = peer_hello_again(&two, "memory", 1);
	begin = now_ns();
	peer_close(&one);
	peer_close(&two);
	do {
		fixture_connect(&three, server);
		status = peer_hello(&three, "memory");
		cr_assert(!status || status == -EUSERS);
		if (status)
			peer_close(&three);
	} while (status);
	/* The time of a turn of the server may be old when it notices the loss. */
	cr_expect_geq(ms_since(begin), YIELD_MS / 2);
	/* One of them had to yield, and the other one has its session still. */
	status = come_back(server, &again[0]);
	cr_expect_eq(come_back(server, &again[1]), status ? 0 : -ESTALE);
	cr_assert_eq(peer_call(&three, &(struct call){.op = CALL_STAT, .path = text("")}), 0);
	peer_close(&three);
	server_stop(server);
}

Test(rest, of_too_many_sessions_one_without_a_connection_yields_after_a_while)
{
	for (size_t i = 0; i < 2; i++)
		sessions_body(schemes[i]);
}

static int open_one(struct peer *peer)
{
	return peer_call(peer, &(struct call){.op = CALL_OPEN, .path = text("f"), .flags = RW});
}

/* How many files a client can open until there is no memory for another one. */
static unsigned open_all(struct peer *peer)
{
	unsigned n = 0;
	int status;

	while (!(status = open_one(peer)))
		n++;
	cr_assert_eq(status, -ENOMEM);
	return n;
}

/* A client that was killed has half of the memory, until it has to yield it. */
static void memory_body(const char *scheme, unsigned yield_ms, bool yields)
{
	const struct server_config config = {.nr_workers = 1,
					     .staging_mib = 1,
					     .memory_mib = 36,
					     .session_ms = 3600000,
					     .yield_ms = yield_ms,
					     .keepalive_ms = SERVER_OFF};
	struct server *server = fixture_start(scheme, &config);
	struct peer killed, two;
	unsigned alone, beside;

	fixture_open(&killed, server, "memory");
	fixture_open(&two, server, "memory");
	alone = open_all(&killed);
	peer_close(&killed);
	beside = open_all(&two);
	/* To close what the killed one had open takes a moment, and an open waits for a part of it.
	 */
	while (yields && beside <= alone - alone / 8)
		beside += open_all(&two);
	cr_expect_eq(beside > alone - alone / 8, yields, "%u and then %u", alone, beside);
	peer_close(&two);
	server_stop(server);
}

Test(rest, memory_for_files_is_yielded)
{
	for (size_t i = 0; i < 2; i++) {
		memory_body(schemes[i], 3600000, false);
		memory_body(schemes[i], 1, true);
	}
}
