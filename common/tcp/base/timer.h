/*
 * The timers of a domain: for connects, connect parameters, closing, and a paused listener. Only
 * the domain's thread uses them.
 */
#ifndef USRBIO_COMMON_TCP_BASE_TIMER_H
#define USRBIO_COMMON_TCP_BASE_TIMER_H

#include <stdbool.h>

#include "common/base/list.h"
#include "common/tcp/base/poller.h"

/* A time at which the owner of `source` has something to do. The timer is in the list while set. */
struct tcp_timer {
	struct list link;
	struct tcp_source *source;
	uint64_t deadline_ns;
	bool set;
};

struct tcp_timers {
	struct list list;
	struct tcp_source source; /* the timerfd */
	uint64_t armed_ns;	  /* when the timerfd expires; 0: never */
};

/* Returns 0 or -errno. */
int tcp_timers_open(struct tcp_timers *timers, struct tcp_poller *poller);
void tcp_timers_close(struct tcp_timers *timers);
void tcp_timer_set(struct tcp_timers *timers, struct tcp_timer *timer, unsigned delay_ms);
void tcp_timer_stop(struct tcp_timers *timers, struct tcp_timer *timer);
/*
 * Stop one timer that has expired, and return it. The caller repeats this until it gets NULL: then
 * none has expired, and the timerfd is set for those that remain.
 */
struct tcp_timer *tcp_timers_expired(struct tcp_timers *timers);

#endif
