/*
 * The library and a real server, and somebody between them: each byte of each handshake message
 * changed once, keys stripped, servers played. What the client says after the lie shows whether it
 * believed it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "client/usrbio.h"
#include "proto/codec.h"
#include "proto/seal.h"
#include "tests/auth/play/fixture.h"
#include "tests/auth/play/between.h"
#include "tests/auth/play/hand.h"
#include "tests/support/must.h"

/* Mount points that have not been used yet. */
static unsigned fresh = 30;

static int look_through(struct between *between)
{
	struct usrbio_stat st;

	return usrbio_stat(file_as(between_url(between), "data", "alice", fresh++, "file"), &st);
}

/* One bit of a byte of the first message of a type, on one connection. */
struct flip {
	uint8_t type;
	size_t byte;
	_Atomic size_t len; /* of such a message */
	unsigned done;	    /* on this connection */
	_Atomic bool believed;
};

static size_t flip(struct between *between, void *arg, bool to_server, uint8_t *frame, size_t len,
		   size_t room)
{
	struct flip *f = arg;
	unsigned conn = between_count(between);
	struct message msg;

	if (f->done) {
		if (f->done != conn)
			return len;
		/* Nobody answers to what they have seen through; a server that does lets in. */
		if (to_server || (between_decode(between, frame, len, &msg) &&
				  msg.type == MSG_WELCOME && !msg.welcome.status))
			atomic_store(&f->believed, true);
		return len;
	}
	if (*frame != f->type)
		return len;
	atomic_store(&f->len, len);
	f->done = f->byte < len ? conn : 0;
	if (f->done)
		frame[f->byte] ^= (uint8_t)(1u << f->byte % 8);
	return len;
}

static void every_byte(const struct auth_case *c)
{
	static const uint8_t types[] = {MSG_HELLO, MSG_CHALLENGE, MSG_PROOF, MSG_WELCOME};
	struct between *between = between_start(served.url);
	unsigned n = 0;

	for (size_t t = 0; t < sizeof(types); t++) {
		struct flip f = {.type = types[t]};

		for (; f.byte == 0 || f.byte < atomic_load(&f.len); f.byte++, n++) {
			f.done = 0;
			atomic_store(&f.believed, false);
			between_set(between, flip, &f);
			look_through(between);
			between_set(between, NULL, NULL);
			if (!f.done || atomic_load(&f.believed))
				bad("byte %zu of message %u", f.byte, types[t]);
		}
	}
	expect_in(look_through(between), "alice, when nothing is changed");
	between_stop(between);
	printf("auth: %u bytes changed\n", n);
}

/* How somebody in between plays. */
enum {
	STRIP_KEY,	   /* the client is made to have none */
	PLAIN_WELCOME,	   /* answers Hello at once, as to who has no key */
	WELCOME_WITH_MAC,  /* the same, with a mac of its own */
	WELCOME_BY_NO_KEY, /* the same, by the key that a client has before it has any: zeroes */
	MADE_UP_CHALLENGE, /* draws what it cannot compute */
	ECHO,		   /* of the client's nonce and share */
	TWO_CHALLENGES,
	NO_PROOF,	  /* says Welcome instead of passing on the Proof */
	OTHER_VERSIONS,	  /* in the Hello */
	OLD_CHALLENGE,	  /* of another version */
	UNSIGNED_WELCOME, /* takes the mac off */
	ZERO_SHARE,
};

static const uint8_t made_up[32] = {9, 9, 9};

static struct message welcome(bool mac)
{
	struct message msg = {
		.type = MSG_WELCOME,
		.welcome = {.version = PROTO_VERSION,
			    .session_id = {made_up, SESSION_ID_SIZE},
			    .session_key = {made_up, SESSION_KEY_SIZE},
			    .boot_id = 7,
			    .host = 1,
			    .verifier = 1,
			    .max_inflight = 8,
			    .max_regions = 8,
			    .max_files = 8,
			    .server = text("made up")},
	};

	if (mac) {
		msg.welcome.session_key.len = 0;
		msg.welcome.mac = (struct bytes){made_up, MAC_SIZE};
	}
	return msg;
}

static struct message challenge(void)
{
	return (struct message){.type = MSG_CHALLENGE,
				.challenge = {.version = PROTO_VERSION,
					      .nonce = {made_up, NONCE_SIZE},
					      .share = {made_up, SHARE_SIZE},
					      .mac = {made_up, MAC_SIZE}}};
}

static size_t encoded(const struct message *msg, uint8_t *frame, size_t room)
{
	long len = codec_encode(msg, frame, room);

	must(len > 0, "a message that cannot be encoded");
	return (size_t)len;
}

static void sign_by_zeroes(const struct message *msg, const uint8_t *hello, size_t len,
			   uint8_t mac[MAC_SIZE])
{
	uint8_t binding[3 + TP_CHANNEL_SIZE] = "tcp", nonce[NONCE_SIZE], share[SHARE_SIZE];
	struct exchange x = {0};

	must(!exchange_begin(&x, binding, sizeof(binding), nonce, share) &&
		     !seal_hear(&x, hello, len) && !seal_sign(&x, msg, AUTH_SERVER, mac),
	     "mac");
}

struct play {
	long how;
	_Atomic unsigned calls; /* of who took the bait */
	_Atomic unsigned proofs;
};

static size_t play_hello(struct between *between, const struct play *play, struct message *msg,
			 uint8_t *frame, size_t len, size_t room)
{
	struct hello *hello = &msg->hello;
	uint8_t mac[MAC_SIZE];
	struct message reply = play->how == PLAIN_WELCOME	? welcome(false)
			       : play->how <= WELCOME_BY_NO_KEY ? welcome(true)
								: challenge();

	switch (play->how) {
	case STRIP_KEY:
		hello->key_id.len = hello->key_tag.len = hello->nonce.len = hello->share.len = 0;
		return encoded(msg, frame, room);
	case OTHER_VERSIONS:
		hello->version_min = 0;
		hello->version_max = 9;
		return encoded(msg, frame, room);
	case ECHO:
		reply.challenge.nonce = hello->nonce;
		reply.challenge.share = hello->share;
		break;
	case WELCOME_BY_NO_KEY:
		reply.welcome.mac.data = mac;
		sign_by_zeroes(&reply, frame, len, mac);
		break;
	case PLAIN_WELCOME:
	case WELCOME_WITH_MAC:
	case MADE_UP_CHALLENGE:
		break;
	default:
		return len;
	}
	between_say(between, &reply);
	return 0;
}

static size_t play_challenge(struct between *between, const struct play *play, struct message *msg,
			     uint8_t *frame, size_t len, size_t room)
{
	static const uint8_t zeroes[SHARE_SIZE];

	if (play->how == TWO_CHALLENGES)
		between_say(between, msg);
	if (play->how == OLD_CHALLENGE)
		msg->challenge.version++;
	else if (play->how == ZERO_SHARE)
		msg->challenge.share = (struct bytes){zeroes, SHARE_SIZE};
	else
		return len;
	return encoded(msg, frame, room);
}

static size_t play(struct between *between, void *arg, bool to_server, uint8_t *frame, size_t len,
		   size_t room)
{
	struct play *play = arg;
	struct message msg, reply;

	must(between_decode(between, frame, len, &msg), "a malformed message");
	switch (msg.type) {
	case MSG_HELLO:
		return play_hello(between, play, &msg, frame, len, room);
	case MSG_CHALLENGE:
		return play_challenge(between, play, &msg, frame, len, room);
	case MSG_PROOF:
		atomic_fetch_add(&play->proofs, 1);
		if (play->how != NO_PROOF)
			return len;
		reply = welcome(true);
		between_say(between, &reply);
		return 0;
	case MSG_WELCOME:
		if (play->how == UNSIGNED_WELCOME && !msg.welcome.status) {
			msg.welcome.mac.len = 0;
			msg.welcome.session_key = (struct bytes){made_up, SESSION_KEY_SIZE};
			return encoded(&msg, frame, room);
		}
		return len;
	default:
		if (to_server)
			atomic_fetch_add(&play->calls, 1);
		return len;
	}
}

static void played(const struct auth_case *c)
{
	const char *servers[] = {served.url, open_to_all.url};

	for (int i = 0; i < 2; i++) {
		struct between *between = between_start(servers[i]);
		struct play p = {.how = c->number};

		between_set(between, play, &p);
		fresh = 2; /* some of this is tried again until then */
		if (!look_through(between))
			bad("%s: the library goes on", c->name);
		between_set(between, NULL, NULL);
		if (atomic_load(&p.calls))
			bad("%s: it says more than a hello", c->name);
		if (c->number <= ECHO && atomic_load(&p.proofs))
			bad("%s: it proves its key to who has not", c->name);
		between_stop(between);
	}
	fresh = 2000 + (unsigned)c->number;
}

/* What a server says no with, when it has said yes. */
struct refusal {
	int status;
	bool mac;
};

static size_t refuse(struct between *between, void *arg, bool to_server, uint8_t *frame, size_t len,
		     size_t room)
{
	const struct refusal *refusal = arg;
	struct message no = {.type = MSG_WELCOME, .welcome = {.version = PROTO_VERSION}};

	if (*frame != MSG_WELCOME)
		return len;
	no.welcome.status = refusal->status;
	if (refusal->mac)
		no.welcome.mac = (struct bytes){made_up, MAC_SIZE};
	return encoded(&no, frame, room);
}

/* -ESTALE would make a client give up its session, -ENOENT tell a program that its file is gone. */
static void forged_refusals(const struct auth_case *c)
{
	static const int all[] = {-ESTALE, -ENOENT, -EACCES, -EUSERS, -ENOMEM};
	struct between *between = between_start(served.url);

	for (size_t i = 0; i < 2 * sizeof(all) / sizeof(*all); i++) {
		struct refusal refusal = {.status = all[i / 2], .mac = i % 2};
		int err;

		between_set(between, refuse, &refusal);
		err = look_through(between);
		between_set(between, NULL, NULL);
		if (err != -EKEYREJECTED)
			bad("a made-up refusal, %d%s: %d", refusal.status,
			    refusal.mac ? " with a mac" : "", err);
	}
	expect_in(look_through(between), "alice, when nobody says no");
	between_stop(between);
}

const struct auth_case between_cases[] = {
	{"every-byte-between", every_byte, .tcp_only = true},
	{"key-stripped", played, true, STRIP_KEY},
	{"plain-welcome", played, true, PLAIN_WELCOME},
	{"welcome-with-a-mac", played, true, WELCOME_WITH_MAC},
	{"welcome-by-no-key", played, true, WELCOME_BY_NO_KEY},
	{"made-up-challenge", played, true, MADE_UP_CHALLENGE},
	{"echoed-challenge", played, true, ECHO},
	{"two-challenges", played, true, TWO_CHALLENGES},
	{"no-proof", played, true, NO_PROOF},
	{"other-versions", played, true, OTHER_VERSIONS},
	{"challenge-of-another-version", played, true, OLD_CHALLENGE},
	{"unsigned-welcome", played, true, UNSIGNED_WELCOME},
	{"zero-share", played, true, ZERO_SHARE},
	{"forged-refusals", forged_refusals, .tcp_only = true},
	{NULL},
};
