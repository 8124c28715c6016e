/*
 * The poll of a domain. It wakes the connections that epoll reports, and then runs the woken
 * connections once and in order, so that each has its turn. The caller owns the domain, and only
 * the domain's thread calls this.
 *
 * Of the connections that are not open yet, one poll runs a few, because their handshakes cost much
 * and anybody may begin as many as he likes. So a connection that is open waits for these few, and
 * not for all of them.
 */
#include "common/tcp/poll.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "common/base/log.h"
#include "common/tcp/conn/listener.h"
#include "common/tcp/conn/state.h"

#define EPOLL_BATCH 64
/*
 * The polls that may pass without epoll_wait(), while connections are woken (BUSY) or while there
 * is only one connection (HOT).
 */
#define SKIP_BUSY 8
#define SKIP_HOT  64
/* The connections that are not open yet which one poll runs. */
#define OPENING_MAX 2

static struct tcp_conn *conn_of_source(struct tcp_source *source)
{
	return container_of(source, struct tcp_conn, source);
}

static struct tcp_listener *listener_of_source(struct tcp_source *source)
{
	return container_of(source, struct tcp_listener, source);
}

static void conn_event(struct tcp_conn *conn, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		conn->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		tcp_state_writable(conn);
	if (conn->tls) /* a read of TLS may have waited for room to write */
		conn->readable = true;
	tcp_conn_wake(conn);
}

static void say_unable(void)
{
	static atomic_bool said;

	if (errno != EINTR && !atomic_exchange(&said, true))
		log_error("cannot wait for sockets: epoll_wait: %s", strerror(errno));
}

/*
 * Ask epoll. Returns true if timers are due. Timers run after the connections. So a message that
 * came in time still counts, even if this process could not run (it was stopped, or waited for a
 * disk).
 */
static bool look_at_epoll(struct tcp_domain *domain, struct tcp_sink *sink)
{
	struct epoll_event events[EPOLL_BATCH];
	int n = epoll_wait(domain->base.fd, events, EPOLL_BATCH, 0);
	bool timers = false;

	if (n < 0)
		say_unable();
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
			tcp_state_timeout(conn_of_source(timer->source));
		else
			tcp_listener_timeout(listener_of_source(timer->source));
	}
}

/* Read the socket of a single connection without asking epoll, which saves a system call. */
static bool try_hot(struct tcp_domain *domain)
{
	struct tcp_conn *conn = domain->only;

	if (!conn || conn->state != TCP_STATE_OPEN || conn->source.events & EPOLLOUT ||
	    domain->armed || !list_empty(&domain->timers.list) || ++domain->skipped >= SKIP_HOT)
		return false;
	conn->readable = true;
	tcp_conn_wake(conn);
	return true;
}

int tcp_poll(struct tp_domain *domain, struct tp_event *events, int max)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;
	struct tcp_sink sink = {.events = events, .max = max};
	struct list batch, later, *node;
	unsigned nr_opening = 0;
	bool timers = false;

	dom->round++;
	dom->base.count.polls++;
	if (!try_hot(dom) &&
	    (list_empty(&dom->ready) || dom->armed || dom->crowded || ++dom->skipped >= SKIP_BUSY))
		timers = look_at_epoll(dom, &sink);

	/* A connection that is woken from here on is run by the next poll. */
	list_init(&batch);
	list_splice_tail(&batch, &dom->ready);
	list_init(&later);
	while (!tcp_sink_full(&sink) && (node = list_pop(&batch))) {
		struct tcp_conn *conn = container_of(node, struct tcp_conn, link);

		if (conn->state < TCP_STATE_OPEN && nr_opening++ >= OPENING_MAX) {
			list_add_tail(&later, node);
			continue;
		}
		conn->queued = false;
		tcp_state_run(conn, &sink);
	}
	/* Beside these, others may have become readable: do not skip epoll. */
	dom->crowded = !list_empty(&later);
	list_splice_tail(&batch, &later);
	list_splice_tail(&batch, &dom->ready);
	list_splice_tail(&dom->ready, &batch);
	if (timers)
		run_timers(dom);
	return sink.n;
}

int tcp_poll_arm(struct tp_domain *domain)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;

	dom->armed = true;
	if (!list_empty(&dom->ready))
		return 1;
	dom->base.count.arms++;
	return 0;
}
