/*
 * A domain: its connections and what they share. Its fields belong to the one thread that polls it.
 */
#ifndef USRBIO_COMMON_VERBS_CONN_DOMAIN_H
#define USRBIO_COMMON_VERBS_CONN_DOMAIN_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"
#include "common/verbs/device/nic.h"
#include "common/verbs/device/source.h"
#include "common/verbs/device/timer.h"

struct verbs_conn;

/* Local memory that was given to domain_local(). Each connection registers it for itself. */
struct verbs_area {
	void *base;
	size_t len;
};

enum { MAX_AREAS = 16, WC_BATCH = 32 };

struct verbs_domain {
	struct tp_domain dom;
	struct tp_domain_config config;
	struct rdma_event_channel *channel;
	struct verbs_source cm; /* the channel in the epoll set */
	struct verbs_timer timer;
	struct verbs_nic_list nics;
	struct verbs_area areas[MAX_AREAS];
	unsigned nr_areas;

	struct verbs_conn **conns; /* by slot; the ids of work requests are checked against them */
	uint32_t nr_slots;
	uint16_t generation; /* of the next connection */

	struct verbs_conn *pending, **pending_tail; /* these may have events to report */
	struct verbs_conn *post_back;		    /* these reported messages at the last poll */
	struct ibv_wc wcs[WC_BATCH];		    /* completions that are not yet handled */
	int wc_next, nr_wcs;
	unsigned polls_to_epoll; /* polls until the epoll set is checked again */
};

int verbs_domain_open(const struct tp_domain_config *config, struct tp_domain **domain);
void verbs_domain_close(struct tp_domain *domain);
int verbs_domain_local(struct tp_domain *domain, void *base, size_t len);
/* Give the connection a slot and an id. Returns 0 or -ENOMEM; -EMFILE: there are too many. */
int domain_add(struct verbs_domain *domain, struct verbs_conn *conn);
/* Take the connection out of the table and of all lists. */
void domain_remove(struct verbs_domain *domain, struct verbs_conn *conn);
/* Find the connection that a work request names; NULL when it is gone. */
struct verbs_conn *domain_find(struct verbs_domain *domain, uint32_t id);

/* Let poll() call state_emit for the connection before it takes anything new. */
void domain_pend(struct verbs_conn *conn);

#endif
