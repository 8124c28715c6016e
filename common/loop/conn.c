/*
 * A connection: two ends in one allocation, which is freed when both are given back. The caller
 * that connected or accepted owns its end. The threads of both ends may change both ends under
 * loop_lock. The two public calls here acquire it; the other functions run under it.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/loop/loop.h"

static uint32_t ring_size(uint32_t n)
{
	uint32_t size = 1;

	while (size < n)
		size *= 2;
	return size;
}

int loop_conn_init(struct loop_conn *conn, struct loop_domain *domain, void *user)
{
	const struct tp_domain_config *config = &domain->config;
	uint32_t nr_items = ring_size(config->nr_sends + config->nr_posts);
	uint32_t nr_posts = ring_size(config->nr_posts);

	conn->out.items = malloc(nr_items * sizeof(*conn->out.items));
	conn->out.slots = malloc((size_t)config->nr_sends * config->msg_max);
	conn->posts.ring = malloc(nr_posts * sizeof(*conn->posts.ring));
	if (!conn->out.items || !conn->out.slots || !conn->posts.ring) {
		loop_conn_fini(conn);
		return -ENOMEM;
	}
	conn->base =
		(struct tp_conn){.ops = domain->base.ops, .domain = &domain->base, .user = user};
	conn->out.mask = nr_items - 1;
	conn->out.nr_slots = config->nr_sends;
	conn->out.max_posts = config->nr_posts;
	conn->posts.mask = nr_posts - 1;
	conn->taken = true;
	return 0;
}

void loop_conn_fini(struct loop_conn *conn)
{
	free(conn->out.items);
	free(conn->out.slots);
	free(conn->posts.ring);
	conn->out.items = NULL;
	conn->out.slots = NULL;
	conn->posts.ring = NULL;
}

void loop_conn_put(struct loop_conn *conn)
{
	struct loop_pair *pair = conn->pair;

	conn->taken = false;
	if (loop_peer(conn)->taken)
		return;
	loop_conn_fini(&pair->ends[0]);
	loop_conn_fini(&pair->ends[1]);
	free(pair);
}

void loop_conn_connecting(struct loop_conn *conn, bool on)
{
	struct loop_domain *domain = loop_domain_of(conn);

	if (conn->connecting == on)
		return;
	if (on)
		list_add_tail(&domain->connecting, &conn->connecting_link);
	else
		list_del(&conn->connecting_link);
	conn->connecting = on;
}

/* Fail the posts that are left, because the peer will not execute them. */
static void fail_posts(struct loop_conn *conn, int status)
{
	struct loop_posts *posts = &conn->posts;

	for (; posts->done != posts->tail; posts->done++)
		posts->ring[posts->done & posts->mask].status = status;
}

/*
 * End this end. What the peer has sent before, up to the first post that has not been executed, is
 * still reported, and then TP_EV_CLOSED.
 */
void loop_conn_close(struct loop_conn *conn, int status)
{
	if (!conn->taken || conn->state >= LOOP_STATE_CLOSED)
		return;
	loop_conn_connecting(conn, false);
	fail_posts(conn, status ? status : -ECONNRESET);
	conn->state = LOOP_STATE_CLOSED;
	conn->status = status;
	loop_make_ready(conn);
}

/* Give the buffers of messages back to the sender, because the caller has seen the messages. */
void loop_conn_release(struct loop_conn *conn)
{
	struct loop_conn *peer = loop_peer(conn);
	struct loop_queue *in = &peer->out;

	if (!conn->holding)
		return;
	list_del(&conn->holding_link);
	conn->holding = false;
	for (; in->freed != in->seen; in->freed++) {
		if (in->items[in->freed & in->mask].msg)
			in->used_slots--;
		else
			in->nr_posts--;
	}
	if (peer->waiting_buf || peer->waiting_post)
		loop_make_ready(peer);
}

/* Close both ends, because the owner of this one leaves. */
static void leave(struct loop_conn *conn)
{
	conn->out.flushed = conn->out.queued;
	loop_conn_close(conn, 0);
	/* Without a domain the peer is still a request, whose accept will find this end closed. */
	if (loop_peer(conn)->base.domain)
		loop_conn_close(loop_peer(conn), 0);
}

void loop_disconnect(struct tp_conn *base)
{
	lock_acquire(&loop_lock);
	leave(loop_conn_of(base));
	lock_release(&loop_lock);
}

void loop_conn_free(struct tp_conn *base)
{
	struct loop_conn *conn = loop_conn_of(base);

	lock_acquire(&loop_lock);
	leave(conn);
	loop_conn_release(conn);
	if (conn->ready)
		list_del(&conn->ready_link);
	conn->ready = false;
	loop_conn_put(conn);
	lock_release(&loop_lock);
}
