/*
 * The played server: it does what the input says, and else what is honest, exactly when the library
 * looks.
 */
#include <sched.h>
#include <string.h>
#include <time.h>

#include "client/session/credentials.h"
#include "client/spec/mountspec.h"
#include "common/transport/addr.h"
#include "tests/fuzz/player.h"

#define CONNS 3	  /* that the input is about */
#define LEFT  'L' /* behind a 10 */

struct player player = {.lock = PTHREAD_MUTEX_INITIALIZER};
unsigned long nr_handshakes, nr_let_in;

int __real_loop_poll(struct tp_domain *domain, struct tp_event *events, int max);
int __real_loop_arm(struct tp_domain *domain);
int __wrap_loop_poll(struct tp_domain *domain, struct tp_event *events, int max);
int __wrap_loop_arm(struct tp_domain *domain);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_credentials_read(const struct mountspec *spec, struct credentials *credentials);

/* Between two attempts to connect: nobody is there who would need the time. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
	(void)time;
	(void)rest;
	return sched_yield();
}

/* A key without a file. */
int __wrap_credentials_read(const struct mountspec *spec, struct credentials *credentials)
{
	*credentials = (struct credentials){.id = ""};
	if (*spec->key)
		strcpy(credentials->id, spec->key);
	return 0;
}

static uint32_t tag_of(const struct message *msg)
{
	switch (msg->type) {
	case MSG_CALL:
		return msg->call.tag;
	case MSG_SUBMIT:
		return io_tag(&msg->submit.io[0]);
	case MSG_REGION_DROP:
		return msg->region_drop.tag;
	case MSG_PING:
		return (uint32_t)msg->ping.nonce;
	case MSG_ABORT:
		return msg->abort.nr_calls ? msg->abort.calls[0]
		       : msg->abort.nr_ios ? msg->abort.ios[0]
					   : 0;
	default:
		return 0;
	}
}

/* Said with the tag of what was asked, wherever such a message has one, or as a handshake wants. */
static void say_tagged(const uint8_t *frame, size_t len, const struct message *asked)
{
	static struct arena arena;
	struct io_result done[COMPLETIONS_MAX];
	uint32_t tag = tag_of(asked);
	struct message msg;

	insist(arena.base || !arena_open(&arena, ARENA_SIZE));
	if (codec_decode(&arena, frame, len, &msg)) {
		honest_frame(frame, len);
		return;
	}
	if (msg.type == MSG_CHALLENGE && asked->type == MSG_HELLO && player.keyed && player.conn) {
		honest_challenge(&asked->hello, msg.challenge.version);
		return;
	}
	if (msg.type == MSG_WELCOME && player.proved) {
		honest_welcome(&msg);
		return;
	}
	if (msg.type == MSG_REPLY) {
		msg.reply.tag = tag;
	} else if (msg.type == MSG_PING) {
		msg.ping.nonce = tag;
	} else if (msg.type == MSG_COMPLETION) {
		memcpy(done, msg.completion.done, msg.completion.n * sizeof(*done));
		done[0].tag = tag;
		msg.completion.done = done;
	}
	honest_say(&msg);
}

static void reach(enum tp_kind kind)
{
	int64_t off = (int16_t)take_u16(&player.in); /* odd: of the I/O before or behind */
	const struct tp_op op = {
		.kind = kind,
		.len = take_u16(&player.in) % FILE_LEN,
		.tag = player.last_tag + (uint32_t)(off & 1) * (off < 0 ? -1u << 14 : 1u << 14),
		.off = (uint64_t)(off * 4),
		.local = player.file,
	};

	honest_post(&op);
}

static void immediate(uint32_t tag)
{
	const struct tp_op op = {.kind = TP_WRITE,
				 .has_imm = true,
				 .tag = tag ^ take_byte(&player.in),
				 .local = player.file};

	honest_post(&op);
}

static void answer(const struct message *msg)
{
	const uint8_t *frame;
	uint8_t how = take_byte(&player.in) % 11;
	size_t len = 0;

	if (how >= 1 && how <= 3)
		len = take_bytes(&player.in, take_u16(&player.in), &frame);
	switch (how) {
	case 1:
		honest_frame(frame, len);
		player.silent = true;
		return;
	case 2:
		say_tagged(frame, len, msg);
		player.silent = true;
		return;
	case 3:
		honest_frame(frame, len);
		break;
	case 4:
		immediate(tag_of(msg));
		break;
	case 5:
		reach(TP_WRITE);
		break;
	case 6:
		reach(TP_READ);
		break;
	case 7:
		player.silent = true;
		return;
	case 8:
		tp_loop.disconnect(player.conn);
		return;
	case 9:
		honest_serve(msg);
		break;
	case 10: /* left unanswered, until the client gives it up; seldom, as that takes a second */
		if (take_byte(&player.in) == LEFT)
			return;
		break;
	}
	honest_serve(msg);
}

static void take_message(const struct tp_event *event)
{
	struct message msg;

	insist(!codec_decode(&player.arena, event->msg, event->len, &msg));
	if (msg.type == MSG_HELLO) {
		player.keyed = msg.hello.key_id.len;
		nr_handshakes += player.keyed;
	} else if (player.keyed) {
		insist(msg.type == MSG_PROOF ? player.challenged : player.welcomed);
	}
	if (msg.type == MSG_PROOF)
		honest_hear_proof(&msg);
	if (msg.type == MSG_SUBMIT)
		player.last_tag = io_tag(&msg.submit.io[0]);
	if (msg.type == MSG_REGION_ADD) {
		player.regions[msg.region_add.region % IDS] = msg.region_add;
	} else if (player.nr_conns > CONNS || !player.in.left) {
		honest_serve(&msg);
	} else {
		answer(&msg);
	}
}

/* Between two inputs nobody is let in, so that each one begins with a handshake. */
static void take_request(struct tp_request *request)
{
	bool refused = player.over || player.conn;

	if (tp_loop.accept(refused ? NULL : player.domain, request, NULL, &player.conn) || refused)
		return;
	player.nr_conns++;
	player.silent = player.keyed = player.challenged = player.proved = player.welcomed = false;
}

static void take_event(const struct tp_event *event)
{
	if (event->type == TP_EV_REQUEST) {
		take_request(event->request);
	} else if (event->conn != player.conn) {
		return;
	} else if (event->type == TP_EV_MSG) {
		take_message(event);
	} else if (event->type == TP_EV_CLOSED) {
		tp_loop.conn_free(player.conn);
		player.conn = NULL;
	}
}

static void player_turn(void)
{
	struct tp_event events[32];
	int n;

	pthread_mutex_lock(&player.lock);
	do {
		n = __real_loop_poll(player.domain, events, 32);
		for (int i = 0; i < n; i++)
			take_event(&events[i]);
	} while (n > 0);
	pthread_mutex_unlock(&player.lock);
}

int __wrap_loop_poll(struct tp_domain *domain, struct tp_event *events, int max)
{
	player_turn();
	return __real_loop_poll(domain, events, max);
}

/* The library is about to sleep: who owes it an answer and has none to give goes. */
int __wrap_loop_arm(struct tp_domain *domain)
{
	player_turn();
	if (!__real_loop_arm(domain)) {
		pthread_mutex_lock(&player.lock);
		if (player.silent && player.conn)
			tp_loop.disconnect(player.conn);
		player.silent = false;
		pthread_mutex_unlock(&player.lock);
	}
	return __real_loop_arm(domain);
}

static void tell(void)
{
	fprintf(stderr, "handshakes=%lu let_in=%lu\n", nr_handshakes, nr_let_in);
}

void player_open(void)
{
	const struct tp_domain_config config = {.msg_max = FRAME_MAX,
						.nr_recvs = 32,
						.nr_sends = 16,
						.nr_posts = 16,
						.nr_conns = 2,
						.numa = -1};
	struct tp_listener *listener;
	struct tp_addr addr;

	player.file = calloc(1, FILE_LEN);
	insist(player.file && !arena_open(&player.arena, ARENA_SIZE));
	insist(addr_resolve("loop", PLAYER_NAME, 0, true, &addr, 1) == 1);
	insist(!tp_loop.domain_open(&config, &player.domain));
	insist(!tp_loop.domain_local(player.domain, player.file, FILE_LEN));
	insist(!tp_loop.listen(player.domain, &addr, &listener));
	atexit(tell);
}

void player_play(const uint8_t *data, size_t len, bool over)
{
	pthread_mutex_lock(&player.lock);
	player.in = (struct input){data, len};
	player.nr_conns = 0;
	player.over = over;
	if (over && player.conn)
		tp_loop.disconnect(player.conn);
	pthread_mutex_unlock(&player.lock);
}
