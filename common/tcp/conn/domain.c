/*
 * A domain: the poller, the timers, the memory that its operations may use on this side, and the
 * lists of its connections. It knows only which connections exist and which are woken. The caller
 * owns it, and one thread uses it.
 */
#include "common/tcp/conn/domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/tcp/conn/conn.h"

int tcp_domain_open(const struct tp_ops *ops, const struct tp_domain_config *config,
		    struct tcp_domain **domain)
{
	struct tcp_domain *dom;
	int err;

	if (!config->msg_max || config->msg_max > TP_MSG_MAX || !config->nr_recvs ||
	    !config->nr_sends || !config->nr_posts)
		return -EINVAL;
	dom = calloc(1, sizeof(*dom));
	if (!dom)
		return -ENOMEM;
	dom->base.ops = ops;
	dom->config = *config;
	list_init(&dom->conns);
	list_init(&dom->ready);
	err = tcp_poller_open(&dom->poller);
	if (err) {
		log_error("cannot wait for sockets: epoll_create1: %s", strerror(-err));
		goto err_free;
	}
	dom->base.fd = dom->poller.fd;
	err = tcp_timers_open(&dom->timers, &dom->poller);
	if (err) {
		log_error("cannot wait for sockets: timerfd_create or epoll_ctl: %s",
			  strerror(-err));
		goto err_close;
	}
	*domain = dom;
	return 0;

err_close:
	tcp_poller_close(&dom->poller);
err_free:
	free(dom);
	return err;
}

void tcp_domain_close(struct tp_domain *domain)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;

	tcp_timers_close(&dom->timers);
	tcp_poller_close(&dom->poller);
	free(dom);
}

int tcp_domain_local(struct tp_domain *domain, void *base, size_t len)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;

	if (dom->nr_locals == TCP_NR_LOCALS)
		return -ENOSPC;
	dom->locals[dom->nr_locals++] = (struct tcp_local){(uintptr_t)base, len};
	return 0;
}

bool tcp_domain_owns(const struct tcp_domain *domain, const void *base, size_t len)
{
	for (int i = 0; i < domain->nr_locals; i++) {
		const struct tcp_local *local = &domain->locals[i];
		uintptr_t off = (uintptr_t)base - local->base;

		if ((uintptr_t)base >= local->base && off <= local->len && len <= local->len - off)
			return true;
	}
	return false;
}

static void find_only(struct tcp_domain *domain)
{
	domain->only = domain->nr_conns == 1
			       ? container_of(domain->conns.next, struct tcp_conn, peers)
			       : NULL;
}

void tcp_domain_add(struct tcp_domain *domain, struct tcp_conn *conn)
{
	list_add_tail(&domain->conns, &conn->peers);
	domain->nr_conns++;
	find_only(domain);
}

void tcp_domain_remove(struct tcp_domain *domain, struct tcp_conn *conn)
{
	list_del(&conn->peers);
	domain->nr_conns--;
	find_only(domain);
}

void tcp_domain_wake(struct tcp_domain *domain, struct tcp_conn *conn)
{
	if (conn->queued)
		return;
	list_add_tail(&domain->ready, &conn->link);
	conn->queued = true;
}
