/* What an evil server says, and where. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/transport/connect_params.h"
#include "common/transport/transport.h"
#include "proto/codec.h"
#include "tests/evil/servers/io_lies.h"

#define FRAME(bytes) bytes, sizeof(bytes) - 1

/* Any phase. */
static bool nothing(struct hostile_peer *peer, const struct message *msg)
{
	return false;
}

static bool leave(struct hostile_peer *peer, const struct message *msg)
{
	shutdown(peer->wire.fd, SHUT_WR);
	return false;
}

static bool reset(struct hostile_peer *peer, const struct message *msg)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(peer->wire.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	shutdown(peer->wire.fd, SHUT_RD);
	return false;
}

static bool frame(struct hostile_peer *peer, const struct message *msg)
{
	wire_frame(&peer->wire, peer->lie->bytes, peer->lie->len);
	return true;
}

static bool message(struct hostile_peer *peer, const struct message *msg)
{
	wire_msg(&peer->wire, peer->lie->bytes);
	return true;
}

static bool header(struct hostile_peer *peer, const struct message *msg)
{
	wire_header(&peer->wire, peer->lie->bytes);
	return true;
}

static bool bytes(struct hostile_peer *peer, const struct message *msg)
{
	wire_bytes(&peer->wire, peer->lie->bytes, peer->lie->len);
	return true;
}

static bool half_a_header(struct hostile_peer *peer, const struct message *msg)
{
	wire_bytes(&peer->wire, "\1\0\0\0\x10", 5);
	shutdown(peer->wire.fd, SHUT_WR);
	return false;
}

static bool pings(struct hostile_peer *peer, const struct message *msg)
{
	for (uint64_t i = 0; i < 2000; i++)
		wire_msg(&peer->wire, &(struct message){.type = MSG_PING, .ping = {.nonce = i}});
	return true;
}

static bool terminate(struct hostile_peer *peer, const struct message *msg)
{
	wire_header(&peer->wire, &(struct wire_header){.op = WIRE_TERMINATE,
						       .status = (uint32_t)peer->lie->number});
	return false;
}

/* AT_HELLO: a welcome with one thing wrong. */
static bool welcome(struct hostile_peer *peer, const struct message *msg)
{
	struct welcome w = good_welcome();

	switch (peer->lie->number) {
	case 0:
		w.version = 9;
		break;
	case 1:
		w.version = 0;
		break;
	case 2:
		w.boot_id = 0;
		break;
	case 3:
		w.session_id.len = w.session_key.len = 0;
		break;
	case 4:
		w.session_key.len--;
		break;
	case 5:
		w.max_inflight = 0;
		break;
	case 6:
		w.max_inflight = UINT32_MAX;
		break;
	case 7:
		w.max_regions = 0;
		break;
	case 8:
		w.max_regions = UINT32_MAX;
		break;
	case 9:
		w.status = -77;
		break;
	case 10:
		w.max_inflight = 1;
		w.max_regions = 1;
		w.features = UINT64_MAX;
		w.export_flags = UINT32_MAX;
		break;
	}
	wire_welcome(&peer->wire, &w);
	return false;
}

static bool two_welcomes(struct hostile_peer *peer, const struct message *msg)
{
	const struct welcome w = good_welcome();

	wire_welcome(&peer->wire, &w);
	return true;
}

/* A session resumed becomes another's, or another server's. */
static bool other_session(struct hostile_peer *peer, const struct message *msg)
{
	static const uint8_t id[SESSION_ID_SIZE] = {9}, key[SESSION_KEY_SIZE] = {9};
	struct welcome w = good_welcome();
	unsigned n = atomic_load(&peer->nr_conns);

	/* The first connection is good and breaks; the second lies; the others are good. */
	atomic_store(&peer->told, n > 1);
	if (n > 1) {
		w.session_id.data = id;
		w.session_key.data = key;
		if (peer->lie->number)
			w.boot_id = 1;
	}
	wire_welcome(&peer->wire, &w);
	if (n == 1)
		shutdown(peer->wire.fd, SHUT_WR);
	return false;
}

/* AT_OPEN, AT_STAT, AT_DROP: a reply with one thing wrong. */
static bool reply(struct hostile_peer *peer, const struct message *msg)
{
	struct reply r = good_reply(msg);
	static const uint32_t types[3] = {8, 8, 8};
	static const uint64_t counts[4];
	uint8_t bad[PERSISTENT_MAX + 1] = {0};

	if (msg->type == MSG_REGION_DROP)
		r = (struct reply){.tag = msg->region_drop.tag};
	switch (peer->lie->number) {
	case 0:
		r.tag ^= 1;
		break;
	case 1:
		r.tag += CALL_SLOTS;
		break;
	case 2:
		r.tag = UINT32_MAX;
		break;
	case 3:
		r.names = (struct bytes){(const uint8_t *)"a\0b\0c", 6};
		r.types = types;
		r.nr_types = 2;
		break;
	case 4:
		r.names = (struct bytes){(const uint8_t *)"a\0b\0ccc", 7};
		r.types = types;
		r.nr_types = 3;
		break;
	case 5:
		r.persistent = (struct bytes){bad, sizeof(bad)};
		break;
	case 6:
		r.counts_width = 4;
		r.counts = counts;
		r.nr_counts = 4;
		break;
	case 7:
		r.counts_width = UINT32_MAX;
		break;
	case 8:
		r.attr.size = UINT64_MAX;
		r.attr.mode = UINT32_MAX;
		r.attr.atime_ns = INT64_MIN;
		break;
	case 9:
		r.attr_valid = 0;
		r.file = 0;
		break;
	case 10:
		r.status = -12345;
		break;
	}
	wire_reply(&peer->wire, &r);
	return peer->lie->verdict == CUT;
}

/* The tag is right, but it is no ping that was asked. */
static bool pong_of_the_call(struct hostile_peer *peer, const struct message *msg)
{
	uint32_t tag = msg->type == MSG_CALL ? msg->call.tag : msg->region_drop.tag;

	wire_msg(&peer->wire,
		 &(struct message){.type = MSG_PING, .ping = {.nonce = tag, .pong = 1}});
	return true;
}

static bool reply_to_the_ping(struct hostile_peer *peer, const struct message *msg)
{
	wire_reply(&peer->wire, &(struct reply){.tag = (uint32_t)msg->ping.nonce});
	return true;
}

/* Answered, then once more. */
static bool two_replies(struct hostile_peer *peer, const struct message *msg)
{
	struct reply r = good_reply(msg);

	if (msg->type == MSG_REGION_DROP)
		r = (struct reply){.tag = msg->region_drop.tag};
	wire_reply(&peer->wire, &r);
	return true;
}

/* AT_STAT: an I/O whose memory was the server's before the last drop. */
static bool stale_write(struct hostile_peer *peer, const struct message *msg)
{
	lie_reach_for(peer, WIRE_WRITE, io_tag(&peer->done[1]), 0, 4096);
	return true;
}

static bool stale_read(struct hostile_peer *peer, const struct message *msg)
{
	lie_reach_for(peer, WIRE_READ_REQ, io_tag(&peer->done[1]), 0, 4096);
	return true;
}

#define NEXT (1u << 14) /* between two tags of a place in the client's table */

/* The tag that the client will give to its next I/O, from its next message but one. */
static bool too_soon(struct hostile_peer *peer, const struct message *msg)
{
	lie_reach_for(peer, (uint8_t)peer->lie->number, io_tag(&peer->done[1]) + NEXT, 0, 64);
	return true;
}

/*
 * AT_PING: an I/O of wrapped memory that is over, while that memory is still registered. The first
 * round has none yet.
 */
static bool after_its_end(struct hostile_peer *peer, const struct message *msg)
{
	bool write = peer->lie->number == WIRE_WRITE;

	if (!peer->done[0].len) {
		atomic_store(&peer->told, false);
		return true;
	}
	lie_reach_for(peer, (uint8_t)peer->lie->number, io_tag(&peer->done[write]), 0, 64);
	return true;
}

static const struct io_result results[2] = {{0, 1}, {1, 1}};
static const struct io_entry entry = {.len = 1};

#define MESSAGE(...)            \
	&(const struct message) \
	{                       \
		__VA_ARGS__     \
	}
#define HEADER(...)                 \
	&(const struct wire_header) \
	{                           \
		__VA_ARGS__         \
	}
#define PLACE(len, tag)      \
	(const uint32_t[2])  \
	{                    \
		(len), (tag) \
	}
#define LEN 8192 /* of the victim's I/Os */

const struct server_lie server_lies[] = {
	{"accept-leave", AT_ACCEPT, ANY, leave},
	{"accept-reset", AT_ACCEPT, ANY, reset},
	{"accept-nothing", AT_ACCEPT, LATE, nothing},
	{"accept-strange", AT_ACCEPT, CUT, bytes, FRAME("HTTP/1.1 400 Bad")},
	{"accept-version", AT_ACCEPT, CUT, bytes, FRAME("USRB\x09\0\0\0\0\x40\0\0\x20\0\0\0")},
	{"accept-tiny", AT_ACCEPT, CUT, bytes, FRAME("USRB\x02\0\0\0\x10\0\0\0\x20\0\0\0")},
	{"accept-half", AT_ACCEPT, ANY, half_a_header},

	{"hello-leave", AT_HELLO, ANY, leave},
	{"hello-reset", AT_HELLO, ANY, reset},
	{"hello-nothing", AT_HELLO, LATE, nothing},
	{"hello-half", AT_HELLO, ANY, half_a_header},
	{"hello-terminate", AT_HELLO, ANY, terminate, .number = -EACCES},
	{"hello-hello", AT_HELLO, CUT, message,
	 MESSAGE(.type = MSG_HELLO, .hello = {.version_max = 1})},
	{"hello-ping", AT_HELLO, CUT, message, MESSAGE(.type = MSG_PING)},
	{"hello-reply", AT_HELLO, CUT, message, MESSAGE(.type = MSG_REPLY)},
	{"hello-completion", AT_HELLO, CUT, message,
	 MESSAGE(.type = MSG_COMPLETION, .completion = {.n = 2, .done = results})},
	{"hello-garbage", AT_HELLO, CUT, frame, FRAME("\x02\xff\xff\xff")},
	{"hello-version", AT_HELLO, ANY, welcome, .number = 0},
	{"hello-no-version", AT_HELLO, ANY, welcome, .number = 1},
	{"hello-no-boot-id", AT_HELLO, ANY, welcome, .number = 2},
	{"hello-no-session", AT_HELLO, CUT, welcome, .number = 3},
	{"hello-short-key", AT_HELLO, CUT, welcome, .number = 4},
	{"hello-no-inflight", AT_HELLO, CUT, welcome, .number = 5},
	{"hello-huge-inflight", AT_HELLO, CUT, welcome, .number = 6},
	{"hello-no-regions", AT_HELLO, CUT, welcome, .number = 7},
	{"hello-huge-regions", AT_HELLO, CUT, welcome, .number = 8},
	{"hello-strange-status", AT_HELLO, ANY, welcome, .number = 9},
	{"hello-least", AT_HELLO, ANY, welcome, .number = 10},
	{"hello-two-welcomes", AT_HELLO, CUT, two_welcomes},
	{"hello-other-session", AT_HELLO, ANY, other_session, .number = 0},
	{"hello-other-server", AT_HELLO, ANY, other_session, .number = 1},

	{"open-leave", AT_OPEN, ANY, leave},
	{"open-reset", AT_OPEN, ANY, reset},
	{"open-nothing", AT_OPEN, LATE, nothing},
	{"open-tag", AT_OPEN, CUT, reply, .number = 0},
	{"open-twice", AT_OPEN, CUT, two_replies},
	{"open-persistent", AT_OPEN, CUT, reply, .number = 5},
	{"open-attributes", AT_OPEN, ANY, reply, .number = 8},
	{"open-no-file", AT_OPEN, ANY, reply, .number = 9},
	{"open-strange-status", AT_OPEN, ANY, reply, .number = 10},
	{"open-welcome", AT_OPEN, CUT, message,
	 MESSAGE(.type = MSG_WELCOME, .welcome = {.status = -EIO})},

	{"stat-leave", AT_STAT, ANY, leave},
	{"stat-nothing", AT_STAT, LATE, nothing},
	{"stat-tag", AT_STAT, CUT, reply, .number = 0},
	{"stat-sequence", AT_STAT, CUT, reply, .number = 1},
	{"stat-huge-tag", AT_STAT, CUT, reply, .number = 2},
	{"stat-names", AT_STAT, CUT, reply, .number = 3},
	{"stat-names-unended", AT_STAT, CUT, reply, .number = 4},
	{"stat-counts", AT_STAT, CUT, reply, .number = 6},
	{"stat-counts-width", AT_STAT, ANY, reply, .number = 7},
	{"stat-attributes", AT_STAT, ANY, reply, .number = 8},
	{"stat-twice", AT_STAT, CUT, two_replies},
	{"stat-call", AT_STAT, CUT, message, MESSAGE(.type = MSG_CALL, .call = {.op = CALL_STAT})},
	{"stat-drop", AT_STAT, CUT, message, MESSAGE(.type = MSG_REGION_DROP)},
	{"stat-pong", AT_STAT, CUT, message,
	 MESSAGE(.type = MSG_PING, .ping = {.nonce = 3, .pong = 1})},
	{"stat-pong-of-the-call", AT_STAT, CUT, pong_of_the_call},
	{"stat-flood-of-pings", AT_STAT, GOOD, pings},
	{"stat-stale-write", AT_STAT, CUT, stale_write},
	{"stat-stale-read", AT_STAT, CUT, stale_read},
	{"stat-write-too-soon", AT_STAT, CUT, too_soon, .number = WIRE_WRITE},
	{"stat-read-too-soon", AT_STAT, CUT, too_soon, .number = WIRE_READ_REQ},
	{"ping-write-too-late", AT_PING, CUT, after_its_end, .number = WIRE_WRITE},
	{"ping-read-too-late", AT_PING, CUT, after_its_end, .number = WIRE_READ_REQ},

	{"read-leave", AT_READ, ANY, leave},
	{"read-reset", AT_READ, ANY, reset},
	{"read-nothing", AT_READ, LATE, nothing},
	{"read-half-a-header", AT_READ, ANY, half_a_header},
	{"read-half-the-data", AT_READ, ANY, lie_half_the_data},
	{"read-byte-by-byte", AT_READ, GOOD, lie_drip},
	{"read-flood-of-pings", AT_READ, GOOD, pings},
	{"read-terminate", AT_READ, ANY, terminate, .number = -EACCES},
	{"read-terminate-well", AT_READ, ANY, terminate, .number = 0},
	{"read-tag", AT_READ, CUT, lie_complete, .number = 0},
	{"read-sequence", AT_READ, CUT, lie_complete, .number = 1},
	{"read-huge-tag", AT_READ, CUT, lie_complete, .number = 2},
	{"read-too-long", AT_READ, CUT, lie_complete, .number = 3},
	{"read-endless", AT_READ, CUT, lie_complete, .number = 4},
	{"read-twice", AT_READ, CUT, lie_complete, .number = 5},
	{"read-wide-tag", AT_READ, CUT, lie_complete, .number = 6},
	{"read-immediate-unknown", AT_READ, CUT, lie_immediate, .number = 0xffff0000},
	{"read-immediate-twice", AT_READ, CUT, lie_served_and_immediate},
	{"read-type", AT_READ, CUT, frame, FRAME("\xee")},
	{"read-half-a-result", AT_READ, CUT, frame, FRAME("\x06\x0a\x08\0\0\0\0\0\0\0\0")},
	{"read-no-result", AT_READ, CUT, frame, FRAME("\x06")},
	{"read-submit", AT_READ, CUT, message,
	 MESSAGE(.type = MSG_SUBMIT, .submit = {.op = IO_READ, .n = 1, .io = &entry})},
	{"read-reply", AT_READ, CUT, message, MESSAGE(.type = MSG_REPLY, .reply = {.tag = 3})},
	{"read-op", AT_READ, CUT, header, HEADER(.op = 99)},
	{"read-empty-message", AT_READ, CUT, header, HEADER(.op = WIRE_MSG)},
	{"read-long-message", AT_READ, CUT, header, HEADER(.op = WIRE_MSG, .len = ~0u)},
	{"read-reserved", AT_READ, CUT, header, HEADER(.op = WIRE_WRITE, .reserved = 7)},
	{"read-answer", AT_READ, CUT, header, HEADER(.op = WIRE_READ_RESP)},
	{"read-many-reads", AT_READ, ANY, lie_many_reads},
	{"read-write-before", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = -64},
	{"read-write-across-the-start", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = -1},
	{"read-write-across-the-end", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = LEN - 63},
	{"read-write-behind", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = LEN},
	{"read-write-another-part", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = 2 * LEN},
	{"read-write-nothing-behind", AT_READ, CUT, lie_write_to, PLACE(0, 0), .number = LEN + 1},
	{"read-write-far", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = 1ll << 40},
	{"read-write-all-and-more", AT_READ, CUT, lie_write_to, PLACE(LEN + 1, 0)},
	{"read-write-too-long", AT_READ, CUT, lie_write_to, PLACE(TP_OP_MAX + 1, 0)},
	{"read-write-wraps", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = INT64_MIN},
	{"read-write-wraps-at-the-end", AT_READ, CUT, lie_write_to, PLACE(64, 0), .number = -63},
	{"read-write-tag", AT_READ, CUT, lie_write_to, PLACE(64, 1)},
	{"read-write-tag-next", AT_READ, CUT, lie_write_to, PLACE(64, NEXT)},
	{"read-write-tag-far", AT_READ, CUT, lie_write_to, PLACE(64, 0x80000000)},
	{"read-write-no-tag", AT_READ, CUT, lie_write_to, PLACE(0, 0x80000000)},
	{"read-half-after-the-end", AT_READ, CUT, lie_half_after_the_end},
	{"read-fetch", AT_READ, CUT, lie_read_from, PLACE(64, 0)},
	{"read-fetch-behind", AT_READ, CUT, lie_read_from, PLACE(64, 0), .number = LEN},

	{"write-leave", AT_WRITE, ANY, leave},
	{"write-nothing", AT_WRITE, LATE, nothing},
	{"write-immediate", AT_WRITE, CUT, lie_immediate, .number = 0},
	{"write-too-long", AT_WRITE, CUT, lie_complete, .number = 3},
	{"write-twice", AT_WRITE, CUT, lie_complete, .number = 5},
	{"write-into-its-memory", AT_WRITE, CUT, lie_write_to, PLACE(64, 0), .number = 0},
	{"write-into-another-part", AT_WRITE, CUT, lie_write_to, PLACE(64, 0), .number = LEN},
	{"write-fetch-before", AT_WRITE, CUT, lie_read_from, PLACE(64, 0), .number = -64},
	{"write-fetch-behind", AT_WRITE, CUT, lie_read_from, PLACE(64, 0), .number = LEN - 1},
	{"write-fetch-another-part", AT_WRITE, CUT, lie_read_from, PLACE(64, 0), .number = LEN},
	{"write-fetch-far", AT_WRITE, CUT, lie_read_from, PLACE(64, 0), .number = INT64_MIN},
	{"write-fetch-all-and-more", AT_WRITE, CUT, lie_read_from, PLACE(LEN + 1, 0)},
	{"write-fetch-tag", AT_WRITE, CUT, lie_read_from, PLACE(64, 4)},
	{"write-fetch-no-tag", AT_WRITE, CUT, lie_read_from, PLACE(0, 4)},
	{"write-fetch-too-long", AT_WRITE, CUT, lie_read_from, PLACE(TP_OP_MAX + 1, 0)},

	{"drop-leave", AT_DROP, ANY, leave},
	{"drop-nothing", AT_DROP, LATE, nothing},
	{"drop-tag", AT_DROP, CUT, reply, .number = 0},
	{"drop-sequence", AT_DROP, CUT, reply, .number = 1},
	{"drop-twice", AT_DROP, CUT, two_replies},
	{"drop-pong-of-the-drop", AT_DROP, CUT, pong_of_the_call},
	{"ping-reply", AT_PING, CUT, reply_to_the_ping},
	{"ping-other-nonce", AT_PING, CUT, message,
	 MESSAGE(.type = MSG_PING, .ping = {.nonce = UINT64_MAX, .pong = 1})},
	{"ping-nothing", AT_PING, LATE, nothing},
	{"drop-pong", AT_DROP, CUT, message,
	 MESSAGE(.type = MSG_PING, .ping = {.nonce = 1, .pong = 1})},
};

const unsigned nr_server_lies = sizeof(server_lies) / sizeof(*server_lies);
