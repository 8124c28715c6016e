/* The client player. Owned by its test, one thread. */
#include "tests/peer/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/codec.h"
#include "tests/support/must.h"
#include "tests/peer/message.h"

static struct peer *peer_of(struct link *link)
{
	return (struct peer *)link; /* its first member */
}

/* An I/O's memory is the server's until it has said the result, in the I/O's direction. */
static bool range(void *user, uint32_t tag, enum tp_access access, struct tp_range *out)
{
	const struct peer *peer = peer_of(user);
	const struct peer_grant *grant = &peer->grants[tag % PEER_TAGS];

	if (tag >= PEER_TAGS || grant->op != (access == TP_REMOTE_WRITE ? IO_READ : IO_WRITE))
		return false;
	*out = (struct tp_range){grant->base, grant->len, peer->link.mem->key};
	return true;
}

static void take_result(struct peer *peer, uint32_t tag, int64_t result)
{
	must(tag < PEER_TAGS, "the server completed tag %u", tag);
	must(peer->results[tag] == NO_RESULT, "tag %u completed twice", tag);
	peer->results[tag] = result;
	peer->grants[tag].op = 0;
	peer->order[peer->nr_results++ % PEER_TAGS] = tag;
}

static void take_message(struct peer *peer, const void *frame, size_t len)
{
	struct message msg;

	must(!codec_decode(&peer->link.arena, frame, len, &msg), "the server sent no message");
	if (heard_take(&peer->heard, &msg)) {
		if (msg.type != MSG_PING || msg.ping.pong)
			return;
		peer->pong_due = !peer->mute;
		peer->pong_nonce = msg.ping.nonce;
		return;
	}
	must(msg.type == MSG_COMPLETION, "the server sent a message of type %d", msg.type);
	peer->nr_batches++;
	for (size_t i = 0; i < msg.completion.n; i++)
		take_result(peer, (uint32_t)msg.completion.done[i].tag,
			    msg.completion.done[i].result);
}

static void take_event(struct link *link, const struct tp_event *event)
{
	struct peer *peer = peer_of(link);

	if (event->type == TP_EV_MSG) {
		take_message(peer, event->msg, event->len);
	} else if (event->type == TP_EV_IMM) {
		peer->nr_imms++;
		take_result(peer, event->imm, INT64_MAX);
	}
}

bool peer_try(struct peer *peer, const char *url)
{
	struct tp_domain_config config = link_config();

	config.range = range;
	*peer = (struct peer){.reach = PEER_MEMORY};
	peer->results = malloc(PEER_TAGS * sizeof(*peer->results));
	peer->grants = calloc(PEER_TAGS, sizeof(*peer->grants));
	peer->regions = calloc(REGIONS_MAX, sizeof(*peer->regions));
	peer->order = calloc(PEER_TAGS, sizeof(*peer->order));
	must(peer->results && peer->grants && peer->regions && peer->order, "memory");
	for (int i = 0; i < PEER_TAGS; i++)
		peer->results[i] = NO_RESULT;
	peer->memory =
		mmap(NULL, PEER_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(peer->memory != MAP_FAILED, "memory");
	link_open(&peer->link, url, &config, take_event);
	return peer->link.connected;
}

void peer_connect(struct peer *peer, const char *url)
{
	must(peer_try(peer, url), "%s: status %d", url, peer->link.closed_status);
}

void peer_close(struct peer *peer)
{
	link_close(&peer->link);
	munmap(peer->memory, PEER_MEMORY);
	free(peer->results);
	free(peer->grants);
	free(peer->regions);
	free(peer->order);
}

void peer_step(struct peer *peer)
{
	link_step(&peer->link);
	if (peer->pong_due && !peer->link.closed) {
		const struct ping ping = {.nonce = peer->pong_nonce};
		const struct message pong = message_pong(&ping);

		peer->pong_due = false;
		peer_send(peer, &pong);
	}
}

void peer_send_raw(struct peer *peer, const void *frame, size_t len)
{
	link_send_frame(&peer->link, frame, len);
}

void peer_send(struct peer *peer, const struct message *msg)
{
	link_send(&peer->link, msg);
}

struct hello peer_new_hello(const char *export)
{
	struct hello hello = hello_new(export, "peer");

	hello.features = FEATURE_IMM | FEATURE_COUNTERS;
	return hello;
}

struct hello peer_hello_again(const struct peer *from, const char *export, uint32_t epoch)
{
	struct hello hello = peer_new_hello(export);

	hello.session_id = (struct bytes){from->heard.session_id, SESSION_ID_SIZE};
	hello.session_key = (struct bytes){from->heard.session_key, SESSION_KEY_SIZE};
	hello.epoch = epoch;
	return hello;
}

void peer_say_hello(struct peer *peer, const struct hello *hello)
{
	peer_send(peer, &(struct message){.type = MSG_HELLO, .hello = *hello});
}

int peer_hello_as(struct peer *peer, const struct hello *hello)
{
	unsigned before = peer->heard.nr_welcomes;

	peer_say_hello(peer, hello);
	peer_until(peer, peer->heard.nr_welcomes > before || peer->link.closed);
	return peer->heard.nr_welcomes > before ? peer->heard.welcome.status : -ENOTCONN;
}

int peer_hello(struct peer *peer, const char *export)
{
	const struct hello hello = peer_new_hello(export);

	return peer_hello_as(peer, &hello);
}

/* Not before it is needed: that brings all of it in. */
static uint32_t memory_key(struct peer *peer)
{
	struct link *link = &peer->link;

	if (!link->mem)
		must(!link->ops->mem_register(link->device, peer->memory, peer->reach,
					      TP_REMOTE_READ | TP_REMOTE_WRITE, &link->mem),
		     "mem_register");
	return link->mem->key;
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

void peer_open(struct peer *peer, const char *url, const char *export)
{
	peer_connect(peer, url);
	must(!peer_hello(peer, export), "no welcome: %s", peer->heard.text);
	peer_add_region(peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
}

static int await_reply(struct peer *peer, const struct message *msg)
{
	unsigned before = peer->heard.nr_replies;

	peer_send(peer, msg);
	peer_until(peer, peer->heard.nr_replies > before || peer->link.closed);
	return peer->heard.nr_replies > before ? peer->heard.reply.status : -ENOTCONN;
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
	struct call call = {.op = CALL_OPEN, .path = text(path), .flags = flags, .mode = 0644};

	must(!peer_call(peer, &call), "open %s: %d", path, peer->heard.reply.status);
	must(peer->heard.reply.file, "open %s: no handle", path);
	return peer->heard.reply.file;
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
	peer_until(peer, peer->results[1] != NO_RESULT || peer->link.closed);
	return peer->results[1] == INT64_MAX ? (int64_t)len : peer->results[1];
}
