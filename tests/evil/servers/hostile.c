/* The evil server's thread: accept, serve, lie once (or each time, if nothing is ever to come). */
#include "tests/evil/servers/hostile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/peer/message.h"

struct welcome good_welcome(void)
{
	return welcome_new(64, HOSTILE_IDS);
}

struct reply good_reply(const struct message *msg)
{
	return (struct reply){
		.tag = msg->call.tag,
		.file = 7,
		.persistent = {(const uint8_t *)"name", 4},
		.attr_valid = 1,
		.attr = {.mode = S_IFREG | 0600, .nlink = 1, .size = HOSTILE_SIZE},
	};
}

const struct region_add *hostile_region(const struct hostile_peer *peer,
					const struct message *submit)
{
	return &peer->regions[io_region(&submit->submit.io[0]) % HOSTILE_IDS];
}

struct wire_place hostile_place(const struct hostile_peer *peer, const struct io_entry *io)
{
	const struct region_add *region = &peer->regions[io_region(io) % HOSTILE_IDS];

	return (struct wire_place){
		.tag = io_tag(io), .key = region->key, .addr = region->base + io->region_off};
}

static void give(struct hostile_peer *peer, const struct io_entry *io)
{
	const struct region_add *region = &peer->regions[io_region(io) % HOSTILE_IDS];
	const struct wire_place place = hostile_place(peer, io);

	must(io->off + io->len <= HOSTILE_SIZE && region->size >= io->region_off + io->len,
	     "the client asks for what there is not");
	wire_give(&peer->wire, &place, peer->file + io->off, (uint32_t)io->len);
	wire_complete(&peer->wire, io_tag(io), (int64_t)io->len);
}

static void fetch(struct hostile_peer *peer, const struct io_entry *io)
{
	const struct wire_place place = hostile_place(peer, io);
	unsigned cookie = peer->nr_fetching++ % 256;

	peer->fetching[cookie] = *io;
	wire_fetch(&peer->wire, &place, (uint32_t)io->len, cookie + 1);
}

/* Cookie 0 is that of lies: whoever answers one has given what he did not grant. */
static void take_fetched(struct hostile_peer *peer)
{
	const struct wire_header *hdr = &peer->wire.hdr;
	const struct io_entry *io = &peer->fetching[(hdr->cookie - 1) % 256];

	if (!hdr->cookie) {
		if (hdr->len)
			atomic_fetch_add(&peer->nr_escapes, 1);
		return;
	}
	must(hdr->len == io->len && io->off + io->len <= HOSTILE_SIZE, "another length");
	memcpy(peer->file + io->off, peer->wire.payload, hdr->len);
	wire_complete(&peer->wire, io_tag(io), (int64_t)io->len);
}

static void serve(struct hostile_peer *peer, const struct message *msg)
{
	struct welcome welcome = good_welcome();
	struct reply reply = good_reply(msg);

	switch (msg->type) {
	case MSG_HELLO:
		wire_welcome(&peer->wire, &welcome);
		break;
	case MSG_CALL:
		wire_reply(&peer->wire, &reply);
		break;
	case MSG_REGION_ADD:
		peer->last = msg->region_add;
		peer->regions[msg->region_add.region % HOSTILE_IDS] = msg->region_add;
		break;
	case MSG_REGION_DROP:
		wire_reply(&peer->wire, &(struct reply){.tag = msg->region_drop.tag});
		break;
	case MSG_SUBMIT:
		peer->done[msg->submit.op == IO_READ] = msg->submit.io[0];
		for (size_t i = 0; i < msg->submit.n; i++)
			(msg->submit.op == IO_READ ? give : fetch)(peer, &msg->submit.io[i]);
		break;
	case MSG_PING:
		if (!msg->ping.pong)
			wire_pong(&peer->wire, &msg->ping);
		break;
	case MSG_ABORT: /* it does not end I/Os that it has lied about */
	case MSG_GOODBYE:
		break;
	default:
		must(false, "a client's message of type %d", msg->type);
	}
}

static bool is_phase(const struct message *msg, enum phase phase)
{
	switch (phase) {
	case AT_HELLO:
		return msg->type == MSG_HELLO;
	case AT_OPEN:
		return msg->type == MSG_CALL && msg->call.op == CALL_OPEN;
	case AT_STAT:
		return msg->type == MSG_CALL && msg->call.op == CALL_STAT;
	case AT_READ:
		return msg->type == MSG_SUBMIT && msg->submit.op == IO_READ &&
		       msg->submit.io[0].off != HOSTILE_OTHER_OFF;
	case AT_WRITE:
		return msg->type == MSG_SUBMIT && msg->submit.op == IO_WRITE;
	case AT_DROP:
		return msg->type == MSG_REGION_DROP;
	case AT_PING:
		return msg->type == MSG_PING && !msg->ping.pong;
	default:
		return false;
	}
}

static bool is_time(struct hostile_peer *peer)
{
	return peer->lie->verdict == LATE || !atomic_exchange(&peer->told, true);
}

static void serve_conn(struct hostile_peer *peer)
{
	struct message msg;
	int op;

	if (peer->lie->phase == AT_ACCEPT && is_time(peer)) {
		if (!peer->lie->tell(peer, NULL))
			return;
	} else {
		wire_send_params(&peer->wire);
	}
	if (!wire_take_params(&peer->wire))
		return;
	while ((op = wire_next(&peer->wire)) && op != WIRE_TERMINATE) {
		if (op == WIRE_READ_RESP) {
			take_fetched(peer);
			continue;
		}
		must(op == WIRE_MSG, "a client's operation %d", op);
		msg = wire_decode(&peer->wire);
		if (!is_phase(&msg, peer->lie->phase) || !is_time(peer) ||
		    peer->lie->tell(peer, &msg))
			serve(peer, &msg);
	}
}

static void change_wire(struct hostile_peer *peer, const struct wire *wire)
{
	pthread_mutex_lock(&peer->lock);
	peer->serving = wire;
	if (wire)
		peer->wire = *wire;
	else
		wire_end(&peer->wire);
	pthread_mutex_unlock(&peer->lock);
}

static void *run(void *arg)
{
	struct hostile_peer *peer = arg;
	struct wire wire;

	while (!atomic_load(&peer->stop)) {
		if (!wire_accept(&peer->listener, &wire))
			continue;
		atomic_fetch_add(&peer->nr_conns, 1);
		memset(peer->regions, 0, sizeof(peer->regions));
		change_wire(peer, &wire);
		if (!atomic_load(&peer->stop))
			serve_conn(peer);
		if (!atomic_load(&peer->stop) && atomic_load(&peer->told))
			atomic_store(&peer->left, true);
		change_wire(peer, NULL);
	}
	return NULL;
}

void hostile_start(struct hostile_peer *peer, const struct server_lie *lie)
{
	static atomic_uint number; /* a mount that is gone lingers: no other one has its name */
	char url[64];

	*peer = (struct hostile_peer){.lie = lie};
	pthread_mutex_init(&peer->lock, NULL);
	pattern_fill(peer->file, HOSTILE_SIZE, HOSTILE_SEED, 0);
	wire_listen(&peer->listener, url, sizeof(url));
	snprintf(peer->mount, sizeof(peer->mount), "%s/data%u?timeout=%d", url,
		 atomic_fetch_add(&number, 1), lie->verdict == LATE ? 1 : 20);
	must(!pthread_create(&peer->thread, NULL, run, peer), "thread");
}

/* The client has let go of it, or will find it gone. */
void hostile_stop(struct hostile_peer *peer)
{
	atomic_store(&peer->stop, true);
	wire_wake(&peer->listener);
	pthread_mutex_lock(&peer->lock);
	if (peer->serving)
		wire_shut(&peer->wire);
	pthread_mutex_unlock(&peer->lock);
	pthread_join(peer->thread, NULL);
	wire_unlisten(&peer->listener);
	pthread_mutex_destroy(&peer->lock);
}
