/*
 * Aborts of calls: of tags that are not under way, that are another client's, that were answered,
 * or that the client used on a connection it has lost; and of the same again. Whatever is aborted,
 * each call has one answer, and no other client notices. (What waits at barriers is aborted in
 * lies_barriers.c.)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/evil/clients/evil.h"
#include "tests/peer/message.h"

enum { MANY = 1000 };

static void send_abort(struct evil *e, const uint32_t *calls, size_t nr_calls,
		       const uint32_t *former, size_t nr_former)
{
	wire_msg(&e->wire, &(struct message){.type = MSG_ABORT,
					     .abort = {.calls = calls,
						       .nr_calls = nr_calls,
						       .former = former,
						       .nr_former = nr_former}});
}

static void send_call(struct evil *e, uint32_t tag, struct call call)
{
	call.tag = tag;
	wire_msg(&e->wire, &(struct message){.type = MSG_CALL, .call = call});
}

static struct call open_of(const char *path, bool replay)
{
	return (struct call){
		.op = CALL_OPEN, .path = text(path), .flags = OPEN_READ, .replay = replay};
}

/* Each of n calls is answered once: with what it says, or as aborted. */
static void expect_answers(struct evil *e, unsigned before, unsigned n, int status)
{
	while (e->heard.nr_replies < before + n) {
		if (!evil_until(e, SEEN_REPLY)) {
			escape(e, "the server has left");
			return;
		}
		if (e->status != status && e->status != -ECANCELED)
			escape(e, "a call that was aborted ended with %d", e->status);
	}
	expect_alive(e);
	if (e->heard.nr_replies != before + n)
		escape(e, "%u answers to %u calls", e->heard.nr_replies - before, n);
}

/* As calls, and as calls of connections before, of which there were none. */
static void unknown(struct evil *e, const struct lie *lie)
{
	uint32_t tags[ABORT_MAX];
	unsigned before = e->heard.nr_replies;

	for (int i = 0; i < MANY; i++) {
		for (uint32_t j = 0; j < ABORT_MAX; j++)
			tags[j] = 1 + ((uint32_t)i * 2654435761u + j) / 2;
		send_abort(e, tags, ABORT_MAX, tags, i % 2 ? ABORT_MAX : 0);
	}
	expect_answers(e, before, 0, 0);
	expect_file(e);
}

/* Tags are numbers of one connection: the other one's calls and files are what they were. */
static void of_others(struct evil *e, const struct lie *lie)
{
	struct evil other;
	uint32_t tags[ABORT_MAX];
	unsigned before;

	evil_open(&other, e->fixture, e->name, STAGE_FILE);
	before = other.heard.nr_replies;
	for (uint32_t i = 0; i < ABORT_MAX; i++) {
		tags[i] = other.tag + 1 + i;
		send_call(&other, tags[i], (struct call){.op = CALL_STAT, .path = text("file")});
	}
	send_abort(e, tags, ABORT_MAX, tags, ABORT_MAX);
	send_abort(e, &other.tag, 1, &other.tag, 1); /* which opened its file */
	expect_alive(e);
	while (other.heard.nr_replies < before + ABORT_MAX && evil_until(&other, SEEN_REPLY))
		if (other.status)
			escape(&other, "its call ended with %d", other.status);
	expect_file(&other);
	evil_close(&other, e);
}

/* Many at once, each of them twice, and in another order than they came. */
static void a_thousand(struct evil *e, const struct lie *lie)
{
	unsigned before = e->heard.nr_replies;
	uint32_t tags[ABORT_MAX];

	for (uint32_t i = 1; i <= MANY; i++)
		send_call(e, i, (struct call){.op = CALL_STAT, .path = text("file")});
	for (uint32_t i = MANY; i;) {
		size_t n = 0;

		while (i && n < ABORT_MAX)
			tags[n++] = i--;
		send_abort(e, tags, n, NULL, 0);
		send_abort(e, tags, n, tags, n);
	}
	expect_answers(e, before, MANY, 0);
	expect_file(e);
}

/* Its own files, of calls that were answered on this very connection: they are closed at most. */
static void own_files(struct evil *e, const struct lie *lie)
{
	const unsigned before = e->heard.nr_replies;
	const uint32_t first = e->tag + 1;

	for (uint32_t i = 0; i < CALL_SLOTS; i++)
		send_call(e, first + i, open_of("file", false));
	for (uint32_t i = 0; i < CALL_SLOTS; i++) {
		const uint32_t tag = first + i;

		send_abort(e, &tag, 1, &tag, 1);
		send_abort(e, NULL, 0, &tag, 1);
	}
	expect_answers(e, before, CALL_SLOTS, 0);
	expect_file(e);
}

/* The same session on another connection. */
static void resume(struct evil *e, struct evil *next, uint32_t epoch)
{
	struct hello hello = evil_hello("data");

	hello.session_id = (struct bytes){e->heard.session_id, SESSION_ID_SIZE};
	hello.session_key = (struct bytes){e->heard.session_key, SESSION_KEY_SIZE};
	hello.epoch = epoch;
	evil_open(next, e->fixture, e->name, STAGE_PARAMS);
	if (evil_handshake(next, &hello))
		escape(e, "the session cannot be resumed: %d", next->status);
	next->tag = e->tag;
}

/* Aborted, or not; then repeated, aborted again, and called over: it is answered each time. */
static void then_resume(struct evil *e, const struct lie *lie)
{
	for (uint32_t i = 1; i <= 20; i++) {
		const uint32_t tag = e->tag += CALL_SLOTS;
		struct evil next;

		send_call(e, tag, open_of("file", false));
		if (i % 2)
			send_abort(e, &tag, 1, NULL, 0);
		resume(e, &next, i);
		if (i % 3)
			send_abort(&next, &tag, 1, &tag, 1);
		send_call(&next, tag, open_of("file", true));
		send_abort(&next, &tag, i % 4 > 0, &tag, 1);
		expect_answers(&next, 0, 1, 0);
		/* The tag means nothing any more, or what it meant; it can be used again. */
		expect_status(&next,
			      evil_call(&next, &(struct call){.op = CALL_STAT,
							      .tag = tag,
							      .path = text("file")}),
			      0);
		next.escapes += e->escapes;
		next.fixture = e->fixture;
		e->escapes = 0;
		evil_close(e, &next);
		*e = next;
	}
	expect_alive(e);
}

const struct lie abort_lies[] = {
	{"abort-unknown-calls", STAGE_FILE, unknown},
	{"abort-calls-of-others", STAGE_FILE, of_others},
	{"abort-a-thousand-calls", STAGE_FILE, a_thousand},
	{"abort-own-files", STAGE_FILE, own_files},
	{"abort-then-resume", STAGE_WELCOME, then_resume},
	{0},
};
