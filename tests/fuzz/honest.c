/* The played server when it is honest: it answers, and moves data. */
#include <string.h>
#include <sys/stat.h>

#include "proto/seal.h"
#include "tests/fuzz/player.h"
#include "tests/peer/message.h"

void honest_frame(const void *frame, size_t len)
{
	void *buf = player.conn ? tp_loop.msg_buf(player.conn) : NULL;

	if (!buf || !len || len > player.conn->msg_max)
		return;
	memcpy(buf, frame, len);
	tp_loop.msg_send(player.conn, len);
	tp_loop.flush(player.conn);
}

void honest_say(const struct message *msg)
{
	uint8_t frame[FRAME_MAX];
	long len = codec_encode(msg, frame, sizeof(frame));

	if (len > 0)
		honest_frame(frame, (size_t)len);
}

void honest_post(const struct tp_op *op)
{
	if (player.conn && !tp_loop.post(player.conn, op))
		tp_loop.flush(player.conn);
}

static void complete(uint32_t tag, int64_t result)
{
	struct io_result done;
	const struct message msg = message_completion(&done, tag, result);

	honest_say(&msg);
}

static void serve_io(const struct submit *submit)
{
	for (size_t i = 0; i < submit->n; i++) {
		const struct io_entry *io = &submit->io[i];
		const struct region_add *region = &player.regions[io_region(io) % IDS];
		const struct tp_op op = {
			.kind = submit->op == IO_READ ? TP_WRITE : TP_READ,
			.len = (uint32_t)io->len,
			.tag = io_tag(io),
			.key = region->key,
			.raddr = region->base + io->region_off,
			.local = player.file,
		};

		insist(io->len <= FILE_LEN && io->region_off <= region->size - io->len);
		honest_post(&op);
		complete(io_tag(io), (int64_t)io->len);
	}
}

void honest_welcome(struct message *msg)
{
	uint8_t mac[MAC_SIZE];

	if (player.keyed) {
		msg->welcome.session_key.len = 0;
		msg->welcome.mac = (struct bytes){mac, sizeof(mac)};
		if (seal_sign(&player.exchange, msg, AUTH_SERVER, mac))
			return; /* too long */
	}
	if (!msg->welcome.status && !player.welcomed) {
		nr_let_in += player.keyed;
		player.welcomed = true;
	}
	honest_say(msg);
}

static void welcome(void)
{
	struct message msg = {.type = MSG_WELCOME, .welcome = welcome_new(8, IDS)};

	msg.welcome.features = FEATURE_IMM | FEATURE_COUNTERS;
	honest_welcome(&msg);
}

void honest_challenge(const struct hello *hello, uint32_t version)
{
	static const struct secret none;
	uint8_t binding[TP_BINDING_MAX], nonce[NONCE_SIZE], share[SHARE_SIZE], mac[MAC_SIZE];
	struct message msg = {.type = MSG_HELLO, .hello = *hello};
	struct exchange *x = &player.exchange;

	insist(!exchange_begin(x, binding, tp_binding(player.conn, binding), nonce, share));
	insist(!seal_say(x, &msg));
	msg = (struct message){.type = MSG_CHALLENGE,
			       .challenge = {.version = version,
					     .nonce = {nonce, sizeof(nonce)},
					     .share = {share, sizeof(share)},
					     .mac = {mac, sizeof(mac)}}};
	insist(!seal_say_signed(x, &msg));
	insist(!exchange_keys(x, &none, hello->share.data));
	insist(!exchange_mac(x, AUTH_SERVER, mac));
	player.challenged = true;
	honest_say(&msg);
}

/* Wrong only if there was another challenge than that of the last one. */
void honest_hear_proof(const struct message *msg)
{
	struct message copy = *msg;

	insist(!seal_say_signed(&player.exchange, &copy));
	player.proved = exchange_check(&player.exchange, AUTH_CLIENT, msg->proof.mac.data);
}

static void reply(const struct call *call)
{
	static const char names[] = "a\0b";
	static const uint32_t types[2] = {8, 8};
	static const uint64_t fs[NR_FS_NUMBERS] = {[FS_BLOCK_SIZE] = 1};
	static const struct attr_row rows[STATS_MAX];
	struct reply r = {.tag = call->tag,
			  .file = 7,
			  .persistent = {(const uint8_t *)"p", 1},
			  .verifier = 1,
			  .attr_valid = 1,
			  .attr = {.mode = S_IFREG | 0600, .nlink = 1, .size = FILE_LEN}};

	if (call->op == CALL_READDIR) {
		r.names = (struct bytes){(const uint8_t *)names, sizeof(names)};
		r.types = types;
		r.nr_types = 2;
	}
	if (call->op == CALL_GETXATTR || call->op == CALL_LISTXATTR)
		r.value = (struct bytes){(const uint8_t *)"user.a", sizeof("user.a")};
	if (call->op == CALL_STATS) {
		r.attrs = rows;
		r.nr_attrs = call->nr_names;
	}
	if (call->op == CALL_STATFS) {
		r.fs = fs;
		r.nr_fs = NR_FS_NUMBERS;
	}
	if (call->op == CALL_READLINK)
		r.target = (struct bytes){(const uint8_t *)"target", 6};
	honest_say(&(struct message){.type = MSG_REPLY, .reply = r});
}

void honest_serve(const struct message *msg)
{
	switch (msg->type) {
	case MSG_HELLO:
		if (player.keyed && player.conn)
			honest_challenge(&msg->hello, PROTO_VERSION);
		else
			welcome();
		break;
	case MSG_PROOF:
		if (player.proved)
			welcome();
		break;
	case MSG_CALL:
		reply(&msg->call);
		break;
	case MSG_SUBMIT:
		serve_io(&msg->submit);
		break;
	case MSG_REGION_DROP:
		honest_say(&(struct message){.type = MSG_REPLY,
					     .reply = {.tag = msg->region_drop.tag}});
		break;
	case MSG_ABORT: /* what it names ends as it would */
	case MSG_GOODBYE:
		break;
	case MSG_PING:
		if (!msg->ping.pong) {
			const struct message pong = message_pong(&msg->ping);

			honest_say(&pong);
		}
		break;
	default:
		insist(!"a message for clients");
	}
}
