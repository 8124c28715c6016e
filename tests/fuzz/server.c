/*
 * The server's pipeline: a real server over the loop transport, with one worker that is turned by
 * hand, in this one thread, by a clock that only moves when it is told to. An input is what clients
 * do: its first byte says how far the first one has come (1: a file is open) and whether there is a
 * keyring (2), which then keeps out whoever has not said a right Proof; then a record follows the
 * other:
 *
 *   0  length (2 bytes), a frame: sent as it is
 *   1  likewise, but what the server has drawn at random is put in its place: see client_cook()
 *   2  a WRITE into the server; 3: a READ from it
 *   4  another client connects, or goes on; 5: this one leaves
 *   6  the handshake with a key goes on as it should: Hello, and when there is a Challenge, Proof
 *   7  time passes: tenths of a second
 *   8  the client looks at what has come, the server does not
 *   9  a hello as it should be
 *
 * The top bit: the server gets no turn after it.
 */
#include <string.h>

#include "tests/fuzz/server.h"

#define CANARY 0x5a
#define TENTH  100000000ull /* of a second */

static uint8_t canary[MARGIN];
static struct arena arena;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setenv("USRBIO_LOG", "off", 0);
	memset(canary, CANARY, sizeof(canary));
	insist(!arena_open(&arena, ARENA_SIZE));
	served_start();
	clients_open();
	return 0;
}

static void frame(struct input *in, bool cooked)
{
	struct io_entry io[BATCH_MAX];
	struct message msg;
	const uint8_t *bytes;
	size_t len = take_bytes(in, take_u16(in), &bytes);
	bool good = !codec_decode(&arena, bytes, len, &msg);

	if (good && cooked) {
		client_cook(&msg, io);
		client_send(&msg);
	} else {
		client_send_frame(bytes, len, good ? &msg : NULL);
	}
}

static void reach(struct input *in, enum tp_kind kind)
{
	uint8_t flags = take_byte(in);
	const struct tp_op op = {
		.kind = kind,
		.has_imm = kind == TP_WRITE && flags & 1,
		.len = flags & 2 ? 0 : 64,
		.tag = take_u16(in),
		.off = take_u16(in) * 4096ull,
		.local = clients_memory + MARGIN,
	};

	client_post(&op);
}

static void record(struct input *in)
{
	uint8_t what = take_byte(in);

	switch ((what & 0x7f) % 10) {
	case 0:
		frame(in, false);
		break;
	case 1:
		frame(in, true);
		break;
	case 2:
		reach(in, TP_WRITE);
		break;
	case 3:
		reach(in, TP_READ);
		break;
	case 4:
		client_join(take_byte(in) % CLIENTS);
		break;
	case 5:
		client_leave();
		break;
	case 6:
		client_step();
		break;
	case 7:
		served_wait(take_byte(in) * TENTH);
		break;
	case 8:
		clients_look();
		break;
	case 9:
		client_say_hello();
		break;
	}
	if (!(what & 0x80))
		clients_turn(TURNS);
}

/* Everything as it was. */
static void end(void)
{
	clients_leave();
	clients_turn(1000);
	served_wait(36000 * TENTH);
	clients_turn(1000);
	clients_turn(1000);
	served_check_empty();
	clients_forget();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {data, len};
	uint8_t start = take_byte(&in);

	memset(clients_memory, CANARY, MEMORY);
	served_keep_out(start & 2);
	client_join(0);
	clients_turn(TURNS);
	if (start & 1)
		client_start();
	while (in.left)
		record(&in);
	clients_turn(1000);
	insist(!memcmp(clients_memory, canary, MARGIN));
	insist(!memcmp(clients_memory + MARGIN + GRANTED, canary, MARGIN));
	end();
	return 0;
}
