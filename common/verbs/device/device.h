/* The card that routes to one peer, and a protection domain for that peer. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_DEVICE_H
#define USRBIO_COMMON_VERBS_DEVICE_DEVICE_H

#include <rdma/rdma_cma.h>

#include "common/transport/transport.h"
#include "common/verbs/device/card.h"

/* Immutable once open. */
struct verbs_device {
	struct tp_device dev;
	struct rdma_event_channel *channel; /* used by the id only */
	struct rdma_cm_id *id; /* resolved to the peer, so that it has our card and our address */
	struct verbs_card *card;
	struct ibv_pd *pd; /* for this peer only: its keys are invalid for others */
};

int verbs_device_open(const struct tp_addr *peer, struct tp_device **device);
void verbs_device_close(struct tp_device *device);
/* 0, or -ENODEV after a log line when this machine has no RDMA device. */
int verbs_present(void);

#endif
