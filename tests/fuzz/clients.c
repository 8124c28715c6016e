/* The clients of the server's target: what they say and do is as the input wants it. */
#include "tests/fuzz/server.h"

#include <string.h>

#include "common/transport/addr.h"
#include "proto/seal.h"
#include "tests/fuzz/heard.h"
#include "tests/peer/message.h"

uint8_t *clients_memory;

static struct tp_addr address;
static struct tp_device *device;
static struct tp_domain *domain;
static struct tp_mem *mem;

/* With a keyring: connections that said something. */
static unsigned long nr_handshakes;

static struct client clients[CLIENTS];
static unsigned current;

static void tell(void)
{
	fprintf(stderr, "handshakes=%lu let_in=%lu\n", nr_handshakes, heard.nr_let_in);
}

/*
 * The server's operations. What the clients announced by the right key is all in what they granted;
 * by another one there is nothing. Their own pass.
 */
int __real_loop_post(struct tp_conn *conn, const struct tp_op *op);
int __wrap_loop_post(struct tp_conn *conn, const struct tp_op *op);

int __wrap_loop_post(struct tp_conn *conn, const struct tp_op *op)
{
	uint64_t at = op->raddr - (uintptr_t)clients_memory - MARGIN;
	struct tp_op mine = *op;

	if (conn->domain != domain && op->key != mem->key)
		mine.off = UINT64_MAX;
	else if (conn->domain != domain)
		insist(at <= GRANTED && op->len <= GRANTED - at);
	return __real_loop_post(conn, &mine);
}

/* Which I/O it is was looked at above. */
static bool range(void *user, uint32_t tag, enum tp_access access, struct tp_range *out)
{
	*out = (struct tp_range){(uintptr_t)clients_memory + MARGIN, GRANTED, mem->key};
	return true;
}

void clients_open(void)
{
	const struct tp_domain_config config = {.msg_max = FRAME_MAX,
						.nr_recvs = 32,
						.nr_sends = 4,
						.nr_posts = 32,
						.nr_conns = CLIENTS,
						.numa = -1,
						.range = range};

	atexit(tell);
	clients_memory = malloc(MEMORY);
	insist(clients_memory);
	heard_open();
	insist(addr_resolve("loop", SERVER_NAME, 0, false, &address, 1) == 1);
	insist(!tp_loop.device_open(&address, &device));
	insist(!tp_loop.mem_register(device, clients_memory, MEMORY,
				     TP_REMOTE_READ | TP_REMOTE_WRITE, &mem));
	insist(!tp_loop.domain_open(&config, &domain));
	insist(!tp_loop.domain_local(domain, clients_memory, MEMORY));
}

bool clients_look(void)
{
	struct tp_event events[32];
	int n = tp_loop.poll(domain, events, 32);

	for (int i = 0; i < n; i++)
		heard_event(&events[i]);
	return n > 0;
}

void clients_turn(unsigned most)
{
	bool busy = true;

	while (busy && most--) {
		busy = served_turn();
		busy |= clients_look();
	}
}

void client_join(unsigned n)
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
void client_send_frame(const uint8_t *frame, size_t len, const struct message *msg)
{
	struct client *client = &clients[current];
	void *buf = client->conn && client->connected ? tp_loop.msg_buf(client->conn) : NULL;

	if (!buf || !len || len > client->conn->msg_max)
		return;
	if (msg)
		count(client, msg);
	/* A Proof that is not right ends the handshake, whatever comes after it. */
	client->ours &= !msg || msg->type != MSG_PROOF || client->proved;
	nr_handshakes += served_keeps_out() && !client->said;
	client->said = true;
	memcpy(buf, frame, len);
	tp_loop.msg_send(client->conn, len);
	tp_loop.flush(client->conn);
}

void client_send(const struct message *msg)
{
	uint8_t frame[FRAME_MAX];
	long len = codec_encode(msg, frame, sizeof(frame));

	if (len > 0)
		client_send_frame(frame, (size_t)len, msg);
}

/* A key for its hello, if that is the first thing it says. */
static void offer_key(struct hello *hello)
{
	static uint8_t tag[KEY_TAG_SIZE];
	struct client *client = &clients[current];
	uint8_t binding[TP_BINDING_MAX];

	if (!client->conn || !client->connected || client->said)
		return;
	insist(!secret_tag(served_secret(), tag));
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
		insist(!exchange_mac_by(&client->exchange, heard.key, session_mac));
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
	return number && heard.nr_handles && number >> 56 != 0xff ? heard.handles[number % HANDLES]
								  : number;
}

/* Numbers for handles; a session for any; memory that is granted, and never more. What an
 * I/O names lies around its edges, unless the number is very large. */
void client_cook(struct message *msg, struct io_entry io[BATCH_MAX])
{
	struct hello *hello = &msg->hello;
	struct region_add *add = &msg->region_add;

	if (msg->type == MSG_HELLO) {
		if (hello->session_id.len) {
			hello->session_id.data = heard.id;
			hello->session_key.data = heard.key;
		}
		if (hello->key_id.len)
			offer_key(hello);
	} else if (msg->type == MSG_PROOF) {
		prove(msg);
	} else if (msg->type == MSG_REGION_ADD) {
		uint64_t off = add->base % GRANTED;

		add->key = mem->key;
		add->base = (uintptr_t)clients_memory + MARGIN + off;
		add->size = add->size <= GRANTED - off ? add->size : GRANTED - off;
	} else if (msg->type == MSG_CALL) {
		msg->call.file = handle_of(msg->call.file);
		if (msg->call.persistent.len == 1)
			msg->call.persistent =
				(struct bytes){heard.persistent, heard.persistent_len};
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

void client_post(const struct tp_op *op)
{
	struct client *client = &clients[current];
	struct tp_op mine = *op;

	mine.cookie = client;
	if (client->conn && client->connected)
		tp_loop.post(client->conn, &mine);
}

static struct message hello_message(void)
{
	struct message msg = {.type = MSG_HELLO, .hello = hello_new("memory", "")};

	msg.hello.features = FEATURE_IMM | FEATURE_COUNTERS;
	return msg;
}

void client_say_hello(void)
{
	const struct message msg = hello_message();

	client_send(&msg);
}

void client_step(void)
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
	client_send(&msg);
}

void client_start(void)
{
	if (served_keeps_out()) {
		client_step();
		clients_turn(TURNS);
		client_step();
	} else {
		client_say_hello();
	}
	clients_turn(TURNS);
	client_send(&(struct message){.type = MSG_REGION_ADD,
				      .region_add = {.key = mem->key,
						     .base = (uintptr_t)clients_memory + MARGIN,
						     .size = GRANTED,
						     .access = ACCESS_READ | ACCESS_WRITE}});
	client_send(&(struct message){.type = MSG_CALL,
				      .call = {.tag = 64,
					       .op = CALL_OPEN,
					       .path = text("f"),
					       .flags = OPEN_READ | OPEN_WRITE | OPEN_CREATE,
					       .mode = 0644}});
	clients_turn(TURNS);
	/* Something to read. */
	client_send(&(struct message){.type = MSG_CALL,
				      .call = {.tag = 64 + CALL_SLOTS,
					       .op = CALL_TRUNCATE,
					       .file = heard.handles[0],
					       .len = 16 * MEMORY}});
	clients_turn(TURNS);
}

void client_leave(void)
{
	struct client *client = &clients[current];

	if (client->conn)
		tp_loop.disconnect(client->conn);
}

void clients_leave(void)
{
	for (current = 0; current < CLIENTS; current++)
		client_leave();
	current = 0;
}

void clients_forget(void)
{
	heard_forget();
}
