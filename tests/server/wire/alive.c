/* Keep-alive: who is silent is asked, and who does not say anything at all is given up. */
#include <criterion/criterion.h>
#include <errno.h>

#include "fixture.h"

/* One that answers, one that says other things only, and between them one that is silent. */
static void alive_body(const char *scheme)
{
	const struct server_config config = {.nr_workers = 1, .keepalive_ms = 200};
	struct server *server = fixture_start(scheme, &config);
	const struct call stat = {.op = CALL_STAT, .path = text("")};
	struct peer answers, talks, silent;

	fixture_open(&answers, server, "memory");
	fixture_open(&talks, server, "memory");
	talks.mute = true;
	for (int round = 0; round < 2; round++) {
		fixture_open(&silent, server, "memory");
		silent.mute = true;
		while (!silent.link.closed) {
			peer_step(&silent);
			peer_step(&answers);
			cr_assert_eq(peer_call(&talks, &stat), 0);
		}
		cr_assert_eq(silent.heard.nr_pings, 3);
		peer_close(&silent);
	}
	cr_assert_geq(answers.heard.nr_pings, 3);
	cr_assert_not(answers.link.closed);
	cr_assert_eq(peer_call(&answers, &stat), 0);
	peer_close(&answers);
	peer_close(&talks);
	server_stop(server);
}

Test(alive, the_silent_are_given_up_after_three_pings)
{
	for (size_t i = 0; i < 2; i++)
		alive_body(schemes[i]);
}

/* Pings are none of the business of who has not been welcomed. */
static void early_body(const char *scheme)
{
	const struct server_config config = {.nr_workers = 1, .keepalive_ms = 5, .hello_ms = 100};
	struct server *server = fixture_start(scheme, &config);
	struct peer late;

	fixture_connect(&late, server);
	peer_until(&late, late.link.closed);
	cr_assert_eq(late.heard.nr_pings, 0);
	peer_close(&late);
	server_stop(server);
}

Test(alive, nobody_is_pinged_before_its_welcome)
{
	for (size_t i = 0; i < 2; i++)
		early_body(schemes[i]);
}

/* Off is off: other limits still count the same time. */
static void off_body(const char *scheme)
{
	const struct server_config config = {
		.nr_workers = 1, .keepalive_ms = SERVER_OFF, .hello_ms = 50};
	struct server *server = fixture_start(scheme, &config);
	struct peer quiet, late;

	fixture_open(&quiet, server, "memory");
	quiet.mute = true;
	for (int round = 0; round < 4; round++) {
		fixture_connect(&late, server);
		while (!late.link.closed) {
			peer_step(&quiet);
			peer_step(&late);
		}
		peer_close(&late);
	}
	cr_assert_eq(quiet.heard.nr_pings, 0);
	cr_assert_not(quiet.link.closed);
	peer_close(&quiet);
	server_stop(server);
}

Test(alive, it_can_be_switched_off)
{
	for (size_t i = 0; i < 2; i++)
		off_body(schemes[i]);
}

static unsigned nr_connections(struct peer *peer)
{
	unsigned n = 0;

	cr_assert_eq(peer_call(peer, &(struct call){.op = CALL_COUNTERS}), 0);
	for (size_t i = 0; i < peer->heard.reply.nr_types; i++)
		n += peer->heard.types[i] == COUNTED_CONNECTION;
	return n;
}

/* Who does not even look at what it asked for: without keep-alive it is the stall that ends it. */
static void deaf_body(uint32_t op, uint32_t mode)
{
	const struct server_config config = {
		.nr_workers = 1, .keepalive_ms = SERVER_OFF, .stall_ms = 100};
	struct server *server = fixture_start("tcp", &config);
	struct peer_io ios[BATCH_MAX];
	struct peer deaf, other;
	uint64_t file;

	fixture_open(&other, server, "memory");
	fixture_open(&deaf, server, "null");
	file = peer_open_file(&deaf, "f", mode);
	for (uint32_t i = 0; i < BATCH_MAX; i++)
		ios[i] = (struct peer_io){.tag = i, .file = file, .len = 1 << 20};
	peer_submit(&deaf, op, PRIORITY_NORMAL, ios, BATCH_MAX);
	/* Seen from outside: the other one is the only connection left. */
	while (nr_connections(&other) > 1)
		;
	peer_until(&deaf, deaf.link.closed);
	cr_assert_lt(deaf.nr_results, BATCH_MAX);
	peer_close(&deaf);
	peer_close(&other);
	server_stop(server);
}

Test(alive, who_takes_nothing_is_given_up)
{
	deaf_body(IO_READ, OPEN_READ);
}

/* Its kernel has taken every question: no time limit of the network's ends this one. */
Test(alive, who_gives_nothing_is_given_up)
{
	deaf_body(IO_WRITE, OPEN_WRITE);
}
