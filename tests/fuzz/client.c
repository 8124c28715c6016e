/*
 * The client's handling of what a server says: the whole library through its public headers, over
 * the loop transport, whose poll and arm give the played server its turn, so that it acts exactly
 * when the library looks. An input says how the server answers each message of its first
 * CONNS connections; when it is used up, or those are, the server is honest. If its first byte is
 * 128 or more the mount has a key, and the client must say nothing to a server that has not proved
 * it. A record:
 *
 *   0  honestly
 *   1  length (2 bytes), a frame: said as it is, and nothing else
 *   2  likewise, but the tag of what was asked is put into it
 *   3  likewise, then honestly
 *   4  an immediate: the tag of the first I/O, changed by the next byte
 *   5  a WRITE, 6 a READ: where (2 bytes, signed), how far (2 bytes), from the start of the last
 *      region that was announced
 *   7  not at all, and the connection ends when nothing more happens
 *   8  a farewell
 *   9  the I/Os, or whatever was asked, twice
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/hf3fs_usrbio.h"
#include "client/credentials.h"
#include "client/mountspec.h"
#include "client/usrbio.h"
#include "common/addr.h"
#include "common/transport.h"
#include "proto/codec.h"
#include "proto/seal.h"
#include "tests/fuzz/input.h"

#define NAME	 "fuzz"
#define MOUNT	 "loop://" NAME "/data?timeout=1"
#define KEYED	 MOUNT "&key=a"
#define FILE_LEN 65536u
#define WRAPPED	 65536u
#define SIDE	 32768u
#define CANARY	 0x5a
#define CONNS	 3 /* that the input is about */
#define IDS	 64
#define IOS	 4

struct player {
	pthread_mutex_t lock; /* all of it: whoever polls gives it its turn */
	struct input in;
	unsigned nr_conns; /* in this input */
	bool silent, over; /* something was not answered; the input is through */
	bool keyed;	   /* this connection; and the proofs given on it */
	bool challenged, welcomed;
	struct exchange exchange;
	struct tp_domain *domain;
	struct tp_conn *conn;
	struct arena arena;
	struct region_add regions[IDS], last;
	uint8_t *file;
};

static struct player player = {.lock = PTHREAD_MUTEX_INITIALIZER};
static uint8_t *memory, canary[SIDE]; /* SIDE, WRAPPED, SIDE */

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

/* The played server. Lock held. */

static void say_frame(const void *frame, size_t len)
{
	void *buf = player.conn ? tp_loop.msg_buf(player.conn) : NULL;

	if (!buf || !len || len > player.conn->msg_max)
		return;
	memcpy(buf, frame, len);
	tp_loop.msg_send(player.conn, len);
	tp_loop.flush(player.conn);
}

static void say(const struct message *msg)
{
	uint8_t frame[FRAME_MAX];
	long len = codec_encode(msg, frame, sizeof(frame));

	if (len > 0)
		say_frame(frame, (size_t)len);
}

static void post(const struct tp_op *op)
{
	if (player.conn && !tp_loop.post(player.conn, op))
		tp_loop.flush(player.conn);
}

static void complete(uint32_t tag, int64_t result)
{
	const struct io_result done = {tag, result};

	say(&(struct message){.type = MSG_COMPLETION, .completion = {.n = 1, .done = &done}});
}

static void serve_io(const struct submit *submit)
{
	for (size_t i = 0; i < submit->n; i++) {
		const struct io_entry *io = &submit->io[i];
		const struct region_add *region = &player.regions[io_region(io) % IDS];
		const struct tp_op op = {
			.kind = submit->op == IO_READ ? TP_WRITE : TP_READ,
			.len = (uint32_t)io->len,
			.key = region->key,
			.raddr = region->base + io->region_off,
			.local = player.file,
		};

		insist(io->len <= FILE_LEN && io->region_off <= region->size - io->len);
		post(&op);
		complete(io_tag(io), (int64_t)io->len);
	}
}

static void welcome(void)
{
	static const uint8_t id[SESSION_ID_SIZE] = {1}, key[SESSION_KEY_SIZE] = {2};
	uint8_t mac[MAC_SIZE];
	struct message msg = {.type = MSG_WELCOME,
			      .welcome = {.version = PROTO_VERSION,
					  .features = FEATURE_IMM | FEATURE_COUNTERS,
					  .session_id = {id, sizeof(id)},
					  .session_key = {key, sizeof(key)},
					  .boot_id = 42,
					  .max_inflight = 8,
					  .max_regions = IDS,
					  .max_files = 100}};

	if (player.keyed) {
		msg.welcome.session_key.len = 0;
		msg.welcome.mac = (struct bytes){mac, sizeof(mac)};
		insist(!seal_sign(&player.exchange, &msg, AUTH_SERVER, mac));
	}
	player.welcomed = true;
	say(&msg);
}

static void challenge(const struct hello *hello)
{
	static const struct secret none;
	uint8_t binding[TP_BINDING_MAX], nonce[NONCE_SIZE], share[SHARE_SIZE], mac[MAC_SIZE];
	struct message msg = {.type = MSG_HELLO, .hello = *hello};
	struct exchange *x = &player.exchange;

	insist(!exchange_begin(x, binding, tp_binding(player.conn, binding), nonce, share));
	insist(!seal_say(x, &msg));
	msg = (struct message){.type = MSG_CHALLENGE,
			       .challenge = {.version = PROTO_VERSION,
					     .nonce = {nonce, sizeof(nonce)},
					     .share = {share, sizeof(share)},
					     .mac = {mac, sizeof(mac)}}};
	insist(!seal_say_signed(x, &msg));
	insist(!exchange_keys(x, &none, hello->share.data));
	insist(!exchange_mac(x, AUTH_SERVER, mac));
	player.challenged = true;
	say(&msg);
}

/* Wrong only if there was another challenge than that of the last one. */
static void hear_proof(const struct message *msg)
{
	struct message copy = *msg;

	insist(!seal_say_signed(&player.exchange, &copy));
	if (exchange_check(&player.exchange, AUTH_CLIENT, msg->proof.mac.data))
		welcome();
}

static void reply(const struct call *call)
{
	static const char names[] = "a\0b";
	static const uint32_t types[2] = {8, 8};
	struct reply r = {.tag = call->tag,
			  .file = 7,
			  .persistent = {(const uint8_t *)"p", 1},
			  .attr_valid = 1,
			  .attr = {.mode = S_IFREG | 0600, .nlink = 1, .size = FILE_LEN}};

	if (call->op == CALL_READDIR) {
		r.names = (struct bytes){(const uint8_t *)names, sizeof(names)};
		r.types = types;
		r.nr_types = 2;
	}
	say(&(struct message){.type = MSG_REPLY, .reply = r});
}

static void serve(const struct message *msg)
{
	switch (msg->type) {
	case MSG_HELLO:
		if (player.keyed && player.conn)
			challenge(&msg->hello);
		else
			welcome();
		break;
	case MSG_PROOF:
		hear_proof(msg);
		break;
	case MSG_CALL:
		reply(&msg->call);
		break;
	case MSG_SUBMIT:
		serve_io(&msg->submit);
		break;
	case MSG_REGION_DROP:
		say(&(struct message){.type = MSG_REPLY, .reply = {.tag = msg->region_drop.tag}});
		break;
	case MSG_PING:
		if (!msg->ping.pong)
			say(&(struct message){.type = MSG_PING,
					      .ping = {.nonce = msg->ping.nonce, .pong = 1}});
		break;
	default:
		insist(!"a message for clients");
	}
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
	default:
		return 0;
	}
}

/* Said with the tag of what was asked, wherever such a message has one. */
static void say_tagged(const uint8_t *frame, size_t len, uint32_t tag)
{
	static struct arena arena;
	struct io_result done[COMPLETIONS_MAX];
	struct message msg;

	insist(arena.base || !arena_open(&arena, ARENA_SIZE));
	if (codec_decode(&arena, frame, len, &msg)) {
		say_frame(frame, len);
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
	say(&msg);
}

static void reach(enum tp_kind kind)
{
	int64_t off = (int16_t)take_u16(&player.in);
	const struct tp_op op = {
		.kind = kind,
		.len = take_u16(&player.in) % FILE_LEN,
		.key = player.last.key,
		.raddr = player.last.base + (uint64_t)(off * 4),
		.local = player.file,
	};

	post(&op);
}

static void immediate(uint32_t tag)
{
	const struct tp_op op = {.kind = TP_WRITE,
				 .has_imm = true,
				 .imm = tag ^ take_byte(&player.in),
				 .local = player.file};

	post(&op);
}

static void answer(const struct message *msg)
{
	const uint8_t *frame;
	uint8_t how = take_byte(&player.in) % 10;
	size_t len = 0;

	if (how >= 1 && how <= 3)
		len = take_bytes(&player.in, take_u16(&player.in), &frame);
	switch (how) {
	case 1:
		say_frame(frame, len);
		player.silent = true;
		return;
	case 2:
		say_tagged(frame, len, tag_of(msg));
		player.silent = true;
		return;
	case 3:
		say_frame(frame, len);
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
		serve(msg);
		break;
	}
	serve(msg);
}

static void take_message(const struct tp_event *event)
{
	struct message msg;

	insist(!codec_decode(&player.arena, event->msg, event->len, &msg));
	if (msg.type == MSG_HELLO)
		player.keyed = msg.hello.key_id.len;
	else if (player.keyed)
		insist(msg.type == MSG_PROOF ? player.challenged : player.welcomed);
	if (msg.type == MSG_REGION_ADD) {
		player.last = msg.region_add;
		player.regions[msg.region_add.region % IDS] = msg.region_add;
	} else if (player.over || player.nr_conns > CONNS || !player.in.left) {
		serve(&msg);
	} else {
		answer(&msg);
	}
}

static void take_request(struct tp_request *request)
{
	if (tp_loop.accept(player.conn ? NULL : player.domain, request, NULL, &player.conn))
		return;
	player.nr_conns++;
	player.silent = player.keyed = player.challenged = player.welcomed = false;
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

/* The library's side. */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct tp_domain_config config = {.msg_max = FRAME_MAX,
						.nr_recvs = 32,
						.nr_sends = 16,
						.nr_posts = 16,
						.nr_conns = 2,
						.numa = -1};
	struct tp_listener *listener;
	struct tp_addr addr;

	(void)argc;
	(void)argv;
	setenv("USRBIO_LOG", "off", 0);
	memory = malloc(2 * SIDE + WRAPPED);
	player.file = calloc(1, FILE_LEN);
	memset(canary, CANARY, sizeof(canary));
	insist(memory && player.file && !arena_open(&player.arena, ARENA_SIZE));
	insist(addr_resolve("loop", NAME, 0, true, &addr, 1) == 1);
	insist(!tp_loop.domain_open(&config, &player.domain));
	insist(!tp_loop.domain_local(player.domain, player.file, FILE_LEN));
	insist(!tp_loop.listen(player.domain, &addr, &listener));
	return 0;
}

/* A batch: each completes once, with no more than it was for. */
static void transfer(const struct hf3fs_ior *ring, const struct hf3fs_iov *iov, int fd)
{
	struct hf3fs_cqe cqes[IOS + 1];
	int n = 0, got;

	for (int i = 0; i < IOS; i++)
		n += hf3fs_prep_io(ring, iov, ring->for_read, iov->base + i * 4096, fd,
				   (size_t)i * 4096, 1024u << (i % 3), iov) >= 0;
	insist(!hf3fs_submit_ios(ring));
	got = hf3fs_wait_for_ios(ring, cqes, IOS + 1, n, NULL);
	insist(got == n);
	for (int i = 0; i < n; i++)
		insist(cqes[i].result <= 4096 && cqes[i].userdata == iov);
}

static void look_around(const char *mount, int fd)
{
	struct usrbio_stat st;
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	char path[64];

	snprintf(path, sizeof(path), "%s/d", mount);
	usrbio_fstat(fd, &st);
	if (!usrbio_opendir(path, &dir)) {
		for (int i = 0; i < 8 && usrbio_readdir(dir, &entry) > 0; i++)
			insist(strlen(entry.name) < FRAME_MAX);
		usrbio_closedir(dir);
	}
}

static void live(const char *mount, const struct hf3fs_iov *wrapped)
{
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/f", mount);
	fd = usrbio_open(path, O_RDWR, 0);
	if (fd < 0)
		return;
	insist(!hf3fs_iorcreate(&reads, mount, IOS, true, 0, -1));
	insist(!hf3fs_iorcreate(&writes, mount, IOS, false, 0, -1));
	insist(!hf3fs_iovcreate(&iov, mount, IOS * 4096, 0, -1));
	if (hf3fs_reg_fd(fd, 0) <= 0) {
		transfer(&reads, wrapped, fd);
		transfer(&writes, wrapped, fd);
		transfer(&reads, &iov, fd);
		hf3fs_dereg_fd(fd);
	}
	look_around(mount, fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
	usrbio_close(fd);
}

static void play(const uint8_t *data, size_t len, bool over)
{
	pthread_mutex_lock(&player.lock);
	player.in = (struct input){data, len};
	player.nr_conns = 0;
	player.over = over;
	if (over && player.conn)
		tp_loop.disconnect(player.conn);
	pthread_mutex_unlock(&player.lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *mount = len && *data >= 128 ? KEYED : MOUNT;
	const uint8_t id[16] = {len && *data >= 128 ? 2 : 1};
	struct hf3fs_iov wrapped;

	memset(memory, CANARY, 2 * SIDE + WRAPPED);
	insist(!hf3fs_iovwrap(&wrapped, memory + SIDE, id, mount, WRAPPED, 0, -1));
	play(data, len, false);
	live(mount, &wrapped);
	/* The next input begins with a connection of its own. */
	play(NULL, 0, true);
	insist(!memcmp(memory, canary, SIDE));
	insist(!memcmp(memory + SIDE + WRAPPED, canary, SIDE));
	return 0;
}
