/* Every message comes out of the codec as it went in, at its largest too. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "proto/codec.h"

static struct arena arena;
static uint8_t frame[FRAME_MAX];

static void open_arena(void)
{
	cr_assert_eq(arena_open(&arena, ARENA_SIZE), 0);
}

static void close_arena(void)
{
	arena_close(&arena);
}

TestSuite(round_trip, .init = open_arena, .fini = close_arena);

static struct message there_and_back(const struct message *in)
{
	struct message out;
	long len = codec_encode(in, frame, sizeof(frame));

	cr_assert_gt(len, 0, "type %d", in->type);
	cr_assert_eq(codec_decode(&arena, frame, (size_t)len, &out), 0, "type %d", in->type);
	cr_assert_eq(out.type, in->type);
	return out;
}

static struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void expect_bytes(struct bytes got, struct bytes expected)
{
	cr_assert_eq(got.len, expected.len);
	cr_expect(!got.len || !memcmp(got.data, expected.data, got.len));
	cr_expect_eq(got.data[got.len], 0, "a zero follows");
}

Test(round_trip, hello)
{
	uint8_t id[SESSION_ID_SIZE] = {1, 2, 0, 4}, key[SESSION_KEY_SIZE] = {9};
	struct message in = {.type = MSG_HELLO,
			     .hello = {.version_min = 1,
				       .version_max = 3,
				       .features = 1ull << 63 | FEATURE_IMM,
				       .export = text("data"),
				       .client = text("somebody"),
				       .session_id = {id, sizeof(id)},
				       .session_key = {key, sizeof(key)},
				       .max_inflight = 1024,
				       .epoch = UINT32_MAX,
				       .channel = SESSION_CONNS_MAX - 1}};
	struct message out = there_and_back(&in);

	cr_expect_eq(out.hello.version_min, 1);
	cr_expect_eq(out.hello.version_max, 3);
	cr_expect_eq(out.hello.features, in.hello.features);
	cr_expect_eq(out.hello.max_inflight, 1024);
	cr_expect_eq(out.hello.epoch, UINT32_MAX);
	cr_expect_eq(out.hello.channel, SESSION_CONNS_MAX - 1);
	expect_bytes(out.hello.export, in.hello.export);
	expect_bytes(out.hello.client, in.hello.client);
	expect_bytes(out.hello.session_id, in.hello.session_id);
	expect_bytes(out.hello.session_key, in.hello.session_key);
}

Test(round_trip, hello_with_a_key)
{
	uint8_t id[SESSION_ID_SIZE] = {1}, tag[KEY_TAG_SIZE] = {2}, nonce[NONCE_SIZE] = {3},
		share[SHARE_SIZE] = {4};
	char longest[KEY_ID_MAX + 1];
	struct message in = {.type = MSG_HELLO,
			     .hello = {.version_min = 1,
				       .version_max = 1,
				       .export = text("data"),
				       .session_id = {id, sizeof(id)},
				       .epoch = 1,
				       .key_id = {(uint8_t *)longest, KEY_ID_MAX},
				       .key_tag = {tag, sizeof(tag)},
				       .nonce = {nonce, sizeof(nonce)},
				       .share = {share, sizeof(share)}}};
	struct message out;

	memset(longest, 'a', sizeof(longest));
	out = there_and_back(&in);
	expect_bytes(out.hello.key_id, in.hello.key_id);
	expect_bytes(out.hello.key_tag, in.hello.key_tag);
	expect_bytes(out.hello.nonce, in.hello.nonce);
	expect_bytes(out.hello.share, in.hello.share);
	expect_bytes(out.hello.session_id, in.hello.session_id);
	cr_expect_eq(out.hello.session_key.len, 0);
}

Test(round_trip, challenge_and_proof)
{
	uint8_t nonce[NONCE_SIZE] = {1}, share[SHARE_SIZE] = {2}, mac[MAC_SIZE] = {3},
		session_mac[MAC_SIZE] = {4};
	struct message in = {.type = MSG_CHALLENGE,
			     .challenge = {.version = 7,
					   .nonce = {nonce, sizeof(nonce)},
					   .share = {share, sizeof(share)},
					   .mac = {mac, sizeof(mac)}}};
	struct message out = there_and_back(&in);

	cr_expect_eq(out.challenge.version, 7);
	expect_bytes(out.challenge.nonce, in.challenge.nonce);
	expect_bytes(out.challenge.share, in.challenge.share);
	expect_bytes(out.challenge.mac, in.challenge.mac);
	in = (struct message){.type = MSG_PROOF, .proof.mac = {mac, sizeof(mac)}};
	out = there_and_back(&in);
	expect_bytes(out.proof.mac, in.proof.mac);
	cr_expect_eq(out.proof.session_mac.len, 0);
	in.proof.session_mac = (struct bytes){session_mac, sizeof(session_mac)};
	out = there_and_back(&in);
	expect_bytes(out.proof.session_mac, in.proof.session_mac);
	expect_bytes(out.proof.mac, in.proof.mac);
}

Test(round_trip, abort)
{
	uint32_t tags[ABORT_MAX];
	struct message in = {.type = MSG_ABORT, .abort = {.ios = tags, .nr_ios = ABORT_MAX}}, out;

	for (uint32_t i = 0; i < ABORT_MAX; i++)
		tags[i] = UINT32_MAX - i;
	out = there_and_back(&in);
	cr_expect_eq(out.abort.nr_ios, ABORT_MAX);
	cr_expect_arr_eq(out.abort.ios, tags, sizeof(tags));
	cr_expect_eq(out.abort.nr_calls, 0);
	in.abort = (struct abort){.calls = tags, .nr_calls = 2, .ios = tags, .nr_ios = 1};
	out = there_and_back(&in);
	cr_expect_eq(out.abort.nr_ios, 1);
	cr_expect_eq(out.abort.nr_calls, 2);
	cr_expect_arr_eq(out.abort.calls, tags, 2 * sizeof(*tags));
	cr_expect_eq(out.abort.nr_former, 0);
	in.abort = (struct abort){.former = tags, .nr_former = 3};
	out = there_and_back(&in);
	cr_expect_eq(out.abort.nr_former, 3);
	cr_expect_arr_eq(out.abort.former, tags, 3 * sizeof(*tags));
}

Test(round_trip, goodbye)
{
	struct message in = {.type = MSG_GOODBYE};

	cr_expect_eq(there_and_back(&in).type, MSG_GOODBYE);
}

/* Whatever else is in it: the mac is over all that comes before. */
Test(round_trip, a_mac_is_the_end_of_its_frame)
{
	uint8_t id[SESSION_ID_SIZE] = {1}, mac[MAC_SIZE];
	const struct bytes it = {mac, sizeof(mac)};
	struct message all[] = {
		{.type = MSG_CHALLENGE, .challenge = {1, {mac, 32}, {mac, 32}, it}},
		{.type = MSG_PROOF, .proof = {{mac, 32}, it}},
		{.type = MSG_WELCOME,
		 .welcome = {.version = 1,
			     .session_id = {id, sizeof(id)},
			     .boot_id = 1,
			     .max_inflight = 1,
			     .max_regions = 1,
			     .server = text("s"),
			     .text = text("t"),
			     .mac = it}},
	};

	for (size_t i = 0; i < sizeof(mac); i++)
		mac[i] = (uint8_t)(100 + i);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		long len = codec_encode(&all[i], frame, sizeof(frame));

		cr_assert_gt(len, MAC_FIELD);
		cr_expect_eq(frame[len - MAC_FIELD], 15 << 3 | 2);
		cr_expect_eq(frame[len - MAC_FIELD + 1], MAC_SIZE);
		cr_expect_arr_eq(frame + len - MAC_SIZE, mac, MAC_SIZE);
	}
	expect_bytes(there_and_back(&all[2]).welcome.mac, it);
}

Test(round_trip, welcome)
{
	uint8_t id[SESSION_ID_SIZE] = {1}, key[SESSION_KEY_SIZE] = {2};
	struct message in = {.type = MSG_WELCOME,
			     .welcome = {.version = 1,
					 .features = FEATURE_IMM,
					 .session_id = {id, sizeof(id)},
					 .session_key = {key, sizeof(key)},
					 .boot_id = UINT64_MAX,
					 .host = UINT64_MAX - 1,
					 .verifier = UINT64_MAX - 2,
					 .max_inflight = INFLIGHT_MAX,
					 .max_regions = REGIONS_MAX,
					 .max_files = 5,
					 .export_flags = EXPORT_READ_ONLY,
					 .server = text("s"),
					 .text = text("")}};
	struct message out = there_and_back(&in);

	cr_expect_eq(out.welcome.boot_id, UINT64_MAX);
	cr_expect_eq(out.welcome.host, UINT64_MAX - 1);
	cr_expect_eq(out.welcome.verifier, UINT64_MAX - 2);
	cr_expect_eq(out.welcome.max_inflight, INFLIGHT_MAX);
	cr_expect_eq(out.welcome.max_regions, REGIONS_MAX);
	cr_expect_eq(out.welcome.max_files, 5);
	cr_expect_eq(out.welcome.export_flags, EXPORT_READ_ONLY);
	in.welcome = (struct welcome){.status = -ENOENT, .text = text("no such export")};
	out = there_and_back(&in);
	cr_expect_eq(out.welcome.status, -ENOENT);
	expect_bytes(out.welcome.text, in.welcome.text);
}

Test(round_trip, regions)
{
	struct message in = {.type = MSG_REGION_ADD,
			     .region_add = {REGIONS_MAX - 1, 0xdeadbeef, UINT64_MAX - 10, 10,
					    ACCESS_READ | ACCESS_WRITE}};
	struct message out = there_and_back(&in);

	cr_expect_eq(out.region_add.region, REGIONS_MAX - 1);
	cr_expect_eq(out.region_add.key, 0xdeadbeef);
	cr_expect_eq(out.region_add.base, UINT64_MAX - 10);
	cr_expect_eq(out.region_add.size, 10);
	cr_expect_eq(out.region_add.access, 3);
	in = (struct message){.type = MSG_REGION_DROP, .region_drop = {7, 8}};
	out = there_and_back(&in);
	cr_expect_eq(out.region_drop.tag, 7);
	cr_expect_eq(out.region_drop.region, 8);
}

Test(round_trip, submit_of_every_size)
{
	static struct io_entry io[BATCH_MAX];

	for (uint32_t i = 0; i < BATCH_MAX; i++)
		io[i] = (struct io_entry){.ids = io_ids(i, ~i),
					  .file = ~0ull - i,
					  .off = 1ull << (i % 63),
					  .len = i + 1,
					  .region_off = i * 4096ull};
	for (size_t n = 1; n <= BATCH_MAX; n++) {
		struct message in = {.type = MSG_SUBMIT,
				     .submit = {IO_WRITE, IO_NO_HOLES, PRIORITY_LOW, n, io}};
		struct message out = there_and_back(&in);

		cr_assert_eq(out.submit.n, n);
		cr_expect_eq(out.submit.op, IO_WRITE);
		cr_expect_eq(out.submit.flags, IO_NO_HOLES);
		cr_expect_eq(out.submit.priority, PRIORITY_LOW);
		cr_expect_arr_eq(out.submit.io, io, n * sizeof(*io));
		cr_expect_eq(io_region(&out.submit.io[n - 1]), n - 1);
		cr_expect_eq(io_tag(&out.submit.io[n - 1]), (uint32_t) ~(n - 1));
	}
}

Test(round_trip, completions_translate_errors)
{
	static struct io_result done[COMPLETIONS_MAX];
	struct message in = {.type = MSG_COMPLETION, .completion = {COMPLETIONS_MAX, done}};
	struct message out;

	for (uint32_t i = 0; i < COMPLETIONS_MAX; i++)
		done[i] = (struct io_result){i ? UINT32_MAX - i : 0,
					     i % 2 ? -(int64_t)ENODATA : (int64_t)i << 31};
	out = there_and_back(&in);
	cr_assert_eq(out.completion.n, COMPLETIONS_MAX);
	cr_expect_arr_eq(out.completion.done, done, sizeof(done));

	/* One that has no number on the wire goes as EIO, 5. */
	done[0] = (struct io_result){7, -4000};
	in.completion.n = 1;
	cr_assert_eq(codec_encode(&in, frame, sizeof(frame)), 1 + 2 + 16);
	cr_expect_arr_eq(frame + 3, "\7\0\0\0\0\0\0\0\xfb\xff\xff\xff\xff\xff\xff\xff", 16);
}

Test(round_trip, the_largest_calls_fit)
{
	static uint64_t range[2 * RANGES_MAX];
	static char path[PROTO_PATH_MAX + 1];
	struct message in = {.type = MSG_CALL,
			     .call = {.tag = 1,
				      .op = CALL_PUNCH,
				      .file = 2,
				      .nr_ranges = RANGES_MAX,
				      .range = range}};
	struct message out;

	memset(range, 0xff, sizeof(range));
	memset(path, 'p', PROTO_PATH_MAX);
	out = there_and_back(&in);
	cr_assert_eq(out.call.nr_ranges, RANGES_MAX);
	cr_expect_arr_eq(out.call.range, range, sizeof(range));
	in.call = (struct call){.tag = 5,
				.op = CALL_RENAME,
				.path = text(path),
				.path2 = text(path),
				.flags = 1,
				.mode = 2,
				.off = 3,
				.len = 4,
				.replay = 1,
				.persistent = text("name\2"),
				.at = UINT64_MAX,
				.at2 = 6,
				.target = text(path),
				.uid = 7,
				.gid = UINT32_MAX,
				.atime_ns = INT64_MIN,
				.mtime_ns = 9,
				.names = {(const uint8_t *)"a\0\0b/c", 7}};
	out = there_and_back(&in);
	cr_expect_eq(out.call.nr_names, 3);
	expect_bytes(out.call.names, in.call.names);
	cr_expect_eq(out.call.replay, 1);
	cr_expect_eq(out.call.at, UINT64_MAX);
	cr_expect_eq(out.call.at2, 6);
	expect_bytes(out.call.target, in.call.target);
	cr_expect_eq(out.call.uid, 7);
	cr_expect_eq(out.call.gid, UINT32_MAX);
	cr_expect_eq(out.call.atime_ns, INT64_MIN);
	cr_expect_eq(out.call.mtime_ns, 9);
	expect_bytes(out.call.persistent, in.call.persistent);
	expect_bytes(out.call.path, in.call.path);
	expect_bytes(out.call.path2, in.call.path2);
	cr_expect_eq(out.call.tag, 5);
	cr_expect_eq(out.call.flags, 1);
	cr_expect_eq(out.call.mode, 2);
	cr_expect_eq(out.call.off, 3);
	cr_expect_eq(out.call.len, 4);
}

/* The longest path, name and value of an attribute travel together. */
Test(round_trip, attributes)
{
	static char path[PROTO_PATH_MAX + 1], name[PROTO_NAME_MAX + 1];
	static uint8_t value[XATTR_VALUE_MAX + 1];
	struct message in = {.type = MSG_CALL}, out;

	memset(path, 'p', sizeof(path) - 1);
	memset(name, 'n', sizeof(name) - 1);
	memset(value, 0, sizeof(value));
	in.call = (struct call){.tag = UINT32_MAX,
				.op = CALL_SETXATTR,
				.flags = UINT32_MAX,
				.replay = 1,
				.at = UINT64_MAX,
				.path = text(path),
				.name = text(name),
				.value = {value, XATTR_VALUE_MAX}};
	out = there_and_back(&in);
	expect_bytes(out.call.path, in.call.path);
	expect_bytes(out.call.name, in.call.name);
	expect_bytes(out.call.value, in.call.value);
	in.call.value.len++;
	cr_assert_eq(
		codec_decode(&arena, frame, (size_t)codec_encode(&in, frame, sizeof(frame)), &out),
		-EBADMSG);
	in.call.value.len = 0;
	in.call.name = (struct bytes){(const uint8_t *)"user.\0", 6};
	cr_assert_eq(
		codec_decode(&arena, frame, (size_t)codec_encode(&in, frame, sizeof(frame)), &out),
		-EBADMSG);
}

Test(round_trip, reply)
{
	uint8_t persistent[PERSISTENT_MAX];
	uint32_t types[] = {4, 8};
	uint64_t ids[2 * ANCESTORS_MAX];
	const uint64_t fs[] = {512, UINT64_MAX, 0};
	const struct attr_row rows[] = {
		{.status = -ENOENT},
		{.kind = UINT64_MAX, .owner = 5, .size = INT64_MAX, .ctime_ns = INT64_MIN}};
	struct message in = {.type = MSG_REPLY,
			     .reply = {.tag = 3,
				       .status = -EDQUOT,
				       .file = 77,
				       .persistent = {persistent, sizeof(persistent)},
				       .attr_valid = 1,
				       .attr = {1, 2, 3, 4, 5, 6, 7, 8, -9, 10, 11},
				       .names = {(const uint8_t *)"a\0bc", 5},
				       .nr_types = 2,
				       .types = types,
				       .next = 99,
				       .nr_ids = ANCESTORS_MAX,
				       .ids = ids,
				       .verifier = UINT64_MAX - 3,
				       .target = text("../a link"),
				       .nr_fs = 3,
				       .fs = fs,
				       .value = {(const uint8_t *)"a\0b", 3},
				       .nr_attrs = 2,
				       .attrs = rows}};
	struct message out;

	memset(persistent, 0x5a, sizeof(persistent));
	memset(ids, 0xa5, sizeof(ids));
	out = there_and_back(&in);
	cr_expect_eq(out.reply.status, -EDQUOT);
	cr_expect_eq(out.reply.file, 77);
	cr_expect_eq(out.reply.next, 99);
	expect_bytes(out.reply.persistent, in.reply.persistent);
	expect_bytes(out.reply.names, in.reply.names);
	cr_expect_arr_eq(&out.reply.attr, &in.reply.attr, sizeof(in.reply.attr));
	cr_assert_eq(out.reply.nr_types, 2);
	cr_expect_eq(out.reply.types[1], 8);
	cr_assert_eq(out.reply.nr_ids, ANCESTORS_MAX);
	cr_expect_arr_eq(out.reply.ids, ids, sizeof(ids));
	cr_expect_eq(out.reply.verifier, UINT64_MAX - 3);
	expect_bytes(out.reply.target, in.reply.target);
	expect_bytes(out.reply.value, in.reply.value);
	cr_assert_eq(out.reply.nr_fs, 3);
	cr_expect_arr_eq(out.reply.fs, fs, sizeof(fs));
	cr_assert_eq(out.reply.nr_attrs, 2);
	cr_expect_arr_eq(out.reply.attrs, rows, sizeof(rows));
}

Test(round_trip, rows_of_counters)
{
	enum { ROWS = 5, WIDTH = COUNTS_MAX };
	static uint64_t counts[ROWS * WIDTH];
	uint32_t types[ROWS] = {COUNTED_WORKER, COUNTED_CONNECTION, 2, 2, 3};
	struct message in = {.type = MSG_REPLY,
			     .reply = {.names = {(const uint8_t *)"0\0a\0b\0c\0\0", 9},
				       .nr_types = ROWS,
				       .types = types,
				       .counts_width = WIDTH,
				       .nr_counts = ROWS * WIDTH,
				       .counts = counts}};
	struct message out;

	for (size_t i = 0; i < ROWS * WIDTH; i++)
		counts[i] = ~0ull / (i + 1);
	out = there_and_back(&in);
	cr_assert_eq(out.reply.counts_width, WIDTH);
	cr_assert_eq(out.reply.nr_counts, ROWS * WIDTH);
	cr_expect_arr_eq(out.reply.counts, counts, sizeof(counts));
	cr_assert_eq(out.reply.nr_types, ROWS);
	cr_expect_arr_eq(out.reply.types, types, sizeof(types));
}

Test(round_trip, ping)
{
	struct message in = {.type = MSG_PING, .ping = {UINT64_MAX, 1}};
	struct message out = there_and_back(&in);

	cr_expect_eq(out.ping.nonce, UINT64_MAX);
	cr_expect_eq(out.ping.pong, 1);
}

/* Every cap but the last is too small; nothing is written then, and the last one is filled. */
static void expect_exactly(const struct message *in, size_t needed)
{
	static const uint8_t zeros[256];
	uint8_t small[256] = {0};

	cr_assert_leq(needed, sizeof(small));
	for (size_t cap = 0; cap < needed; cap++)
		cr_expect_eq(codec_encode(in, small, cap), -EMSGSIZE);
	cr_expect_arr_eq(small, zeros, sizeof(small));
	cr_expect_eq(codec_encode(in, small, needed), (long)needed);
	cr_expect_arr_eq(small + needed, zeros, sizeof(small) - needed);
}

Test(round_trip, what_does_not_fit_is_not_written)
{
	static const struct io_entry io[3] = {{.ids = ~0ull}};
	static const struct io_result done[3] = {{.tag = 1, .result = -EIO}};

	expect_exactly(&(struct message){.type = MSG_PING, .ping = {1, 1}}, 1 + 9 + 2);
	expect_exactly(&(struct message){.type = MSG_SUBMIT,
					 .submit = {IO_READ, 0, PRIORITY_NORMAL, 3, io}},
		       1 + 5 + 2 + 120);
	expect_exactly(&(struct message){.type = MSG_COMPLETION, .completion = {3, done}},
		       1 + 2 + 48);
}

/* What one I/O of a batch is on the wire, byte by byte. */
Test(round_trip, the_words_of_an_entry)
{
	static const char expected[] = "\5"		     /* a SubmitBatch */
				       "\x0d\2\1\2\0"	     /* a write, no holes, low */
				       "\x12\x28"	     /* 40 bytes */
				       "\4\3\2\1\10\7\6\5"   /* tag, region */
				       "\1\0\0\0\0\0\0\xf1"  /* file */
				       "\2\0\0\0\0\0\0\xf2"  /* off */
				       "\3\0\0\0\0\0\0\xf3"  /* len */
				       "\4\0\0\0\0\0\0\xf4"; /* region_off */
	const struct io_entry io = {.ids = io_ids(0x05060708, 0x01020304),
				    .file = 0xf1ull << 56 | 1,
				    .off = 0xf2ull << 56 | 2,
				    .len = 0xf3ull << 56 | 3,
				    .region_off = 0xf4ull << 56 | 4};
	const struct message in = {.type = MSG_SUBMIT,
				   .submit = {IO_WRITE, IO_NO_HOLES, PRIORITY_LOW, 1, &io}};

	cr_assert_eq(codec_encode(&in, frame, sizeof(frame)), (long)sizeof(expected) - 1);
	cr_expect_arr_eq(frame, expected, sizeof(expected) - 1);
}
