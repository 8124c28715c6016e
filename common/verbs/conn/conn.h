/* A connection. */
#ifndef USRBIO_COMMON_VERBS_CONN_CONN_H
#define USRBIO_COMMON_VERBS_CONN_CONN_H

#include <rdma/rdma_cma.h>

#include "common/base/pages.h"
#include "common/transport/transport.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/recv.h"
#include "common/verbs/conn/send.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/nic.h"

enum verbs_state {
	VERBS_STATE_RESOLVING,	/* connect: looking for the address */
	VERBS_STATE_ROUTING,	/* connect: looking for the route */
	VERBS_STATE_CONNECTING, /* connect: asked the peer */
	VERBS_STATE_ACCEPTING,	/* accept: answered the peer */
	VERBS_STATE_UP,
	VERBS_STATE_LEAVING,  /* disconnect: the messages before it are still on their way */
	VERBS_STATE_DRAINING, /* the queue pair is in error, its work requests come back */
	VERBS_STATE_OVER,     /* nothing is outstanding, TP_EV_CLOSED is due */
	VERBS_STATE_CLOSED,
};

enum { WANT_MSG = 1, WANT_OP = 2, WANT_IMM = 4 };

struct verbs_conn {
	struct tp_conn conn;
	struct verbs_cm_handler handler;
	enum verbs_state state;
	int status;  /* the first thing that went wrong */
	uint32_t id; /* slot and generation: its name in work requests */
	struct verbs_domain *domain;
	struct verbs_conn *pending_next, *post_back_next;
	bool pending, in_post_back;
	bool connected_due; /* TP_EV_CONNECTED is due */
	bool left;	    /* by our own disconnect */
	uint64_t deadline_ns;

	struct rdma_cm_id *cm_id;
	struct verbs_nic *nic;
	struct ibv_qp *qp;
	struct ibv_pd *pd;  /* its own if accepted, else its device's */
	bool accepted;	    /* not connected by us: the peer may reach nothing */
	uint8_t read_depth; /* accepted: READs of ours the peer answers at once */
	struct pages slab;
	struct ibv_mr *slab_mr;
	struct ibv_mr *area_mrs[MAX_AREAS];
	unsigned nr_area_mrs;
	char *recv_bufs, *send_bufs; /* in the slab, `stride` apart */
	uint32_t *imm_cells;	     /* as well, one per slot */
	size_t stride;
	uint32_t max_inline;
	uint32_t cqes;

	uint32_t peer_recvs;
	uint32_t credits; /* receives of the peer that are ours to use */
	unsigned wants;	  /* what has met -EAGAIN */
	struct verbs_send_queue sq;
	struct verbs_recv_queue rq;
};

static inline struct verbs_conn *conn_of(struct tp_conn *conn)
{
	return container_of(conn, struct verbs_conn, conn);
}

#define WR_RECV 0x80000000u /* in the low word of a work request's id; the high word: conn->id */

static inline uint64_t wr_id(const struct verbs_conn *conn, uint32_t low)
{
	return (uint64_t)conn->id << 32 | low;
}

int verbs_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		  unsigned timeout_ms, void *user, struct tp_conn **conn);
int verbs_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		 struct tp_conn **conn);
void verbs_disconnect(struct tp_conn *conn);
void verbs_conn_free(struct tp_conn *conn);

#endif
