/* Clients that lie in the handshake, by hand: out of order, replayed, reflected, spliced. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "proto/codec.h"
#include "proto/seal.h"
#include "tests/auth/bed.h"
#include "tests/auth/hand.h"
#include "tests/e2e/support/must.h"

#define ROUNDS 300

static void begin(struct hand *hand, const struct login *who)
{
	struct hello hello;

	hand_open(hand, served.url);
	hello = hand_hello(hand, who, "data");
	hand_say_hello(hand, &hello);
}

/* It ends without another word. */
static void expect_end(struct hand *hand, const char *what)
{
	if (hand_next(hand))
		bad("%s: goes on with a message %d", what, hand->msg.type);
	hand_close(hand);
}

/* It ends, and at most a refusal comes before that. */
static void expect_no(struct hand *hand, const char *what)
{
	int type;

	while ((type = hand_next(hand)))
		if (type != MSG_WELCOME || !hand->msg.welcome.status)
			bad("%s: goes on with a message %d", what, type);
	hand_close(hand);
}

static void refused(struct hand *hand, const char *what)
{
	expect_out(hand_hear_welcome(hand), -EKEYREJECTED, what);
	expect_end(hand, what);
}

static void no_key(const struct auth_case *c)
{
	struct hello hello = {.version_min = PROTO_VERSION,
			      .version_max = PROTO_VERSION,
			      .export = text("data"),
			      .client = text("hand")};
	struct hand hand;

	hand_open(&hand, served.url);
	hand_say_hello(&hand, &hello);
	refused(&hand, "no key");
}

static const struct login *strangers[] = {&forged, &nobody};

/* An unknown id, and a wrong key: everything that is said, but what is drawn. */
static void strangers_alike(const struct auth_case *c)
{
	struct hand hands[2];

	for (int i = 0; i < 2; i++) {
		begin(&hands[i], strangers[i]);
		if (hand_hear_challenge(&hands[i], strangers[i]))
			bad("the server knows the key of %s", strangers[i]->id);
		hand_prove(&hands[i], NULL);
		expect_out(hand_hear_welcome(&hands[i]), -EKEYREJECTED, strangers[i]->id);
	}
	if (hands[0].challenge.len != hands[1].challenge.len)
		bad("challenges of %zu and %zu bytes", hands[0].challenge.len,
		    hands[1].challenge.len);
	if (hands[0].heard.len != hands[1].heard.len ||
	    memcmp(hands[0].heard.frame, hands[1].heard.frame, hands[0].heard.len))
		bad("the refusals differ");
	for (int i = 0; i < 2; i++)
		expect_end(&hands[i], strangers[i]->id);
}

static int by_size(const void *a, const void *b)
{
	return (*(const uint64_t *)a > *(const uint64_t *)b) -
	       (*(const uint64_t *)a < *(const uint64_t *)b);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* For people: a busy machine decides nothing. */
static void timing(const struct auth_case *c)
{
	static uint64_t took[3][ROUNDS];
	const struct login *who[] = {&alice, &forged, &nobody};
	unsigned rounds = over_tcp ? ROUNDS : ROUNDS / 10;

	for (unsigned i = 0; i < rounds; i++)
		for (int w = 0; w < 3; w++) {
			struct hello hello;
			struct hand hand;
			uint64_t before;

			hand_open(&hand, served.url);
			before = now();
			hello = hand_hello(&hand, who[w], "data");
			hand_say_hello(&hand, &hello);
			hand_next(&hand);
			took[w][i] = now() - before;
			hand_close(&hand);
		}
	for (int w = 0; w < 3; w++)
		qsort(took[w], rounds, sizeof(**took), by_size);
	printf("auth: from Hello to Challenge, median of %u: right key %lu us, wrong key %lu us, "
	       "unknown id %lu us\n",
	       rounds, took[0][rounds / 2] / 1000, took[1][rounds / 2] / 1000,
	       took[2][rounds / 2] / 1000);
}

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
	refused(&hand, "a login that was recorded");
	if (!hand_is_alive(&good))
		good_refused("who was recorded");
	hand_close(&good);
}

static void send_mac(struct hand *hand, const uint8_t *mac)
{
	hand_send(hand, &(struct message){.type = MSG_PROOF, .proof.mac = {mac, MAC_SIZE}});
}

static void reflect(const struct auth_case *c)
{
	struct hello hello;
	struct hand hand, second;
	uint8_t macs[2][MAC_SIZE];

	/* The server's own mac. */
	begin(&hand, &nobody);
	must(hand_next(&hand) == MSG_CHALLENGE, "no challenge");
	send_mac(&hand, hand.msg.challenge.mac.data);
	refused(&hand, "the server's own mac");
	/* What it has said to one is asked of it by another, for its mac. */
	begin(&hand, &alice);
	must(hand_next(&hand) == MSG_CHALLENGE, "no challenge");
	hand_open(&second, served.url);
	hello = hand_hello(&second, &alice, "data");
	hello.nonce = hand.msg.challenge.nonce;
	hello.share = hand.msg.challenge.share;
	hand_say_hello(&second, &hello);
	memcpy(macs[0], hand.msg.challenge.mac.data, MAC_SIZE);
	must(hand_next(&second) == MSG_CHALLENGE, "no challenge");
	memcpy(macs[1], second.msg.challenge.mac.data, MAC_SIZE);
	send_mac(&hand, macs[1]);
	send_mac(&second, macs[0]);
	refused(&hand, "a mac that it gave to another");
	refused(&second, "a mac that it gave to the first");
}

/* What this one would have to say. */
static struct said proof_of(const struct hand *hand)
{
	uint8_t mac[MAC_SIZE] = {0};
	struct message msg = {.type = MSG_PROOF, .proof.mac = {mac, sizeof(mac)}};
	struct exchange exchange = hand->exchange;
	struct said said;

	must(!seal_sign(&exchange, &msg, AUTH_CLIENT, mac), "mac");
	said.len = (size_t)codec_encode(&msg, said.frame, sizeof(said.frame));
	return said;
}

static void splice(const struct auth_case *c)
{
	const struct login *const pairs[][2] = {{&alice, &bob}, {&alice, &alice}};
	struct hand hands[2];
	struct said proofs[2];

	for (int p = 0; p < 2; p++) {
		for (int i = 0; i < 2; i++) {
			begin(&hands[i], pairs[p][i]);
			must(hand_hear_challenge(&hands[i], pairs[p][i]), "no challenge");
			proofs[i] = proof_of(&hands[i]);
		}
		for (int i = 0; i < 2; i++) {
			hand_send_frame(&hands[i], proofs[!i].frame, proofs[!i].len);
			refused(&hands[i], "a proof of another connection");
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
		if (!strcmp(hand.ops->name, names[i])) {
			hand_close(&hand);
			continue;
		}
		hand.binding = names[i];
		hello = hand_hello(&hand, &alice, "data");
		expect_out(hand_insist(&hand, &alice, &hello, NULL), -EKEYREJECTED, names[i]);
		expect_end(&hand, names[i]);
	}
}

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
	said = proof_of(&hand); /* by keys of zeroes */
	hand_send_frame(&hand, said.frame, said.len);
	expect_end(&hand, "a proof and no hello");
	begin(&hand, &alice);
	send_mac(&hand, mac); /* before the challenge is read */
	must(hand_next(&hand) == MSG_CHALLENGE, "no challenge");
	refused(&hand, "a proof before the challenge");
	begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_send_frame(&hand, hand.hello.frame, hand.hello.len);
	expect_end(&hand, "a hello after the challenge");
	begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_send_frame(&hand, hand.challenge.frame, hand.challenge.len);
	expect_end(&hand, "the challenge sent back");
	begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_send(&hand, &(struct message){.type = MSG_PING});
	expect_end(&hand, "a ping instead of a proof");
	expect_cut(&hand.hello, "a hello of who is in");
	expect_cut(&hand.challenge, "a challenge of who is in");
	expect_cut(NULL, "two proofs");
	begin(&hand, &alice);
	must(hand_hear_challenge(&hand, &alice), "no challenge");
	hand_prove(&hand, mac); /* a session's key, and no session */
	expect_end(&hand, "a session's mac without a session");
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
		expect_end(&hand, "a malformed hello");
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
		expect_no(&hand, "a changed hello");
	}
	for (size_t i = 0; i < n; i += step) {
		begin(&hand, &alice);
		must(hand_hear_challenge(&hand, &alice), "no challenge");
		said = proof_of(&hand);
		n = said.len;
		said.frame[i] ^= (uint8_t)(1u << i % 8);
		hand_send_frame(&hand, said.frame, said.len);
		expect_no(&hand, "a changed proof");
	}
}

const struct auth_case lie_cases[] = {
	{"no-key", no_key},
	{"strangers-alike", strangers_alike},
	{"timing", timing},
	{"replay", replay},
	{"reflection", reflect},
	{"splice", splice},
	{"another-transport", another_wire},
	{"small-shares", small_shares},
	{"out-of-order", out_of_order},
	{"malformed-hello", malformed},
	{"every-byte-to-the-server", every_byte_to_the_server},
	{NULL},
};
