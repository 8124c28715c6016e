/*
 * The sending side of a connection: a ring of frames, whose payload stays where it is until the
 * kernel has taken it. One sendmsg() takes as many frames as fit an iovec array. Send buffers are
 * used in ring order, too. The connection owns both, and only the domain's thread uses them.
 */
#include "common/tcp/conn/tx.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "common/fault_points/faults.h"
#include "common/tcp/conn/conn.h"

#define NR_IOVS		128
#define SENDS_PER_FLUSH 16
/* The spare frames are for a TERMINATE and for one partly sent frame before it. */
#define NR_SPARE_FRAMES 2

static uint32_t nr_frames(const struct tp_domain_config *config)
{
	return tcp_ring_size(config->nr_sends + config->nr_posts + WIRE_READS_MAX +
			     NR_SPARE_FRAMES);
}

size_t tcp_tx_bytes(const struct tp_domain_config *config)
{
	return nr_frames(config) * sizeof(struct tcp_frame) +
	       (size_t)config->nr_sends * config->msg_max;
}

int tcp_tx_init(struct tcp_tx *tx, const struct tp_domain_config *config)
{
	uint32_t size = nr_frames(config);

	tx->frames = malloc(size * sizeof(*tx->frames));
	if (!tx->frames)
		return -ENOMEM;
	tx->slots = malloc((size_t)config->nr_sends * config->msg_max);
	if (!tx->slots) {
		free(tx->frames);
		return -ENOMEM;
	}
	tx->mask = size - 1;
	tx->nr_slots = config->nr_sends;
	return 0;
}

void tcp_tx_fini(struct tcp_tx *tx)
{
	free(tx->slots);
	free(tx->frames);
}

static struct tcp_frame *head_frame(const struct tcp_tx *tx)
{
	return &tx->frames[tx->head & tx->mask];
}

struct tcp_frame *tcp_tx_add(struct tcp_tx *tx, enum wire_op op, const void *payload, uint32_t len,
			     uint32_t ref)
{
	struct tcp_frame *frame = &tx->frames[tx->tail++ & tx->mask];

	frame->hdr = (struct wire_header){.op = (uint8_t)op, .len = htole32(len)};
	frame->payload = payload;
	frame->pipe = 0;
	frame->len = payload ? len : 0;
	frame->ref = ref;
	if (op == WIRE_READ_RESP)
		tx->nr_resps++;
	return frame;
}

void tcp_tx_drop(struct tcp_tx *tx)
{
	tx->tail = tx->head + (tx->sent ? 1 : 0);
	tx->nr_resps = tx->sent && head_frame(tx)->hdr.op == WIRE_READ_RESP;
}

/* True if the I/O has ended, or its memory is lost, since the peer asked for its bytes. */
static bool source_lost(const struct tcp_conn *conn, const struct tcp_frame *frame)
{
	return frame->hdr.op == WIRE_READ_RESP &&
	       tcp_conn_granted(conn, TP_REMOTE_READ, &frame->reach) != frame->payload;
}

/*
 * Describe the queued frames, from where the kernel stopped up to a payload in a pipe. *follows is
 * true if such a payload comes next. Returns the number of iovecs.
 */
static int describe(const struct tcp_conn *conn, struct iovec *iov, size_t *total, bool *follows)
{
	const struct tcp_tx *tx = &conn->tx;
	uint64_t skip = tx->sent;
	int n = 0;

	*total = 0;
	*follows = false;
	for (uint32_t i = tx->head; i != tx->tail && n + 2 <= NR_IOVS; i++) {
		struct tcp_frame *frame = &tx->frames[i & tx->mask];

		if (source_lost(conn, frame))
			break;
		if (skip < sizeof(frame->hdr)) {
			iov[n++] = (struct iovec){(char *)&frame->hdr + skip,
						  sizeof(frame->hdr) - skip};
			*total += sizeof(frame->hdr) - skip;
			skip = 0;
		} else {
			skip -= sizeof(frame->hdr);
		}
		if (frame->pipe) {
			*follows = true;
			break;
		}
		if (frame->len) {
			iov[n++] = (struct iovec){(char *)frame->payload + skip, frame->len - skip};
			*total += frame->len - skip;
		}
		skip = 0;
	}
	return n;
}

static void frame_sent(struct tcp_conn *conn, const struct tcp_frame *frame)
{
	struct tcp_tx *tx = &conn->tx;

	switch (frame->hdr.op) {
	case WIRE_MSG:
		tx->used_slots--;
		break;
	case WIRE_READ_RESP:
		tx->nr_resps--;
		break;
	case WIRE_WRITE:
	case WIRE_READ_REQ:
		tcp_posts_sent(conn, frame->ref);
		break;
	}
}

static void advance(struct tcp_conn *conn, size_t got)
{
	struct tcp_tx *tx = &conn->tx;

	tx->sent += got;
	while (tx->head != tx->tail) {
		const struct tcp_frame *frame = head_frame(tx);
		uint64_t size = sizeof(frame->hdr) + frame->len;

		if (tx->sent < size)
			break;
		tx->sent -= size;
		tx->head++;
		frame_sent(conn, frame);
	}
}

/* Send no more to a peer that has gone. What it sent before may still be received: a TERMINATE. */
static void give_up(struct tcp_conn *conn, int err)
{
	conn->tx.broken = err;
	shutdown(conn->source.fd, SHUT_RDWR);
	conn->readable = true;
	tcp_conn_wake(conn);
}

static void wait_for_room(struct tcp_conn *conn)
{
	conn->tx.blocked = true;
	tcp_conn_watch(conn, EPOLLOUT);
}

/*
 * Account for `got` of `total` bytes that the kernel has taken, or for its failure with err.
 * Returns 1 if the caller is to go on, 0 if it is to stop.
 */
static int account(struct tcp_conn *conn, size_t total, ssize_t got, int err)
{
	conn->base.domain->count.doorbells++;
	if (got > 0)
		advance(conn, (size_t)got);
	if (got == (ssize_t)total)
		return 1;
	if (got < 0 && err != EAGAIN && err != EINTR) {
		give_up(conn, -err);
		return 0;
	}
	wait_for_room(conn);
	return 0;
}

/* Bytes that TLS holds for the socket count as taken; tcp_tx_resume() sends them later. */
static ssize_t through_tls(struct tcp_conn *conn, ssize_t taken)
{
	if (taken >= 0 && tls_holds(conn->tls))
		wait_for_room(conn);
	return taken;
}

/* Send the rest of the head frame's payload from its pipe. */
static int splice_some(struct tcp_conn *conn)
{
	struct tcp_tx *tx = &conn->tx;
	const struct tcp_frame *frame = head_frame(tx);
	size_t left = sizeof(frame->hdr) + frame->len - tx->sent;
	unsigned more = tx->tail - tx->head > 1 ? SPLICE_F_MORE : 0;
	unsigned flags = SPLICE_F_NONBLOCK | more;
	ssize_t got = conn->tls ? through_tls(conn, tls_splice(conn->tls, frame->pipe, left, flags))
				: splice(frame->pipe, NULL, conn->source.fd, NULL, left, flags);

	return account(conn, left, got, errno);
}

static ssize_t hand_over(struct tcp_conn *conn, struct msghdr *msg, int flags)
{
	if (fault_errno(TCP_WRITE_CUT, ECONNRESET))
		return -1;
	if (fault_at(TCP_WRITE_SHORT)) {
		msg->msg_iov->iov_len = (msg->msg_iov->iov_len + 1) / 2;
		msg->msg_iovlen = 1;
	}
	if (conn->tls)
		return through_tls(conn, tls_send(conn->tls, msg, flags));
	return sendmsg(conn->source.fd, msg, flags);
}

/*
 * Send by one system call. Returns 1 if the caller is to go on, 0 if it is to stop. -errno: the
 * first frame is an answer whose memory is lost.
 */
static int send_some(struct tcp_conn *conn)
{
	struct iovec iov[NR_IOVS];
	struct msghdr msg = {.msg_iov = iov};
	struct keys *keys = conn->tx.nr_resps ? conn->keys : NULL;
	bool follows;
	size_t total;
	ssize_t got = -1;
	int err = EACCES;

	if (head_frame(&conn->tx)->pipe && conn->tx.sent >= sizeof(struct wire_header))
		return splice_some(conn);
	if (keys)
		keys_enter(keys);
	msg.msg_iovlen = (size_t)describe(conn, iov, &total, &follows);
	if (msg.msg_iovlen) {
		got = hand_over(conn, &msg, MSG_NOSIGNAL | (follows ? MSG_MORE : 0));
		err = errno;
	} else {
		tcp_conn_deny(conn, TP_REMOTE_READ, &head_frame(&conn->tx)->reach);
	}
	if (keys)
		keys_leave(keys);

	return total ? account(conn, total, got, err) : -err;
}

int tcp_tx_flush(struct tcp_conn *conn)
{
	struct tcp_tx *tx = &conn->tx;
	int more = 1;

	if (tx->blocked || tx->broken)
		return 0;
	for (int i = 0; i < SENDS_PER_FLUSH && more > 0 && tx->head != tx->tail; i++)
		more = send_some(conn);
	tx->unfinished = tx->head != tx->tail;
	if (more > 0 && tx->unfinished)
		tcp_conn_wake(conn);
	return more < 0 ? more : 0;
}

void tcp_tx_resume(struct tcp_conn *conn)
{
	int failed;

	if (conn->tx.broken || !tls_holds(conn->tls))
		return;
	failed = tls_push(conn->tls);
	account(conn, 0, failed, errno);
	/* A flush that was called meanwhile has sent nothing. */
	conn->tx.unfinished = true;
}
