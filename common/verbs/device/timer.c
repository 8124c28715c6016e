/*
 * The timer of a domain, which owns it: one timerfd in the epoll set for the deadlines of all
 * connections. They are needed because rdma_connect() to an address that does not answer never
 * fails by itself, and a work request to a killed peer may never come back. Only the domain's
 * thread uses it.
 */
#include "common/verbs/device/timer.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

#include "common/base/fork.h"
#include "common/base/clock.h"

void timer_program(struct verbs_timer *timer, uint64_t ns)
{
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(ns / 1000000000u),
					       .tv_nsec = (long)(ns % 1000000000u)}};

	timer->ns = ns;
	timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

int timer_open(struct verbs_timer *timer, int epoll_fd)
{
	int err;

	timer->fd = fork_own(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	if (timer->fd < 0)
		return -errno;
	err = source_add(&timer->source, SOURCE_TIMER, epoll_fd, timer->fd);
	if (err)
		fork_close(timer->fd);
	return err;
}

void timer_close(struct verbs_timer *timer)
{
	fork_close(timer->fd);
}

void timer_set(struct verbs_timer *timer, uint64_t *deadline_ns, unsigned ms)
{
	if (!*deadline_ns)
		timer->nr_deadlines++;
	*deadline_ns = now_ns() + (uint64_t)ms * 1000000u;
	if (!timer->ns || *deadline_ns < timer->ns)
		timer_program(timer, *deadline_ns);
}

void timer_clear(struct verbs_timer *timer, uint64_t *deadline_ns)
{
	if (*deadline_ns)
		timer->nr_deadlines--;
	*deadline_ns = 0;
}
