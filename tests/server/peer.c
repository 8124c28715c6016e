/* The hand-played client. */
#include "peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/transport/addr.h"
#include "proto/codec.h"

const char *const schemes[2] = {"loop", "tcp"};

struct server *bed_start(const char *scheme, const struct server_config *extra)
{
	static const struct export_config exports[] = {
		{.name = "memory", .where = "memory:"},
		{.name = "readonly", .where = "null:1G", .read_only = true},
		{.name = "null", .where = "null:1G"},
		{.name = "errors", .where = "fault:read.eio=1/3,write.eio=1/5:memory:"},
		{.name = "slow", .where = "fault:read.delay_ms=20:memory:"},
	};
	struct listen_config listen = {.host = "127.0.0.1"};
	struct server_config config = extra ? *extra : (struct server_config){.nr_workers = 2};
	struct server *server;

	strcpy(listen.scheme, scheme);
	config.exports = exports;
	config.nr_exports = sizeof(exports) / sizeof(*exports);
	config.listens = &listen;
	config.nr_listens = 1;
	cr_assert_eq(server_start(&config, &server), 0);
	return server;
}

void peer_connect(struct peer *peer, struct server *server)
{
	cr_assert(peer_try(peer, server), "status %d", peer->closed_status);
}

/* An I/O's memory is the server's until it has said the result, in the I/O's direction. */
static bool range(void *user, uint32_t tag, enum tp_access access, struct tp_range *out)
{
	const struct peer *peer = user;
	const struct peer_grant *grant = &peer->grants[tag % PEER_TAGS];

	if (tag >= PEER_TAGS || grant->op != (access == TP_REMOTE_WRITE ? IO_READ : IO_WRITE))
		return false;
	*out = (struct tp_range){grant->base, grant->len, peer->mem->key};
	return true;
}

bool peer_try(struct peer *peer, struct server *server)
{
	const char *url = server_address(server, 0), *host = strstr(url, "://") + 3;
	const struct tp_domain_config config = {.msg_max = FRAME_MAX,
						.nr_recvs = 32,
						.nr_sends = 32,
						.nr_posts = 32,
						.nr_conns = 1,
						.numa = -1,
						.range = range};
	char scheme[8] = "", name[256];
	struct tp_addr addr;
	uint16_t port = 0;

	*peer = (struct peer){.reach = PEER_MEMORY};
	memcpy(scheme, url, (size_t)(host - 3 - url));
	peer->ops = tp_find(scheme);
	cr_assert(peer->ops);
	cr_assert_eq(addr_split(host, name, sizeof(name), &port), 0);
	cr_assert_geq(addr_resolve(scheme, name, port, false, &addr, 1), 1);
	peer->results = malloc(PEER_TAGS * sizeof(*peer->results));
	peer->grants = calloc(PEER_TAGS, sizeof(*peer->grants));
	peer->regions = calloc(REGIONS_MAX, sizeof(*peer->regions));
	cr_assert(peer->grants && peer->regions);
	peer->order = calloc(PEER_TAGS, sizeof(*peer->order));
	for (int i = 0; i < PEER_TAGS; i++)
		peer->results[i] = NO_RESULT;
	cr_assert_eq(arena_open(&peer->arena, ARENA_SIZE), 0);
	peer->memory =
		mmap(NULL, PEER_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(peer->memory, MAP_FAILED);
	cr_assert_eq(peer->ops->device_open(&addr, &peer->device), 0);
	cr_assert_eq(peer->ops->domain_open(&config, &peer->domain), 0);
	cr_assert_eq(peer->ops->connect(peer->domain, peer->device, &addr, 5000, peer, &peer->conn),
		     0);
	peer_until(peer, peer->connected || peer->closed);
	return peer->connected;
}

void peer_close(struct peer *peer)
{
	peer->ops->disconnect(peer->conn);
	peer_until(peer, peer->closed);
	peer->ops->conn_free(peer->conn);
	peer->ops->domain_close(peer->domain);
	if (peer->mem)
		peer->ops->mem_deregister(peer->mem);
	peer->ops->device_close(peer->device);
	arena_close(&peer->arena);
	munmap(peer->memory, PEER_MEMORY);
	free(peer->results);
	free(peer->grants);
	free(peer->regions);
	free(peer->order);
}

static void take_result(struct peer *peer, uint32_t tag, int64_t result)
{
	cr_assert_lt(tag, PEER_TAGS);
	cr_assert_eq(peer->results[tag], NO_RESULT, "tag %u completed twice", tag);
	peer->results[tag] = result;
	peer->grants[tag].op = 0;
	peer->order[peer->nr_results++ % PEER_TAGS] = tag;
}

static void take_welcome(struct peer *peer, const struct welcome *welcome)
{
	peer->nr_welcomes++;
	peer->welcome = *welcome;
	if (welcome->session_id.len) {
		memcpy(peer->session_id, welcome->session_id.data, SESSION_ID_SIZE);
		memcpy(peer->session_key, welcome->session_key.data, SESSION_KEY_SIZE);
	}
	memcpy(peer->text, welcome->text.data, welcome->text.len + 1);
}

static void take_reply(struct peer *peer, const struct reply *reply)
{
	peer->nr_replies++;
	peer->reply = *reply;
	memcpy(peer->persistent, reply->persistent.data, reply->persistent.len);
	memcpy(peer->names, reply->names.data, reply->names.len);
	for (size_t i = 0; i < reply->nr_types; i++)
		peer->types[i] = reply->types[i];
	for (size_t i = 0; i < reply->nr_counts; i++)
		peer->counts[i] = reply->counts[i];
}

static void take_message(struct peer *peer, const void *frame, size_t len)
{
	struct message msg;

	cr_assert_eq(codec_decode(&peer->arena, frame, len, &msg), 0);
	switch (msg.type) {
	case MSG_WELCOME:
		take_welcome(peer, &msg.welcome);
		break;
	case MSG_COMPLETION:
		peer->nr_batches++;
		for (size_t i = 0; i < msg.completion.n; i++)
			take_result(peer, (uint32_t)msg.completion.done[i].tag,
				    msg.completion.done[i].result);
		break;
	case MSG_REPLY:
		take_reply(peer, &msg.reply);
		break;
	case MSG_PING:
		if (!msg.ping.pong) {
			peer->nr_pings++;
			peer->pong_due = !peer->mute;
			peer->pong_nonce = msg.ping.nonce;
			break;
		}
		peer->nr_pongs++;
		peer->nonce = msg.ping.nonce;
		break;
	default:
		cr_assert(false, "message type %d", msg.type);
	}
}

static void take_event(struct peer *peer, const struct tp_event *event)
{
	switch (event->type) {
	case TP_EV_CONNECTED:
		peer->connected = true;
		break;
	case TP_EV_MSG:
		take_message(peer, event->msg, event->len);
		break;
	case TP_EV_IMM:
		peer->nr_imms++;
		take_result(peer, event->imm, INT64_MAX);
		break;
	case TP_EV_CLOSED:
		peer->closed = true;
		peer->closed_status = event->status;
		break;
	default:
		break;
	}
}

void peer_step(struct peer *peer)
{
	struct tp_event events[32];
	int n = peer->ops->poll(peer->domain, events, 32);

	for (int i = 0; i < n; i++)
		take_event(peer, &events[i]);
	if (peer->pong_due && !peer->closed) {
		peer->pong_due = false;
		peer_send(peer, &(struct message){
					.type = MSG_PING,
					.ping = {.nonce = peer->pong_nonce, .pong = 1},
				});
	}
	if (!n)
		sched_yield();
}

static void *buffer(struct peer *peer)
{
	void *buf;

	while (!(buf = peer->ops->msg_buf(peer->conn)) && !peer->closed)
		peer_step(peer);
	return buf;
}

void peer_send_raw(struct peer *peer, const void *frame, size_t len)
{
	void *buf = buffer(peer);

	if (!buf)
		return;
	memcpy(buf, frame, len);
	peer->ops->msg_send(peer->conn, len);
	peer->ops->flush(peer->conn);
}

void peer_send(struct peer *peer, const struct message *msg)
{
	uint8_t frame[FRAME_MAX];
	long len = codec_encode(msg, frame, sizeof(frame));

	cr_assert_gt(len, 0);
	peer_send_raw(peer, frame, (size_t)len);
}

struct bytes bytes_of(const char *text)
{
	return (struct bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

struct hello peer_new_hello(const char *export)
{
	return (struct hello){
		.version_min = PROTO_VERSION,
		.version_max = PROTO_VERSION,
		.features = FEATURE_IMM | FEATURE_COUNTERS,
		.export = bytes_of(export),
		.client = bytes_of("peer"),
	};
}

struct hello peer_hello_again(const struct peer *from, const char *export, uint32_t epoch)
{
	struct hello hello = peer_new_hello(export);

	hello.session_id = (struct bytes){from->session_id, SESSION_ID_SIZE};
	hello.session_key = (struct bytes){from->session_key, SESSION_KEY_SIZE};
	hello.epoch = epoch;
	return hello;
}

void peer_say_hello(struct peer *peer, const struct hello *hello)
{
	peer_send(peer, &(struct message){.type = MSG_HELLO, .hello = *hello});
}

int peer_hello_as(struct peer *peer, const struct hello *hello)
{
	unsigned before = peer->nr_welcomes;

	peer_say_hello(peer, hello);
	peer_until(peer, peer->nr_welcomes > before || peer->closed);
	return peer->nr_welcomes > before ? peer->welcome.status : -ENOTCONN;
}

int peer_hello(struct peer *peer, const char *export)
{
	const struct hello hello = peer_new_hello(export);

	return peer_hello_as(peer, &hello);
}

/* Not before it is needed: that brings all of it in. */
static uint32_t memory_key(struct peer *peer)
{
	if (!peer->mem)
		cr_assert_eq(peer->ops->mem_register(peer->device, peer->memory, peer->reach,
						     TP_REMOTE_READ | TP_REMOTE_WRITE, &peer->mem),
			     0);
	return peer->mem->key;
}

void peer_add_region(struct peer *peer, uint32_t region, size_t off, size_t size, uint32_t access)
{
	peer->regions[region % REGIONS_MAX] = (uintptr_t)peer->memory + off;
	peer_send(peer, &(struct message){
				.type = MSG_REGION_ADD,
				.region_add = {.region = region,
					       .key = memory_key(peer),
					       .base = (uintptr_t)peer->memory + off,
					       .size = size,
					       .access = access},
			});
}

void peer_open(struct peer *peer, struct server *server, const char *export)
{
	peer_connect(peer, server);
	cr_assert_eq(peer_hello(peer, export), 0, "%s", peer->text);
	peer_add_region(peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
}

static int await_reply(struct peer *peer, const struct message *msg)
{
	unsigned before = peer->nr_replies;

	peer_send(peer, msg);
	peer_until(peer, peer->nr_replies > before || peer->closed);
	return peer->nr_replies > before ? peer->reply.status : -ENOTCONN;
}

int peer_call(struct peer *peer, const struct call *call)
{
	return await_reply(peer, &(struct message){.type = MSG_CALL, .call = *call});
}

int peer_drop(struct peer *peer, uint32_t region)
{
	return await_reply(peer, &(struct message){.type = MSG_REGION_DROP,
						   .region_drop = {.tag = 9, .region = region}});
}

uint64_t peer_open_file(struct peer *peer, const char *path, uint32_t flags)
{
	struct call call = {.op = CALL_OPEN, .path = bytes_of(path), .flags = flags, .mode = 0644};

	cr_assert_eq(peer_call(peer, &call), 0, "open %s: %d", path, peer->reply.status);
	cr_assert_neq(peer->reply.file, 0);
	return peer->reply.file;
}

void peer_submit(struct peer *peer, uint32_t op, uint32_t priority, const struct peer_io *ios,
		 size_t n)
{
	struct io_entry entries[BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		entries[i] = (struct io_entry){
			.ids = io_ids(ios[i].region, ios[i].tag),
			.file = ios[i].file,
			.off = ios[i].off,
			.len = ios[i].len,
			.region_off = ios[i].region_off,
		};
		peer->results[ios[i].tag] = NO_RESULT;
		peer->grants[ios[i].tag] = (struct peer_grant){
			.base = peer->regions[ios[i].region % REGIONS_MAX] + ios[i].region_off,
			.len = ios[i].len,
			.op = op,
		};
	}
	peer_send(peer, &(struct message){
				.type = MSG_SUBMIT,
				.submit = {.op = op, .priority = priority, .n = n, .io = entries},
			});
}

int64_t peer_io(struct peer *peer, uint32_t op, uint64_t file, uint64_t off, uint64_t len,
		uint64_t region_off)
{
	struct peer_io io = {
		.tag = 1, .file = file, .off = off, .len = len, .region_off = region_off};

	peer_submit(peer, op, PRIORITY_NORMAL, &io, 1);
	peer_until(peer, peer->results[1] != NO_RESULT || peer->closed);
	return peer->results[1] == INT64_MAX ? (int64_t)len : peer->results[1];
}

static uint8_t pattern(uint64_t at, uint64_t seed)
{
	uint64_t x = (at / 8 + 1) * 0x9e3779b97f4a7c15ull ^ seed * 0xff51afd7ed558ccdull;

	x ^= x >> 29;
	return (uint8_t)(x >> (at % 8 * 8));
}

void fill_pattern(uint8_t *buf, uint64_t off, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = pattern(off + i, seed);
}

bool is_pattern(const uint8_t *buf, uint64_t off, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++)
		if (buf[i] != pattern(off + i, seed))
			return false;
	return true;
}
