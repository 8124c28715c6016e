/*
 * The messages and the one-sided operations of a connection. A message stays in its sender's buffer
 * until the receiver has seen it. The owner of memory executes a READ or WRITE of it in its own
 * poll. Each end belongs to its caller. The public calls run on the thread of their end, and
 * acquire loop_lock.
 */
#include <errno.h>
#include <string.h>

#include "common/fault_points/faults.h"
#include "common/loop/loop.h"

static bool can_send(const struct loop_conn *conn)
{
	return conn->state == LOOP_STATE_OPEN && conn->reported;
}

bool loop_has_buf(const struct loop_conn *conn)
{
	return conn->out.used_slots < conn->out.nr_slots;
}

/* True if there is space for one more post: for its TP_EV_DONE, and in the queue to the peer. */
bool loop_has_post(const struct loop_conn *conn)
{
	return conn->posts.tail - conn->posts.reported < conn->out.max_posts &&
	       conn->out.nr_posts < conn->out.max_posts;
}

static void make_visible(struct loop_conn *conn)
{
	struct loop_queue *out = &conn->out;

	if (out->flushed == out->queued)
		return;
	out->flushed = out->queued;
	conn->base.domain->count.doorbells++;
	loop_make_ready(loop_peer(conn));
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

	lock_acquire(&loop_lock);
	if (can_send(conn) && loop_has_buf(conn)) {
		slot = slot_at(conn);
	} else {
		make_visible(conn);
		conn->waiting_buf = true;
	}
	lock_release(&loop_lock);
	return slot;
}

void loop_msg_send(struct tp_conn *base, size_t len)
{
	struct loop_conn *conn = loop_conn_of(base);
	struct loop_queue *out = &conn->out;

	lock_acquire(&loop_lock);
	if (can_send(conn)) {
		*add_item(out) = (struct loop_item){
			.msg = slot_at(conn),
			.len = (uint32_t)len,
		};
		out->next_slot = out->next_slot + 1 == out->nr_slots ? 0 : out->next_slot + 1;
		out->used_slots++;
		base->domain->count.msgs_sent++;
	}
	lock_release(&loop_lock);
}

void loop_flush(struct tp_conn *base)
{
	struct loop_conn *conn = loop_conn_of(base);

	if (conn->out.flushed == conn->out.queued) /* only this end's thread changes these two */
		return;
	lock_acquire(&loop_lock);
	if (fault_if(can_send(conn), LOOP_CUT)) {
		loop_conn_close(conn, -ECONNRESET);
		loop_conn_close(loop_peer(conn), -ECONNRESET);
	}
	if (can_send(conn))
		make_visible(conn);
	lock_release(&loop_lock);
}

/* Copy the data. The caller has entered the key table, so the memory stays. Returns 0 or -errno. */
static int move(struct loop_conn *owner, const struct tp_op *op)
{
	const struct tp_domain_config *config = &loop_domain_of(owner)->config;
	const struct reach reach = {.off = op->off, .tag = op->tag, .len = op->len};
	enum tp_access access = op->kind == TP_READ ? TP_REMOTE_READ : TP_REMOTE_WRITE;
	char *memory = reach_find(&owner->base, config, owner->keys, access, &reach);

	if (!memory)
		return reach_deny(&owner->base, config, owner->keys, access, &reach);
	if (op->len && op->kind == TP_READ)
		memcpy(op->local, memory, op->len);
	else if (op->len)
		memcpy(memory, op->local, op->len);
	return 0;
}

bool loop_execute(struct loop_conn *owner, uint32_t number)
{
	struct loop_conn *peer = loop_peer(owner);
	struct loop_posts *posts = &peer->posts;
	struct loop_post *post = &posts->ring[number & posts->mask];

	if (posts->done != number) /* it has been reported as failed */
		return false;
	post->status = move(owner, &post->op);
	posts->done++;
	loop_make_ready(peer);
	if (!post->status)
		return true;
	loop_conn_close(peer, post->status);
	loop_conn_close(owner, post->status);
	return false;
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

static void queue_post(struct loop_conn *conn, const struct tp_op *op)
{
	struct loop_posts *posts = &conn->posts;

	posts->ring[posts->tail & posts->mask].op = *op;
	*add_item(&conn->out) = (struct loop_item){.post = posts->tail++};
	conn->out.nr_posts++;
	count_op(&conn->base.domain->count, op);
}

int loop_post(struct tp_conn *base, const struct tp_op *op)
{
	struct loop_conn *conn = loop_conn_of(base);
	int err = 0;

	if (op->len > TP_OP_MAX || (op->has_imm && op->kind != TP_WRITE))
		return -EINVAL;
	lock_acquire(&loop_lock);
	if (!can_send(conn)) {
		err = -ENOTCONN;
	} else if (!loop_has_post(conn)) {
		make_visible(conn);
		conn->waiting_post = true;
		err = -EAGAIN;
	} else {
		queue_post(conn, op);
	}
	lock_release(&loop_lock);
	return err;
}
