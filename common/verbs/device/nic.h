/* A nic: one card as one domain uses it. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_NIC_H
#define USRBIO_COMMON_VERBS_DEVICE_NIC_H

#include <rdma/rdma_cma.h>

#include "common/transport/transport.h"
#include "common/verbs/device/card.h"
#include "common/verbs/device/source.h"

/* The nics of one domain, and the values that a new nic needs. */
struct verbs_nic_list {
	struct verbs_nic *first;
	int epoll_fd;
	const struct tp_domain_config *config;
};

/* A card in a domain, with the completion queue that all its connections there share. */
struct verbs_nic {
	struct verbs_source source; /* the completion channel */
	struct verbs_nic_list *nics;
	struct verbs_nic *next;
	struct verbs_card *card;
	struct ibv_device_attr attr;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	uint32_t reserved; /* completions that may be in the queue at once, also stale ones */
	uint32_t stale;	   /* those of destroyed queue pairs; 0 again if the queue is empty */
	unsigned unacked;  /* events taken from the channel and not yet acknowledged */
	unsigned nr_conns;
	bool armed;   /* the next completion makes an event */
	bool removed; /* the card was removed; the nic is closed when it has no connection */
};

/* Find the nic of the card that an id is bound to, or open one. Returns 0 or -errno. */
int nic_get(struct verbs_nic_list *nics, const struct rdma_cm_id *id, struct verbs_nic **nic);
void nic_close(struct verbs_nic *nic);
/* Reserve n completions for a new connection, so that the queue never overflows. 0 or -ENOMEM. */
int nic_reserve(struct verbs_nic *nic, uint32_t n);
/* Release n completions of a destroyed queue pair. Some may still be in the completion queue. */
void nic_release(struct verbs_nic *nic, uint32_t n);
/* Take the events off the completion channel. Then the nic has to be armed again. */
void nic_take_events(struct verbs_nic *nic);
/* Take up to max completions. Returns their number, or a negative one on failure. */
int nic_poll(struct verbs_nic *nic, struct ibv_wc *wcs, int max);
/* Let the next completion make the channel readable. Returns 0 or -errno. */
int nic_arm(struct verbs_nic *nic);

#endif
