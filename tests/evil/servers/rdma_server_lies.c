/*
 * What an evil server does through its queue pair. It reaches what it has a living key for, in the
 * direction of that key, and not a byte further: an iov is registered as a whole from its first
 * I/O to its end, once for each direction, in a protection domain of that server alone. So inside
 * it, while it lives, a server may write at any time; outside, after it, with the other direction's
 * key or another server's, it may not. The card of the client refuses, and the client leaves.
 */
#include <fcntl.h>
#include <string.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/servers/hostile.h"
#include "tests/peer/rdma/end.h"

#define REGION 65536ll /* of the victim's wrapped memory */
#define UNUSED 49152   /* where the victim neither reads nor writes in it */
#define CANARY 0x5a
#define MEMORY 4096

/* No answer; to who asks to connect: no. */
static bool nothing(struct hostile_peer *peer, const struct message *msg)
{
	return false;
}

static bool breaks(struct hostile_peer *peer, const struct message *msg)
{
	wire_shut(&peer->wire);
	return false;
}

/* One SEND or immediate, and then honestly. */
static bool sends(struct hostile_peer *peer, const struct message *msg)
{
	rdma_post(peer->wire.rdma, peer->lie->bytes);
	return true;
}

static bool params(struct hostile_peer *peer, const struct message *msg)
{
	struct rdma_end *end = peer->wire.rdma;

	memcpy(&end->params, peer->lie->bytes, sizeof(end->params));
	end->param.private_data_len = (uint8_t)peer->lie->number;
	wire_send_params(&peer->wire);
	return false;
}

/* Accepts and is gone. */
static bool accepts(struct hostile_peer *peer, const struct message *msg)
{
	wire_send_params(&peer->wire);
	return false;
}

/* More messages than the client has receives for. */
static bool pings(struct hostile_peer *peer, const struct message *msg)
{
	for (uint64_t i = 0; i < 200; i++)
		wire_msg(&peer->wire, &(struct message){.type = MSG_PING, .ping = {.nonce = i}});
	return true;
}

/* ---- completions ---- */

static bool immediate(struct hostile_peer *peer, const struct message *msg)
{
	uint32_t tag = io_tag(&msg->submit.io[0]) ^ (uint32_t)peer->lie->number;

	rdma_post(peer->wire.rdma,
		  &(struct rdma_op){.opcode = IBV_WR_RDMA_WRITE_WITH_IMM, .imm = tag});
	return true;
}

static bool served_and_immediate(struct hostile_peer *peer, const struct message *msg)
{
	wire_complete(&peer->wire, io_tag(&msg->submit.io[0]), -5);
	return immediate(peer, msg);
}

static bool complete(struct hostile_peer *peer, const struct message *msg)
{
	const struct io_entry *io = &msg->submit.io[0];

	wire_complete(&peer->wire, io_tag(io) ^ (uint32_t)peer->lie->number,
		      (int64_t)io->len + (int64_t)peer->lie->len);
	return true;
}

static bool complete_twice(struct hostile_peer *peer, const struct message *msg)
{
	wire_complete(&peer->wire, io_tag(&msg->submit.io[0]), -5);
	wire_complete(&peer->wire, io_tag(&msg->submit.io[0]), -5);
	return true;
}

/* ---- memory ---- */

/* What the client's card must refuse. */
static void reach(struct hostile_peer *peer, const struct rdma_op *op)
{
	if (rdma_does(peer->wire.rdma, op))
		atomic_fetch_add(&peer->nr_escapes, 1);
}

/* What to do, how far from the region's start, and what of its key is changed. */
struct place {
	enum ibv_wr_opcode opcode;
	int64_t at;
	uint32_t key;
};

static bool reaches(struct hostile_peer *peer, const struct message *msg)
{
	const struct region_add *region = hostile_region(peer, msg);
	const struct place *place = peer->lie->bytes;

	reach(peer,
	      &(struct rdma_op){.opcode = place->opcode,
				.addr = region->base + (uint64_t)place->at,
				.key = region->key ^ place->key,
				.len = place->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD ? 8 : 64});
	return true;
}

/* A SEND that takes the key of the iov with it. */
static bool invalidates(struct hostile_peer *peer, const struct message *msg)
{
	rdma_post(peer->wire.rdma, &(struct rdma_op){.opcode = IBV_WR_SEND_WITH_INV,
						     .imm = hostile_region(peer, msg)->key,
						     .len = 64});
	return true;
}

/* The read is served and over; then it writes where the key still reaches. */
static bool writes_late(struct hostile_peer *peer, const struct message *msg)
{
	const struct region_add *region = hostile_region(peer, msg);
	const struct io_entry *io = &msg->submit.io[0];
	const struct wire_place place = hostile_place(peer, io);
	const struct rdma_op op = {.opcode = IBV_WR_RDMA_WRITE,
				   .addr = region->base + (uint64_t)peer->lie->number,
				   .key = region->key,
				   .len = 64};

	wire_give(&peer->wire, &place, peer->file + io->off, (uint32_t)io->len);
	wire_complete(&peer->wire, io_tag(io), (int64_t)io->len);
	if (peer->lie->verdict == CUT)
		reach(peer, &op);
	else
		rdma_does(peer->wire.rdma, &op);
	return false;
}

/* Memory that was the server's before the last drop. */
static bool stale(struct hostile_peer *peer, const struct message *msg)
{
	reach(peer, &(struct rdma_op){.opcode = (enum ibv_wr_opcode)peer->lie->number,
				      .addr = peer->last.base,
				      .key = peer->last.key,
				      .len = 64});
	return true;
}

/* The drop is answered; whether what follows comes in time or not, it harms nobody. */
static bool writes_after_the_drop(struct hostile_peer *peer, const struct message *msg)
{
	const struct region_add *region = &peer->regions[msg->region_drop.region % HOSTILE_IDS];

	wire_reply(&peer->wire, &(struct reply){.tag = msg->region_drop.tag});
	rdma_post(peer->wire.rdma, &(struct rdma_op){.opcode = IBV_WR_RDMA_WRITE,
						     .addr = region->base,
						     .key = region->key,
						     .len = 4096});
	return false;
}

/* ---- another server's key ---- */

/* A client of the other server, here: it grants memory, by a read. */
static void grant(struct hostile_peer *other, struct hf3fs_iov *iov, struct hf3fs_ior *ior, int fd)
{
	struct hf3fs_cqe cqe;

	must(!hf3fs_iovcreate(iov, other->mount, MEMORY, 0, -1), "iovcreate");
	must(!hf3fs_iorcreate4(ior, other->mount, 1, true, 0, 0, -1, 0), "iorcreate4");
	must(hf3fs_reg_fd(fd, 0) <= 0, "reg_fd");
	must(hf3fs_prep_io(ior, iov, true, iov->base, fd, 0, MEMORY, NULL) >= 0, "prep_io");
	must(!hf3fs_submit_ios(ior), "submit_ios");
	must(hf3fs_wait_for_ios(ior, &cqe, 1, 1, NULL) == 1 && cqe.result == MEMORY, "a read");
	memset(iov->base, CANARY, MEMORY);
}

/* The process has granted its key to an honest server, too, and it is alive. */
static bool steals(struct hostile_peer *peer, const struct message *msg)
{
	static const struct server_lie honest = {.name = "honest", .phase = AT_NEVER};
	struct hostile_peer other;
	struct hf3fs_iov iov;
	struct hf3fs_ior ior;
	char url[160];
	int fd;

	hostile_start(&other, &honest);
	snprintf(url, sizeof(url), "%s/file", other.mount);
	fd = usrbio_open(url, O_RDWR, 0);
	must(fd >= 0, "%s: %d", url, fd);
	grant(&other, &iov, &ior, fd);
	reach(peer, &(struct rdma_op){.opcode = IBV_WR_RDMA_WRITE,
				      .addr = (uintptr_t)iov.base,
				      .key = other.last.key,
				      .len = MEMORY});
	if (bytes_diff(iov.base, MEMORY, CANARY) >= 0)
		atomic_fetch_add(&peer->nr_escapes, 1);
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	hostile_stop(&other);
	return true;
}

#define PLACE(OPCODE, ...)                    \
	&(const struct place)                 \
	{                                     \
		.opcode = OPCODE, __VA_ARGS__ \
	}
#define WRITE IBV_WR_RDMA_WRITE
#define READ  IBV_WR_RDMA_READ
#define ADD   IBV_WR_ATOMIC_FETCH_AND_ADD

static const struct connect_params stranger = {.magic = 0x50545448, .version = 1};

const struct server_lie server_lies[] = {
	{"accept-refused", AT_ACCEPT, ANY, nothing},
	{"accept-leave", AT_ACCEPT, ANY, accepts},
	{"accept-no-params", AT_ACCEPT, CUT, params, PARAMS(.magic = 0), .number = 0},
	{"accept-stranger", AT_ACCEPT, CUT, params, &stranger, .number = 16},
	{"accept-version", AT_ACCEPT, CUT, params,
	 PARAMS(CONNECT_PARAMS_MAGIC, 9, 0, FRAME_MAX, 32), .number = 16},
	{"accept-tiny", AT_ACCEPT, CUT, params,
	 PARAMS(CONNECT_PARAMS_MAGIC, CONNECT_PARAMS_VERSION, 0, 16, 32), .number = 16},
	{"accept-few-receives", AT_ACCEPT, CUT, params,
	 PARAMS(CONNECT_PARAMS_MAGIC, CONNECT_PARAMS_VERSION, 0, FRAME_MAX, 3), .number = 16},

	{"hello-break", AT_HELLO, ANY, breaks},
	{"hello-oversized", AT_HELLO, CUT, sends,
	 SEND(.opcode = IBV_WR_SEND_WITH_IMM, .len = FRAME_MAX + 1)},
	{"hello-immediate", AT_HELLO, CUT, sends, SEND(.opcode = IBV_WR_SEND, .len = 4)},
	{"hello-credits", AT_HELLO, CUT, sends, SEND(.opcode = IBV_WR_SEND_WITH_IMM, .imm = 1000)},

	{"stat-nothing", AT_STAT, LATE, nothing},
	{"stat-break", AT_STAT, ANY, breaks},
	{"stat-oversized", AT_STAT, CUT, sends,
	 SEND(.opcode = IBV_WR_SEND_WITH_IMM, .len = FRAME_MAX + 1)},
	{"stat-empty", AT_STAT, CUT, sends, SEND(.opcode = IBV_WR_SEND)},
	{"stat-without-credits", AT_STAT, CUT, sends, SEND(.opcode = IBV_WR_SEND, .len = 64)},
	{"stat-credits-huge", AT_STAT, CUT, sends,
	 SEND(.opcode = IBV_WR_SEND_WITH_IMM, .imm = UINT32_MAX)},
	{"stat-immediate", AT_STAT, CUT, sends,
	 SEND(.opcode = IBV_WR_RDMA_WRITE_WITH_IMM, .imm = 5)},
	{"stat-beyond-the-receives", AT_STAT, ANY, pings},
	{"stat-stale-write", AT_STAT, CUT, stale, .number = IBV_WR_RDMA_WRITE},
	{"stat-stale-read", AT_STAT, CUT, stale, .number = IBV_WR_RDMA_READ},
	{"stat-key-of-another-server", AT_STAT, CUT, steals},

	{"read-nothing", AT_READ, LATE, nothing},
	{"read-break", AT_READ, ANY, breaks},
	{"read-beyond-the-receives", AT_READ, ANY, pings},
	{"read-write-before", AT_READ, CUT, reaches, PLACE(WRITE, .at = -64)},
	{"read-write-across-the-start", AT_READ, CUT, reaches, PLACE(WRITE, .at = -1)},
	{"read-write-across-the-end", AT_READ, CUT, reaches, PLACE(WRITE, .at = REGION - 63)},
	{"read-write-behind", AT_READ, CUT, reaches, PLACE(WRITE, .at = REGION)},
	{"read-write-far", AT_READ, CUT, reaches, PLACE(WRITE, .at = 1ll << 40)},
	{"read-write-key", AT_READ, CUT, reaches, PLACE(WRITE, .key = 1)},
	{"read-write-key-next", AT_READ, CUT, reaches, PLACE(WRITE, .key = 0x100)},
	{"read-write-key-far", AT_READ, CUT, reaches, PLACE(WRITE, .key = 0x80000000)},
	{"read-fetch", AT_READ, CUT, reaches, PLACE(READ, .at = 0)},
	{"read-add", AT_READ, CUT, reaches, PLACE(ADD, .at = 0)},
	{"read-invalidate", AT_READ, CUT, invalidates},
	{"read-write-late", AT_READ, GOOD, writes_late, .number = UNUSED},
	{"read-write-late-behind", AT_READ, CUT, writes_late, .number = REGION - 32},
	{"read-immediate-unknown", AT_READ, CUT, immediate, .number = 0xffff0000},
	{"read-immediate-twice", AT_READ, CUT, served_and_immediate},
	{"read-tag", AT_READ, CUT, complete, .number = 1},
	{"read-too-long", AT_READ, CUT, complete, .len = 1},
	{"read-twice", AT_READ, CUT, complete_twice},

	{"write-break", AT_WRITE, ANY, breaks},
	{"write-into-its-memory", AT_WRITE, CUT, reaches, PLACE(WRITE, .at = 32768)},
	{"write-behind-its-memory", AT_WRITE, CUT, reaches, PLACE(WRITE, .at = REGION + 4096)},
	{"write-add", AT_WRITE, CUT, reaches, PLACE(ADD, .at = 32768)},
	{"write-fetch-before", AT_WRITE, CUT, reaches, PLACE(READ, .at = -64)},
	{"write-fetch-across-the-end", AT_WRITE, CUT, reaches, PLACE(READ, .at = REGION - 1)},
	{"write-fetch-key", AT_WRITE, CUT, reaches, PLACE(READ, .key = 0x400)},
	{"write-immediate", AT_WRITE, CUT, immediate},
	{"write-too-long", AT_WRITE, CUT, complete, .len = 1},
	{"write-twice", AT_WRITE, CUT, complete_twice},

	{"drop-break", AT_DROP, ANY, breaks},
	{"drop-then-write", AT_DROP, ANY, writes_after_the_drop},
};

const unsigned nr_server_lies = sizeof(server_lies) / sizeof(*server_lies);
