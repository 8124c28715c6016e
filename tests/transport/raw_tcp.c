/* The tcp provider against peers that are plain sockets and lie. Nothing here for other providers.
 */
#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/transport/connect_params.h"
#include "common/tcp/base/wire.h"
#include "common/transport/wire_errno.h"
#include "tests/peer/wire.h"
#include "tests/transport/harness.h"
#include "tests/transport/plain.h"

static void only_tcp(void)
{
	if (!test_is("tcp"))
		cr_skip_test("only a socket can be spoken to by hand");
}

/* A hostile peer: it connects to a proper server, or a proper client connects to it. */
struct hostile_peer {
	struct pair pair;
	struct end *victim;
	struct end *ends[2];
	struct wire wire;
};

static void send_params(struct hostile_peer *peer)
{
	struct connect_params mine;

	connect_params_make(&mine, DEFAULT_MSG, 32);
	wire_bytes(&peer->wire, &mine, sizeof(mine));
}

static void step(struct hostile_peer *peer)
{
	pump_ends(peer->ends, 2);
}

static bool accept_request(struct hostile_peer *peer)
{
	struct end *server = &peer->pair.server;
	struct tp_request *request = server->request;

	server->request = NULL;
	return !peer->pair.ops->accept(server->domain, request, NULL, &server->conn);
}

/* The victim is the server: it has accepted the socket and waits for the connect parameters. */
static void hostile_to_server(struct hostile_peer *peer)
{
	*peer = (struct hostile_peer){0};
	pair_prepare(&peer->pair, NULL, NULL);
	peer->ends[0] = &peer->pair.server;
	peer->ends[1] = &peer->pair.client;
	peer->victim = &peer->pair.server;
	wire_begin(&peer->wire, test_socket_to(&peer->pair.listener->addr));
	while (!peer->pair.server.request)
		step(peer);
	must(accept_request(peer));
}

/* The victim is a client with registered memory, connected to a socket of ours. */
static void hostile_to_client(struct hostile_peer *peer)
{
	struct tp_addr addr;
	int fd = test_listen_plainly(&addr);

	*peer = (struct hostile_peer){0};
	pair_prepare(&peer->pair, NULL, NULL);
	peer->ends[0] = &peer->pair.client;
	peer->ends[1] = &peer->pair.server;
	peer->victim = &peer->pair.client;
	must(!peer->pair.ops->connect(peer->victim->domain, peer->pair.device, &addr, CONNECT_MS,
				      peer->victim, &peer->victim->conn));
	wire_begin(&peer->wire, accept(fd, NULL, NULL));
	close(fd);
	send_params(peer);
	while (!peer->victim->connected)
		step(peer);
	must(wire_take_params(&peer->wire));
}

static void hostile_close(struct hostile_peer *peer)
{
	wire_end(&peer->wire);
	pair_close(&peer->pair);
}

/* The victim says TERMINATE with this status, closes, and tells its caller. */
static void expect_terminate(struct hostile_peer *peer, int status)
{
	struct wire_header hdr;
	char byte;

	while (recv(peer->wire.fd, &hdr, sizeof(hdr), MSG_PEEK | MSG_DONTWAIT) != sizeof(hdr))
		end_poll(peer->victim);
	must(wire_next(&peer->wire) == WIRE_TERMINATE);
	must(wire_to_errno((int32_t)peer->wire.hdr.status) == status);
	must(recv(peer->wire.fd, &byte, 1, 0) == 0);
	wire_shut(&peer->wire);
	while (!peer->victim->closed)
		step(peer);
	must(peer->victim->closed_status == status);
	must(peer->victim->msgs == 0 && peer->victim->imms == 0);
}

static void bad_params(const void *bytes, size_t len, int status)
{
	struct hostile_peer peer;

	hostile_to_server(&peer);
	wire_bytes(&peer.wire, bytes, len);
	if (status == -ECONNABORTED)
		shutdown(peer.wire.fd, SHUT_WR);
	while (!peer.victim->closed)
		step(&peer);
	must(peer.victim->closed_status == status);
	must(!peer.victim->connected);
	hostile_close(&peer);
}

Test(raw_tcp, a_stranger)
{
	if (test_is("tcp"))
		bad_params("GET / HTTP/1.1\r\n\r\n", 18, -EPROTO);
}

Test(raw_tcp, connect_params_cut_short)
{
	if (test_is("tcp"))
		bad_params("USRB", 4, -ECONNABORTED);
}

Test(raw_tcp, another_version)
{
	struct connect_params mine;

	only_tcp();
	connect_params_make(&mine, DEFAULT_MSG, 32);
	mine.version = htole16(99);
	bad_params(&mine, sizeof(mine), -EPROTONOSUPPORT);
}

Test(raw_tcp, connect_params_in_sixteen_pieces)
{
	struct connect_params mine;
	struct hostile_peer peer;

	only_tcp();
	connect_params_make(&mine, DEFAULT_MSG, 32);
	hostile_to_server(&peer);
	for (size_t i = 0; i < sizeof(mine); i++) {
		wire_bytes(&peer.wire, (char *)&mine + i, 1);
		end_poll(peer.victim);
	}
	while (!peer.victim->connected)
		step(&peer);
	hostile_close(&peer);
}

static void bad_header(uint8_t op, uint8_t flags, uint32_t len, int status)
{
	struct hostile_peer peer;

	only_tcp();
	hostile_to_server(&peer);
	send_params(&peer);
	while (!peer.victim->connected)
		step(&peer);
	must(wire_take_params(&peer.wire));
	wire_header(&peer.wire, &(struct wire_header){.op = op, .flags = flags, .len = len});
	expect_terminate(&peer, status);
	hostile_close(&peer);
}

Test(raw_tcp, operation_zero)
{
	bad_header(0, 0, 0, -EPROTO);
}

Test(raw_tcp, an_operation_nobody_knows)
{
	bad_header(WIRE_NR_OPS, 0, 0, -EPROTO);
}

Test(raw_tcp, operation_255)
{
	bad_header(255, 255, UINT32_MAX, -EPROTO);
}

Test(raw_tcp, an_empty_message)
{
	bad_header(WIRE_MSG, 0, 0, -EPROTO);
}

Test(raw_tcp, a_message_one_byte_too_long)
{
	bad_header(WIRE_MSG, 0, DEFAULT_MSG + 1, -EPROTO);
}

Test(raw_tcp, a_message_of_four_gigabytes)
{
	bad_header(WIRE_MSG, 0, UINT32_MAX, -EPROTO);
}

Test(raw_tcp, a_message_with_an_immediate)
{
	bad_header(WIRE_MSG, WIRE_HAS_IMM, 10, -EPROTO);
}

Test(raw_tcp, an_unknown_flag)
{
	bad_header(WIRE_WRITE, 2, 0, -EPROTO);
}

Test(raw_tcp, an_answer_nobody_asked_for)
{
	bad_header(WIRE_READ_RESP, 0, 100, -EPROTO);
}

Test(raw_tcp, an_empty_answer_nobody_asked_for)
{
	bad_header(WIRE_READ_RESP, 0, 0, -EPROTO);
}

Test(raw_tcp, a_write_to_who_accepted)
{
	bad_header(WIRE_WRITE, 0, 100, -EACCES);
}

Test(raw_tcp, a_read_from_who_accepted)
{
	bad_header(WIRE_READ_REQ, 0, 100, -EACCES);
}

Test(raw_tcp, a_write_longer_than_any)
{
	bad_header(WIRE_WRITE, 0, TP_OP_MAX + 1, -EPROTO);
}

/* Requests without end, answers never taken: the victim's memory for them is bounded. */
Test(raw_tcp, a_flood_of_read_requests)
{
	struct wire_header hdr = {.op = WIRE_READ_REQ, .len = htole32(TP_OP_MAX)};
	struct hostile_peer peer;
	bool refused = false;

	only_tcp();
	hostile_to_client(&peer);
	for (int i = 0; i < 100 * WIRE_READS_MAX && !refused; i++) {
		refused = send(peer.wire.fd, &hdr, sizeof(hdr), MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
		if (i % 16 == 0)
			end_poll(peer.victim);
		refused |= peer.victim->closed;
	}
	while (!peer.victim->closed)
		step(&peer);
	must(peer.victim->closed_status == -EPROTO);
	hostile_close(&peer);
}

/* An answer that is longer than asked for, or comes before the question left. */
static void bad_answer(bool flushed, uint32_t len, uint64_t cookie)
{
	struct wire_header hdr = {.op = WIRE_READ_RESP, .len = len};
	struct hostile_peer peer;
	struct tp_op op = {.kind = TP_READ, .len = 100, .off = 4096, .tag = 1};

	only_tcp();
	hostile_to_client(&peer);
	op.local = peer.victim->mem;
	memset(peer.victim->mem, 0x33, 4096);
	must(peer.victim->conn);
	while (peer.pair.ops->post(peer.victim->conn, &op) == -EAGAIN)
		step(&peer);
	if (flushed) {
		peer.pair.ops->flush(peer.victim->conn);
		must(wire_next(&peer.wire) == WIRE_READ_REQ);
		cookie += peer.wire.hdr.cookie;
	}
	hdr.cookie = cookie;
	wire_header(&peer.wire, &hdr);
	wire_bytes(&peer.wire, peer.pair.server.mem, 4096);
	expect_terminate(&peer, -EPROTO);
	must(peer.victim->dones == 1 && peer.victim->failed_dones == 1);
	for (int i = 0; i < 4096; i++)
		must(peer.victim->mem[i] == 0x33);
	hostile_close(&peer);
}

Test(raw_tcp, an_answer_too_long)
{
	bad_answer(true, 101, 0);
}

Test(raw_tcp, an_answer_too_short)
{
	bad_answer(true, 99, 0);
}

Test(raw_tcp, an_answer_to_another_question)
{
	bad_answer(true, 100, 1);
}

Test(raw_tcp, an_answer_before_the_question)
{
	bad_answer(false, 100, 0);
}

/* Dribbled byte by byte, frames mean the same. */
Test(raw_tcp, a_frame_in_pieces)
{
	struct wire_header hdr = {.op = WIRE_WRITE, .flags = WIRE_HAS_IMM, .len = htole32(5)};
	struct hostile_peer peer;

	only_tcp();
	hostile_to_client(&peer);
	hdr.tag = htole32(77);
	for (size_t i = 0; i < sizeof(hdr); i++) {
		wire_bytes(&peer.wire, (char *)&hdr + i, 1);
		end_poll(peer.victim);
	}
	for (size_t i = 0; i < 5; i++) {
		wire_bytes(&peer.wire, "hello" + i, 1);
		end_poll(peer.victim);
	}
	while (!peer.victim->imms)
		step(&peer);
	must(peer.victim->last_imm == 77 && !memcmp(peer.victim->mem, "hello", 5));
	/* A farewell inside a frame is a loss. */
	wire_bytes(&peer.wire, &hdr, 10);
	shutdown(peer.wire.fd, SHUT_WR);
	while (!peer.victim->closed)
		step(&peer);
	must(peer.victim->closed_status == -ECONNRESET);
	hostile_close(&peer);
}
