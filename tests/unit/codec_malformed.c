/*
 * What the codec must refuse, and that no bytes at all make it misbehave. Frames are made by hand:
 * a field is its number and wire type in one byte, then its value.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "proto/codec.h"

static struct arena arena;

static void open_arena(void)
{
	log_set_level("off");
	cr_assert_eq(arena_open(&arena, ARENA_SIZE), 0);
}

static void close_arena(void)
{
	arena_close(&arena);
}

TestSuite(malformed, .init = open_arena, .fini = close_arena);

static int decode(const void *frame, size_t len)
{
	struct message msg;

	return codec_decode(&arena, frame, len, &msg);
}

#define DECODE(...)                                     \
	({                                              \
		const uint8_t frame_[] = {__VA_ARGS__}; \
		decode(frame_, sizeof(frame_));         \
	})

#define VARINT(field) ((field) << 3)
#define LEN(field)    ((field) << 3 | 2)
/* Of a SubmitBatch. */
#define KIND(op, flags, priority) 1 << 3 | 5, (op), (flags), (priority), 0
/* Field numbers from 16 on take two bytes. */
#define LEN2(field) (((field) << 3 | 2) & 0x7f) | 0x80, (field) >> 4

Test(malformed, frames_of_no_type)
{
	uint8_t big[FRAME_MAX + 1] = {MSG_PING};

	cr_expect_eq(decode("", 0), -EBADMSG);
	cr_expect_eq(DECODE(0), -EBADMSG);
	cr_expect_eq(DECODE(NR_MSG_TYPES), -EBADMSG);
	cr_expect_eq(DECODE(255), -EBADMSG);
	cr_expect_eq(decode(big, sizeof(big)), -EBADMSG);
	cr_expect_eq(DECODE(MSG_PING), 0, "all fields at their default");
}

Test(malformed, hello)
{
	cr_expect_eq(DECODE(MSG_HELLO), 0);
	cr_expect_eq(DECODE(MSG_HELLO, VARINT(1), 2, VARINT(2), 1), -EBADMSG, "min above max");
	cr_expect_eq(DECODE(MSG_HELLO, LEN(4), 3, 'a', 0, 'b'), -EBADMSG, "a zero in a name");
	cr_expect_eq(DECODE(MSG_HELLO, LEN(6), 1, 'x'), -EBADMSG, "a short session id");
	cr_expect_eq(DECODE(MSG_HELLO, VARINT(9), 1), -EBADMSG, "a new session with a past");
	cr_expect_eq(DECODE(MSG_HELLO, VARINT(10), SESSION_CONNS_MAX - 1), 0);
	cr_expect_eq(DECODE(MSG_HELLO, VARINT(10), SESSION_CONNS_MAX), -EBADMSG, "its channel");
	cr_expect_eq(DECODE(MSG_HELLO, LEN(4), 200, 'a'), -EBADMSG, "cut off");
	cr_expect_eq(DECODE(MSG_HELLO, LEN(4), 0xff, 0xff, 0xff, 0xff, 0x0f), -EBADMSG);
}

static int decode_message(const struct message *msg)
{
	uint8_t frame[FRAME_MAX];
	long len = codec_encode(msg, frame, sizeof(frame));

	cr_assert_gt(len, 0);
	return decode(frame, (size_t)len);
}

/* All of a key, or nothing; and no session's key with it. */
Test(malformed, hello_with_a_key)
{
	static const uint8_t zeroes[128];
	const struct message good = {
		.type = MSG_HELLO,
		.hello = {.key_id = {(const uint8_t *)"alice", 5},
			  .key_tag = {zeroes, KEY_TAG_SIZE},
			  .nonce = {zeroes, NONCE_SIZE},
			  .share = {zeroes, SHARE_SIZE}},
	};
	struct message m = good;
	struct bytes *const fields[] = {&m.hello.key_id, &m.hello.key_tag, &m.hello.nonce,
					&m.hello.share};

	cr_assert_eq(decode_message(&good), 0);
	for (int i = 0; i < 4; i++) {
		m = good;
		fields[i]->len = 0;
		cr_expect_eq(decode_message(&m), -EBADMSG, "without field %d", i);
		m = (struct message){.type = MSG_HELLO};
		*fields[i] = (struct bytes){(const uint8_t *)"0123", 4};
		cr_expect_eq(decode_message(&m), -EBADMSG, "field %d alone", i);
		for (int by = -1; by <= 1 && i; by += 2) {
			m = good;
			fields[i]->len += (size_t)by;
			cr_expect_eq(decode_message(&m), -EBADMSG, "field %d of %zu", i,
				     fields[i]->len);
		}
	}
	m = good;
	m.hello.key_id = (struct bytes){(const uint8_t *)"al\0ce", 5};
	cr_expect_eq(decode_message(&m), -EBADMSG);
	m.hello.key_id = (struct bytes){zeroes, KEY_ID_MAX + 1};
	cr_expect_eq(decode_message(&m), -EBADMSG);
	m = good;
	m.hello.session_id = (struct bytes){zeroes, SESSION_ID_SIZE};
	cr_expect_eq(decode_message(&m), 0);
	m.hello.session_key = (struct bytes){zeroes, SESSION_KEY_SIZE};
	cr_expect_eq(decode_message(&m), -EBADMSG, "a key of a session, beside its own");
	m.hello.session_id.len = 0;
	cr_expect_eq(decode_message(&m), -EBADMSG);
}

Test(malformed, challenges_and_proofs)
{
	static const uint8_t zeroes[64];
	struct message m = {.type = MSG_CHALLENGE};
	struct bytes *const fields[] = {&m.challenge.nonce, &m.challenge.share, &m.challenge.mac};

	for (int i = 0; i < 3; i++)
		for (size_t len = 0; len <= 34; len++) {
			for (int j = 0; j < 3; j++)
				*fields[j] = (struct bytes){zeroes, 32};
			fields[i]->len = len;
			cr_expect_eq(decode_message(&m), len == 32 ? 0 : -EBADMSG);
		}
	for (size_t len = 0; len <= 34; len++) {
		m = (struct message){.type = MSG_PROOF, .proof.mac = {zeroes, len}};
		cr_expect_eq(decode_message(&m), len == 32 ? 0 : -EBADMSG);
		m.proof = (struct proof){.mac = {zeroes, 32}, .session_mac = {zeroes, len}};
		cr_expect_eq(decode_message(&m), len == 32 || !len ? 0 : -EBADMSG);
	}
}

Test(malformed, aborts)
{
	static const uint32_t tags[ABORT_MAX + 1];
	struct message m = {.type = MSG_ABORT};

	cr_expect_eq(decode_message(&m), -EBADMSG, "without a tag");
	m.abort = (struct abort){.ios = tags, .nr_ios = ABORT_MAX + 1};
	cr_expect_eq(decode_message(&m), -EBADMSG);
	m.abort = (struct abort){.calls = tags, .nr_calls = ABORT_MAX + 1};
	cr_expect_eq(decode_message(&m), -EBADMSG);
	m.abort = (struct abort){.former = tags, .nr_former = ABORT_MAX + 1};
	cr_expect_eq(decode_message(&m), -EBADMSG);
	m.abort = (struct abort){.ios = tags,
				 .nr_ios = ABORT_MAX,
				 .calls = tags,
				 .nr_calls = ABORT_MAX,
				 .former = tags,
				 .nr_former = ABORT_MAX};
	cr_expect_eq(decode_message(&m), 0);
}

/* One or the other, of who is let in. */
Test(malformed, a_welcome_has_a_key_or_a_mac)
{
	static const uint8_t zeroes[64];
	const struct message good = {.type = MSG_WELCOME,
				     .welcome = {.max_inflight = 1,
						 .max_regions = 1,
						 .session_id = {zeroes, SESSION_ID_SIZE}}};
	struct message m = good;

	cr_expect_eq(decode_message(&m), -EBADMSG);
	m.welcome.session_key = (struct bytes){zeroes, SESSION_KEY_SIZE};
	cr_expect_eq(decode_message(&m), 0);
	m.welcome.mac = (struct bytes){zeroes, MAC_SIZE};
	cr_expect_eq(decode_message(&m), -EBADMSG);
	m.welcome.session_key.len = 0;
	cr_expect_eq(decode_message(&m), 0);
	m.welcome.mac.len--;
	cr_expect_eq(decode_message(&m), -EBADMSG);
}

Test(malformed, a_welcome_needs_limits)
{
	cr_expect_eq(DECODE(MSG_WELCOME), -EBADMSG);
	cr_expect_eq(DECODE(MSG_WELCOME, VARINT(1), 3), 0, "a refusal does not");
}

Test(malformed, regions)
{
	struct message m = {.type = MSG_REGION_ADD, .region_add = {1, 1, 4096, 4096, ACCESS_READ}};
	uint8_t frame[64];
	struct region_add bad[] = {
		{REGIONS_MAX, 1, 4096, 4096, ACCESS_READ},
		{1, 1, 4096, 0, ACCESS_READ},
		{1, 1, 4096, UINT64_MAX - 4095, ACCESS_READ},
		{1, 1, 4096, 4096, 0},
		{1, 1, 4096, 4096, 4},
	};

	cr_expect_eq(decode(frame, (size_t)codec_encode(&m, frame, sizeof(frame))), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		m.region_add = bad[i];
		cr_expect_eq(decode(frame, (size_t)codec_encode(&m, frame, sizeof(frame))),
			     -EBADMSG, "row %zu", i);
	}
}

/* A frame of that many words, each 0, in one packed array, behind a head of that many bytes. */
static int words_of(const uint8_t *head, size_t len, uint32_t field, size_t words)
{
	static uint8_t frame[FRAME_MAX];
	size_t size = 8 * words;

	memcpy(frame, head, len);
	frame[len++] = (uint8_t)LEN(field);
	frame[len++] = (uint8_t)(size | 0x80);
	frame[len++] = (uint8_t)(size >> 7 | 0x80);
	frame[len++] = (uint8_t)(size >> 14);
	cr_assert_leq(len + size, sizeof(frame));
	memset(frame + len, 0, size);
	return decode(frame, len + size);
}

static int submit_of(size_t words)
{
	static const uint8_t head[] = {MSG_SUBMIT, KIND(IO_READ, 0, PRIORITY_HIGH)};

	return words_of(head, sizeof(head), 2, words);
}

static int completion_of(size_t words)
{
	static const uint8_t head[] = {MSG_COMPLETION};

	return words_of(head, sizeof(head), 1, words);
}

Test(malformed, batches_of_parts_of_entries)
{
	for (size_t words = 0; words <= 5 * BATCH_MAX; words++)
		cr_expect_eq(submit_of(words), words && words % 5 == 0 ? 0 : -EBADMSG, "%zu",
			     words);
	for (size_t words = 5 * BATCH_MAX + 1; words <= 5 * BATCH_MAX + 5; words++)
		cr_expect_eq(submit_of(words), -EBADMSG, "%zu", words);
	cr_expect_eq(DECODE(MSG_SUBMIT, KIND(IO_READ, 0, PRIORITY_HIGH)), -EBADMSG, "no entries");
}

Test(malformed, completions_of_parts_of_results)
{
	for (size_t words = 0; words <= 2 * COMPLETIONS_MAX; words++)
		cr_expect_eq(completion_of(words), words && words % 2 == 0 ? 0 : -EBADMSG, "%zu",
			     words);
	cr_expect_eq(completion_of(2 * COMPLETIONS_MAX + 1), -EBADMSG);
	cr_expect_eq(completion_of(2 * COMPLETIONS_MAX + 2), -EBADMSG);
	cr_expect_eq(DECODE(MSG_COMPLETION), -EBADMSG);
}

#define WORD(low) (low), 0, 0, 0, 0, 0, 0, 0

Test(malformed, a_field_twice_is_one_longer_array)
{
	/* Protobuf concatenates: a tag, then its result, are one entry; three words are none. */
	cr_expect_eq(DECODE(MSG_COMPLETION, LEN(1), 8, WORD(1), LEN(1), 8, WORD(2)), 0);
	cr_expect_eq(DECODE(MSG_COMPLETION, LEN(1), 16, WORD(1), WORD(2), LEN(1), 8, WORD(3)),
		     -EBADMSG);
}

Test(malformed, words_of_another_width)
{
	static const uint8_t head[] = {MSG_SUBMIT, KIND(IO_READ, 0, PRIORITY_HIGH)};
	enum {
		HEAD = sizeof(head),
		LOOSE = 9,
		VARINT_TYPE = 0,
		FIXED64_TYPE = 1,
		FIXED32_TYPE = 5
	};
	uint8_t frame[HEAD + 5 * LOOSE] = {0};

	memcpy(frame, head, HEAD);
	frame[HEAD] = LEN(2);
	frame[HEAD + 1] = 40;
	cr_expect_eq(decode(frame, HEAD + 2 + 40), 0);
	cr_expect_eq(decode(frame, HEAD + 2 + 39), -EBADMSG, "ends too early");
	frame[HEAD + 1] = 39;
	cr_expect_eq(decode(frame, HEAD + 2 + 39), -EBADMSG, "a word of seven bytes");
	frame[HEAD + 1] = 0;
	for (int i = 0; i < 5; i++) /* one by one, not packed: protobuf allows it */
		frame[HEAD + LOOSE * i] = VARINT(2) | FIXED64_TYPE;
	cr_expect_eq(decode(frame, sizeof(frame)), 0);
	cr_expect_eq(decode(frame, sizeof(frame) - LOOSE), -EBADMSG, "four of them");
	frame[HEAD] = VARINT(2) | FIXED32_TYPE;
	cr_expect_eq(decode(frame, sizeof(frame)), -EBADMSG);
	frame[HEAD] = VARINT(2) | VARINT_TYPE;
	cr_expect_eq(decode(frame, sizeof(frame)), -EBADMSG);
}

Test(malformed, tags_have_32_bits)
{
	cr_expect_eq(DECODE(MSG_COMPLETION, LEN(1), 16, 255, 255, 255, 255, 0, 0, 0, 0, WORD(0)),
		     0);
	cr_expect_eq(DECODE(MSG_COMPLETION, LEN(1), 16, 0, 0, 0, 0, 1, 0, 0, 0, WORD(0)), -EBADMSG);
	cr_expect_eq(DECODE(MSG_COMPLETION, LEN(1), 16, 0, 0, 0, 0, 0, 0, 0, 128, WORD(0)),
		     -EBADMSG, "a negative one");
}

Test(malformed, errors_nobody_knows_count_as_eio)
{
	static const uint8_t frame[] = {
		MSG_COMPLETION, LEN(1), 32, WORD(1), WORD(0), WORD(2), 0, 0, 0, 0, 0, 0, 0, 128};
	struct message msg;

	cr_assert_eq(codec_decode(&arena, frame, sizeof(frame), &msg), 0);
	cr_assert_eq(msg.completion.n, 2);
	cr_expect_eq(msg.completion.done[0].result, 0);
	cr_expect_eq(msg.completion.done[1].result, -EIO);
}

Test(malformed, submit_enums)
{
	struct io_entry io = {0};
	struct submit good = {IO_READ, 0, PRIORITY_HIGH, 1, &io}, bad[5];
	uint8_t frame[128];
	struct message m = {.type = MSG_SUBMIT, .submit = good};

	cr_expect_eq(decode(frame, (size_t)codec_encode(&m, frame, sizeof(frame))), 0);
	for (int i = 0; i < 5; i++)
		bad[i] = good;
	bad[0].op = 0;
	bad[1].op = IO_WRITE + 1;
	bad[2].priority = NR_PRIORITIES;
	bad[3].flags = IO_NO_HOLES << 1;
	bad[4].priority = 1 << 15;
	for (int i = 0; i < 5; i++) {
		m.submit = bad[i];
		cr_expect_eq(decode(frame, (size_t)codec_encode(&m, frame, sizeof(frame))),
			     -EBADMSG, "row %d", i);
	}
}

Test(malformed, calls)
{
	static uint8_t path[PROTO_PATH_MAX + 8];

	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), 0), -EBADMSG);
	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), NR_CALLS), -EBADMSG);
	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), CALL_OPEN, LEN(4), 2, 'a', 0), -EBADMSG);
	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), CALL_OPEN, LEN(4), 2, 'a', 'b'), 0);
	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), CALL_PUNCH, LEN(10), 8, 0, 0, 0, 0, 0, 0, 0, 0),
		     -EBADMSG, "half a range");
	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), CALL_OPEN, VARINT(11), 1), 0);
	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), CALL_OPEN, VARINT(11), 2), -EBADMSG);
	memset(path, 'a', sizeof(path));
	path[0] = MSG_CALL;
	path[1] = VARINT(2);
	path[2] = CALL_OPEN;
	path[3] = LEN(4);
	path[4] = 0x80;
	path[5] = 0x20; /* 4096 bytes of path */
	cr_expect_eq(decode(path, 6 + 4096), -EBADMSG);
	path[3] = LEN(12);
	path[4] = 0x80 | (PERSISTENT_MAX & 0x7f);
	path[5] = PERSISTENT_MAX >> 7;
	cr_expect_eq(decode(path, 6 + PERSISTENT_MAX), 0);
	path[4]++;
	cr_expect_eq(decode(path, 6 + PERSISTENT_MAX + 1), -EBADMSG);
}

/* `n` empty names. */
static int decode_names(size_t n)
{
	static uint8_t frame[FRAME_MAX], names[STATS_MAX + 1];
	const struct message m = {.type = MSG_CALL,
				  .call = {.op = CALL_STATS, .names = {names, n}}};

	return decode(frame, (size_t)codec_encode(&m, frame, sizeof(frame)));
}

/* So many bytes of rows in a Reply; each byte of the first word is `status`. */
static int decode_rows(size_t bytes, uint8_t status)
{
	static uint8_t frame[FRAME_MAX];
	size_t at = 0;

	frame[at++] = MSG_REPLY;
	frame[at++] = 0xda; /* field 27, bytes */
	frame[at++] = 0x01;
	frame[at++] = (uint8_t)(0x80 | (bytes & 0x7f));
	frame[at++] = (uint8_t)(bytes >> 7);
	memset(frame + at, 0, bytes);
	memset(frame + at, status, bytes ? 8 : 0);
	return decode(frame, at + bytes);
}

Test(malformed, names_of_calls_and_their_rows)
{
	const size_t row = sizeof(struct attr_row);

	cr_expect_eq(decode_names(0), 0);
	cr_expect_eq(decode_names(STATS_MAX), 0);
	cr_expect_eq(decode_names(STATS_MAX + 1), -EBADMSG);
	cr_expect_eq(DECODE(MSG_CALL, VARINT(2), CALL_STATS, LEN2(22), 3, 'a', 0, 'b'), -EBADMSG,
		     "a name that does not end");
	cr_expect_eq(decode_rows(0, 0), 0);
	cr_expect_eq(decode_rows(row, 0), 0);
	cr_expect_eq(decode_rows(row, 0xff), 0);
	cr_expect_eq(decode_rows(row, 0x7f), -EBADMSG, "a status that is no error");
	cr_expect_eq(decode_rows(row, 0x80), -EBADMSG, "a status beyond 32 bits");
	cr_expect_eq(decode_rows(row - 8, 0), -EBADMSG);
	cr_expect_eq(decode_rows(row + 8, 0), -EBADMSG);
	cr_expect_eq(decode_rows(STATS_MAX * row, 0), 0);
	cr_expect_eq(decode_rows((STATS_MAX + 1) * row, 0), -EBADMSG);
}

Test(malformed, names_and_types_must_match)
{
	cr_expect_eq(DECODE(MSG_REPLY, LEN2(17), 2, 'a', 0), -EBADMSG);
	cr_expect_eq(DECODE(MSG_REPLY, LEN2(17), 2, 'a', 0, LEN2(18), 1, 8), 0);
	cr_expect_eq(DECODE(MSG_REPLY, LEN2(17), 3, 'a', 0, 'b', LEN2(18), 1, 8), -EBADMSG,
		     "a name that does not end");
}

/* Two names with types, and counters: `width` a row, n in all. */
static int reply_with_counts(uint32_t width, size_t n)
{
	static const uint64_t counts[2 * COUNTS_MAX + 2];
	static uint8_t frame[FRAME_MAX];
	const uint32_t types[] = {1, 2};
	const struct message m = {.type = MSG_REPLY,
				  .reply = {.names = {(const uint8_t *)"a\0b", 4},
					    .nr_types = 2,
					    .types = types,
					    .counts_width = width,
					    .nr_counts = n,
					    .counts = counts}};

	return decode(frame, (size_t)codec_encode(&m, frame, sizeof(frame)));
}

Test(malformed, rows_of_counters_must_be_whole)
{
	cr_expect_eq(reply_with_counts(0, 0), 0);
	cr_expect_eq(reply_with_counts(3, 6), 0);
	cr_expect_eq(reply_with_counts(COUNTS_MAX, 2 * COUNTS_MAX), 0);
	cr_expect_eq(reply_with_counts(3, 5), -EBADMSG);
	cr_expect_eq(reply_with_counts(3, 7), -EBADMSG);
	cr_expect_eq(reply_with_counts(3, 0), -EBADMSG);
	cr_expect_eq(reply_with_counts(0, 1), -EBADMSG);
	cr_expect_eq(reply_with_counts(COUNTS_MAX + 1, 2 * COUNTS_MAX + 2), -EBADMSG);
	/* 2^31 of each: their product is not 0. */
	cr_expect_eq(reply_with_counts(1u << 31, 0), -EBADMSG);
}

Test(malformed, nesting_is_only_an_unknown_field)
{
	static uint8_t frame[FRAME_MAX];

	/* 5,000 levels of field 15 of field 15: skipped as bytes, never followed. */
	frame[0] = MSG_PING;
	for (size_t at = 1, left = sizeof(frame) - 1; left > 4; at += 3, left -= 3) {
		size_t inner = left - 3;

		frame[at] = LEN(15);
		frame[at + 1] = (uint8_t)(inner | 0x80);
		frame[at + 2] = (uint8_t)(inner >> 7);
	}
	cr_expect_eq(decode(frame, sizeof(frame)), 0);
	memset(frame + 1, VARINT(15) | 3, sizeof(frame) - 1); /* groups */
	cr_expect_eq(decode(frame, sizeof(frame)), -EBADMSG);
}

Test(malformed, a_flood_of_small_fields_meets_the_cap)
{
	static uint8_t frame[FRAME_MAX];

	frame[0] = MSG_PING;
	for (size_t at = 1; at + 2 <= sizeof(frame); at += 2) {
		frame[at] = VARINT(9);
		frame[at + 1] = 1;
	}
	cr_expect_eq(decode(frame, sizeof(frame) - 1), -EBADMSG);
}

/* Any bytes, a fixed seed: nothing to expect but that it ends and stays inside its memory. */
Test(malformed, random_bytes)
{
	uint64_t state = 0x9e3779b97f4a7c15ull;
	uint8_t frame[512];
	int taken = 0;

	for (int round = 0; round < 200000; round++) {
		size_t len = 1 + state % 64;

		for (size_t i = 0; i < len; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			frame[i] = (uint8_t)(i ? state : 1 + state % (NR_MSG_TYPES - 1));
		}
		taken += !decode(frame, len);
	}
	cr_expect_gt(taken, 0);
	cr_expect_lt(taken, 200000);
}
