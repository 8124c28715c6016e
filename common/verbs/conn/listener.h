/* Listeners, and the requests that come in over them. */
#ifndef USRBIO_COMMON_VERBS_CONN_LISTENER_H
#define USRBIO_COMMON_VERBS_CONN_LISTENER_H

#include <rdma/rdma_cma.h>

#include "common/transport/connect_params.h"
#include "common/transport/transport.h"

struct verbs_request {
	struct tp_request req;
	struct rdma_cm_id *id;		/* on the listener's channel until accepted */
	struct connect_params prologue; /* checked */
	uint8_t initiator_depth;	/* READs of ours the peer is ready to answer at once */
};

int verbs_listen(struct tp_domain *domain, const struct tp_addr *addr,
		 struct tp_listener **listener);
void verbs_unlisten(struct tp_listener *listener);
/* Consumes it; its id may be gone already. */
void listener_refuse(struct verbs_request *request);

#endif
