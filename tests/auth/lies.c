/* Clients that break the rules of the handshake, by hand: its order, its fields, its bytes. */
#include <errno.h>
#include <string.h>

#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/auth/play/lying.h"
#include "tests/support/must.h"

/* Points of small order make the result the same whatever the private half. */
static void small_shares(const struct auth_case *c)
{
	static const uint8_t shares[][SHARE_SIZE] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
		{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
		 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
		 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
		{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	};
	struct hello hello;
	struct hand hand;

	for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++)
		for (int w = 0; w < 2; w++) {
			hand_open(&hand, served.url);
			hello = hand_hello(&hand, w ? &nobody : &alice, "data");
			hello.share = (struct bytes){shares[i], SHARE_SIZE};
			hand_say_hello(&hand, &hello);
			if (hand_next(&hand))
				bad("share %zu is answered", i);
			hand_close(&hand);
		}
}

/* Sent by who is in, and then a ping that is not answered. */
static void expect_cut(const struct said *said, const char *what)
{
	struct hand hand;

	hand_open(&hand, served.url);
	expect_in(hand_login(&hand, &alice, "data"), "alice");
	if (!said)
		said = &hand.proof; /* its own */
	hand_send_frame(&hand, said->frame, said->len);
	if (hand_is_alive(&hand))
		bad("%s: goes on", what);
	hand_close(&hand);
}

static void out_of_order(const struct auth_case *c)
{
	uint8_t mac[MAC_SIZE] = {1};
	struct said said;
	struct hand hand;

	hand_open(&hand, served.url);
	said = lying_proof(&hand); /* by keys of zeroes */
	hand_send_frame(&hand, said.frame, said.len);
	lying_expect_end(&hand, "a proof and no hello");
	lying_begin(&hand, &alice);
	lying_mac(&hand, mac); /* before the challenge is read */
	must(hand_next(&hand) == MSG_CHALLENGE, "no challenge");
	lying_refused(&hand, "a proof before the challenge");
	lying_begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_send_frame(&hand, hand.hello.frame, hand.hello.len);
	lying_expect_end(&hand, "a hello after the challenge");
	lying_begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_send_frame(&hand, hand.challenge.frame, hand.challenge.len);
	lying_expect_end(&hand, "the challenge sent back");
	lying_begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_send(&hand, &(struct message){.type = MSG_PING});
	lying_expect_end(&hand, "a ping instead of a proof");
	expect_cut(&hand.hello, "a hello of who is in");
	expect_cut(&hand.challenge, "a challenge of who is in");
	expect_cut(NULL, "two proofs");
	lying_begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_prove(&hand, mac); /* a session's key, and no session */
	lying_expect_end(&hand, "a session's mac without a session");
}

/* What no client sends, and a server would have to guess about. */
static void malformed(const struct auth_case *c)
{
	uint8_t key[SESSION_KEY_SIZE] = {1};
	struct hand hand;

	for (int i = 0; i < 8; i++) {
		struct hello hello;
		char long_id[KEY_ID_MAX + 2];

		hand_open(&hand, served.url);
		hello = hand_hello(&hand, &alice, "data");
		memset(long_id, 'a', sizeof(long_id));
		long_id[KEY_ID_MAX + 1] = 0;
		if (i == 0)
			hello.session_key = (struct bytes){key, sizeof(key)};
		if (i == 1) {
			hello.session_id = (struct bytes){key, SESSION_ID_SIZE};
			hello.session_key = (struct bytes){key, sizeof(key)};
		}
		if (i == 2)
			hello.key_tag.len = 0;
		if (i == 3)
			hello.nonce.len--;
		if (i == 4)
			hello.share.len--;
		if (i == 5)
			hello.key_id = text(long_id);
		if (i == 6)
			hello.key_id.len = 0;
		if (i == 7)
			hello.key_id = (struct bytes){(const uint8_t *)"ali\0e", 5};
		hand_say_hello(&hand, &hello);
		lying_expect_end(&hand, "a malformed hello");
	}
}

/* Somebody in between changes one bit of each byte; the client has said something else. */
static void every_byte_to_the_server(const struct auth_case *c)
{
	size_t step = over_tcp ? 1 : 7, n = 1;
	struct hello hello;
	struct said said;
	struct hand hand;

	for (size_t i = 0; i < n; i += step) {
		hand_open(&hand, served.url);
		hello = hand_hello(&hand, &alice, "data");
		said = hand_compose(&hand, &hello);
		n = said.len;
		said.frame[i] ^= (uint8_t)(1u << i % 8);
		hand_send_frame(&hand, said.frame, said.len);
		if (hand_hear_challenge(&hand, &alice))
			bad("byte %zu of a hello", i);
		if (hand.challenge.len)
			hand_prove(&hand, NULL);
		lying_expect_no(&hand, "a changed hello");
	}
	for (size_t i = 0; i < n; i += step) {
		lying_begin(&hand, &alice);
		must(hand_hear_challenge(&hand, &alice), "no challenge");
		said = lying_proof(&hand);
		n = said.len;
		said.frame[i] ^= (uint8_t)(1u << i % 8);
		hand_send_frame(&hand, said.frame, said.len);
		lying_expect_no(&hand, "a changed proof");
	}
}

const struct auth_case lie_cases[] = {
	{"small-shares", small_shares},
	{"out-of-order", out_of_order},
	{"malformed-hello", malformed},
	{"every-byte-to-the-server", every_byte_to_the_server},
	{NULL},
};
