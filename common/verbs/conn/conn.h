/*
 * A connection. Only the thread of its domain uses its fields. Its two queues have files of their
 * own.
 */
#ifndef USRBIO_COMMON_VERBS_CONN_CONN_H
#define USRBIO_COMMON_VERBS_CONN_CONN_H

#include <rdma/rdma_cma.h>

#include "common/base/list.h"
#include "common/base/pages.h"
#include "common/transport/transport.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/recv.h"
#include "common/verbs/conn/send.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/nic.h"

enum verbs_state {
	VERBS_STATE_RESOLVING,	/* connect: the address is looked up */
	VERBS_STATE_ROUTING,	/* connect: the route is looked up */
	VERBS_STATE_CONNECTING, /* connect: the peer has been asked */
	VERBS_STATE_ACCEPTING,	/* accept: the peer has been answered */
	VERBS_STATE_UP,
	VERBS_STATE_LEAVING,  /* disconnect: earlier messages are still on their way */
	VERBS_STATE_DRAINING, /* the queue pair has failed, and its work requests come back */
	VERBS_STATE_OVER,     /* no work request is outstanding, TP_EV_CLOSED is due */
	VERBS_STATE_CLOSED,
};

/* The kinds of sends that got -EAGAIN. TP_EV_READY is due when one is possible again. */
enum { WANT_MSG = 1, WANT_OP = 2, WANT_IMM = 4 };

struct verbs_conn {
	struct tp_conn conn;
	struct verbs_cm_handler handler;
	enum verbs_state state;
	int status;  /* 0 or -errno: the first error */
	uint32_t id; /* slot and generation; work requests name the connection by it */
	struct verbs_domain *domain;
	struct verbs_conn *pending_next, *post_back_next;
	bool pending, in_post_back;
	bool connected_due;   /* TP_EV_CONNECTED is due */
	bool left;	      /* this end's own disconnect ended it */
	uint64_t deadline_ns; /* of the present state; 0: none */

	struct rdma_cm_id *cm_id;
	struct verbs_nic *nic;
	struct ibv_qp *qp;
	struct ibv_pd *pd;  /* the connection's own if accepted, else the device's */
	bool accepted;	    /* the peer connected, and may reach no memory of this end */
	uint8_t read_depth; /* accepted: how many READs the peer serves at a time */
	struct pages slab;  /* the memory of recv_bufs, send_bufs and imm_cells */
	struct ibv_mr *slab_mr;
	struct ibv_mr *area_mrs[MAX_AREAS];
	unsigned nr_area_mrs;
	char *recv_bufs, *send_bufs; /* each buffer takes `stride` bytes */
	uint32_t *imm_cells;	     /* one per slot of the send queue */
	size_t stride;
	uint32_t max_inline; /* bytes */
	uint32_t cqes;	     /* completions reserved in the queue of the nic */

	uint32_t peer_recvs; /* receives of the peer, as its connect parameters said */
	uint32_t credits;    /* receives of the peer that this end may use */
	unsigned wants;	     /* WANT_ flags */
	struct verbs_send_queue sq;
	struct verbs_recv_queue rq;
};

static inline struct verbs_conn *conn_of(struct tp_conn *conn)
{
	return container_of(conn, struct verbs_conn, conn);
}

/* The id of a work request: conn->id above, and below it WR_RECV and the number of the slot. */
#define WR_RECV 0x80000000u

static inline uint64_t wr_id(const struct verbs_conn *conn, uint32_t low)
{
	return (uint64_t)conn->id << 32 | low;
}

/* These are the calls of struct tp_ops. */
int verbs_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		  unsigned timeout_ms, void *user, struct tp_conn **conn);
int verbs_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		 struct tp_conn **conn);
void verbs_disconnect(struct tp_conn *conn);
void verbs_conn_free(struct tp_conn *conn);

#endif
