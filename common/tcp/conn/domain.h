/*
 * A domain of the tcp or the tls provider. One-sided operations are emulated: the owner of the
 * memory places the data of a WRITE and answers a READ inside its poll.
 *
 * Threads share the key table of a device (common/transport/keys.h). All other objects of this
 * folder belong to one domain. Only the domain's thread uses them, so they need no lock.
 */
#ifndef USRBIO_COMMON_TCP_CONN_DOMAIN_H
#define USRBIO_COMMON_TCP_CONN_DOMAIN_H

#include "common/tcp/base/timer.h"
#include "common/transport/transport.h"

#define TCP_NR_LOCALS 64

struct tcp_conn;

/* Memory that the READs and WRITEs of this side may use. */
struct tcp_local {
	uintptr_t base;
	size_t len;
};

struct tcp_domain {
	struct tp_domain base; /* its fd is the poller's */
	struct tcp_poller poller;
	struct tp_domain_config config;
	struct tcp_local locals[TCP_NR_LOCALS];
	int nr_locals;
	uint32_t nr_conns;
	struct tcp_conn *only; /* the connection while there is exactly one */
	struct list conns;     /* all connections, by their `peers` */
	struct list ready;     /* the woken connections, by their `link` */
	struct tcp_timers timers;
	uint64_t round;	  /* number of polls; the caller has given back messages of earlier ones */
	bool secure;	  /* its connections go through TLS */
	unsigned skipped; /* polls since the last epoll_wait() */
	bool armed;	  /* the caller has slept; the next poll asks epoll first */
	bool crowded;	  /* the last poll has left connections that are not open yet */
};

int tcp_domain_open(const struct tp_ops *ops, const struct tp_domain_config *config,
		    struct tcp_domain **domain);
void tcp_domain_close(struct tp_domain *domain);

int tcp_domain_local(struct tp_domain *domain, void *base, size_t len);
/* True if [base, base + len) lies in memory that was given to tcp_domain_local(). */
bool tcp_domain_owns(const struct tcp_domain *domain, const void *base, size_t len);

void tcp_domain_add(struct tcp_domain *domain, struct tcp_conn *conn);
void tcp_domain_remove(struct tcp_domain *domain, struct tcp_conn *conn);
/* Wake the connection: the next poll runs it. */
void tcp_domain_wake(struct tcp_domain *domain, struct tcp_conn *conn);

#endif
