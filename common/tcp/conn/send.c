/*
 * The functions by which the user of a connection sends: messages, READs and WRITEs, and the flush
 * that hands them to the kernel. The user owns the connection, and only the domain's thread uses
 * it.
 */
#include "common/tcp/conn/send.h"

#include <endian.h>
#include <errno.h>

#include "common/tcp/conn/state.h"

static bool can_send(const struct tcp_conn *conn)
{
	return conn->state == TCP_STATE_OPEN && !conn->tx.broken;
}

void *tcp_send_buf(struct tp_conn *base)
{
	struct tcp_conn *conn = tcp_conn_of(base);
	struct tcp_tx *tx = &conn->tx;

	if (can_send(conn) && tx->used_slots == tx->nr_slots)
		tcp_state_flush(conn);
	if (!can_send(conn) || tx->used_slots == tx->nr_slots) {
		tx->waiting_for_buf = true;
		return NULL;
	}
	/* An idle connection uses its first buffer again, which is in the cache. */
	if (!tx->used_slots && !tx->slot_taken)
		tx->next_slot = 0;
	tx->slot_taken = true;
	return tx->slots + (size_t)tx->next_slot * tcp_domain_of(conn)->config.msg_max;
}

void tcp_send_msg(struct tp_conn *base, size_t len)
{
	struct tcp_conn *conn = tcp_conn_of(base);
	struct tcp_tx *tx = &conn->tx;
	const char *slot = tx->slots + (size_t)tx->next_slot * tcp_domain_of(conn)->config.msg_max;

	tx->slot_taken = false;
	if (!can_send(conn))
		return;
	tcp_tx_add(&conn->tx, WIRE_MSG, slot, (uint32_t)len, 0);
	tx->next_slot = tx->next_slot + 1 == tx->nr_slots ? 0 : tx->next_slot + 1;
	tx->used_slots++;
	base->domain->count.msgs_sent++;
}

static void queue_frame(struct tcp_conn *conn, const struct tp_op *op, uint32_t index)
{
	bool write = op->kind == TP_WRITE;
	struct tcp_frame *frame = tcp_tx_add(&conn->tx, write ? WIRE_WRITE : WIRE_READ_REQ,
					     write && op->len ? op->local : NULL, op->len, index);
	struct tp_counters *count = &conn->base.domain->count;

	if (op->len && !op->local) {
		frame->pipe = op->pipe;
		frame->len = op->len;
	}
	frame->hdr.tag = htole32(op->tag);
	frame->hdr.off = htole64(op->off);
	frame->hdr.cookie = write ? 0 : htole64(index);
	if (op->has_imm) {
		frame->hdr.flags = WIRE_HAS_IMM;
		count->imms_sent++;
	}
	if (write) {
		count->writes++;
		count->write_bytes += op->len;
	} else {
		count->reads++;
		count->read_bytes += op->len;
	}
}

static bool has_memory(const struct tcp_conn *conn, const struct tp_op *op)
{
	if (!op->local)
		return op->kind == TP_WRITE && op->pipe > 0;
	return tcp_domain_owns(tcp_domain_of(conn), op->local, op->len);
}

int tcp_send_post(struct tp_conn *base, const struct tp_op *op)
{
	struct tcp_conn *conn = tcp_conn_of(base);
	struct tcp_posts *posts = &conn->posts;

	if (op->len > TP_OP_MAX || (op->has_imm && op->kind != TP_WRITE))
		return -EINVAL;
	if (op->len && !has_memory(conn, op))
		return -EFAULT;
	/* The caller may wait for room now without a flush, so the queued frames go out here. */
	if (conn->state == TCP_STATE_OPEN && tcp_posts_full(posts))
		tcp_state_flush(conn);
	if (conn->state != TCP_STATE_OPEN || conn->tx.broken)
		return -ENOTCONN;
	if (tcp_posts_full(posts)) {
		posts->waiting_for_room = true;
		return -EAGAIN;
	}
	queue_frame(conn, op, tcp_posts_add(posts, op));
	return 0;
}

void tcp_send_flush(struct tp_conn *base)
{
	struct tcp_conn *conn = tcp_conn_of(base);

	if (conn->state == TCP_STATE_OPEN && conn->tx.head != conn->tx.tail)
		tcp_state_flush(conn);
}
