/* The hand-played client. */
#include "tests/auth/play/hand.h"

#include <errno.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/seal.h"
#include "tests/support/must.h"
#include "tests/peer/message.h"

static void take_event(struct link *link, const struct tp_event *event)
{
	struct hand *hand = (struct hand *)link; /* its first member */

	if (event->type != TP_EV_MSG)
		return;
	must(event->len <= sizeof(hand->heard.frame), "a frame of %u bytes", event->len);
	memcpy(hand->heard.frame, event->msg, event->len);
	hand->heard.len = event->len;
	hand->got = true;
}

void hand_open(struct hand *hand, const char *url)
{
	hand_open_as(hand, url, &alice);
}

static void prepare_tls(struct tp_tls_config *tls, const struct login *who)
{
	uint8_t tag[TAG_SIZE];

	must(!secret_tag(&who->secret, tag) && !secret_psk(&who->secret, tls->psk), "tls");
	secret_identity(who->id, tag, tls->identity);
}

void hand_open_as(struct hand *hand, const char *url, const struct login *who)
{
	struct tp_domain_config config = link_config();

	*hand = (struct hand){0};
	prepare_tls(&hand->tls, who);
	config.tls = &hand->tls;
	link_open(&hand->link, url, &config, take_event);
	hand->link.max_events = 1; /* one message at a time is kept */
}

void hand_close(struct hand *hand)
{
	link_close(&hand->link);
	exchange_wipe(&hand->exchange);
}

void hand_send_frame(struct hand *hand, const void *frame, size_t len)
{
	link_send_frame(&hand->link, frame, len);
}

static void encode(const struct message *msg, struct said *said)
{
	said->len = message_frame(msg, said->frame, sizeof(said->frame));
}

void hand_send(struct hand *hand, const struct message *msg)
{
	link_send(&hand->link, msg);
}

static int next(struct hand *hand)
{
	hand->got = false;
	while (!hand->got && !hand->link.closed)
		link_step(&hand->link);
	if (!hand->got)
		return 0;
	must(!codec_decode(&hand->link.arena, hand->heard.frame, hand->heard.len, &hand->msg),
	     "the server sent a malformed message");
	return hand->msg.type;
}

int hand_next(struct hand *hand)
{
	int type;

	while ((type = next(hand)) == MSG_PING && !hand->msg.ping.pong) {
		const struct message pong = message_pong(&hand->msg.ping);

		hand_send(hand, &pong);
	}
	return type;
}

struct hello hand_hello(struct hand *hand, const struct login *who, const char *export)
{
	uint8_t binding[TP_BINDING_MAX];
	size_t len = tp_binding(hand->link.conn, binding);
	struct hello hello;

	if (hand->binding) {
		memset(binding, 0, sizeof(binding));
		memcpy(binding, hand->binding, strlen(hand->binding));
		len = strlen(hand->binding) + TP_CHANNEL_SIZE;
	}
	must(!exchange_begin(&hand->exchange, binding, len, hand->nonce, hand->share), "exchange");
	must(!secret_tag(&who->secret, hand->tag), "tag");
	hello = hello_new(export, "hand");
	hello.key_id = text(who->id);
	hello.key_tag = (struct bytes){hand->tag, sizeof(hand->tag)};
	hello.nonce = (struct bytes){hand->nonce, sizeof(hand->nonce)};
	hello.share = (struct bytes){hand->share, sizeof(hand->share)};
	return hello;
}

struct said hand_compose(struct hand *hand, const struct hello *hello)
{
	struct said said;

	encode(&(struct message){.type = MSG_HELLO, .hello = *hello}, &said);
	must(!seal_hear(&hand->exchange, said.frame, said.len), "seal");
	return said;
}

void hand_say_hello(struct hand *hand, const struct hello *hello)
{
	hand->hello = hand_compose(hand, hello);
	hand_send_frame(hand, hand->hello.frame, hand->hello.len);
}

bool hand_hear_challenge(struct hand *hand, const struct login *who)
{
	const uint8_t *mac;

	if (hand_next(hand) != MSG_CHALLENGE)
		return false;
	hand->challenge = hand->heard;
	return !seal_hear_signed(&hand->exchange, hand->heard.frame, hand->heard.len, &mac) &&
	       !exchange_keys(&hand->exchange, &who->secret, hand->msg.challenge.share.data) &&
	       exchange_check(&hand->exchange, AUTH_SERVER, mac);
}

void hand_prove(struct hand *hand, const uint8_t *session_key)
{
	uint8_t session_mac[MAC_SIZE], mac[MAC_SIZE] = {0};
	struct message msg = {.type = MSG_PROOF, .proof.mac = {mac, sizeof(mac)}};

	if (session_key) {
		must(!exchange_mac_by(&hand->exchange, session_key, session_mac), "mac");
		msg.proof.session_mac = (struct bytes){session_mac, sizeof(session_mac)};
	}
	must(!seal_sign(&hand->exchange, &msg, AUTH_CLIENT, mac), "mac");
	encode(&msg, &hand->proof);
	hand_send_frame(hand, hand->proof.frame, hand->proof.len);
}

int hand_hear_welcome(struct hand *hand)
{
	const struct welcome *welcome = &hand->msg.welcome;
	const uint8_t *mac;

	if (hand_next(hand) != MSG_WELCOME)
		return -ENOTCONN;
	/* What may be said without a mac. */
	if (!welcome->mac.len &&
	    (welcome->status == -EKEYREJECTED || welcome->status == -EPROTONOSUPPORT))
		return welcome->status;
	if (seal_hear_signed(&hand->exchange, hand->heard.frame, hand->heard.len, &mac) ||
	    !exchange_check(&hand->exchange, AUTH_SERVER, mac))
		return -EBADMSG;
	if (welcome->status)
		return welcome->status;
	memcpy(hand->session_id, welcome->session_id.data, SESSION_ID_SIZE);
	memcpy(hand->session_key, hand->exchange.keys[AUTH_SESSION], SESSION_KEY_SIZE);
	return 0;
}

int hand_login(struct hand *hand, const struct login *who, const char *export)
{
	const struct hello hello = hand_hello(hand, who, export);

	hand_say_hello(hand, &hello);
	if (!hand_hear_challenge(hand, who))
		return -EKEYREJECTED;
	hand_prove(hand, NULL);
	return hand_hear_welcome(hand);
}

int hand_insist(struct hand *hand, const struct login *who, const struct hello *hello,
		const uint8_t *session_key)
{
	hand_say_hello(hand, hello);
	hand_hear_challenge(hand, who);
	if (hand->link.closed)
		return -ENOTCONN;
	hand_prove(hand, session_key);
	return hand_hear_welcome(hand);
}

/* Passing by whatever else is said. */
static bool await(struct hand *hand, int type)
{
	int got;

	do
		got = hand_next(hand);
	while (got && got != type);
	return got;
}

bool hand_is_alive(struct hand *hand)
{
	if (!hand->link.closed)
		hand_send(hand, &(struct message){.type = MSG_PING, .ping = {.nonce = 5}});
	return await(hand, MSG_PING);
}

bool hand_is_ended(struct hand *hand)
{
	int n = 0;

	while (n < 1000 && hand_is_alive(hand))
		n++;
	return n < 1000;
}

int hand_call(struct hand *hand, const struct call *call)
{
	struct message msg = {.type = MSG_CALL, .call = *call};

	msg.call.tag = hand->tag_of_call += CALL_SLOTS;
	hand_send(hand, &msg);
	return await(hand, MSG_REPLY) ? hand->msg.reply.status : -ENOTCONN;
}

int64_t hand_write(struct hand *hand, uint64_t file)
{
	const struct io_entry io = {.ids = io_ids(0, 1), .file = file, .len = 4096};
	const struct message msg = message_submit(IO_WRITE, &io, 1);

	hand_send(hand, &msg);
	return await(hand, MSG_COMPLETION) ? hand->msg.completion.done[0].result : -ENOTCONN;
}
