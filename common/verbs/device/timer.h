/* The deadlines of a domain's connections. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_TIMER_H
#define USRBIO_COMMON_VERBS_DEVICE_TIMER_H

#include <stdint.h>

#include "common/verbs/device/source.h"

/* The timer. The domain owns it, and only its thread uses it. */
struct verbs_timer {
	struct verbs_source source;
	int fd;		       /* a timerfd */
	uint64_t ns;	       /* when it expires, by CLOCK_MONOTONIC; 0: never */
	unsigned nr_deadlines; /* deadlines that are set and not cleared */
};

int timer_open(struct verbs_timer *timer, int epoll_fd);
void timer_close(struct verbs_timer *timer);
/* Let the timer expire at ns; 0: never. */
void timer_program(struct verbs_timer *timer, uint64_t ns);
/* Set a deadline to ms from now. It is 0 while it is not set. Clear it before it is freed. */
void timer_set(struct verbs_timer *timer, uint64_t *deadline_ns, unsigned ms);
void timer_clear(struct verbs_timer *timer, uint64_t *deadline_ns);

#endif
