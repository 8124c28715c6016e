/*
 * The server's pipeline: a real server over the loop transport, with one worker that is turned by
 * hand, in this one thread, by a clock that only moves when it is told to. An input is what clients
 * do: its first byte says how far the first one has come (1: a file is open) and whether there is a
 * keyring (2), which then keeps out whoever has not said a right Proof; then a record follows the
 * other:
 *
 *   0  length (2 bytes), a frame: sent as it is
 *   1  likewise, but what the server has drawn at random is put in its place: see cook()
 *   2  a WRITE into the server; 3: a READ from it
 *   4  another client connects, or goes on; 5: this one leaves
 *   6  the handshake with a key goes on as it should: Hello, and when there is a Challenge, Proof
 *   7  time passes: tenths of a second
 *   8  the client looks at what has come, the server does not
 *   9  a hello as it should be
 *
 * The top bit: the server gets no turn after it.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/transport.h"
#include "proto/codec.h"
#include "proto/seal.h"
#include "server/keyring.h"
#include "server/pool.h"
#include "server/server_impl.h"
#include "server/store.h"
#include "server/worker.h"
#include "tests/fuzz/input.h"

#define NAME	  "fuzz"
#define MEMORY	  65536u
#define MARGIN	  (MEMORY / 4) /* not granted, before and behind */
#define GRANTED	  (MEMORY / 2)
#define CANARY	  0x5a
#define CLIENTS	  4
#define HANDLES	  8
#define NS	  1000000000ull
#define TURNS	  4
#define DEPTH_MAX 64 /* of directories, when everything is removed */

struct client {
	struct tp_conn *conn;
	bool connected;
	uint64_t nr_ios, nr_asked, longest; /* what was asked for */
	uint64_t nr_results, nr_answers;
	/* With a key, as long as nothing else was said before: */
	bool said, ours, challenged, proved, joined;
	struct exchange exchange;
	uint8_t nonce[NONCE_SIZE], share[SHARE_SIZE];
};

static struct server *server;
static struct keyring *keyring;
static struct secret secret;
static struct worker *worker;
static struct job *jobs, **last_job = &jobs;
static uint64_t now = 1000 * NS;
static struct tp_addr address;
static struct tp_device *device;
static struct tp_domain *domain;
static struct tp_mem *mem;
static uint8_t *memory, canary[MARGIN];
static struct arena arena;
static unsigned nr_free[NR_STAGING];

static struct client clients[CLIENTS];
static unsigned current;
static uint64_t handles[HANDLES];
static unsigned nr_handles;
static uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE], persistent[PERSISTENT_MAX];
static size_t persistent_len;

/* The linker puts these in the place of the real ones. */
int __wrap_worker_start(struct worker *the_worker);
void __wrap_pool_run(struct pool *pool, struct job *job);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __wrap_worker_start(struct worker *the_worker)
{
	worker = the_worker;
	return 0;
}

void __wrap_pool_run(struct pool *pool, struct job *job)
{
	(void)pool;
	job->next = NULL;
	*last_job = job;
	last_job = &job->next;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	now += 100;
	*ts = (struct timespec){.tv_sec = (time_t)(now / NS), .tv_nsec = (long)(now % NS)};
	return 0;
}

static bool run_jobs(void)
{
	struct job *job = jobs;

	jobs = NULL;
	last_job = &jobs;
	for (struct job *next; job; job = next) {
		next = job->next;
		job->run(job);
	}
	return jobs;
}

static void start_server(void)
{
	static const struct export_config exports[] = {
		{.name = "memory", .where = "memory:"},
		{.name = "ro", .where = "null:1G", .read_only = true},
	};
	static struct listen_config listens[] = {{.scheme = "loop", .host = NAME}};
	const struct server_config config = {
		.exports = exports,
		.nr_exports = 2,
		.listens = listens,
		.nr_listens = 1,
		.nr_workers = 1,
		.staging_mib = 4,
		.max_connections = CLIENTS,
		.max_inflight = 64,
		.max_sessions = 3,
		.max_files = 6,
	};

	insist(!server_start(&config, &server));
	memcpy(nr_free, worker->staging.nr_free, sizeof(nr_free));
}

static void open_keyring(void)
{
	static const char text[] =
		"[a]\nkey = "
		"0102030405060708010203040506070801020304050607080102030405060708"
		"\nexport = *:rw\n";
	char path[] = "/tmp/usrbio-fuzz-XXXXXX";
	int fd = mkstemp(path);

	insist(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	insist(!keyring_open(&keyring, path));
	close(fd);
	unlink(path);
	for (unsigned i = 0; i < sizeof(secret.key); i++)
		secret.key[i] = (uint8_t)(i % 8 + 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct tp_domain_config config = {.msg_max = FRAME_MAX,
						.nr_recvs = 32,
						.nr_sends = 4,
						.nr_posts = 32,
						.nr_conns = CLIENTS,
						.numa = -1};

	(void)argc;
	(void)argv;
	setenv("USRBIO_LOG", "off", 0);
	start_server();
	open_keyring();
	memset(canary, CANARY, sizeof(canary));
	memory = malloc(MEMORY);
	insist(memory && !arena_open(&arena, ARENA_SIZE));
	insist(addr_resolve("loop", NAME, 0, false, &address, 1) == 1);
	insist(!tp_loop.device_open(&address, &device));
	insist(!tp_loop.mem_register(device, memory, MEMORY, TP_REMOTE_READ | TP_REMOTE_WRITE,
				     &mem));
	insist(!tp_loop.domain_open(&config, &domain));
	insist(!tp_loop.domain_local(domain, memory, MEMORY));
	return 0;
}

/* What the server says. */

/* Until all places are different, each is the last one. */
static void keep_handle(uint64_t handle)
{
	if (nr_handles < HANDLES)
		for (unsigned i = nr_handles; i < HANDLES; i++)
			handles[i] = handle;
	handles[nr_handles++ % HANDLES] = handle;
}

static void take_results(struct client *client, const struct completion *completion)
{
	client->nr_results += completion->n;
	for (size_t i = 0; i < completion->n; i++)
		insist(completion->done[i].result < 0 ||
		       (uint64_t)completion->done[i].result <= client->longest);
}

/* To who began as clients do it is right. */
static void take_challenge(struct client *client, const struct tp_event *event,
			   const struct challenge *challenge)
{
	const uint8_t *mac;

	insist(client->said && !client->challenged);
	client->challenged = true;
	if (!client->ours)
		return;
	insist(!seal_hear_signed(&client->exchange, event->msg, event->len, &mac));
	insist(!exchange_keys(&client->exchange, &secret, challenge->share.data));
	insist(!server->keyring || exchange_check(&client->exchange, AUTH_SERVER, mac));
}

static void take_welcome(const struct client *client, const struct welcome *welcome)
{
	if (welcome->status)
		return;
	insist(!server->keyring || client->proved);
	memcpy(id, welcome->session_id.data, sizeof(id));
	if (!client->joined)
		memcpy(key,
		       client->proved ? client->exchange.keys[AUTH_SESSION]
				      : welcome->session_key.data,
		       sizeof(key));
}

static void take_message(struct client *client, const struct tp_event *event)
{
	struct message msg;

	insist(!codec_decode(&arena, event->msg, event->len, &msg));
	switch (msg.type) {
	case MSG_CHALLENGE:
		take_challenge(client, event, &msg.challenge);
		break;
	case MSG_WELCOME:
		take_welcome(client, &msg.welcome);
		break;
	case MSG_REPLY:
		client->nr_answers++;
		if (msg.reply.file)
			keep_handle(msg.reply.file);
		if (msg.reply.persistent.len) {
			persistent_len = msg.reply.persistent.len;
			memcpy(persistent, msg.reply.persistent.data, persistent_len);
		}
		break;
	case MSG_COMPLETION:
		take_results(client, &msg.completion);
		break;
	case MSG_PING:
		client->nr_answers += msg.ping.pong;
		break;
	default:
		insist(!"a message for servers");
	}
	insist(client->nr_results <= client->nr_ios && client->nr_answers <= client->nr_asked);
}

static void take_event(const struct tp_event *event)
{
	struct client *client = event->conn->user;

	switch (event->type) {
	case TP_EV_CONNECTED:
		client->connected = true;
		break;
	case TP_EV_MSG:
		take_message(client, event);
		break;
	case TP_EV_IMM:
		client->nr_results++;
		insist(client->nr_results <= client->nr_ios);
		break;
	case TP_EV_CLOSED:
		tp_loop.conn_free(client->conn);
		client->conn = NULL;
		break;
	default:
		break;
	}
}

static int look(void)
{
	struct tp_event events[32];
	int n = tp_loop.poll(domain, events, 32);

	for (int i = 0; i < n; i++)
		take_event(&events[i]);
	return n;
}

static void turn(unsigned most)
{
	uint64_t due;
	bool busy = true;

	while (busy && most--) {
		busy = worker_turn(worker, &due);
		busy |= run_jobs();
		busy |= look() > 0;
	}
}

/* What clients do. */

static void join(unsigned n)
{
	struct client *client = &clients[n];

	current = n;
	if (client->conn)
		return;
	*client = (struct client){0};
	if (tp_loop.connect(domain, device, &address, 5000, client, &client->conn))
		client->conn = NULL;
}

static void count(struct client *client, const struct message *msg)
{
	if (msg->type == MSG_SUBMIT) {
		client->nr_ios += msg->submit.n;
		for (size_t i = 0; i < msg->submit.n; i++)
			if (msg->submit.io[i].len > client->longest)
				client->longest = msg->submit.io[i].len;
	} else if (msg->type == MSG_CALL || msg->type == MSG_REGION_DROP || msg->type == MSG_PING) {
		client->nr_asked++;
	}
}

/* A frame with its message, if it is one. */
static void send_frame(const uint8_t *frame, size_t len, const struct message *msg)
{
	struct client *client = &clients[current];
	void *buf = client->conn && client->connected ? tp_loop.msg_buf(client->conn) : NULL;

	if (!buf || !len || len > client->conn->msg_max)
		return;
	if (msg)
		count(client, msg);
	client->said = true;
	memcpy(buf, frame, len);
	tp_loop.msg_send(client->conn, len);
	tp_loop.flush(client->conn);
}

static void send_message(const struct message *msg)
{
	uint8_t frame[FRAME_MAX];
	long len = codec_encode(msg, frame, sizeof(frame));

	if (len > 0)
		send_frame(frame, (size_t)len, msg);
}

/* A key for its hello, if that is the first thing it says. */
static void offer_key(struct hello *hello)
{
	static uint8_t tag[KEY_TAG_SIZE];
	struct client *client = &clients[current];
	uint8_t binding[TP_BINDING_MAX];

	if (!client->conn || !client->connected || client->said)
		return;
	insist(!secret_tag(&secret, tag));
	insist(!exchange_begin(&client->exchange, binding, tp_binding(client->conn, binding),
			       client->nonce, client->share));
	hello->session_key.len = 0;
	hello->key_id = (struct bytes){(const uint8_t *)"a", 1};
	hello->key_tag = (struct bytes){tag, sizeof(tag)};
	hello->nonce = (struct bytes){client->nonce, sizeof(client->nonce)};
	hello->share = (struct bytes){client->share, sizeof(client->share)};
	insist(!seal_say(&client->exchange, &(struct message){.type = MSG_HELLO, .hello = *hello}));
	client->ours = true;
}

/* The right one, where there is one; with a session's key if it has one. */
static void prove(struct message *msg)
{
	static uint8_t mac[MAC_SIZE], session_mac[MAC_SIZE];
	struct client *client = &clients[current];

	if (!client->ours || !client->challenged || client->proved)
		return;
	if (msg->proof.session_mac.len) {
		insist(!exchange_mac_by(&client->exchange, key, session_mac));
		msg->proof.session_mac.data = session_mac;
		client->joined = true;
	}
	msg->proof.mac = (struct bytes){mac, sizeof(mac)};
	insist(!seal_sign(&client->exchange, msg, AUTH_CLIENT, mac));
	client->proved = true;
}

/* One that there is, or was; but not always. */
static uint64_t handle_of(uint64_t number)
{
	return number && nr_handles && number >> 56 != 0xff ? handles[number % HANDLES] : number;
}

/* Numbers for handles; a session for any; memory that is granted, and never more. What an I/O
 * names lies around its edges, unless the number is very large. */
static void cook(struct message *msg, struct io_entry io[BATCH_MAX])
{
	struct hello *hello = &msg->hello;
	struct region_add *add = &msg->region_add;

	if (msg->type == MSG_HELLO) {
		if (hello->session_id.len) {
			hello->session_id.data = id;
			hello->session_key.data = key;
		}
		if (hello->key_id.len)
			offer_key(hello);
	} else if (msg->type == MSG_PROOF) {
		prove(msg);
	} else if (msg->type == MSG_REGION_ADD) {
		uint64_t off = add->base % GRANTED;

		add->key = mem->key;
		add->base = (uintptr_t)memory + MARGIN + off;
		add->size = add->size <= GRANTED - off ? add->size : GRANTED - off;
	} else if (msg->type == MSG_CALL) {
		msg->call.file = handle_of(msg->call.file);
		if (msg->call.persistent.len == 1)
			msg->call.persistent = (struct bytes){persistent, persistent_len};
	} else if (msg->type == MSG_SUBMIT) {
		for (size_t i = 0; i < msg->submit.n; i++) {
			io[i] = msg->submit.io[i];
			io[i].file = handle_of(io[i].file);
			if (!(io[i].region_off >> 56))
				io[i].region_off %= MEMORY;
			if (!(io[i].len >> 56))
				io[i].len %= MEMORY;
		}
		msg->submit.io = io;
	}
}

static void frame(struct input *in, bool cooked)
{
	struct io_entry io[BATCH_MAX];
	struct message msg;
	const uint8_t *bytes;
	size_t len = take_bytes(in, take_u16(in), &bytes);
	bool good = !codec_decode(&arena, bytes, len, &msg);

	if (good && cooked) {
		cook(&msg, io);
		send_message(&msg);
	} else {
		send_frame(bytes, len, good ? &msg : NULL);
	}
}

static void reach(struct input *in, enum tp_kind kind)
{
	struct client *client = &clients[current];
	uint8_t flags = take_byte(in);
	const struct tp_op op = {
		.kind = kind,
		.has_imm = kind == TP_WRITE && flags & 1,
		.imm = flags,
		.key = take_u16(in),
		.len = flags & 2 ? 0 : 64,
		.raddr = take_u16(in) * 4096ull,
		.local = memory + MARGIN,
		.cookie = client,
	};

	if (client->conn && client->connected)
		tp_loop.post(client->conn, &op);
}

static struct message hello_message(void)
{
	static const char name[] = "memory";

	return (struct message){
		.type = MSG_HELLO,
		.hello = {.version_min = PROTO_VERSION,
			  .version_max = PROTO_VERSION,
			  .features = FEATURE_IMM | FEATURE_COUNTERS,
			  .export = {(const uint8_t *)name, sizeof(name) - 1}},
	};
}

static void good_hello(void)
{
	const struct message msg = hello_message();

	send_message(&msg);
}

static void good_step(void)
{
	const struct client *client = &clients[current];
	struct message msg = hello_message();

	if (!client->said) {
		offer_key(&msg.hello);
	} else {
		if (!client->challenged || client->proved)
			return;
		msg = (struct message){.type = MSG_PROOF};
		prove(&msg);
	}
	send_message(&msg);
}

static void good_start(void)
{
	static const char name[] = "f";

	if (server->keyring) {
		good_step();
		turn(TURNS);
		good_step();
	} else {
		good_hello();
	}
	turn(TURNS);
	send_message(&(struct message){.type = MSG_REGION_ADD,
				       .region_add = {.key = mem->key,
						      .base = (uintptr_t)memory + MARGIN,
						      .size = GRANTED,
						      .access = ACCESS_READ | ACCESS_WRITE}});
	send_message(&(struct message){.type = MSG_CALL,
				       .call = {.tag = 64,
						.op = CALL_OPEN,
						.path = {(const uint8_t *)name, 1},
						.flags = OPEN_READ | OPEN_WRITE | OPEN_CREATE,
						.mode = 0644}});
	turn(TURNS);
	/* Something to read. */
	send_message(&(struct message){.type = MSG_CALL,
				       .call = {.tag = 64 + CALL_SLOTS,
						.op = CALL_TRUNCATE,
						.file = handles[0],
						.len = 16 * MEMORY}});
	turn(TURNS);
}

static void leave(void)
{
	struct client *client = &clients[current];

	if (client->conn)
		tp_loop.disconnect(client->conn);
}

static void record(struct input *in)
{
	uint8_t what = take_byte(in);

	switch ((what & 0x7f) % 10) {
	case 0:
		frame(in, false);
		break;
	case 1:
		frame(in, true);
		break;
	case 2:
		reach(in, TP_WRITE);
		break;
	case 3:
		reach(in, TP_READ);
		break;
	case 4:
		join(take_byte(in) % CLIENTS);
		break;
	case 5:
		leave();
		break;
	case 6:
		good_step();
		break;
	case 7:
		now += take_byte(in) * (NS / 10);
		break;
	case 8:
		look();
		break;
	case 9:
		good_hello();
		break;
	}
	if (!(what & 0x80))
		turn(TURNS);
}

/* Everything as it was. */

static void empty(struct store *store, const char *dir, unsigned depth)
{
	char names[8192], path[PROTO_PATH_MAX + 1];
	uint32_t types[256];
	struct store_dirents entries = {
		.names = names, .room = sizeof(names), .types = types, .max = 256};

	if (depth > DEPTH_MAX || store->ops->readdir(store, dir, 0, &entries))
		return;
	for (char *name = names; name < names + entries.used; name += strlen(name) + 1) {
		int n = snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);

		if (n < 0 || n >= (int)sizeof(path))
			continue;
		if (store->ops->unlink(store, path)) {
			empty(store, path, depth + 1);
			store->ops->rmdir(store, path);
		}
	}
}

static void end(void)
{
	for (current = 0; current < CLIENTS; current++)
		leave();
	turn(1000);
	now += 3600 * NS;
	turn(1000);
	turn(1000);
	insist(!atomic_load(&worker->nr_conns));
	insist(!memcmp(nr_free, worker->staging.nr_free, sizeof(nr_free)));
	empty(server->exports.list[0].store, "", 0);
	nr_handles = 0;
	persistent_len = 0;
	memset(handles, 0, sizeof(handles));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {data, len};
	uint8_t start = take_byte(&in);

	memset(memory, CANARY, MEMORY);
	server->keyring = start & 2 ? keyring : NULL;
	join(0);
	turn(TURNS);
	if (start & 1)
		good_start();
	while (in.left)
		record(&in);
	turn(1000);
	insist(!memcmp(memory, canary, MARGIN));
	insist(!memcmp(memory + MARGIN + GRANTED, canary, MARGIN));
	end();
	return 0;
}
