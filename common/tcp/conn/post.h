/* The READs and WRITEs of a connection that are under way. */
#ifndef USRBIO_COMMON_TCP_CONN_POST_H
#define USRBIO_COMMON_TCP_CONN_POST_H

#include "common/tcp/base/sink.h"

struct tcp_conn;

struct tcp_post {
	void *cookie;
	void *local;
	uint32_t len;
	int status;
	enum tp_kind kind;
	bool sent;
	bool done;
};

struct tcp_posts {
	struct tcp_post *ring; /* free-running indices */
	uint32_t mask, head, tail;
	uint32_t max;
	uint32_t next_read;    /* the oldest READ without an answer is here or later */
	uint32_t nr_reads;     /* READs without an answer */
	bool waiting_for_room; /* a post got -EAGAIN: TP_EV_READY has to follow */
};

/* The smallest power of two that holds n. */
static inline uint32_t tcp_ring_size(uint32_t n)
{
	uint32_t size = 1;

	while (size < n)
		size *= 2;
	return size;
}

size_t tcp_posts_bytes(const struct tp_domain_config *config);
int tcp_posts_init(struct tcp_posts *posts, const struct tp_domain_config *config);
void tcp_posts_fini(struct tcp_posts *posts);

bool tcp_posts_full(const struct tcp_posts *posts);
/* Add a READ or WRITE to a ring that is not full. Returns the index that the calls below take. */
uint32_t tcp_posts_add(struct tcp_posts *posts, const struct tp_op *op);
/* Note that the kernel has the whole frame of this post. */
void tcp_posts_sent(struct tcp_conn *conn, uint32_t index);
/* Get the READ that a response with this cookie and length answers, or NULL. */
struct tcp_post *tcp_posts_answer(struct tcp_posts *posts, uint64_t cookie, uint32_t len);
/* Note that the answer to the READ that tcp_posts_answer() returned is complete. */
void tcp_posts_placed(struct tcp_posts *posts);
/* Mark all posts that are not done as failed with this status. */
void tcp_posts_fail(struct tcp_posts *posts, int status);
/* Report the posts that are done, in post order, as long as the sink has room. */
void tcp_posts_report(struct tcp_conn *conn, struct tcp_sink *sink);

#endif
