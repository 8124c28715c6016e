/*
 * The timers of a domain. There are few and they last a short time, so they are an unsorted list
 * with one timerfd. Stopping a timer does not change the timerfd, which may then expire without
 * effect. The domain owns the timers, and only its thread uses them.
 */
#include "common/tcp/base/timer.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/base/fork.h"
#include "common/base/clock.h"

int tcp_timers_open(struct tcp_timers *timers, struct tcp_poller *poller)
{
	int err;

	list_init(&timers->list);
	timers->source = (struct tcp_source){
		.kind = TCP_SOURCE_TIMERS,
		.events = EPOLLIN,
		.fd = fork_own(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
	};
	if (timers->source.fd < 0)
		return -errno;
	err = tcp_poller_add(poller, &timers->source);
	if (err)
		fork_close(timers->source.fd);
	return err;
}

void tcp_timers_close(struct tcp_timers *timers)
{
	fork_close(timers->source.fd);
}

/* Set the timerfd; 0 stops it. This also clears an expiry that was not read. */
static void arm(struct tcp_timers *timers, uint64_t deadline_ns)
{
	struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
			     .tv_nsec = (long)(deadline_ns % 1000000000u)},
	};

	timers->armed_ns = deadline_ns;
	timerfd_settime(timers->source.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void tcp_timer_set(struct tcp_timers *timers, struct tcp_timer *timer, unsigned delay_ms)
{
	tcp_timer_stop(timers, timer);
	timer->deadline_ns = now_ns() + (uint64_t)delay_ms * 1000000u;
	timer->set = true;
	list_add_tail(&timers->list, &timer->link);
	if (!timers->armed_ns || timer->deadline_ns < timers->armed_ns)
		arm(timers, timer->deadline_ns);
}

void tcp_timer_stop(struct tcp_timers *timers, struct tcp_timer *timer)
{
	if (!timer->set)
		return;
	list_del(&timer->link);
	timer->set = false;
}

struct tcp_timer *tcp_timers_expired(struct tcp_timers *timers)
{
	uint64_t now = now_ns(), earliest = 0;

	list_for_each (it, &timers->list) {
		struct tcp_timer *timer = container_of(it, struct tcp_timer, link);

		if (timer->deadline_ns <= now) {
			tcp_timer_stop(timers, timer);
			return timer;
		}
		if (!earliest || timer->deadline_ns < earliest)
			earliest = timer->deadline_ns;
	}
	arm(timers, earliest);
	return NULL;
}
