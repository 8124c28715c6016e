/*
 * A domain: lists of connections that have events to report. The caller owns it. The threads of the
 * other ends fill the lists, and poll() empties them. One timerfd wakes a sleeping caller: it
 * expires at the next connect timeout, or at once after loop_wake(). loop_lock protects all of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/loop/loop.h"
#include "common/base/fork.h"
#include "common/base/lock.h"

struct lock loop_lock = LOCK_INIT(LOCK_LOOP);

/* Make the lock new in a forked child. A thread of the parent may have held it. */
static void forget(void)
{
	lock_init(&loop_lock, LOCK_LOOP);
}

static void watch(void)
{
	fork_watch(forget);
}

int loop_domain_open(const struct tp_domain_config *config, struct tp_domain **domain)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct loop_domain *dom;
	int err;

	pthread_once(&once, watch);
	if (!config->msg_max || config->msg_max > TP_MSG_MAX || !config->nr_recvs ||
	    !config->nr_sends || !config->nr_posts)
		return -EINVAL;
	dom = calloc(1, sizeof(*dom));
	if (!dom)
		return -ENOMEM;
	dom->config = *config;
	/* The rings of a connection take less than one message. */
	dom->base.conn_bytes = (config->nr_sends + (size_t)1) * config->msg_max;
	list_init(&dom->ready);
	list_init(&dom->holding);
	list_init(&dom->connecting);
	list_init(&dom->requests);
	dom->base.fd = fork_own(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	if (dom->base.fd < 0) {
		err = -errno;
		free(dom);
		return err;
	}
	*domain = &dom->base;
	return 0;
}

void loop_domain_close(struct tp_domain *domain)
{
	fork_close(domain->fd);
	free(domain);
}

/* A memcpy reaches all memory, so there is nothing to register. */
int loop_domain_local(struct tp_domain *domain, void *base, size_t len)
{
	return 0;
}

void loop_set_fd(struct loop_domain *domain, uint64_t at_ns)
{
	struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(at_ns / 1000000000u),
			     .tv_nsec = (long)(at_ns % 1000000000u)},
	};

	timerfd_settime(domain->base.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void loop_wake(struct loop_domain *domain)
{
	if (!domain->armed)
		return;
	domain->armed = false;
	loop_set_fd(domain, 1); /* this time has passed long ago */
}

void loop_make_ready(struct loop_conn *conn)
{
	struct loop_domain *domain = loop_domain_of(conn);

	if (!conn->taken || !domain || conn->ready)
		return;
	list_add_tail(&domain->ready, &conn->ready_link);
	conn->ready = true;
	loop_wake(domain);
}
