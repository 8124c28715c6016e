/* Clients that say what others said, by hand: replayed, reflected, spliced, of another wire. */
#include <errno.h>
#include <string.h>

#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/auth/play/lying.h"
#include "tests/support/must.h"

/* Of a good login that somebody has recorded. */
static void replay(const struct auth_case *c)
{
	struct hand good, hand;

	hand_open(&good, served.url);
	expect_in(hand_login(&good, &alice, "data"), "alice");
	hand_open(&hand, served.url);
	hand_send_frame(&hand, good.hello.frame, good.hello.len);
	if (hand_next(&hand) != MSG_CHALLENGE)
		bad("no challenge");
	if (!memcmp(hand.heard.frame, good.challenge.frame, good.challenge.len))
		bad("the same challenge twice");
	hand_send_frame(&hand, good.proof.frame, good.proof.len);
	lying_refused(&hand, "a login that was recorded");
	if (!hand_is_alive(&good))
		good_refused("who was recorded");
	hand_close(&good);
}

static void reflect(const struct auth_case *c)
{
	struct hello hello;
	struct hand hand, second;
	uint8_t macs[2][MAC_SIZE];

	/* The server's own mac. */
	lying_begin(&hand, &nobody);
	must(hand_next(&hand) == MSG_CHALLENGE, "no challenge");
	lying_mac(&hand, hand.msg.challenge.mac.data);
	lying_refused(&hand, "the server's own mac");
	/* What it has said to one is asked of it by another, for its mac. */
	lying_begin(&hand, &alice);
	must(hand_next(&hand) == MSG_CHALLENGE, "no challenge");
	hand_open(&second, served.url);
	hello = hand_hello(&second, &alice, "data");
	hello.nonce = hand.msg.challenge.nonce;
	hello.share = hand.msg.challenge.share;
	hand_say_hello(&second, &hello);
	memcpy(macs[0], hand.msg.challenge.mac.data, MAC_SIZE);
	must(hand_next(&second) == MSG_CHALLENGE, "no challenge");
	memcpy(macs[1], second.msg.challenge.mac.data, MAC_SIZE);
	lying_mac(&hand, macs[1]);
	lying_mac(&second, macs[0]);
	lying_refused(&hand, "a mac that it gave to another");
	lying_refused(&second, "a mac that it gave to the first");
}

static void splice(const struct auth_case *c)
{
	const struct login *const pairs[][2] = {{&alice, &bob}, {&alice, &alice}};
	struct hand hands[2];
	struct said proofs[2];

	for (int p = 0; p < 2; p++) {
		for (int i = 0; i < 2; i++) {
			lying_begin(&hands[i], pairs[p][i]);
			must(hand_hear_challenge(&hands[i], pairs[p][i]), "no challenge");
			proofs[i] = lying_proof(&hands[i]);
		}
		for (int i = 0; i < 2; i++) {
			hand_send_frame(&hands[i], proofs[!i].frame, proofs[!i].len);
			lying_refused(&hands[i], "a proof of another connection");
		}
	}
}

/* Honest, but for a transport that it is not. */
static void another_wire(const struct auth_case *c)
{
	static const char *const names[] = {"tcp", "rdma", "tls", "loop", ""};
	struct hello hello;
	struct hand hand;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		hand_open(&hand, served.url);
		if (!strcmp(hand.link.ops->name, names[i])) {
			hand_close(&hand);
			continue;
		}
		hand.binding = names[i];
		hello = hand_hello(&hand, &alice, "data");
		expect_out(hand_insist(&hand, &alice, &hello, NULL), -EKEYREJECTED, names[i]);
		lying_expect_end(&hand, names[i]);
	}
}

const struct auth_case copy_cases[] = {
	{"replay", replay},
	{"reflection", reflect},
	{"splice", splice},
	{"another-transport", another_wire},
	{NULL},
};
