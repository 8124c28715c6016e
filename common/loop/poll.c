/*
 * The functions poll and arm of a domain. loop_poll() reports the events of the domain's ends, and
 * executes the posts of their peers. The caller owns the domain, and only its thread calls these.
 * Both acquire loop_lock.
 */
#include <errno.h>

#include "common/loop/loop.h"
#include "common/base/clock.h"

static void report_msg(struct loop_conn *conn, const struct loop_item *item, struct tp_event *event)
{
	*event = (struct tp_event){
		.type = TP_EV_MSG, .conn = &conn->base, .msg = item->msg, .len = item->len};
	conn->base.domain->count.msgs_received++;
}

/* Report a post that has been executed. Returns the number of events: 1 if it has an immediate. */
static int report_post(struct loop_conn *conn, uint32_t post, struct tp_event *event)
{
	const struct loop_posts *posts = &loop_peer(conn)->posts;
	const struct tp_op *op = &posts->ring[post & posts->mask].op;

	if (!op->has_imm)
		return 0;
	*event = (struct tp_event){.type = TP_EV_IMM, .conn = &conn->base, .imm = op->tag};
	conn->base.domain->count.imms_received++;
	return 1;
}

static int report_items(struct loop_conn *conn, struct tp_event *events, int max)
{
	struct loop_queue *in = &loop_peer(conn)->out;
	int n = 0;

	for (; n < max && in->seen != in->flushed && !in->cut; in->seen++) {
		const struct loop_item *item = &in->items[in->seen & in->mask];

		if (item->msg)
			report_msg(conn, item, &events[n++]);
		else if (loop_execute(conn, item->post))
			n += report_post(conn, item->post, &events[n]);
		else
			in->cut = true; /* later items may depend on this one */
	}
	return n;
}

static int report_received(struct loop_conn *conn, struct tp_event *events, int max)
{
	const struct loop_queue *in = &loop_peer(conn)->out;
	struct keys *keys = in->nr_posts ? conn->keys : NULL;
	int n;

	if (in->seen == in->flushed || in->cut)
		return 0;
	if (keys)
		keys_enter(keys);
	n = report_items(conn, events, max);
	if (keys)
		keys_leave(keys);
	if (!conn->holding) {
		list_add_tail(&loop_domain_of(conn)->holding, &conn->holding_link);
		conn->holding = true;
	}
	return n;
}

static int report_dones(struct loop_conn *conn, struct tp_event *events, int max)
{
	struct loop_posts *posts = &conn->posts;
	int n = 0;

	for (; n < max && posts->reported != posts->done; posts->reported++) {
		const struct loop_post *post = &posts->ring[posts->reported & posts->mask];

		events[n++] = (struct tp_event){
			.type = TP_EV_DONE,
			.status = post->status,
			.conn = &conn->base,
			.cookie = post->op.cookie,
		};
	}
	return n;
}

static bool ready_again(struct loop_conn *conn)
{
	bool buf = conn->waiting_buf && loop_has_buf(conn);
	bool post = conn->waiting_post && loop_has_post(conn);

	if (buf)
		conn->waiting_buf = false;
	if (post)
		conn->waiting_post = false;
	return buf || post;
}

/* Not inline: most polls find nothing, and need not save registers for this. */
__attribute__((noinline)) static int report(struct loop_conn *conn, struct tp_event *events,
					    int max)
{
	int n = 0;

	if (conn->state == LOOP_STATE_CONNECTING || conn->state == LOOP_STATE_DEAD)
		return 0;
	if (!conn->reported && conn->base.msg_max) {
		conn->reported = true;
		events[n++] = (struct tp_event){.type = TP_EV_CONNECTED, .conn = &conn->base};
	}
	n += report_received(conn, events + n, max - n);
	n += report_dones(conn, events + n, max - n);
	if (n == max)
		return n;
	if (conn->state == LOOP_STATE_CLOSED) {
		conn->state = LOOP_STATE_DEAD;
		events[n++] = (struct tp_event){
			.type = TP_EV_CLOSED,
			.status = conn->status,
			.conn = &conn->base,
		};
	} else if (ready_again(conn)) {
		events[n++] = (struct tp_event){.type = TP_EV_READY, .conn = &conn->base};
	}
	return n;
}

static uint64_t next_deadline(const struct loop_domain *domain)
{
	uint64_t earliest = 0;

	list_for_each (node, &domain->connecting) {
		const struct loop_conn *conn =
			container_of(node, struct loop_conn, connecting_link);

		if (!earliest || conn->deadline_ns < earliest)
			earliest = conn->deadline_ns;
	}
	return earliest;
}

__attribute__((noinline)) static void expire(struct loop_domain *domain)
{
	uint64_t now = now_ns();

	list_for_each_safe (node, &domain->connecting) {
		struct loop_conn *conn = container_of(node, struct loop_conn, connecting_link);

		if (conn->deadline_ns <= now)
			loop_conn_close(conn, -ETIMEDOUT);
	}
}

__attribute__((noinline)) static int report_requests(struct loop_domain *domain,
						     struct tp_event *events, int max)
{
	struct list *node;
	int n = 0;

	while (n < max && (node = list_pop(&domain->requests))) {
		struct loop_request *request = container_of(node, struct loop_request, link);

		request->listener = NULL;
		events[n++] = (struct tp_event){.type = TP_EV_REQUEST, .request = &request->base};
	}
	return n;
}

int loop_poll(struct tp_domain *base, struct tp_event *events, int max)
{
	struct loop_domain *domain = (struct loop_domain *)base;
	struct list *node;
	int n = 0;

	lock_acquire(&loop_lock);
	base->count.polls++;
	domain->armed = false;
	while (!list_empty(&domain->holding))
		loop_conn_release(
			container_of(domain->holding.next, struct loop_conn, holding_link));
	if (!list_empty(&domain->connecting))
		expire(domain);
	if (!list_empty(&domain->requests))
		n = report_requests(domain, events, max);
	while (n < max && (node = list_pop(&domain->ready))) {
		struct loop_conn *conn = container_of(node, struct loop_conn, ready_link);

		conn->ready = false;
		n += report(conn, events + n, max - n);
		/* It may have more to report. */
		if (n == max)
			loop_make_ready(conn);
	}
	lock_release(&loop_lock);
	return n;
}

int loop_arm(struct tp_domain *base)
{
	struct loop_domain *domain = (struct loop_domain *)base;
	int more;

	lock_acquire(&loop_lock);
	/* A caller must not sleep with messages in hand, because their sender waits for buffers. */
	more = !list_empty(&domain->ready) || !list_empty(&domain->requests) ||
	       !list_empty(&domain->holding);
	if (!more) {
		domain->armed = true;
		base->count.arms++;
		loop_set_fd(domain, next_deadline(domain));
	}
	lock_release(&loop_lock);
	return more;
}
