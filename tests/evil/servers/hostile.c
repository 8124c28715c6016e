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
	return welcome_new(64, LIAR_IDS);
}

struct reply good_reply(const struct message *msg)
{
	return (struct reply){
		.tag = msg->call.tag,
		.file = 7,
		.persistent = {(const uint8_t *)"name", 4},
		.attr_valid = 1,
		.attr = {.mode = S_IFREG | 0600, .nlink = 1, .size = LIAR_SIZE},
	};
}

const struct region_add *liar_region(const struct liar *liar, const struct message *submit)
{
	return &liar->regions[io_region(&submit->submit.io[0]) % LIAR_IDS];
}

struct wire_place liar_place(const struct liar *liar, const struct io_entry *io)
{
	const struct region_add *region = &liar->regions[io_region(io) % LIAR_IDS];

	return (struct wire_place){
		.tag = io_tag(io), .key = region->key, .addr = region->base + io->region_off};
}

static void give(struct liar *liar, const struct io_entry *io)
{
	const struct region_add *region = &liar->regions[io_region(io) % LIAR_IDS];
	const struct wire_place place = liar_place(liar, io);

	must(io->off + io->len <= LIAR_SIZE && region->size >= io->region_off + io->len,
	     "the client asks for what there is not");
	wire_give(&liar->wire, &place, liar->file + io->off, (uint32_t)io->len);
	wire_complete(&liar->wire, io_tag(io), (int64_t)io->len);
}

static void fetch(struct liar *liar, const struct io_entry *io)
{
	const struct wire_place place = liar_place(liar, io);
	unsigned cookie = liar->nr_fetching++ % 256;

	liar->fetching[cookie] = *io;
	wire_fetch(&liar->wire, &place, (uint32_t)io->len, cookie + 1);
}

/* Cookie 0 is that of lies: whoever answers one has given what he did not grant. */
static void take_fetched(struct liar *liar)
{
	const struct wire_header *hdr = &liar->wire.hdr;
	const struct io_entry *io = &liar->fetching[(hdr->cookie - 1) % 256];

	if (!hdr->cookie) {
		if (hdr->len)
			atomic_fetch_add(&liar->nr_escapes, 1);
		return;
	}
	must(hdr->len == io->len && io->off + io->len <= LIAR_SIZE, "another length");
	memcpy(liar->file + io->off, liar->wire.payload, hdr->len);
	wire_complete(&liar->wire, io_tag(io), (int64_t)io->len);
}

static void serve(struct liar *liar, const struct message *msg)
{
	struct welcome welcome = good_welcome();
	struct reply reply = good_reply(msg);

	switch (msg->type) {
	case MSG_HELLO:
		wire_welcome(&liar->wire, &welcome);
		break;
	case MSG_CALL:
		wire_reply(&liar->wire, &reply);
		break;
	case MSG_REGION_ADD:
		liar->last = msg->region_add;
		liar->regions[msg->region_add.region % LIAR_IDS] = msg->region_add;
		break;
	case MSG_REGION_DROP:
		wire_reply(&liar->wire, &(struct reply){.tag = msg->region_drop.tag});
		break;
	case MSG_SUBMIT:
		liar->done[msg->submit.op == IO_READ] = msg->submit.io[0];
		for (size_t i = 0; i < msg->submit.n; i++)
			(msg->submit.op == IO_READ ? give : fetch)(liar, &msg->submit.io[i]);
		break;
	case MSG_PING:
		if (!msg->ping.pong)
			wire_pong(&liar->wire, &msg->ping);
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
		       msg->submit.io[0].off != LIAR_OTHER_OFF;
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

static bool is_time(struct liar *liar)
{
	return liar->lie->verdict == LATE || !atomic_exchange(&liar->told, true);
}

static void serve_conn(struct liar *liar)
{
	struct message msg;
	int op;

	if (liar->lie->phase == AT_ACCEPT && is_time(liar)) {
		if (!liar->lie->tell(liar, NULL))
			return;
	} else {
		wire_send_params(&liar->wire);
	}
	if (!wire_take_params(&liar->wire))
		return;
	while ((op = wire_next(&liar->wire)) && op != WIRE_TERMINATE) {
		if (op == WIRE_READ_RESP) {
			take_fetched(liar);
			continue;
		}
		must(op == WIRE_MSG, "a client's operation %d", op);
		msg = wire_decode(&liar->wire);
		if (!is_phase(&msg, liar->lie->phase) || !is_time(liar) ||
		    liar->lie->tell(liar, &msg))
			serve(liar, &msg);
	}
}

static void change_wire(struct liar *liar, const struct wire *wire)
{
	pthread_mutex_lock(&liar->lock);
	liar->serving = wire;
	if (wire)
		liar->wire = *wire;
	else
		wire_end(&liar->wire);
	pthread_mutex_unlock(&liar->lock);
}

static void *run(void *arg)
{
	struct liar *liar = arg;
	struct wire wire;

	while (!atomic_load(&liar->stop)) {
		if (!wire_accept(&liar->listener, &wire))
			continue;
		atomic_fetch_add(&liar->nr_conns, 1);
		memset(liar->regions, 0, sizeof(liar->regions));
		change_wire(liar, &wire);
		if (!atomic_load(&liar->stop))
			serve_conn(liar);
		if (!atomic_load(&liar->stop) && atomic_load(&liar->told))
			atomic_store(&liar->left, true);
		change_wire(liar, NULL);
	}
	return NULL;
}

void liar_start(struct liar *liar, const struct server_lie *lie)
{
	static atomic_uint number; /* a mount that is gone lingers: no other one has its name */
	char url[64];

	*liar = (struct liar){.lie = lie};
	pthread_mutex_init(&liar->lock, NULL);
	pattern_fill(liar->file, LIAR_SIZE, LIAR_SEED, 0);
	wire_listen(&liar->listener, url, sizeof(url));
	snprintf(liar->mount, sizeof(liar->mount), "%s/data%u?timeout=%d", url,
		 atomic_fetch_add(&number, 1), lie->verdict == LATE ? 1 : 20);
	must(!pthread_create(&liar->thread, NULL, run, liar), "thread");
}

/* The client has let go of it, or will find it gone. */
void liar_stop(struct liar *liar)
{
	atomic_store(&liar->stop, true);
	wire_wake(&liar->listener);
	pthread_mutex_lock(&liar->lock);
	if (liar->serving)
		wire_shut(&liar->wire);
	pthread_mutex_unlock(&liar->lock);
	pthread_join(liar->thread, NULL);
	wire_unlisten(&liar->listener);
	pthread_mutex_destroy(&liar->lock);
}
