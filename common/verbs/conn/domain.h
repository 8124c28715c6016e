/* A domain: its connections and what they share. */
#ifndef USRBIO_COMMON_VERBS_CONN_DOMAIN_H
#define USRBIO_COMMON_VERBS_CONN_DOMAIN_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"
#include "common/verbs/device/nic.h"
#include "common/verbs/device/source.h"
#include "common/verbs/device/timer.h"

struct verbs_conn;

struct verbs_area {
	void *base;
	size_t len;
};

enum { MAX_AREAS = 16, WC_BATCH = 32 };

struct verbs_domain {
	struct tp_domain dom;
	struct tp_domain_config config;
	struct rdma_event_channel *channel;
	struct verbs_source cm;
	struct verbs_timer timer;
	struct verbs_nic_list nics;
	struct verbs_area areas[MAX_AREAS];
	unsigned nr_areas;

	struct verbs_conn **conns; /* by slot; names in work requests are checked against it */
	uint32_t nr_slots;
	uint16_t generation;

	struct verbs_conn *pending, **pending_tail; /* have events to give */
	struct verbs_conn *post_back;		    /* gave messages at the last poll */
	struct ibv_wc wcs[WC_BATCH];		    /* taken from a queue, not yet looked at */
	int wc_next, nr_wcs;
	unsigned polls_to_epoll; /* until the epoll set is asked again */
};

int verbs_domain_open(const struct tp_domain_config *config, struct tp_domain **domain);
void verbs_domain_close(struct tp_domain *domain);
int verbs_domain_local(struct tp_domain *domain, void *base, size_t len);
/* Give the connection a slot and a name, or take it out of everything. */
int domain_add(struct verbs_domain *domain, struct verbs_conn *conn);
void domain_remove(struct verbs_domain *domain, struct verbs_conn *conn);
/* The connection of a work request, or NULL when it is gone. */
struct verbs_conn *domain_find(struct verbs_domain *domain, uint32_t id);

/* Have state_emit called for it before poll() looks for anything new. */
void domain_pend(struct verbs_conn *conn);

#endif
