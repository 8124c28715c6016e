/* What a hostile server says of an I/O, or does instead of it. Its thread runs all of this. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/transport/connect_params.h"
#include "common/transport/transport.h"
#include "proto/codec.h"
#include "tests/evil/servers/io_lies.h"

/* A frame with a place; WRITE takes its payload from zeros. */
void lie_reach_for(struct hostile_peer *peer, uint8_t op, uint32_t tag, uint64_t off, uint32_t len)
{
	static const uint8_t zeros[65536];

	wire_header(&peer->wire,
		    &(struct wire_header){.op = op, .len = len, .off = off, .tag = tag});
	if (op == WIRE_WRITE)
		wire_bytes(&peer->wire, zeros, len < sizeof(zeros) ? len : sizeof(zeros));
}

/* AT_READ, AT_WRITE: a completion of the first I/O with something wrong. */
bool lie_complete(struct hostile_peer *peer, const struct message *msg)
{
	uint32_t tag = io_tag(&msg->submit.io[0]);
	int64_t len = (int64_t)msg->submit.io[0].len;

	switch (peer->lie->number) {
	case 0:
		wire_complete(&peer->wire, tag ^ 1, len);
		break;
	case 1:
		wire_complete(&peer->wire, tag + (1u << 14), len);
		return false; /* whoever believes it has nothing */
	case 2:
		wire_complete(&peer->wire, UINT32_MAX, 0);
		break;
	case 3:
		wire_complete(&peer->wire, tag, len + 1);
		break;
	case 4:
		wire_complete(&peer->wire, tag, INT64_MAX);
		break;
	case 5:
		wire_complete(&peer->wire, tag, -EIO);
		wire_complete(&peer->wire, tag, -EIO);
		break;
	case 6:
		wire_complete(&peer->wire, 1ull << 32 | tag, len); /* does not decode */
		break;
	}
	return true;
}

bool lie_immediate(struct hostile_peer *peer, const struct message *msg)
{
	wire_header(&peer->wire, &(struct wire_header){.op = WIRE_WRITE,
						       .flags = WIRE_HAS_IMM,
						       .tag = io_tag(&msg->submit.io[0]) ^
							      (uint32_t)peer->lie->number});
	return true;
}

/* The answer comes, and once more as an immediate. */
bool lie_served_and_immediate(struct hostile_peer *peer, const struct message *msg)
{
	wire_complete(&peer->wire, io_tag(&msg->submit.io[0]), -EIO);
	return lie_immediate(peer, msg);
}

/* Beyond the first I/O: so far from its start or, backward, from its end. */
static bool reach(struct hostile_peer *peer, const struct message *msg, uint8_t op)
{
	const uint32_t *places = peer->lie->bytes; /* length, tag changed by */
	uint32_t tag = io_tag(&msg->submit.io[0]) ^ places[1];

	lie_reach_for(peer, op, tag, (uint64_t)peer->lie->number, places[0]);
	return true;
}

bool lie_write_to(struct hostile_peer *peer, const struct message *msg)
{
	return reach(peer, msg, WIRE_WRITE);
}

bool lie_read_from(struct hostile_peer *peer, const struct message *msg)
{
	return reach(peer, msg, WIRE_READ_REQ);
}

static void begin_to_give(struct hostile_peer *peer, const struct io_entry *io)
{
	wire_header(&peer->wire, &(struct wire_header){.op = WIRE_WRITE,
						       .len = (uint32_t)io->len,
						       .tag = io_tag(io)});
}

/* Half of the data, into the right place, and then the end. */
bool lie_half_the_data(struct hostile_peer *peer, const struct message *msg)
{
	const struct io_entry *io = &msg->submit.io[0];

	begin_to_give(peer, io);
	wire_bytes(&peer->wire, peer->file, io->len / 2);
	shutdown(peer->wire.fd, SHUT_WR);
	return false;
}

/* Served and over, and then half of the data once more, which is right: the rest would not be. */
bool lie_half_after_the_end(struct hostile_peer *peer, const struct message *msg)
{
	const struct io_entry *io = &msg->submit.io[0];
	const struct wire_place place = hostile_place(peer, io);

	wire_give(&peer->wire, &place, peer->file + io->off, (uint32_t)io->len);
	wire_complete(&peer->wire, io_tag(io), (int64_t)io->len);
	begin_to_give(peer, io);
	wire_bytes(&peer->wire, peer->file + io->off, io->len / 2);
	return false;
}

/* Right, a byte at a time. */
bool lie_drip(struct hostile_peer *peer, const struct message *msg)
{
	const struct io_entry *io = &msg->submit.io[0];
	uint8_t bytes[256];
	const struct io_result done = {io_tag(io), (int64_t)io->len};
	const struct message last = {.type = MSG_COMPLETION, .completion = {.n = 1, .done = &done}};
	size_t len = wire_pack(&last, bytes, sizeof(bytes));

	begin_to_give(peer, io);
	for (uint64_t i = 0; i < io->len; i++)
		wire_bytes(&peer->wire, peer->file + io->off + i, 1);
	for (size_t i = 0; i < len; i++)
		wire_bytes(&peer->wire, bytes + i, 1);
	return false;
}

/* More questions than may wait for their answers, and none of them taken. */
bool lie_many_reads(struct hostile_peer *peer, const struct message *msg)
{
	for (int i = 0; i < 10000; i++)
		lie_reach_for(peer, WIRE_READ_REQ, io_tag(&msg->submit.io[0]), 0, 0);
	return true;
}
