/* Lies about who one is: versions, exports, sessions, incarnations of sessions. */
#include <errno.h>
#include <string.h>

#include "proto/codec.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"

/* Refused with this status, then the end. */
static void refused(struct evil *e, const struct hello *hello, int status)
{
	expect_status(e, evil_handshake(e, hello), status);
	if (e->status)
		expect_end(e);
}

static void version(struct evil *e, const struct lie *lie)
{
	struct hello hello = evil_hello("data");

	hello.version_min = (uint32_t)lie->number;
	hello.version_max = (uint32_t)(lie->number >> 32);
	refused(e, &hello, -EPROTONOSUPPORT);
}

static void version_backward(struct evil *e, const struct lie *lie)
{
	struct hello hello = evil_hello("data");

	hello.version_min = 2;
	hello.version_max = 1;
	wire_msg(&e->wire, &(struct message){.type = MSG_HELLO, .hello = hello});
	expect_end(e);
}

static void export(struct evil *e, const struct lie *lie)
{
	const struct hello hello = evil_hello(lie->bytes);

	refused(e, &hello, -ENOENT);
}

static void export_too_long(struct evil *e, const struct lie *lie)
{
	char name[EXPORT_NAME_MAX + 2];
	struct hello hello;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	hello = evil_hello(name);
	wire_msg(&e->wire, &(struct message){.type = MSG_HELLO, .hello = hello});
	expect_end(e);
}

static void export_with_a_zero(struct evil *e, const struct lie *lie)
{
	struct hello hello = evil_hello("data");

	hello.export = (struct bytes){(const uint8_t *)"data\0ro", 7};
	wire_msg(&e->wire, &(struct message){.type = MSG_HELLO, .hello = hello});
	expect_end(e);
}

static void twice(struct evil *e, const struct lie *lie)
{
	const struct message msg = {.type = MSG_HELLO, .hello = evil_hello("data")};

	wire_msg(&e->wire, &msg);
	expect_end(e);
}

/* Each type of message that is no Hello, and as it should be otherwise. */
static void before_hello(struct evil *e, const struct lie *lie)
{
	static const uint8_t mac[MAC_SIZE], share[SHARE_SIZE], nonce[NONCE_SIZE];
	const struct io_entry io = good_io(e);
	const uint32_t tag = 1;
	struct io_result done;
	const struct message messages[] = {
		{.type = MSG_WELCOME, .welcome = welcome_new(16, 16)},
		{.type = MSG_REGION_ADD,
		 .region_add = {.base = 4096, .size = 4096, .access = ACCESS_READ}},
		{.type = MSG_REGION_DROP},
		message_submit(IO_READ, &io, 1),
		message_completion(&done, 1, 0),
		{.type = MSG_CALL, .call = {.op = CALL_STAT, .path = text("file")}},
		{.type = MSG_REPLY, .reply = {.tag = 1}},
		{.type = MSG_PING},
		{.type = MSG_CHALLENGE,
		 .challenge = {.nonce = {nonce, NONCE_SIZE},
			       .share = {share, SHARE_SIZE},
			       .mac = {mac, MAC_SIZE}}},
		{.type = MSG_PROOF, .proof = {.mac = {mac, MAC_SIZE}}},
		{.type = MSG_ABORT, .abort = {.nr_ios = 1, .ios = &tag}},
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct evil other;

		evil_open(&other, e->fixture, e->name, STAGE_PARAMS);
		wire_msg(&other.wire, &messages[i]);
		expect_end(&other);
		if (other.heard.nr_welcomes || other.heard.nr_replies || other.heard.nr_pongs)
			escape(&other, "an answer to type %d before a Hello", messages[i].type);
		evil_close(&other, e);
	}
}

/* Two at once, before the first is answered. */
static void both(struct evil *e, const struct lie *lie)
{
	const struct message msg = {.type = MSG_HELLO, .hello = evil_hello("data")};
	uint8_t bytes[1024];
	size_t n = wire_pack(&msg, bytes, sizeof(bytes));

	n += wire_pack(&msg, bytes + n, sizeof(bytes) - n);
	wire_bytes(&e->wire, bytes, n);
	while (evil_step(e) != SEEN_END)
		;
	if (e->nr_successes)
		escape(e, "an I/O nobody asked for");
}

static void refused_and_a_call(struct evil *e, const struct lie *lie)
{
	uint8_t bytes[1024];
	size_t n = wire_pack(&(struct message){.type = MSG_HELLO, .hello = evil_hello("nothing")},
			     bytes, sizeof(bytes));
	struct evil honest;

	n += wire_pack(
		&(struct message){
			.type = MSG_CALL,
			.call = {.tag = 64, .op = CALL_MKDIR, .path = text("never"), .mode = 0755}},
		bytes + n, sizeof(bytes) - n);
	wire_bytes(&e->wire, bytes, n);
	evil_until(e, SEEN_WELCOME);
	expect_status(e, e->status, -ENOENT);
	expect_end(e);
	evil_open(&honest, e->fixture, e->name, STAGE_WELCOME);
	expect_status(&honest,
		      evil_call(&honest, &(struct call){.op = CALL_STAT, .path = text("never")}),
		      -ENOENT);
	evil_close(&honest, e);
}

static struct hello hello_of(const char *export, const uint8_t *id, const uint8_t *key)
{
	struct hello hello = evil_hello(export);

	hello.session_id = (struct bytes){id, SESSION_ID_SIZE};
	hello.session_key = (struct bytes){key, SESSION_KEY_SIZE};
	return hello;
}

/* Another connection of the case says this hello. */
static void another(struct evil *e, const struct hello *hello, int status)
{
	struct evil other;

	evil_open(&other, e->fixture, e->name, STAGE_PARAMS);
	refused(&other, hello, status);
	evil_close(&other, e);
}

static void random_sessions(struct evil *e, const struct lie *lie)
{
	uint64_t state = 5, id[2], key[4];

	for (int i = 0; i < 50; i++) {
		struct hello hello = hello_of("data", (uint8_t *)id, (uint8_t *)key);

		for (int w = 0; w < 2; w++)
			id[w] = i ? next_random(&state) : 0;
		for (int w = 0; w < 4; w++)
			key[w] = i ? next_random(&state) : 0;
		hello.epoch = i % 2 ? (uint32_t)next_random(&state) : 0;
		another(e, &hello, -ESTALE);
	}
}

/* One bit of a living session's id or key is wrong. */
static void one_bit(struct evil *e, const struct lie *lie)
{
	for (unsigned bit = 0; bit < 8 * (SESSION_ID_SIZE + SESSION_KEY_SIZE); bit += 5) {
		uint8_t secret[SESSION_ID_SIZE + SESSION_KEY_SIZE];
		struct hello hello = hello_of("data", secret, secret + SESSION_ID_SIZE);

		memcpy(secret, e->heard.session_id, SESSION_ID_SIZE);
		memcpy(secret + SESSION_ID_SIZE, e->heard.session_key, SESSION_KEY_SIZE);
		secret[bit / 8] ^= (uint8_t)(1u << bit % 8);
		another(e, &hello, -ESTALE);
	}
	expect_alive(e);
}

static void another_export(struct evil *e, const struct lie *lie)
{
	const struct hello hello = hello_of("other", e->heard.session_id, e->heard.session_key);

	another(e, &hello, -EINVAL);
	expect_alive(e);
}

/* What does not decode: half an id, an epoch without a session, a channel that cannot be. */
static void malformed(struct evil *e, const struct lie *lie)
{
	struct hello hello = evil_hello("data");
	uint8_t frame[1024];
	long len;

	switch (lie->number) {
	case 0:
		hello = hello_of("data", e->heard.session_id, e->heard.session_key);
		hello.session_key.len--;
		break;
	case 1:
		hello.session_key = (struct bytes){e->heard.session_key, SESSION_KEY_SIZE};
		break;
	case 2:
		hello.epoch = 1;
		break;
	case 3:
		hello.channel = SESSION_CONNS_MAX;
		break;
	default:
		hello.channel = UINT32_MAX;
	}
	len = codec_encode(&(struct message){.type = MSG_HELLO, .hello = hello}, frame,
			   sizeof(frame));
	must(len > 0, "a hello");
	wire_frame(&e->wire, frame, (size_t)len);
	expect_end(e);
}

/* The key that opens a session does not make it take more connections than there may be. */
static void too_many(struct evil *e, const struct lie *lie)
{
	const struct hello hello = hello_of("data", e->heard.session_id, e->heard.session_key);
	struct evil others[SESSION_CONNS_MAX];

	for (int i = 0; i < SESSION_CONNS_MAX; i++) {
		struct hello mine = hello;

		mine.channel = (uint32_t)(i + 1) % SESSION_CONNS_MAX;
		evil_open(&others[i], e->fixture, e->name, STAGE_PARAMS);
		expect_status(&others[i], evil_handshake(&others[i], &mine),
			      i < SESSION_CONNS_MAX - 1 ? 0 : -EUSERS);
	}
	expect_alive(e);
	for (int i = 0; i < SESSION_CONNS_MAX; i++)
		evil_close(&others[i], e);
}

/* Whoever knows a session's key may go on with it, and with nothing else: epochs in any order. */
static void epochs(struct evil *e, const struct lie *lie)
{
	static const uint32_t numbers[] = {UINT32_MAX, 0, 1, UINT32_MAX, UINT32_MAX - 1};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct hello hello = hello_of("data", e->heard.session_id, e->heard.session_key);
		struct evil other;
		int status;

		hello.epoch = numbers[i];
		evil_open(&other, e->fixture, e->name, STAGE_PARAMS);
		status = evil_handshake(&other, &hello);
		if (status && status != -EALREADY && status != -ENOTCONN)
			escape(&other, "epoch %u: %d", numbers[i], status);
		if (!status)
			expect_alive(&other);
		evil_close(&other, e);
	}
}

#define VERSIONS(min, max) .number = (int64_t)(min) | (int64_t)(max) << 32

const struct lie hello_lies[] = {
	{"versions-to-come", STAGE_PARAMS, version, VERSIONS(PROTO_VERSION + 1, 9)},
	{"version-past", STAGE_PARAMS, version, VERSIONS(1, PROTO_VERSION - 1)},
	{"version-zero", STAGE_PARAMS, version, VERSIONS(0, 0)},
	{"versions-without-end", STAGE_PARAMS, version, VERSIONS(0xffffffff, 0xffffffffull)},
	{"versions-backward", STAGE_PARAMS, version_backward},
	{"export-unknown", STAGE_PARAMS, export, "nothing"},
	{"export-empty", STAGE_PARAMS, export, ""},
	{"export-path", STAGE_PARAMS, export, "../etc"},
	{"export-longer", STAGE_PARAMS, export, "dataa"},
	{"export-shorter", STAGE_PARAMS, export, "dat"},
	{"export-too-long", STAGE_PARAMS, export_too_long},
	{"export-with-a-zero", STAGE_PARAMS, export_with_a_zero},
	{"anything-before-a-hello", STAGE_SOCKET, before_hello},
	{"hello-twice", STAGE_WELCOME, twice},
	{"hello-twice-at-once", STAGE_PARAMS, both},
	{"hello-later", STAGE_FILE, twice},
	{"refused-and-a-call", STAGE_PARAMS, refused_and_a_call},
	{"sessions-at-random", STAGE_SOCKET, random_sessions},
	{"session-one-bit", STAGE_WELCOME, one_bit},
	{"session-of-another-export", STAGE_WELCOME, another_export},
	{"key-too-short", STAGE_PARAMS, malformed, .number = 0},
	{"key-without-an-id", STAGE_PARAMS, malformed, .number = 1},
	{"epoch-without-a-session", STAGE_PARAMS, malformed, .number = 2},
	{"channel-64", STAGE_PARAMS, malformed, .number = 3},
	{"channel-huge", STAGE_PARAMS, malformed, .number = 4},
	{"connections-too-many", STAGE_WELCOME, too_many},
	{"epochs", STAGE_FILE, epochs},
	{NULL},
};
