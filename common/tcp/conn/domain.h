/*
 * A domain of the tcp or the tls provider. One-sided operations are emulated: the owner of the
 * memory places and answers by itself, inside its poll.
 *
 * Threads: a device's key table is shared (common/transport/keys.h). All else in this folder
 * belongs to one domain and is touched by the domain's thread only; there is no other lock.
 */
#ifndef USRBIO_COMMON_TCP_CONN_DOMAIN_H
#define USRBIO_COMMON_TCP_CONN_DOMAIN_H

#include "common/tcp/base/timer.h"
#include "common/transport/transport.h"

#define TCP_NR_LOCALS 64

struct tcp_conn;

/* Memory that the READs and WRITEs of our side may use. */
struct tcp_local {
	uintptr_t base;
	size_t len;
};

struct tcp_domain {
	struct tp_domain base; /* fd: the poller's */
	struct tcp_poller poller;
	struct tp_domain_config config;
	struct tcp_local locals[TCP_NR_LOCALS];
	int nr_locals;
	uint32_t nr_conns;
	struct tcp_conn *only; /* the connection while there is exactly one */
	struct list conns;     /* all of them, by `peers` */
	struct list ready;     /* those that were woken, by `link` */
	struct tcp_timers timers;
	uint64_t round;	  /* number of polls; messages of an earlier one are given back */
	bool secure;	  /* its connections go through TLS */
	unsigned skipped; /* polls since the last look at epoll */
	bool armed;	  /* the caller sleeps or has just woken; look at epoll first */
};

int tcp_domain_open(const struct tp_ops *ops, const struct tp_domain_config *config,
		    struct tcp_domain **domain);
void tcp_domain_close(struct tp_domain *domain);

int tcp_domain_local(struct tp_domain *domain, void *base, size_t len);
/* Whether all of [base, base + len) was given to tcp_domain_local. */
bool tcp_domain_owns(const struct tcp_domain *domain, const void *base, size_t len);

void tcp_domain_add(struct tcp_domain *domain, struct tcp_conn *conn);
void tcp_domain_remove(struct tcp_domain *domain, struct tcp_conn *conn);
/* Have the connection run by the next poll. */
void tcp_domain_wake(struct tcp_domain *domain, struct tcp_conn *conn);

#endif
