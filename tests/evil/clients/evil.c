/* The evil client's connection: what it needs to get as far as its lie, and what it makes of the
 * answers. */
#include "tests/evil/clients/evil.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/peer/message.h"

void escape(struct evil *e, const char *fmt, ...)
{
	va_list args;

	e->escapes++;
	printf("evil: client %s: ", e->name);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

struct hello evil_hello(const char *export)
{
	return hello_new(export, "evil");
}

static void open_file(struct evil *e)
{
	must(!evil_call(e, &(struct call){.op = CALL_OPEN,
					  .path = text("file"),
					  .flags = OPEN_READ | OPEN_WRITE}),
	     "open: %d", e->status);
	e->file = e->heard.reply.file;
	evil_region(e, 0, e->granted, GRANTED, ACCESS_READ | ACCESS_WRITE);
}

void evil_open(struct evil *e, const struct fixture *fixture, const char *name, enum stage stage)
{
	const struct hello hello = evil_hello(stage == STAGE_SLOW ? "slow" : "data");

	*e = (struct evil){.fixture = fixture,
			   .name = name,
			   .memory = malloc(MEMORY),
			   .asked_for = calloc(1, sizeof(*e->asked_for))};
	must(e->memory && e->asked_for, "memory");
	memset(e->memory, CANARY, MEMORY);
	wire_begin_to(&e->wire, fixture->url);
	wire_grant(&e->wire, e->memory, MARGIN, GRANTED, &e->granted, &e->granted_key);
	if (stage == STAGE_SOCKET)
		return;
	wire_send_params(&e->wire);
	must(wire_take_params(&e->wire), "%s: no connect parameters", name);
	if (stage == STAGE_PARAMS)
		return;
	must(!evil_handshake(e, &hello), "%s: no welcome: %d", name, e->status);
	if (stage >= STAGE_FILE)
		open_file(e);
}

/* What lies outside what was granted has not changed. */
static void check_canaries(struct evil *e)
{
	if (bytes_diff(e->memory, MARGIN, CANARY) >= 0 ||
	    bytes_diff(e->memory + MARGIN + GRANTED, MARGIN, CANARY) >= 0)
		escape(e, "memory that was not granted has changed");
}

void evil_close(struct evil *e, struct evil *into)
{
	check_canaries(e);
	wire_end(&e->wire);
	free(e->memory);
	free(e->asked_for);
	if (into)
		into->escapes += e->escapes;
}

enum seen evil_result(struct evil *e, uint32_t tag, int64_t result)
{
	e->nr_results++;
	e->nr_successes += result >= 0;
	e->result_tag = tag;
	e->result = result;
	return SEEN_RESULT;
}

static enum seen take_completion(struct evil *e, const struct completion *completion)
{
	for (size_t i = 0; i < completion->n; i++)
		evil_result(e, (uint32_t)completion->done[i].tag, completion->done[i].result);
	return SEEN_RESULT;
}

static enum seen take_message(struct evil *e)
{
	struct message msg = wire_decode(&e->wire);

	if (msg.type == MSG_COMPLETION)
		return take_completion(e, &msg.completion);
	if (!heard_take(&e->heard, &msg)) {
		escape(e, "the server sent a message of type %d", msg.type);
		return SEEN_DATA;
	}
	if (msg.type == MSG_PING) {
		if (!msg.ping.pong)
			wire_pong(&e->wire, &msg.ping);
		return msg.ping.pong ? SEEN_PONG : SEEN_DATA;
	}
	e->status = msg.type == MSG_WELCOME ? msg.welcome.status : msg.reply.status;
	return msg.type == MSG_WELCOME ? SEEN_WELCOME : SEEN_REPLY;
}

enum seen evil_step(struct evil *e)
{
	switch (wire_next(&e->wire)) {
	case WIRE_MSG:
		return take_message(e);
	case WIRE_WRITE:
	case WIRE_READ_REQ:
		return evil_reached(e, e->wire.hdr.op);
	case WIRE_READ_RESP:
		if (e->wire.hdr.len)
			escape(e, "the server gave %u bytes of its memory", e->wire.hdr.len);
		return SEEN_DATA;
	default:
		e->over = true;
		return SEEN_END;
	}
}

bool evil_until(struct evil *e, enum seen kind)
{
	enum seen seen;

	do
		seen = e->over ? SEEN_END : evil_step(e);
	while (seen != kind && seen != SEEN_END);
	return seen == kind;
}

int evil_handshake(struct evil *e, const struct hello *hello)
{
	wire_msg(&e->wire, &(struct message){.type = MSG_HELLO, .hello = *hello});
	return evil_until(e, SEEN_WELCOME) ? e->status : -ENOTCONN;
}

void evil_region(struct evil *e, uint32_t region, uint64_t base, uint64_t size, uint32_t access)
{
	e->asked_for->regions[region % REGIONS_MAX] = base;
	wire_msg(&e->wire, &(struct message){.type = MSG_REGION_ADD,
					     .region_add = {.region = region,
							    .key = e->granted_key,
							    .base = base,
							    .size = size,
							    .access = access}});
}

int evil_call(struct evil *e, const struct call *call)
{
	struct message msg = {.type = MSG_CALL, .call = *call};

	if (!msg.call.tag)
		msg.call.tag = e->tag += CALL_SLOTS;
	wire_msg(&e->wire, &msg);
	return evil_until(e, SEEN_REPLY) ? e->status : -ENOTCONN;
}

struct io_entry good_io(const struct evil *e)
{
	return (struct io_entry){.ids = io_ids(0, 1), .file = e->file, .len = 4096};
}

void evil_submit(struct evil *e, uint32_t op, const struct io_entry *io, size_t n)
{
	struct message msg;

	for (size_t i = 0; i < n; i++)
		e->asked_for->ios[e->asked_for->nr++ % EVIL_IOS] = (struct evil_io){io[i], op};
	msg = message_submit(op, io, n);
	wire_msg(&e->wire, &msg);
}

int64_t evil_io(struct evil *e, uint32_t op, struct io_entry io)
{
	evil_submit(e, op, &io, 1);
	return evil_until(e, SEEN_RESULT) ? e->result : -ENOTCONN;
}

void expect_end(struct evil *e)
{
	unsigned successes = e->nr_successes;
	enum seen seen;

	while (!e->over) {
		seen = evil_step(e);
		if ((seen == SEEN_WELCOME || seen == SEEN_REPLY) && !e->status)
			escape(e, "a success where the connection should have ended");
	}
	if (e->nr_successes != successes)
		escape(e, "an I/O succeeded where the connection should have ended");
}

void expect_alive(struct evil *e)
{
	wire_msg(&e->wire, &(struct message){.type = MSG_PING, .ping = {.nonce = 77}});
	if (!evil_until(e, SEEN_PONG))
		escape(e, "the connection ended for no reason");
}

void expect_status(struct evil *e, int64_t status, int64_t wanted)
{
	if (status != wanted)
		escape(e, "%s, and not %s", status < 0 ? strerror((int)-status) : "success",
		       wanted < 0 ? strerror((int)-wanted) : "success");
}

void expect_file(struct evil *e)
{
	struct evil honest;
	int64_t result;

	evil_open(&honest, e->fixture, e->name, STAGE_FILE);
	result = evil_io(
		&honest, IO_READ,
		(struct io_entry){.ids = io_ids(0, 1), .file = honest.file, .len = FILE_SIZE});
	if (result != FILE_SIZE ||
	    pattern_diff(honest.memory + MARGIN, FILE_SIZE, FILE_SEED, 0) >= 0)
		escape(&honest, "the file is not what it was");
	evil_close(&honest, e);
}

void tell_status(struct evil *e, const struct lie *lie)
{
	expect_status(e, evil_call(e, lie->bytes), lie->number);
	expect_alive(e);
}

void tell_violation(struct evil *e, const struct lie *lie)
{
	wire_msg(&e->wire,
		 &(struct message){.type = MSG_CALL, .call = *(const struct call *)lie->bytes});
	expect_end(e);
}
