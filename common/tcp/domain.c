/*
 * A domain: an epoll instance, level-triggered, and the list of connections with something to do.
 * poll() moves what epoll names into that list and serves every member at most once, in order, so
 * that none starves. Touched by its one thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/tcp/tcp.h"

#define EPOLL_BATCH 64
/* Polls that may pass while other work or a hot connection keeps us from looking at epoll. */
#define SKIP_BUSY 8
#define SKIP_HOT  64

int tcp_domain_open(const struct tp_ops *ops, const struct tp_domain_config *config,
		    struct tp_domain **domain)
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
	dom->base.conn_bytes = sizeof(struct tcp_conn) + TCP_RX_BUF + tcp_tx_bytes(config) +
			       tcp_posts_bytes(config) + (ops == &tp_tls ? TLS_BYTES : 0);
	TAILQ_INIT(&dom->conns);
	TAILQ_INIT(&dom->ready);
	err = tcp_poller_open(&dom->poller);
	if (err)
		goto err_free;
	dom->base.fd = dom->poller.fd;
	err = tcp_timers_open(&dom->timers, &dom->poller);
	if (err)
		goto err_close;
	*domain = &dom->base;
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
	domain->only = domain->nr_conns == 1 ? TAILQ_FIRST(&domain->conns) : NULL;
}

void tcp_domain_add(struct tcp_domain *domain, struct tcp_conn *conn)
{
	TAILQ_INSERT_TAIL(&domain->conns, conn, peers);
	domain->nr_conns++;
	find_only(domain);
}

void tcp_domain_remove(struct tcp_domain *domain, struct tcp_conn *conn)
{
	TAILQ_REMOVE(&domain->conns, conn, peers);
	domain->nr_conns--;
	find_only(domain);
}

static struct tcp_conn *conn_of_source(struct tcp_source *source)
{
	return (struct tcp_conn *)((char *)source - offsetof(struct tcp_conn, source));
}

static struct tcp_listener *listener_of_source(struct tcp_source *source)
{
	return (struct tcp_listener *)((char *)source - offsetof(struct tcp_listener, source));
}

static void conn_event(struct tcp_conn *conn, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		conn->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		tcp_conn_writable(conn);
	if (conn->tls) /* what it reads may have waited for what it writes */
		conn->readable = true;
	tcp_conn_kick(conn);
}

/*
 * True when timers are due. They run after the connections: what has come is not late because we
 * were asleep (a stopped process, a stalled disk).
 */
static bool look_at_epoll(struct tcp_domain *domain, struct tcp_sink *sink)
{
	struct epoll_event events[EPOLL_BATCH];
	int n = epoll_wait(domain->base.fd, events, EPOLL_BATCH, 0);
	bool timers = false;

	domain->skipped = 0;
	domain->armed = false;
	for (int i = 0; i < n; i++) {
		struct tcp_source *source = events[i].data.ptr;

		switch (source->kind) {
		case TCP_SOURCE_CONN:
			conn_event(conn_of_source(source), events[i].events);
			break;
		case TCP_SOURCE_LISTENER:
			tcp_listener_run(listener_of_source(source), sink);
			break;
		case TCP_SOURCE_TIMERS:
			timers = true;
			break;
		}
	}
	return timers;
}

static void run_timers(struct tcp_domain *domain)
{
	struct tcp_timer *timer;

	while ((timer = tcp_timers_expired(&domain->timers))) {
		if (timer->source->kind == TCP_SOURCE_CONN)
			tcp_conn_timeout(conn_of_source(timer->source));
		else
			tcp_listener_timeout(listener_of_source(timer->source));
	}
}

/* With a single connection its socket can be asked itself: one system call instead of two. */
static bool try_hot(struct tcp_domain *domain)
{
	struct tcp_conn *conn = domain->only;

	if (!conn || conn->state != TCP_STATE_OPEN || conn->source.events & EPOLLOUT ||
	    domain->armed || !TAILQ_EMPTY(&domain->timers.list) || ++domain->skipped >= SKIP_HOT)
		return false;
	conn->readable = true;
	tcp_conn_kick(conn);
	return true;
}

int tcp_poll(struct tp_domain *domain, struct tp_event *events, int max)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;
	struct tcp_sink sink = {.events = events, .max = max};
	struct tcp_conn_list batch = TAILQ_HEAD_INITIALIZER(batch);
	struct tcp_conn *conn;
	bool timers = false;

	dom->round++;
	dom->base.count.polls++;
	if (!try_hot(dom) &&
	    (TAILQ_EMPTY(&dom->ready) || dom->armed || ++dom->skipped >= SKIP_BUSY))
		timers = look_at_epoll(dom, &sink);

	/* What gets queued from here on is for the next poll. */
	TAILQ_CONCAT(&batch, &dom->ready, link);
	while ((conn = TAILQ_FIRST(&batch)) && !tcp_sink_full(&sink)) {
		TAILQ_REMOVE(&batch, conn, link);
		conn->queued = false;
		tcp_conn_run(conn, &sink);
	}
	TAILQ_CONCAT(&batch, &dom->ready, link);
	TAILQ_CONCAT(&dom->ready, &batch, link);
	if (timers)
		run_timers(dom);
	return sink.n;
}

int tcp_arm(struct tp_domain *domain)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;

	dom->armed = true;
	if (!TAILQ_EMPTY(&dom->ready))
		return 1;
	dom->base.count.arms++;
	return 0;
}
