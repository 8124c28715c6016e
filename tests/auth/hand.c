/* The hand-played client. */
#include "tests/auth/hand.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "common/transport/addr.h"
#include "proto/codec.h"
#include "proto/seal.h"
#include "tests/e2e/support/must.h"

struct bytes text(const char *text)
{
	return (struct bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

static void step(struct hand *hand)
{
	struct tp_event event;

	if (hand->ops->poll(hand->domain, &event, 1) < 1) {
		sched_yield();
		return;
	}
	if (event.type == TP_EV_CONNECTED)
		hand->connected = true;
	if (event.type == TP_EV_CLOSED)
		hand->over = true;
	if (event.type != TP_EV_MSG)
		return;
	must(event.len <= sizeof(hand->heard.frame), "a frame of %u bytes", event.len);
	memcpy(hand->heard.frame, event.msg, event.len);
	hand->heard.len = event.len;
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
	const struct tp_domain_config config = {.msg_max = FRAME_MAX,
						.nr_recvs = 8,
						.nr_sends = 8,
						.nr_posts = 8,
						.nr_conns = 1,
						.numa = -1,
						.tls = &hand->tls};
	const char *host = strstr(url, "://") + 3;
	char scheme[8] = "", name[256];
	struct tp_addr addr;
	uint16_t port = 0;

	*hand = (struct hand){0};
	prepare_tls(&hand->tls, who);
	memcpy(scheme, url, (size_t)(host - 3 - url));
	hand->ops = tp_find(scheme);
	must(hand->ops && !addr_split(host, name, sizeof(name), &port), "%s", url);
	must(addr_resolve(scheme, name, port, false, &addr, 1) >= 1, "%s", url);
	must(!arena_open(&hand->arena, ARENA_SIZE), "memory");
	must(!hand->ops->device_open(&addr, &hand->device), "device");
	must(!hand->ops->domain_open(&config, &hand->domain), "domain");
	must(!hand->ops->connect(hand->domain, hand->device, &addr, 5000, hand, &hand->conn),
	     "connect");
	while (!hand->connected && !hand->over)
		step(hand);
}

void hand_close(struct hand *hand)
{
	hand->ops->disconnect(hand->conn);
	while (!hand->over)
		step(hand);
	hand->ops->conn_free(hand->conn);
	hand->ops->domain_close(hand->domain);
	hand->ops->device_close(hand->device);
	arena_close(&hand->arena);
	exchange_wipe(&hand->exchange);
}

void hand_send_frame(struct hand *hand, const void *frame, size_t len)
{
	void *buf;

	while (!(buf = hand->ops->msg_buf(hand->conn)) && !hand->over)
		step(hand);
	if (!buf)
		return;
	memcpy(buf, frame, len);
	hand->ops->msg_send(hand->conn, len);
	hand->ops->flush(hand->conn);
}

static void encode(const struct message *msg, struct said *said)
{
	long len = codec_encode(msg, said->frame, sizeof(said->frame));

	must(len > 0, "a message that cannot be encoded");
	said->len = (size_t)len;
}

void hand_send(struct hand *hand, const struct message *msg)
{
	struct said said;

	encode(msg, &said);
	hand_send_frame(hand, said.frame, said.len);
}

static int next(struct hand *hand)
{
	hand->got = false;
	while (!hand->got && !hand->over)
		step(hand);
	if (!hand->got)
		return 0;
	must(!codec_decode(&hand->arena, hand->heard.frame, hand->heard.len, &hand->msg),
	     "the server sent a malformed message");
	return hand->msg.type;
}

int hand_next(struct hand *hand)
{
	int type;

	while ((type = next(hand)) == MSG_PING && !hand->msg.ping.pong)
		hand_send(hand,
			  &(struct message){.type = MSG_PING,
					    .ping = {.nonce = hand->msg.ping.nonce, .pong = 1}});
	return type;
}

struct hello hand_hello(struct hand *hand, const struct login *who, const char *export)
{
	uint8_t binding[TP_BINDING_MAX];
	size_t len = tp_binding(hand->conn, binding);

	if (hand->binding) {
		memset(binding, 0, sizeof(binding));
		memcpy(binding, hand->binding, strlen(hand->binding));
		len = strlen(hand->binding) + TP_CHANNEL_SIZE;
	}
	must(!exchange_begin(&hand->exchange, binding, len, hand->nonce, hand->share), "exchange");
	must(!secret_tag(&who->secret, hand->tag), "tag");
	return (struct hello){
		.version_min = PROTO_VERSION,
		.version_max = PROTO_VERSION,
		.export = text(export),
		.client = text("hand"),
		.key_id = text(who->id),
		.key_tag = {hand->tag, sizeof(hand->tag)},
		.nonce = {hand->nonce, sizeof(hand->nonce)},
		.share = {hand->share, sizeof(hand->share)},
	};
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
	if (hand->over)
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
	if (!hand->over)
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

	hand_send(hand, &(struct message){.type = MSG_SUBMIT,
					  .submit = {.op = IO_WRITE,
						     .priority = PRIORITY_NORMAL,
						     .n = 1,
						     .io = &io}});
	return await(hand, MSG_COMPLETION) ? hand->msg.completion.done[0].result : -ENOTCONN;
}
