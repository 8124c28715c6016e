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

/* A liar who connects to a proper server, or one who is connected to by a proper client. */
struct liar {
	struct pair pair;
	struct end *victim;
	struct end *ends[2];
	struct wire wire;
};

static void send_params(struct liar *liar)
{
	struct connect_params mine;

	connect_params_make(&mine, DEFAULT_MSG, 32);
	wire_bytes(&liar->wire, &mine, sizeof(mine));
}

static void step(struct liar *liar)
{
	pump_ends(liar->ends, 2);
}

static bool accept_request(struct liar *liar)
{
	struct end *server = &liar->pair.server;
	struct tp_request *request = server->request;

	server->request = NULL;
	return !liar->pair.ops->accept(server->domain, request, NULL, &server->conn);
}

/* The victim is the server: it has accepted the socket and waits for the connect parameters. */
static void lie_to_server(struct liar *liar)
{
	*liar = (struct liar){0};
	pair_prepare(&liar->pair, NULL, NULL);
	liar->ends[0] = &liar->pair.server;
	liar->ends[1] = &liar->pair.client;
	liar->victim = &liar->pair.server;
	wire_begin(&liar->wire, test_socket_to(&liar->pair.listener->addr));
	while (!liar->pair.server.request)
		step(liar);
	must(accept_request(liar));
}

/* The victim is a client with registered memory, connected to a socket of ours. */
static void lie_to_client(struct liar *liar)
{
	struct tp_addr addr;
	int fd = test_listen_plainly(&addr);

	*liar = (struct liar){0};
	pair_prepare(&liar->pair, NULL, NULL);
	liar->ends[0] = &liar->pair.client;
	liar->ends[1] = &liar->pair.server;
	liar->victim = &liar->pair.client;
	must(!liar->pair.ops->connect(liar->victim->domain, liar->pair.device, &addr, CONNECT_MS,
				      liar->victim, &liar->victim->conn));
	wire_begin(&liar->wire, accept(fd, NULL, NULL));
	close(fd);
	send_params(liar);
	while (!liar->victim->connected)
		step(liar);
	must(wire_take_params(&liar->wire));
}

static void liar_close(struct liar *liar)
{
	wire_end(&liar->wire);
	pair_close(&liar->pair);
}

/* The victim says TERMINATE with this status, closes, and tells its caller. */
static void expect_terminate(struct liar *liar, int status)
{
	struct wire_header hdr;
	char byte;

	while (recv(liar->wire.fd, &hdr, sizeof(hdr), MSG_PEEK | MSG_DONTWAIT) != sizeof(hdr))
		end_poll(liar->victim);
	must(wire_next(&liar->wire) == WIRE_TERMINATE);
	must(wire_to_errno((int32_t)liar->wire.hdr.status) == status);
	must(recv(liar->wire.fd, &byte, 1, 0) == 0);
	wire_shut(&liar->wire);
	while (!liar->victim->closed)
		step(liar);
	must(liar->victim->closed_status == status);
	must(liar->victim->msgs == 0 && liar->victim->imms == 0);
}

static void bad_params(const void *bytes, size_t len, int status)
{
	struct liar liar;

	lie_to_server(&liar);
	wire_bytes(&liar.wire, bytes, len);
	if (status == -ECONNREFUSED)
		shutdown(liar.wire.fd, SHUT_WR);
	while (!liar.victim->closed)
		step(&liar);
	must(liar.victim->closed_status == status);
	must(!liar.victim->connected);
	liar_close(&liar);
}

Test(raw_tcp, a_stranger)
{
	if (test_is("tcp"))
		bad_params("GET / HTTP/1.1\r\n\r\n", 18, -EPROTO);
}

Test(raw_tcp, connect_params_cut_short)
{
	if (test_is("tcp"))
		bad_params("USRB", 4, -ECONNREFUSED);
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
	struct liar liar;

	only_tcp();
	connect_params_make(&mine, DEFAULT_MSG, 32);
	lie_to_server(&liar);
	for (size_t i = 0; i < sizeof(mine); i++) {
		wire_bytes(&liar.wire, (char *)&mine + i, 1);
		end_poll(liar.victim);
	}
	while (!liar.victim->connected)
		step(&liar);
	liar_close(&liar);
}

static void bad_header(uint8_t op, uint8_t flags, uint32_t len, int status)
{
	struct liar liar;

	only_tcp();
	lie_to_server(&liar);
	send_params(&liar);
	while (!liar.victim->connected)
		step(&liar);
	must(wire_take_params(&liar.wire));
	wire_header(&liar.wire, &(struct wire_header){.op = op, .flags = flags, .len = len});
	expect_terminate(&liar, status);
	liar_close(&liar);
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
	struct liar liar;
	bool refused = false;

	only_tcp();
	lie_to_client(&liar);
	for (int i = 0; i < 100 * WIRE_READS_MAX && !refused; i++) {
		refused = send(liar.wire.fd, &hdr, sizeof(hdr), MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
		if (i % 16 == 0)
			end_poll(liar.victim);
		refused |= liar.victim->closed;
	}
	while (!liar.victim->closed)
		step(&liar);
	must(liar.victim->closed_status == -EPROTO);
	liar_close(&liar);
}

/* An answer that is longer than asked for, or comes before the question left. */
static void bad_answer(bool flushed, uint32_t len, uint64_t cookie)
{
	struct wire_header hdr = {.op = WIRE_READ_RESP, .len = len};
	struct liar liar;
	struct tp_op op = {.kind = TP_READ, .len = 100, .off = 4096, .tag = 1};

	only_tcp();
	lie_to_client(&liar);
	op.local = liar.victim->mem;
	memset(liar.victim->mem, 0x33, 4096);
	must(liar.victim->conn);
	while (liar.pair.ops->post(liar.victim->conn, &op) == -EAGAIN)
		step(&liar);
	if (flushed) {
		liar.pair.ops->flush(liar.victim->conn);
		must(wire_next(&liar.wire) == WIRE_READ_REQ);
		cookie += liar.wire.hdr.cookie;
	}
	hdr.cookie = cookie;
	wire_header(&liar.wire, &hdr);
	wire_bytes(&liar.wire, liar.pair.server.mem, 4096);
	expect_terminate(&liar, -EPROTO);
	must(liar.victim->dones == 1 && liar.victim->failed_dones == 1);
	for (int i = 0; i < 4096; i++)
		must(liar.victim->mem[i] == 0x33);
	liar_close(&liar);
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
	struct liar liar;

	only_tcp();
	lie_to_client(&liar);
	hdr.tag = htole32(77);
	for (size_t i = 0; i < sizeof(hdr); i++) {
		wire_bytes(&liar.wire, (char *)&hdr + i, 1);
		end_poll(liar.victim);
	}
	for (size_t i = 0; i < 5; i++) {
		wire_bytes(&liar.wire, "hello" + i, 1);
		end_poll(liar.victim);
	}
	while (!liar.victim->imms)
		step(&liar);
	must(liar.victim->last_imm == 77 && !memcmp(liar.victim->mem, "hello", 5));
	/* A farewell inside a frame is a loss. */
	wire_bytes(&liar.wire, &hdr, 10);
	shutdown(liar.wire.fd, SHUT_WR);
	while (!liar.victim->closed)
		step(&liar);
	must(liar.victim->closed_status == -ECONNRESET);
	liar_close(&liar);
}
