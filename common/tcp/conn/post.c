/*
 * The READs and WRITEs of a connection that are under way, in a ring in post order. Each leaves the
 * ring with its TP_EV_DONE. A WRITE is done when the kernel has its bytes, a READ when its answer
 * has been placed. The connection owns the ring, and only the domain's thread uses it.
 */
#include "common/tcp/conn/post.h"

#include <errno.h>
#include <stdlib.h>

#include "common/tcp/conn/conn.h"

size_t tcp_posts_bytes(const struct tp_domain_config *config)
{
	return tcp_ring_size(config->nr_posts) * sizeof(struct tcp_post);
}

int tcp_posts_init(struct tcp_posts *posts, const struct tp_domain_config *config)
{
	uint32_t size = tcp_ring_size(config->nr_posts);

	posts->ring = malloc(size * sizeof(*posts->ring));
	if (!posts->ring)
		return -ENOMEM;
	posts->mask = size - 1;
	posts->max = config->nr_posts;
	return 0;
}

void tcp_posts_fini(struct tcp_posts *posts)
{
	free(posts->ring);
}

static struct tcp_post *post_at(const struct tcp_posts *posts, uint32_t index)
{
	return &posts->ring[index & posts->mask];
}

bool tcp_posts_full(const struct tcp_posts *posts)
{
	return posts->tail - posts->head == posts->max || posts->nr_reads == WIRE_READS_MAX;
}

uint32_t tcp_posts_add(struct tcp_posts *posts, const struct tp_op *op)
{
	*post_at(posts, posts->tail) = (struct tcp_post){
		.cookie = op->cookie,
		.local = op->local,
		.len = op->len,
		.kind = op->kind,
	};
	if (op->kind == TP_READ)
		posts->nr_reads++;
	return posts->tail++;
}

void tcp_posts_sent(struct tcp_conn *conn, uint32_t index)
{
	struct tcp_post *post = post_at(&conn->posts, index);

	post->sent = true;
	if (post->kind == TP_WRITE) {
		post->done = true;
		tcp_conn_wake(conn);
	}
}

struct tcp_post *tcp_posts_answer(struct tcp_posts *posts, uint64_t cookie, uint32_t len)
{
	struct tcp_post *post;

	if (!posts->nr_reads)
		return NULL;
	while (post_at(posts, posts->next_read)->kind != TP_READ)
		posts->next_read++;
	post = post_at(posts, posts->next_read);
	return post->sent && cookie == posts->next_read && len == post->len ? post : NULL;
}

void tcp_posts_placed(struct tcp_posts *posts)
{
	post_at(posts, posts->next_read++)->done = true;
	posts->nr_reads--;
}

void tcp_posts_fail(struct tcp_posts *posts, int status)
{
	for (uint32_t i = posts->head; i != posts->tail; i++) {
		struct tcp_post *post = post_at(posts, i);

		if (!post->done)
			post->status = status;
		post->done = true;
	}
}

void tcp_posts_report(struct tcp_conn *conn, struct tcp_sink *sink)
{
	struct tcp_posts *posts = &conn->posts;

	while (posts->head != posts->tail && !tcp_sink_full(sink)) {
		struct tcp_post *post = post_at(posts, posts->head);
		struct tp_event *event;

		if (!post->done)
			break;
		event = tcp_sink_add(sink, TP_EV_DONE, &conn->base);
		event->cookie = post->cookie;
		event->status = post->status;
		posts->head++;
	}
	if ((int32_t)(posts->head - posts->next_read) > 0)
		posts->next_read = posts->head;
}
