/*
 * A domain's timers: connects, prologues, farewells, a paused listener. Few and short-lived, so an
 * unsorted list behind one timerfd; stopping one leaves the timerfd to fire for nothing.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/tcp/tcp.h"
#include "common/base/fork.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int tcp_timers_open(struct tcp_domain *domain)
{
	int err;

	TAILQ_INIT(&domain->timers);
	domain->timer_source = (struct tcp_source){
		.kind = TCP_SOURCE_TIMERS,
		.events = EPOLLIN,
		.fd = fork_own(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
	};
	if (domain->timer_source.fd < 0)
		return -errno;
	err = tcp_poller_add(&domain->poller, &domain->timer_source);
	if (err)
		fork_close(domain->timer_source.fd);
	return err;
}

void tcp_timers_close(struct tcp_domain *domain)
{
	fork_close(domain->timer_source.fd);
}

/* Setting a timerfd also takes back an expiry nobody has read. */
static void set_fd(struct tcp_domain *domain, uint64_t deadline_ns)
{
	struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
			     .tv_nsec = (long)(deadline_ns % 1000000000u)},
	};

	domain->timer_ns = deadline_ns;
	timerfd_settime(domain->timer_source.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void tcp_timer_set(struct tcp_domain *domain, struct tcp_timer *timer, unsigned delay_ms)
{
	tcp_timer_stop(domain, timer);
	timer->deadline_ns = now_ns() + (uint64_t)delay_ms * 1000000u;
	timer->set = true;
	TAILQ_INSERT_TAIL(&domain->timers, timer, link);
	if (!domain->timer_ns || timer->deadline_ns < domain->timer_ns)
		set_fd(domain, timer->deadline_ns);
}

void tcp_timer_stop(struct tcp_domain *domain, struct tcp_timer *timer)
{
	if (!timer->set)
		return;
	TAILQ_REMOVE(&domain->timers, timer, link);
	timer->set = false;
}

static void expire(struct tcp_source *source)
{
	if (source->kind == TCP_SOURCE_CONN)
		tcp_conn_timeout(
			(struct tcp_conn *)((char *)source - offsetof(struct tcp_conn, source)));
	else
		tcp_listener_timeout(
			(struct tcp_listener *)((char *)source -
						offsetof(struct tcp_listener, source)));
}

void tcp_timers_run(struct tcp_domain *domain)
{
	uint64_t now = now_ns(), earliest = 0;
	struct tcp_timer *timer = TAILQ_FIRST(&domain->timers), *next;

	for (; timer; timer = next) {
		next = TAILQ_NEXT(timer, link);
		if (timer->deadline_ns <= now) {
			tcp_timer_stop(domain, timer);
			expire(timer->source);
		} else if (!earliest || timer->deadline_ns < earliest) {
			earliest = timer->deadline_ns;
		}
	}
	set_fd(domain, earliest);
}
