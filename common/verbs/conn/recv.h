/* The receive queue of a connection, and its credits. */
#ifndef USRBIO_COMMON_VERBS_CONN_RECV_H
#define USRBIO_COMMON_VERBS_CONN_RECV_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"
#include "common/verbs/device/sink.h"

struct verbs_conn;

struct verbs_recv_queue {
	struct ibv_recv_wr *wrs; /* one per buffer, for ever */
	struct ibv_sge *sges;
	uint32_t nr;
	uint32_t posted;		  /* with the card */
	struct ibv_recv_wr *first, *last; /* used, to be posted again */
	unsigned nr_used;
	uint32_t unannounced; /* posted again and the peer does not know */
	uint32_t announce_at; /* tell it at the latest now */
};

int recv_open(struct verbs_conn *conn);
void recv_close(struct verbs_conn *conn);
/* Post the buffers again that the caller has seen. 0 or -errno. */
int recv_post_back(struct verbs_conn *conn);
/* 0, or -errno: the connection has to end with it. */
int recv_completed(struct verbs_conn *conn, const struct ibv_wc *wc, struct verbs_sink *out);
/* Receive buffers that a connection of this configuration posts and announces. */
static inline uint32_t recv_depth(const struct tp_domain_config *config)
{
	/* The last credit, and one that msg_buf may hold, are on top of what was asked for. */
	return (config->nr_recvs < 2 ? 2 : config->nr_recvs) + 2;
}
/* Queue a message that tells the peer what it is owed, if that is enough. False: it is not. */
bool recv_return_credits(struct verbs_conn *conn);

#endif
