/*
 * Messages and one-sided operations. A message stays in its sender's buffer until the receiver has
 * looked at it; a READ or WRITE is done by the one who posts it, at once.
 */
#include <errno.h>
#include <string.h>

#include "common/faults.h"
#include "common/loop/loop.h"

static bool can_send(const struct loop_conn *conn)
{
	return conn->state == LOOP_STATE_OPEN && conn->told;
}

bool loop_has_buf(const struct loop_conn *conn)
{
	return conn->out.used_slots < conn->out.nr_slots;
}

/* Room for its DONE and, if it carries one, for its immediate. */
bool loop_has_post(const struct loop_conn *conn)
{
	return conn->done_tail - conn->done_head < conn->out.max_imms &&
	       conn->out.nr_imms < conn->out.max_imms;
}

static void make_visible(struct loop_conn *conn)
{
	struct loop_queue *out = &conn->out;

	if (out->flushed == out->queued)
		return;
	out->flushed = out->queued;
	conn->base.domain->count.doorbells++;
	loop_kick(loop_peer(conn));
}

static struct loop_item *add_item(struct loop_queue *out)
{
	return &out->items[out->queued++ & out->mask];
}

static char *slot_at(struct loop_conn *conn)
{
	return conn->out.slots + (size_t)conn->out.next_slot * loop_domain_of(conn)->config.msg_max;
}

void *loop_msg_buf(struct tp_conn *base)
{
	struct loop_conn *conn = loop_conn_of(base);
	char *slot = NULL;

	pthread_mutex_lock(&loop_lock);
	if (can_send(conn) && loop_has_buf(conn)) {
		slot = slot_at(conn);
	} else {
		make_visible(conn);
		conn->starved_buf = true;
	}
	pthread_mutex_unlock(&loop_lock);
	return slot;
}

void loop_msg_send(struct tp_conn *base, size_t len)
{
	struct loop_conn *conn = loop_conn_of(base);
	struct loop_queue *out = &conn->out;

	pthread_mutex_lock(&loop_lock);
	if (can_send(conn)) {
		*add_item(out) = (struct loop_item){
			.type = TP_EV_MSG,
			.len = (uint32_t)len,
			.msg = slot_at(conn),
		};
		out->next_slot = out->next_slot + 1 == out->nr_slots ? 0 : out->next_slot + 1;
		out->used_slots++;
		base->domain->count.msgs_sent++;
	}
	pthread_mutex_unlock(&loop_lock);
}

void loop_flush(struct tp_conn *base)
{
	struct loop_conn *conn = loop_conn_of(base);

	if (conn->out.flushed == conn->out.queued) /* only its own thread changes these */
		return;
	pthread_mutex_lock(&loop_lock);
	if (fault_if(can_send(conn), LOOP_CUT)) {
		loop_conn_close(conn, -ECONNRESET);
		loop_conn_close(loop_peer(conn), -ECONNRESET);
	}
	if (can_send(conn))
		make_visible(conn);
	pthread_mutex_unlock(&loop_lock);
}

/* Inside the peer's key table: its memory cannot go away meanwhile. */
static int move(const struct tp_op *op, struct keys *keys)
{
	unsigned access = op->kind == TP_READ ? TP_REMOTE_READ : TP_REMOTE_WRITE;
	void *remote;

	if (!op->len)
		return 0;
	if (!keys)
		return -EACCES;
	keys_enter(keys);
	remote = keys_find(keys, op->key, op->raddr, op->len, access);
	if (remote && op->kind == TP_READ)
		memcpy(op->local, remote, op->len);
	else if (remote)
		memcpy(remote, op->local, op->len);
	keys_leave(keys);
	return remote ? 0 : -EACCES;
}

static void count_op(struct tp_counters *count, const struct tp_op *op)
{
	if (op->kind == TP_READ) {
		count->reads++;
		count->read_bytes += op->len;
	} else {
		count->writes++;
		count->write_bytes += op->len;
	}
	count->imms_sent += op->has_imm;
}

static void execute(struct loop_conn *conn, const struct tp_op *op)
{
	struct loop_conn *peer = loop_peer(conn);
	int err = move(op, peer->keys);

	conn->dones[conn->done_tail++ & conn->done_mask] = (struct loop_done){op->cookie, err};
	count_op(&conn->base.domain->count, op);
	if (err) {
		loop_conn_close(conn, err);
		loop_conn_close(peer, err);
	} else if (op->has_imm) {
		conn->out.nr_imms++;
		*add_item(&conn->out) = (struct loop_item){.type = TP_EV_IMM, .imm = op->imm};
	}
	loop_kick(conn);
}

int loop_post(struct tp_conn *base, const struct tp_op *op)
{
	struct loop_conn *conn = loop_conn_of(base);
	int err = 0;

	if (op->len > TP_OP_MAX || (op->has_imm && op->kind != TP_WRITE))
		return -EINVAL;
	pthread_mutex_lock(&loop_lock);
	if (!can_send(conn)) {
		err = -ENOTCONN;
	} else if (!loop_has_post(conn)) {
		make_visible(conn);
		conn->starved_post = true;
		err = -EAGAIN;
	} else {
		execute(conn, op);
	}
	pthread_mutex_unlock(&loop_lock);
	return err;
}
