/*
 * The functions poll and arm of a domain. verbs_poll() asks the completion queues each time, and
 * the epoll set only now and then. It hands each completion and event to its connection, and ends
 * the connection if the result is an error. The caller owns the domain, and only one thread uses
 * it.
 */
#include "common/verbs/poll.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/verbs/conn/conn.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/recv.h"
#include "common/verbs/conn/send.h"
#include "common/verbs/conn/state.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/nic.h"
#include "common/verbs/device/sink.h"
#include "common/verbs/device/source.h"
#include "common/verbs/device/timer.h"
#include "common/base/clock.h"

/* A check of the epoll set costs a system call. It comes more often while connections change. */
#define POLLS_PER_EPOLL	     512
#define POLLS_PER_EPOLL_BUSY 16

/* Post the buffers of the last poll's messages back, because the caller has seen them. */
static void post_back(struct verbs_domain *d)
{
	struct verbs_conn *c = d->post_back, *next;

	d->post_back = NULL;
	for (; c; c = next) {
		next = c->post_back_next;
		c->in_post_back = false;
		state_post_back(c);
	}
}

static void emit_pending(struct verbs_domain *d, struct verbs_sink *out)
{
	while (d->pending) {
		struct verbs_conn *c = d->pending;

		if (!state_emit(c, out))
			return;
		d->pending = c->pending_next;
		if (!d->pending)
			d->pending_tail = &d->pending;
		c->pending = false;
	}
}

static bool refill(struct verbs_domain *d)
{
	d->wc_next = d->nr_wcs = 0;
	for (struct verbs_nic *nic = d->nics.first; nic && d->nr_wcs < WC_BATCH; nic = nic->next) {
		int n = nic_poll(nic, d->wcs + d->nr_wcs, WC_BATCH - d->nr_wcs);

		if (n > 0)
			d->nr_wcs += n;
	}
	return d->nr_wcs;
}

static void completed(struct verbs_domain *d, struct verbs_sink *out)
{
	const struct ibv_wc *wc = &d->wcs[d->wc_next];
	struct verbs_conn *c = domain_find(d, (uint32_t)(wc->wr_id >> 32));
	bool recv = wc->wr_id & WR_RECV;
	int err;

	/* A message may arrive before the event that completes the accept, which goes first. */
	if (c && recv && c->state == VERBS_STATE_ACCEPTING && wc->status == IBV_WC_SUCCESS) {
		state_established(c);
		return;
	}
	d->wc_next++;
	if (!c || c->state >= VERBS_STATE_OVER)
		return;
	err = recv ? recv_completed(c, wc, out) : send_completed(c, wc);
	if (err)
		state_fail(c, err);
	state_progress(c);
}

/*
 * Close the nics of removed cards. They are not closed with their last connection, because `ready`
 * below may still name them then.
 */
static void close_removed(struct verbs_domain *d)
{
	struct verbs_nic *next;

	for (struct verbs_nic *nic = d->nics.first; nic; nic = next) {
		next = nic->next;
		if (nic->removed && !nic->nr_conns)
			nic_close(nic);
	}
}

static void take_cm_events(struct verbs_domain *d, struct verbs_sink *out)
{
	struct verbs_cm_event event;
	struct verbs_cm_handler *handler;

	while (!sink_full(out) && cm_take(d->channel, &event, &handler))
		if (handler)
			handler->handle(handler, &event, out);
}

/* Handle deadlines that have passed. Few connections have one, so a search of all is enough. */
static void expire(struct verbs_domain *d)
{
	uint64_t now = now_ns(), next = 0;

	for (uint32_t i = 0; i < d->nr_slots; i++) {
		struct verbs_conn *c = d->conns[i];

		if (c && c->deadline_ns && c->deadline_ns <= now)
			state_expired(c);
		if (c && c->deadline_ns && (!next || c->deadline_ns < next))
			next = c->deadline_ns;
	}
	timer_program(&d->timer, next); /* also makes the descriptor unreadable again */
}

static void serve(struct verbs_domain *d, struct verbs_source *source, struct verbs_sink *out)
{
	switch (source->kind) {
	case SOURCE_CM:
		take_cm_events(d, out);
		break;
	case SOURCE_TIMER:
		expire(d);
		break;
	case SOURCE_NIC:
		nic_take_events(container_of(source, struct verbs_nic, source));
		break;
	}
}

/* Log once that epoll_wait() fails, because then connections end for no other visible reason. */
static void log_unable(void)
{
	static atomic_bool logged;

	if (errno != EINTR && !atomic_exchange(&logged, true))
		log_error("cannot wait for RDMA events: epoll_wait: %s", strerror(errno));
}

static void check_epoll(struct verbs_domain *d, struct verbs_sink *out)
{
	struct epoll_event ready[8];
	int n;

	close_removed(d);
	n = epoll_wait(d->dom.fd, ready, 8, 0);
	if (n < 0)
		log_unable();
	for (int i = 0; i < n; i++)
		serve(d, ready[i].data.ptr, out);
	d->polls_to_epoll = d->timer.nr_deadlines ? POLLS_PER_EPOLL_BUSY : POLLS_PER_EPOLL;
	if (sink_full(out))
		d->polls_to_epoll = 0; /* there may be more events */
}

int verbs_poll(struct tp_domain *domain, struct tp_event *events, int max)
{
	struct verbs_domain *d = container_of(domain, struct verbs_domain, dom);
	struct verbs_sink out = {.events = events, .max = max};
	bool more = true; /* false when a batch was not full: then the queues are empty */

	d->dom.count.polls++;
	if (d->post_back)
		post_back(d);
	if (!d->polls_to_epoll--)
		check_epoll(d, &out);
	for (;;) {
		emit_pending(d, &out);
		if (sink_full(&out))
			return out.n;
		if (d->wc_next == d->nr_wcs) {
			if (!more || !refill(d))
				return out.n;
			more = d->nr_wcs == WC_BATCH;
		}
		completed(d, &out);
	}
}

int verbs_arm(struct tp_domain *domain)
{
	struct verbs_domain *d = container_of(domain, struct verbs_domain, dom);

	d->dom.count.arms++;
	d->polls_to_epoll = 0; /* the descriptor that wakes the caller is in the set */
	for (struct verbs_nic *nic = d->nics.first; nic; nic = nic->next)
		if (nic_arm(nic))
			return 1;
	/*
	 * A completion that came before the arming makes no event, so refill() asks for one. Used
	 * buffers must be posted back before the caller sleeps.
	 */
	return d->post_back || d->pending || d->wc_next < d->nr_wcs || refill(d);
}
