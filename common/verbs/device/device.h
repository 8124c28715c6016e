/* The card that routes to one peer, and a protection domain for that peer. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_DEVICE_H
#define USRBIO_COMMON_VERBS_DEVICE_DEVICE_H

#include <rdma/rdma_cma.h>

#include "common/transport/transport.h"
#include "common/verbs/device/card.h"

struct verbs_device {
	struct tp_device dev;
	struct rdma_event_channel *channel; /* for the id alone */
	struct rdma_cm_id *id; /* resolved to the peer: names our card and our address on it */
	struct verbs_card *card;
	struct ibv_pd *pd; /* of this peer alone: its keys are worth nothing elsewhere */
};

int verbs_device_open(const struct tp_addr *peer, struct tp_device **device);
void verbs_device_close(struct tp_device *device);
/* 0, or -ENODEV after a log line when this machine has no RDMA device at all. */
int verbs_present(void);

#endif
