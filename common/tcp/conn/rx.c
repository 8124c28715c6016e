/*
 * The receiving side of a connection. Frames are parsed in the connection's buffer. A large payload
 * goes from the socket straight to its target, by one system call that also brings the beginning of
 * the next frame. The peer may be hostile, so every number that it sends is checked. The connection
 * owns this state, and only the domain's thread uses it.
 */
#include "common/tcp/conn/rx.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "common/base/log.h"
#include "common/fault_points/faults.h"
#include "common/tcp/conn/conn.h"
#include "common/transport/wire_errno.h"

#define HEADER	      sizeof(struct wire_header)
#define FRAME_MAX     (HEADER + TP_MSG_MAX)
#define DIRECT_MIN    8192   /* a shorter payload is copied, which costs less than a system call */
#define AHEAD_MAX     HEADER /* bytes read behind a direct payload: the next header, no payload */
#define RECVS_PER_RUN 4

/* The result of a step of the parser. It may also be -errno, which ends the connection. */
enum step { STEP_NEEDS_BYTES, STEP_DONE };

/*
 * Make room behind the unparsed bytes, and return its size. Messages that this poll has handed out
 * are not moved.
 */
static uint32_t make_room(struct tcp_conn *conn)
{
	struct tcp_rx *rx = &conn->rx;

	if (rx->pinned == tcp_domain_of(conn)->round)
		return TCP_RX_BUF - rx->tail;
	if (rx->head == rx->tail) {
		rx->head = rx->tail = 0;
	} else if (TCP_RX_BUF - rx->tail < FRAME_MAX) {
		memmove(rx->buf, rx->buf + rx->head, rx->tail - rx->head);
		rx->tail -= rx->head;
		rx->head = 0;
	}
	return TCP_RX_BUF - rx->tail;
}

static bool has_bytes(int fd)
{
	int n;

	return !ioctl(fd, FIONREAD, &n) && n > 1;
}

/* Receive. A result below `asked` means that the socket is empty; epoll reports when it is not. */
static ssize_t receive_plain(struct tcp_conn *conn, struct msghdr *msg, size_t asked)
{
	ssize_t got = recvmsg(conn->source.fd, msg, 0);

	conn->readable = got == (ssize_t)asked;
	return got;
}

/* Receive, with fault points. Only a receive that brings bytes counts for them. */
static ssize_t receive_some(struct tcp_conn *conn, struct msghdr *msg, size_t asked)
{
	ssize_t got;

	if (fault_if(has_bytes(conn->source.fd), TCP_READ_SHORT))
		msg->msg_iov->iov_len = msg->msg_iovlen = 1;
	got = conn->tls ? tls_recv(conn->tls, msg, &conn->readable)
			: receive_plain(conn, msg, asked);
	return got > 0 && fault_errno(TCP_READ_CUT, ECONNRESET) ? -1 : got;
}

bool tcp_rx_fill(struct tcp_conn *conn)
{
	struct tcp_rx *rx = &conn->rx;
	struct iovec iov[2];
	struct msghdr msg = {.msg_iov = iov};
	uint32_t room = make_room(conn), direct = 0;
	ssize_t got;

	if (rx->in_payload && rx->left >= DIRECT_MIN && rx->head == rx->tail) {
		direct = rx->left;
		iov[msg.msg_iovlen++] = (struct iovec){rx->target, direct};
		room = room < AHEAD_MAX ? room : AHEAD_MAX;
	}
	if (room)
		iov[msg.msg_iovlen++] = (struct iovec){rx->buf + rx->tail, room};
	if (!msg.msg_iovlen)
		return false;
	got = receive_some(conn, &msg, (size_t)direct + room);
	if (got <= 0) {
		conn->readable = got < 0 && errno == EINTR;
		if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			rx->over = true;
			rx->status = got ? -errno : 0;
		}
		return false;
	}
	if (direct > got)
		direct = (uint32_t)got;
	rx->target += direct;
	rx->left -= direct;
	rx->tail += (uint32_t)got - direct;
	return true;
}

static void expect_payload(struct tcp_rx *rx, void *target)
{
	rx->head += HEADER;
	rx->target = target;
	rx->left = rx->now.len;
	rx->in_payload = true;
}

static int take_msg(struct tcp_conn *conn, struct tcp_sink *sink)
{
	struct tcp_rx *rx = &conn->rx;
	struct tp_event *event;

	if (!rx->now.len || rx->now.len > conn->base.msg_max)
		return -EPROTO;
	if (rx->tail - rx->head < HEADER + rx->now.len)
		return STEP_NEEDS_BYTES;
	event = tcp_sink_add(sink, TP_EV_MSG, &conn->base);
	event->msg = rx->buf + rx->head + HEADER;
	event->len = rx->now.len;
	rx->head += HEADER + rx->now.len;
	rx->pinned = tcp_domain_of(conn)->round;
	conn->base.domain->count.msgs_received++;
	return STEP_DONE;
}

/* Get the bytes of an I/O that a header names. */
static struct reach reach_of(const struct wire_header *now)
{
	return (struct reach){.off = now->off, .tag = now->tag, .len = now->len};
}

static int take_write(struct tcp_conn *conn, struct tcp_sink *sink)
{
	const struct reach reach = reach_of(&conn->rx.now);
	char *target;

	if (reach.len > TP_OP_MAX)
		return -EPROTO;
	target = tcp_conn_granted(conn, TP_REMOTE_WRITE, &reach);
	if (!target)
		return tcp_conn_deny(conn, TP_REMOTE_WRITE, &reach);
	conn->base.domain->count.served_writes++;
	expect_payload(&conn->rx, target);
	return STEP_DONE;
}

static int take_read_req(struct tcp_conn *conn, struct tcp_sink *sink)
{
	const struct reach reach = reach_of(&conn->rx.now);
	struct tcp_frame *frame;
	const char *source;

	if (reach.len > TP_OP_MAX || conn->tx.nr_resps == WIRE_READS_MAX)
		return -EPROTO;
	source = tcp_conn_granted(conn, TP_REMOTE_READ, &reach);
	if (!source)
		return tcp_conn_deny(conn, TP_REMOTE_READ, &reach);
	conn->base.domain->count.served_reads++;
	frame = tcp_tx_add(&conn->tx, WIRE_READ_RESP, source, reach.len, 0);
	frame->reach = reach;
	frame->hdr.cookie = htole64(conn->rx.now.cookie);
	conn->rx.head += HEADER;
	return STEP_DONE;
}

static int take_read_resp(struct tcp_conn *conn, struct tcp_sink *sink)
{
	struct tcp_post *post =
		tcp_posts_answer(&conn->posts, conn->rx.now.cookie, conn->rx.now.len);

	if (!post)
		return -EPROTO;
	expect_payload(&conn->rx, post->local);
	return STEP_DONE;
}

static int take_terminate(struct tcp_conn *conn, struct tcp_sink *sink)
{
	struct tcp_rx *rx = &conn->rx;
	int status = wire_to_errno((int32_t)rx->now.status);

	rx->head = rx->tail;
	rx->over = true;
	rx->status = status ? status : -EPROTO;
	return STEP_NEEDS_BYTES;
}

static int take_header(struct tcp_conn *conn, struct tcp_sink *sink)
{
	static int (*const take[WIRE_NR_OPS])(struct tcp_conn *, struct tcp_sink *) = {
		[WIRE_MSG] = take_msg,
		[WIRE_WRITE] = take_write,
		[WIRE_READ_REQ] = take_read_req,
		[WIRE_READ_RESP] = take_read_resp,
		[WIRE_TERMINATE] = take_terminate,
	};
	struct tcp_rx *rx = &conn->rx;
	struct wire_header hdr;

	if (rx->tail - rx->head < HEADER)
		return STEP_NEEDS_BYTES;
	memcpy(&hdr, rx->buf + rx->head, HEADER);
	rx->now = (struct wire_header){
		.op = hdr.op,
		.flags = hdr.flags,
		.reserved = le16toh(hdr.reserved),
		.len = le32toh(hdr.len),
		.off = le64toh(hdr.off),
		.tag = le32toh(hdr.tag),
		.status = le32toh(hdr.status),
		.cookie = le64toh(hdr.cookie),
	};
	if (hdr.op >= WIRE_NR_OPS || !take[hdr.op] || rx->now.reserved ||
	    hdr.flags & ~(hdr.op == WIRE_WRITE ? WIRE_HAS_IMM : 0))
		return -EPROTO;
	return take[hdr.op](conn, sink);
}

/* Copy bytes of the payload from the buffer to the target. The last byte completes the frame. */
static int take_payload(struct tcp_conn *conn, struct tcp_sink *sink)
{
	struct tcp_rx *rx = &conn->rx;
	uint32_t n = rx->tail - rx->head;

	if (n > rx->left)
		n = rx->left;
	if (n) {
		memcpy(rx->target, rx->buf + rx->head, n);
		rx->target += n;
		rx->head += n;
		rx->left -= n;
	}
	if (rx->left)
		return STEP_NEEDS_BYTES;
	rx->in_payload = false;
	if (rx->now.op == WIRE_READ_RESP) {
		tcp_posts_placed(&conn->posts);
	} else if (rx->now.flags & WIRE_HAS_IMM) {
		tcp_sink_add(sink, TP_EV_IMM, &conn->base)->imm = rx->now.tag;
		conn->base.domain->count.imms_received++;
	}
	return STEP_DONE;
}

/* Parse frames until bytes are missing or the sink is full. A step reports one event at most. */
static int parse(struct tcp_conn *conn, struct tcp_sink *sink)
{
	int step = STEP_DONE;

	while (step == STEP_DONE && !tcp_sink_full(sink))
		step = conn->rx.in_payload ? take_payload(conn, sink) : take_header(conn, sink);
	return step;
}

/*
 * Check that the target of a payload that has begun is still granted. Since then the I/O may have
 * ended, or its memory may have been deregistered.
 */
static int check_target(struct tcp_conn *conn)
{
	const struct tcp_rx *rx = &conn->rx;
	const struct reach reach = reach_of(&rx->now);

	if (!rx->in_payload || rx->now.op != WIRE_WRITE || !rx->left)
		return 0;
	if (tcp_conn_granted(conn, TP_REMOTE_WRITE, &reach) ==
	    rx->target - (rx->now.len - rx->left))
		return 0;
	return tcp_conn_deny(conn, TP_REMOTE_WRITE, &reach);
}

static int receive(struct tcp_conn *conn, struct tcp_sink *sink)
{
	int step = check_target(conn);

	if (step)
		return step;
	step = parse(conn, sink);
	for (int i = 0; i < RECVS_PER_RUN && step == STEP_NEEDS_BYTES; i++) {
		if (!conn->readable || conn->rx.over || !tcp_rx_fill(conn))
			break;
		step = parse(conn, sink);
	}
	return step;
}

/* Get the reason why nothing more comes: 0 or -errno. A FIN inside a frame is a loss. */
static int why_over(const struct tcp_conn *conn)
{
	const struct tcp_rx *rx = &conn->rx;

	if (rx->status)
		return rx->status;
	if (conn->tx.broken)
		return conn->tx.broken;
	return rx->in_payload || rx->head != rx->tail ? -ECONNRESET : 0;
}

int tcp_rx_run(struct tcp_conn *conn, struct tcp_sink *sink)
{
	int step;

	if (conn->keys)
		keys_enter(conn->keys);
	step = receive(conn, sink);
	if (conn->keys)
		keys_leave(conn->keys);
	if (step == -EPROTO)
		tp_blame(&conn->base, step, "broke the protocol with operation %u, length %u",
			 conn->rx.now.op, conn->rx.now.len);
	if (step < 0)
		return step;
	if (step == STEP_NEEDS_BYTES && conn->rx.over) {
		conn->rx.status = why_over(conn);
		return TCP_RX_OVER;
	}
	if (conn->readable)
		tcp_conn_wake(conn);
	return TCP_RX_GOES_ON;
}

void tcp_rx_discard(struct tcp_conn *conn)
{
	for (int i = 0; i < RECVS_PER_RUN && conn->readable && !conn->rx.over; i++) {
		conn->rx.head = conn->rx.tail = 0;
		conn->rx.in_payload = false;
		tcp_rx_fill(conn);
	}
	if (conn->readable)
		tcp_conn_wake(conn);
}
