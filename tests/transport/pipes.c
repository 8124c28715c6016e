/* WRITEs whose bytes wait in a pipe. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/transport/harness.h"

#define PIPE_LEN (1 << 20) /* what anybody may ask for */
#define NR_LINES 8

/* A pipe and the post that empties it. */
struct line {
	int ends[2];
	struct tp_op op;
};

static void line_open(struct line *line)
{
	must(!pipe2(line->ends, O_CLOEXEC | O_NONBLOCK));
	must(fcntl(line->ends[1], F_SETPIPE_SZ, PIPE_LEN) >= PIPE_LEN);
	signal(SIGPIPE, SIG_IGN);
}

static void line_close(struct line *line)
{
	close(line->ends[0]);
	close(line->ends[1]);
}

/* The bytes at server.mem + local, through the pipe, to client.mem + remote. */
static void line_fill(struct line *line, struct pair *pair, size_t local, size_t remote,
		      uint32_t len)
{
	line->op = make_op(pair, TP_WRITE, local, remote, len);
	must(write(line->ends[1], line->op.local, len) == (ssize_t)len);
	line->op.local = NULL;
	line->op.pipe = line->ends[0];
	line->op.cookie = line;
}

static int line_left(const struct line *line)
{
	int left;

	must(!ioctl(line->ends[0], FIONREAD, &left));
	return left;
}

/* A wrapper may say -EAGAIN first. */
static bool post_fails(struct end *end, const struct tp_op *op, int err)
{
	int got = end->conn->ops->post(end->conn, op);

	if (got == -EAGAIN)
		got = end->conn->ops->post(end->conn, op);
	return got == err;
}

static void pipes_open(struct pair *pair)
{
	pair_open(pair);
	if (pair->ops->takes_pipes)
		return;
	pair_close(pair);
	cr_skip_test("this provider takes no pipes");
}

Test(pipes, a_read_takes_none_and_a_write_a_real_one)
{
	struct line line;
	struct pair pair;
	struct tp_op op;

	pipes_open(&pair);
	line_open(&line);
	line_fill(&line, &pair, 0, 0, 100);
	op = line.op;
	op.kind = TP_READ;
	must(post_fails(&pair.server, &op, -EFAULT));
	op = line.op;
	op.pipe = 0;
	must(post_fails(&pair.server, &op, -EFAULT));
	must(line_left(&line) == 100);
	line_close(&line);
	pair_close(&pair);
}

Test(pipes, every_size)
{
	static const uint32_t sizes[] = {1,	31,    32,    33,     4095,   4096,   4097,
					 65535, 65536, 65537, 262144, 262145, 1 << 20};
	struct line line;
	struct pair pair;

	pipes_open(&pair);
	line_open(&line);
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint32_t len = sizes[i];
		char *target = pair.client.mem + 12289 + 3 * i;

		fill(pair.server.mem + i, len, i);
		memset(target - 64, 0x5a, (size_t)len + 128);
		line_fill(&line, &pair, i, (size_t)(target - pair.client.mem), len);
		must(post_op(&pair.server, &line.op));
		must(send_msg(&pair.server, "x", 1));
		pair.ops->flush(pair.server.conn);
		pump_until(&pair, pair.server.dones == i + 1 && pair.client.msgs == i + 1);
		must(!pair.server.failed_dones && !line_left(&line));
		must(filled(target, len, i));
		for (int j = 0; j < 64; j++)
			must(target[j - 64] == 0x5a && target[len + (uint32_t)j] == 0x5a);
	}
	line_close(&line);
	pair_close(&pair);
}

/*
 * Messages, WRITEs from memory and WRITEs from pipes in turn, eight under way: all come in order
 * and whole, and a done pipe is empty and can be filled again.
 */
struct stream {
	struct line lines[NR_LINES];
	bool busy[NR_LINES];
	uint32_t arrived;
};

static size_t place_of(uint32_t i)
{
	return i % NR_LINES * (size_t)PIPE_LEN + i % 13;
}

static uint32_t len_of(uint32_t i)
{
	return i % 5 ? 300000 + i : 1 + i;
}

static void stream_done(struct end *end, const struct tp_event *event)
{
	struct stream *stream = end->ctx;
	struct line *line = event->cookie;

	if (event->type != TP_EV_DONE || !line)
		return;
	must(!line_left(line));
	must(stream->busy[line - stream->lines]);
	stream->busy[line - stream->lines] = false;
}

static void stream_arrives(struct end *end, const struct tp_event *event)
{
	struct stream *stream = end->ctx;
	uint32_t i = event->imm;

	if (event->type == TP_EV_MSG)
		memcpy(&i, event->msg, sizeof(i));
	else if (event->type != TP_EV_IMM)
		return;
	must(i == stream->arrived++);
	if (event->type == TP_EV_IMM)
		must(filled(end->mem + place_of(i), len_of(i), i));
}

static void stream_write(struct pair *pair, struct stream *stream, uint32_t i)
{
	struct line *line = &stream->lines[i % NR_LINES];
	struct tp_op op = make_op(pair, TP_WRITE, place_of(i), place_of(i), len_of(i));

	fill(op.local, op.len, i);
	if (i % 3 == 2) {
		line_fill(line, pair, place_of(i), place_of(i), len_of(i));
		op = line->op;
		stream->busy[i % NR_LINES] = true;
	}
	op.has_imm = true;
	op.tag = i;
	must(post_op(&pair->server, &op));
}

Test(pipes, among_messages_and_other_writes, .timeout = 100)
{
	enum { N = 600 };
	struct stream stream = {.arrived = 0};
	struct pair pair;

	pipes_open(&pair);
	for (int i = 0; i < NR_LINES; i++)
		line_open(&stream.lines[i]);
	pair.server.on_event = stream_done;
	pair.client.on_event = stream_arrives;
	pair.server.ctx = pair.client.ctx = &stream;
	for (uint32_t i = 0; i < N; i++) {
		if (i >= NR_LINES) {
			pair.ops->flush(pair.server.conn);
			pump_until(&pair,
				   stream.arrived > i - NR_LINES && !stream.busy[i % NR_LINES]);
		}
		if (i % 3 == 0)
			must(send_msg(&pair.server, &i, sizeof(i)));
		else
			stream_write(&pair, &stream, i);
	}
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, stream.arrived == N);
	must(!pair.server.failed_dones);
	for (int i = 0; i < NR_LINES; i++)
		line_close(&stream.lines[i]);
	pair_close(&pair);
}

/* More than the wire holds, and a peer that leaves: every post is done once, and some failed. */
Test(pipes, a_peer_that_leaves_takes_no_more)
{
	struct line lines[NR_LINES * 2];
	unsigned posted = 0;
	struct pair pair;

	pipes_open(&pair);
	for (int i = 0; i < NR_LINES * 2; i++)
		line_open(&lines[i]);
	for (int i = 0; i < NR_LINES * 2; i++) {
		line_fill(&lines[i], &pair, 0, 0, PIPE_LEN);
		if (pair.ops->post(pair.server.conn, &lines[i].op)) /* a wrapper's -EAGAIN */
			continue;
		pair.ops->flush(pair.server.conn);
		posted++;
	}
	pair.ops->disconnect(pair.client.conn);
	pump_until(&pair, pair.client.closed && pair.server.closed);
	must(pair.server.dones == posted && pair.server.failed_dones);
	for (int i = 0; i < NR_LINES * 2; i++)
		line_close(&lines[i]);
	pair_close(&pair);
}

/* Rule 4. What goes before the refused one is there; what comes after it is not. */
Test(pipes, a_bad_key_touches_nothing)
{
	struct line good, bad;
	struct pair pair;

	pipes_open(&pair);
	line_open(&good);
	line_open(&bad);
	memset(pair.client.mem, 0x11, MEM_LEN);
	fill(pair.server.mem, PIPE_LEN, 1);
	line_fill(&good, &pair, 0, 0, PIPE_LEN);
	must(post_op(&pair.server, &good.op));
	line_fill(&bad, &pair, 0, 4u << 20, PIPE_LEN);
	bad.op.key++;
	bad.op.off = MEM_LEN;
	must(post_op(&pair.server, &bad.op));
	pair.ops->flush(pair.server.conn);
	pump_until(&pair, pair.server.closed && pair.client.closed);
	must(pair.server.dones == 2);
	must(pair.server.done_status == -EACCES || pair.server.closed_status == -EACCES);
	must(filled(pair.client.mem, PIPE_LEN, 1));
	for (size_t i = PIPE_LEN; i < MEM_LEN; i++)
		must(pair.client.mem[i] == 0x11);
	line_close(&good);
	line_close(&bad);
	pair_close(&pair);
}
