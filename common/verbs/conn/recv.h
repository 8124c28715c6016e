/* The receive queue of a connection, and its credits. */
#ifndef USRBIO_COMMON_VERBS_CONN_RECV_H
#define USRBIO_COMMON_VERBS_CONN_RECV_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"
#include "common/verbs/device/sink.h"

struct verbs_conn;

/* The receive queue. A buffer is with the card, with the caller, or in the list of used ones. */
struct verbs_recv_queue {
	struct ibv_recv_wr *wrs; /* one per buffer; they stay the same */
	struct ibv_sge *sges;
	uint32_t nr;			  /* buffers */
	uint32_t posted;		  /* buffers that are with the card */
	struct ibv_recv_wr *first, *last; /* used receives, to be posted back */
	unsigned nr_used;		  /* receives in that list */
	uint32_t unannounced;		  /* receives posted back that the peer is not told of */
	uint32_t announce_at; /* when `unannounced` reaches this, an empty message tells the peer */
};

/* Allocate the queue of rq.nr receives and post all of them. Returns 0 or -errno. */
int recv_open(struct verbs_conn *conn);
void recv_close(struct verbs_conn *conn);
/* Post the buffers back that the caller has seen. Returns 0 or -errno. */
int recv_post_back(struct verbs_conn *conn);
/* Take a completed receive. Returns 0, or -errno with which the connection has to end. */
int recv_completed(struct verbs_conn *conn, const struct ibv_wc *wc, struct verbs_sink *out);
/*
 * Get the number of receives that a connection posts and announces: those that the caller asked
 * for, one for the last credit, which is for empty messages, and one that msg_buf may hold.
 */
static inline uint32_t recv_depth(const struct tp_domain_config *config)
{
	return (config->nr_recvs < 2 ? 2 : config->nr_recvs) + 2;
}
/* Queue an empty message if enough receives are unannounced. True: the queue needs a flush. */
bool recv_return_credits(struct verbs_conn *conn);

#endif
