/*
 * Deadlines of a domain's connections: one timerfd in its epoll set. Few connections have one at
 * a time (those that begin and those that end), so expiry walks them all. rdma_connect into a
 * black hole never fails by itself, and a work request to a killed peer may never come back.
 */
#include "common/verbs/verbs.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

#include "common/base/fork.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void program(struct verbs_domain *domain, uint64_t ns)
{
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(ns / 1000000000u),
					       .tv_nsec = (long)(ns % 1000000000u)}};

	domain->timer_ns = ns;
	timerfd_settime(domain->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void timer_ready(struct source *source, struct sink *out)
{
	struct verbs_domain *domain = source->domain;
	uint64_t now = now_ns(), next = 0;

	for (uint32_t i = 0; i < domain->nr_slots; i++) {
		struct verbs_conn *c = domain->conns[i];

		if (c && c->deadline_ns && c->deadline_ns <= now)
			conn_expired(c);
		if (c && c->deadline_ns && (!next || c->deadline_ns < next))
			next = c->deadline_ns;
	}
	program(domain, next); /* also makes the descriptor unreadable again */
}

int timer_open(struct verbs_domain *domain)
{
	int err;

	domain->timer_fd = fork_own(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	if (domain->timer_fd < 0)
		return -errno;
	domain->timer.ready = timer_ready;
	err = source_add(&domain->timer, domain, domain->timer_fd);
	if (err)
		fork_close(domain->timer_fd);
	return err;
}

void timer_close(struct verbs_domain *domain)
{
	fork_close(domain->timer_fd);
}

void timer_set(struct verbs_conn *c, unsigned ms)
{
	struct verbs_domain *domain = c->domain;

	if (!c->deadline_ns)
		domain->restless++;
	c->deadline_ns = now_ns() + (uint64_t)ms * 1000000u;
	if (!domain->timer_ns || c->deadline_ns < domain->timer_ns)
		program(domain, c->deadline_ns);
}

void timer_clear(struct verbs_conn *c)
{
	if (c->deadline_ns)
		c->domain->restless--;
	c->deadline_ns = 0;
}
