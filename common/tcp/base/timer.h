/*
 * The timers of a domain: for connects, connect parameters, closing, and a paused listener.
 *
 * Threads: the domain's.
 */
#ifndef USRBIO_COMMON_TCP_BASE_TIMER_H
#define USRBIO_COMMON_TCP_BASE_TIMER_H

#include <stdbool.h>

#include "common/base/list.h"
#include "common/tcp/base/poller.h"

/* A moment at which the owner of `source` has something to do. In the list while it is set. */
struct tcp_timer {
	struct list link;
	struct tcp_source *source;
	uint64_t deadline_ns;
	bool set;
};

struct tcp_timers {
	struct list list;
	struct tcp_source source; /* the timerfd */
	uint64_t armed_ns;	  /* what the timerfd is set to; 0: nothing */
};

int tcp_timers_open(struct tcp_timers *timers, struct tcp_poller *poller);
void tcp_timers_close(struct tcp_timers *timers);
void tcp_timer_set(struct tcp_timers *timers, struct tcp_timer *timer, unsigned delay_ms);
void tcp_timer_stop(struct tcp_timers *timers, struct tcp_timer *timer);
/*
 * Stop one timer that has expired and return it; to be repeated until there is none. NULL: there is
 * none, and the timerfd is set for those that remain.
 */
struct tcp_timer *tcp_timers_expired(struct tcp_timers *timers);

#endif
