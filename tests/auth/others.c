/* What a client finds out about others that are there. */
#include "proto/limits.h"
#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/support/must.h"

/* How many connections are told to whom. */
static unsigned connections_told(struct hand *hand)
{
	struct call call = {.op = CALL_COUNTERS};
	unsigned n = 0;

	do {
		must(!hand_call(hand, &call), "counters");
		for (size_t i = 0; i < hand->msg.reply.nr_types; i++)
			n += hand->msg.reply.types[i] == COUNTED_CONNECTION;
		call.off = hand->msg.reply.next;
	} while (call.off);
	return n;
}

static void own_connections(const struct auth_case *c)
{
	static const struct entry two[] = {{"bob", {&bob}, "export = data:rw\n"},
					   {"nobody", {&nobody}, "export = data:rw\n"},
					   {NULL}};
	struct hand his, hers[2];

	must(fixture_keyring(two), "a keyring");
	hand_open_as(&his, served.url, &bob);
	expect_in(hand_login(&his, &bob, "data"), "bob");
	for (int i = 0; i < 2; i++) {
		struct hello hello;

		hand_open_as(&hers[i], served.url, &nobody);
		hello = hand_hello(&hers[i], &nobody, "data");
		hello.features = FEATURE_COUNTERS;
		expect_in(hand_insist(&hers[i], &nobody, &hello, NULL), "nobody");
	}
	if (connections_told(&hers[0]) > 2)
		bad("others' connections are told");
	if (connections_told(&hers[1]) < 2)
		good_refused("one's own connections");
	for (int i = 0; i < 2; i++)
		hand_close(&hers[i]);
	hand_close(&his);
}

const struct auth_case other_cases[] = {
	{"own-connections-only", own_connections},
	{NULL},
};
