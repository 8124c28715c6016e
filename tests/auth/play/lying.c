/* What several lies have in common: their beginning, and the end they must come to. */
#include "tests/auth/play/lying.h"

#include <errno.h>

#include "proto/seal.h"
#include "tests/support/must.h"

void lying_begin(struct hand *hand, const struct login *who)
{
	struct hello hello;

	hand_open(hand, served.url);
	hello = hand_hello(hand, who, "data");
	hand_say_hello(hand, &hello);
}

/* Then its end would never come. */
static bool is_in(const struct hand *hand)
{
	return hand->msg.type == MSG_WELCOME && !hand->msg.welcome.status;
}

void lying_expect_end(struct hand *hand, const char *what)
{
	if (is_in(hand) || hand_next(hand))
		bad("%s: goes on with a message %d", what, hand->msg.type);
	hand_close(hand);
}

void lying_expect_no(struct hand *hand, const char *what)
{
	int type;

	while (!is_in(hand) && (type = hand_next(hand)))
		if (type != MSG_WELCOME || !hand->msg.welcome.status)
			bad("%s: goes on with a message %d", what, type);
	hand_close(hand);
}

void lying_refused(struct hand *hand, const char *what)
{
	expect_out(hand_hear_welcome(hand), -EKEYREJECTED, what);
	lying_expect_end(hand, what);
}

void lying_mac(struct hand *hand, const uint8_t *mac)
{
	hand_send(hand, &(struct message){.type = MSG_PROOF, .proof.mac = {mac, MAC_SIZE}});
}

struct said lying_proof(const struct hand *hand)
{
	uint8_t mac[MAC_SIZE] = {0};
	struct message msg = {.type = MSG_PROOF, .proof.mac = {mac, sizeof(mac)}};
	struct exchange exchange = hand->exchange;
	struct said said;

	must(!seal_sign(&exchange, &msg, AUTH_CLIENT, mac), "mac");
	said.len = message_frame(&msg, said.frame, sizeof(said.frame));
	return said;
}
