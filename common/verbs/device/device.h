/* The card that routes to one peer, and a protection domain for that peer. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_DEVICE_H
#define USRBIO_COMMON_VERBS_DEVICE_DEVICE_H

#include <rdma/rdma_cma.h>

#include "common/transport/transport.h"
#include "common/verbs/device/card.h"

/* A device does not change while it is open. */
struct verbs_device {
	struct tp_device dev;
	struct rdma_event_channel *channel; /* only the id uses it */
	struct rdma_cm_id *id; /* resolved to the peer, so it has the card and the local address */
	struct verbs_card *card;
	struct ibv_pd *pd; /* of this peer; its keys are invalid for other peers */
};

int verbs_device_open(const struct tp_addr *peer, struct tp_device **device);
void verbs_device_close(struct tp_device *device);
/* Check that this machine has an RDMA device. Returns 0, or -ENODEV after a log line. */
int verbs_present(void);

#endif
