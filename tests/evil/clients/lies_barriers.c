/*
 * Aborts of calls that wait at a barrier: a write that was given up is under way for a while, and
 * what comes after it waits. Such calls are aborted more than once, by others, by the hundred, and
 * left behind. Each has one answer, and none is done before the write that it waited for.
 */
#include <errno.h>
#include <string.h>

#include "tests/evil/clients/evil.h"
#include "tests/peer/message.h"
#include "tests/support/pattern.h"

enum { WRITTEN = 4096, NR_WAITING = 200, FLOODS = 40 };

static void send_abort(struct evil *e, const uint32_t *ios, size_t nr_ios, const uint32_t *calls,
		       size_t nr_calls, const uint32_t *former, size_t nr_former)
{
	wire_msg(&e->wire, &(struct message){.type = MSG_ABORT,
					     .abort = {.ios = ios,
						       .nr_ios = nr_ios,
						       .calls = calls,
						       .nr_calls = nr_calls,
						       .former = former,
						       .nr_former = nr_former}});
}

/* Abort the calls with these tags, from `first` on, ABORT_MAX at a time; once more as former ones.
 */
static void abort_range(struct evil *e, uint32_t first, uint32_t n, bool former)
{
	uint32_t tags[ABORT_MAX];

	while (n) {
		uint32_t some = 0;

		for (; n && some < ABORT_MAX; n--)
			tags[some++] = first++;
		send_abort(e, NULL, 0, tags, some, tags, former ? some : 0);
	}
}

/* Raise the barrier of "file": abort a write while the disk has it. Its bytes are CANARY. */
static void raise_barrier(struct evil *e)
{
	struct io_entry io = good_io(e);
	const uint32_t tag = 1;

	io.len = WRITTEN;
	evil_submit(e, IO_WRITE, &io, 1);
	/* The server fetches the data; a pong after that: the disk has it. */
	if (!evil_until(e, SEEN_DATA))
		escape(e, "a write was not served");
	expect_alive(e);
	send_abort(e, &tag, 1, NULL, 0, NULL, 0);
	if (!evil_until(e, SEEN_RESULT) || (e->result != -ECANCELED && e->result != WRITTEN))
		escape(e, "a write that was aborted ended with %lld", (long long)e->result);
}

static void send_waiting(struct evil *e, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		wire_msg(&e->wire,
			 &(struct message){.type = MSG_CALL,
					   .call = {.tag = first + i,
						    .op = i % 2 ? CALL_SETATTR : CALL_TRUNCATE,
						    .file = e->file,
						    .flags = i % 2 ? SET_MODE : 0,
						    .mode = 0644,
						    .len = FILE_SIZE}});
}

/* Each of n calls is answered once: it was done, or aborted if `aborted`. */
static void expect_answers(struct evil *e, unsigned before, unsigned n, bool aborted)
{
	while (e->heard.nr_replies < before + n) {
		if (!evil_until(e, SEEN_REPLY)) {
			escape(e, "the server has left");
			return;
		}
		if (e->status && !(aborted && e->status == -ECANCELED))
			escape(e, "a call that waited ended with %d", e->status);
	}
	expect_alive(e);
	if (e->heard.nr_replies != before + n)
		escape(e, "%u answers to %u calls", e->heard.nr_replies - before, n);
}

/* A read waits for the write, too, and then finds these bytes. */
static void expect_bytes(struct evil *e, uint8_t byte)
{
	struct io_entry io = good_io(e);

	memset(e->memory + MARGIN, ~byte, WRITTEN);
	io.len = WRITTEN;
	if (evil_io(e, IO_READ, io) != WRITTEN ||
	    bytes_diff(e->memory + MARGIN, WRITTEN, byte) >= 0)
		escape(e, "an older write was outrun");
	memset(e->memory + MARGIN, CANARY, GRANTED);
}

/* Begin again with other bytes, so that the next write shows. */
static void empty(struct evil *e)
{
	struct call call = {.op = CALL_TRUNCATE, .file = e->file};

	expect_status(e, evil_call(e, &call), 0);
	call.len = FILE_SIZE;
	expect_status(e, evil_call(e, &call), 0);
}

/* Half of those that wait are aborted, twice, with tags that never were, and by somebody else. */
static void some(struct evil *e, const struct lie *lie)
{
	const uint32_t first = e->tag + 1;
	unsigned before, before_other;
	struct evil other;

	evil_open(&other, e->fixture, e->name, STAGE_SLOW);
	empty(e);
	raise_barrier(e);
	before = e->heard.nr_replies;
	before_other = other.heard.nr_replies;
	send_waiting(e, first, NR_WAITING);
	send_waiting(&other, first + NR_WAITING, NR_WAITING);
	/* Theirs, as calls and as former ones; and as many again that never were. */
	abort_range(e, first + NR_WAITING, 2 * NR_WAITING, true);
	abort_range(&other, first, NR_WAITING, true);
	abort_range(e, first, NR_WAITING / 2, false);
	abort_range(e, first, NR_WAITING / 2, true);
	expect_bytes(&other, CANARY);
	expect_answers(e, before, NR_WAITING, true);
	expect_answers(&other, before_other, NR_WAITING, false);
	/* They have been answered: nothing is aborted, and nothing said. */
	abort_range(e, first, NR_WAITING, true);
	expect_answers(e, before, NR_WAITING, true);
	evil_close(&other, e);
}

/* All of them, again and again, while the barrier is up and when it comes down. */
static void floods(struct evil *e, const struct lie *lie)
{
	uint32_t tag = e->tag + 1;

	empty(e);
	raise_barrier(e);
	for (int i = 0; i < FLOODS; i++, tag += NR_WAITING) {
		const unsigned before = e->heard.nr_replies;

		send_waiting(e, tag, NR_WAITING);
		abort_range(e, tag, NR_WAITING, true);
		abort_range(e, tag, NR_WAITING, false);
		expect_answers(e, before, NR_WAITING, true);
	}
	expect_bytes(e, CANARY);
}

/*
 * The client leaves what waits behind, aborted or not. The next one only waits for the write; and
 * when it empties the file, the write does not come later.
 */
static void left_behind(struct evil *e, const struct lie *lie)
{
	for (int i = 0; i < 4; i++) {
		const uint32_t first = e->tag + 1;
		struct evil next;

		empty(e);
		raise_barrier(e);
		send_waiting(e, first, NR_WAITING);
		if (i % 2)
			abort_range(e, first, NR_WAITING, true);
		evil_open(&next, e->fixture, e->name, STAGE_SLOW);
		next.escapes += e->escapes;
		e->escapes = 0;
		evil_close(e, &next);
		*e = next;
		if (i < 2)
			expect_bytes(e, CANARY);
		empty(e);
		expect_bytes(e, 0);
	}
}

const struct lie barrier_lies[] = {
	{"barrier-aborts-of-some", STAGE_SLOW, some},
	{"barrier-floods-of-aborts", STAGE_SLOW, floods},
	{"barrier-left-behind", STAGE_SLOW, left_behind},
	{0},
};
