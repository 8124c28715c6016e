/* One card as one domain uses it. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_NIC_H
#define USRBIO_COMMON_VERBS_DEVICE_NIC_H

#include <rdma/rdma_cma.h>

#include "common/transport/transport.h"
#include "common/verbs/device/card.h"
#include "common/verbs/device/source.h"

/* The nics of one domain, and what a new one needs. */
struct verbs_nic_list {
	struct verbs_nic *first;
	int epoll_fd;
	const struct tp_domain_config *config;
};

/* One card in one domain: the completion queue that all its connections share. */
struct verbs_nic {
	struct verbs_source source; /* the completion channel */
	struct verbs_nic_list *nics;
	struct verbs_nic *next;
	struct verbs_card *card;
	struct ibv_device_attr attr;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	uint32_t reserved; /* completions its connections can cause at once, stale ones included */
	uint32_t stale;	   /* part of it: of queue pairs that are gone, until the queue is empty */
	unsigned unacked;  /* events taken from the channel and not yet acknowledged */
	unsigned nr_conns;
	bool armed;
	bool removed; /* unplugged: closed once it has no connection */
};

/* The nic an rdma_cm_id is bound to, opened at its first use. */
int nic_get(struct verbs_nic_list *nics, const struct rdma_cm_id *id, struct verbs_nic **nic);
void nic_close(struct verbs_nic *nic);
/* Room for n more completions of a new connection; the queue never overflows. */
int nic_reserve(struct verbs_nic *nic, uint32_t n);
/* The queue pair is destroyed; what it left in the completion queue may still be there. */
void nic_release(struct verbs_nic *nic, uint32_t n);
/* Take the events off the completion channel; the nic has to be armed again. */
void nic_take_events(struct verbs_nic *nic);
int nic_poll(struct verbs_nic *nic, struct ibv_wc *wcs, int max);
int nic_arm(struct verbs_nic *nic);

#endif
