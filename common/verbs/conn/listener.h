/* Listeners, and the requests that come in over them. */
#ifndef USRBIO_COMMON_VERBS_CONN_LISTENER_H
#define USRBIO_COMMON_VERBS_CONN_LISTENER_H

#include <rdma/rdma_cma.h>

#include "common/transport/connect_params.h"
#include "common/transport/transport.h"

/* A request to connect. It belongs to the caller, until accept or refusal consumes it. */
struct verbs_request {
	struct tp_request req;
	struct rdma_cm_id *id;	      /* on the listener's channel until accepted */
	struct connect_params params; /* in host byte order, checked */
	uint8_t initiator_depth;      /* how many READs the peer serves at a time */
};

int verbs_listen(struct tp_domain *domain, const struct tp_addr *addr,
		 struct tp_listener **listener);
void verbs_unlisten(struct tp_listener *listener);
/* Reject the request of an id: no connection now. */
void listener_reject(struct rdma_cm_id *id);
/* Refuse the request for now, and free it. Its id may be NULL: an accept that failed has destroyed
 * it. */
void listener_refuse(struct verbs_request *request);

#endif
