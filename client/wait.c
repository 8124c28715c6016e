/*
 * Leader and followers. The invariant that nobody is forgotten: whoever leaves conn_wait while no
 * thread leads wakes the first follower, which then leads or, leaving, wakes the next.
 */
#include "client/wait.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/conn.h"

#define LOOKS	   8 /* at the transport between two at the clock, and offers of the lock */
#define YIELDS_MAX 4 /* for those who wait for the lock, between two looks at the transport */

static void wake_leader(struct waiting *wait)
{
	uint64_t one = 1;

	wait->leader_asleep = false;
	/* The counter cannot overflow, and a full one would wake as well. */
	if (write(wait->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* From here on it waits for the lock, until it is back in follow. */
static void wake_follower(struct conn *conn, struct waiter *waiter)
{
	list_del(&waiter->link);
	atomic_fetch_add_explicit(&conn->wanted, 1, memory_order_relaxed);
	pthread_cond_signal(&waiter->cond);
}

void conn_wake(struct conn *conn)
{
	struct waiting *wait = &conn->wait;
	struct list *it, *after;

	wait->stirred = false;
	if (wait->leader_asleep && wait->leader->ready(wait->leader))
		wake_leader(wait);
	list_for_each_safe (it, after, &wait->followers) {
		struct waiter *waiter = list_of(it, struct waiter, link);

		if (waiter->ready(waiter))
			wake_follower(conn, waiter);
	}
}

void conn_nudge(struct conn *conn)
{
	if (conn->wait.leader_asleep)
		wake_leader(&conn->wait);
}

/* Asleep until the transport, a waker or the time calls; the lock is released meanwhile. */
static void sleep_leading(struct conn *conn, uint64_t now, uint64_t until)
{
	struct waiting *wait = &conn->wait;
	struct pollfd fds[2] = {{.fd = conn->domain->fd, .events = POLLIN},
				{.fd = wait->wake_fd, .events = POLLIN}};
	uint64_t left = until > now ? until - now : 0, drained;
	struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S),
				   .tv_nsec = (long)(left % NS_PER_S)};

	wait->leader_asleep = true;
	conn_unlock(conn);
	/* EINTR and every other reason to return are alike: look again. */
	if (ppoll(fds, 2, until == NEVER ? NULL : &timeout, NULL) < 0)
		fds[1].revents = POLLIN;
	conn_lock(conn);
	wait->leader_asleep = false;
	if (fds[1].revents && read(wait->wake_fd, &drained, sizeof(drained)) < 0)
		return;
}

static bool is_wanted(struct conn *conn)
{
	return atomic_load_explicit(&conn->wanted, memory_order_relaxed);
}

/* A few looks at the transport, and at nothing else: the number of events. */
static int look(struct conn *conn)
{
	int n, left = LOOKS;

	do
		n = conn_poll(conn);
	while (!n && --left && !is_wanted(conn));
	return n;
}

/*
 * Offer the processor, and the lock: to those who wait for it until they have had it, but not for
 * long, because with many of them there is always one, and nobody else looks at the transport.
 */
static void step_aside(struct conn *conn)
{
	int left = YIELDS_MAX;

	conn_unlock(conn);
	do
		sched_yield();
	while (--left && is_wanted(conn));
	conn_lock(conn);
}

/* One look at least; until ready, or the deadline: false then. */
static bool lead(struct conn *conn, const struct waiter *waiter, uint64_t deadline)
{
	struct spin *spin = &conn->wait.spin;
	uint64_t now = now_ns(), idle_since = now, budget = spin_budget(spin);

	do {
		int n = look(conn);

		now = n ? conn->heard_ns : now_ns();
		conn_clock(conn, now);
		conn_settle(conn);
		if (n) {
			spin_hit(spin, now - idle_since);
			idle_since = now;
			budget = spin_budget(spin);
		} else if (now - idle_since < budget || conn->ops->arm(conn->domain)) {
			step_aside(conn);
		} else if (!waiter->ready(waiter)) {
			sleep_leading(conn, now, min_ns(deadline, conn_next_clock(conn)));
		}
	} while (!waiter->ready(waiter) && now < deadline);
	return now < deadline;
}

/* No domain, nothing to poll: whoever connects it will say so. */
static bool can_lead(const struct conn *conn)
{
	return !conn->wait.leader && conn->domain;
}

/* Until woken, or the deadline: false then. */
static bool follow(struct conn *conn, struct waiter *waiter, uint64_t deadline)
{
	struct timespec until = {.tv_sec = (time_t)(deadline / NS_PER_S),
				 .tv_nsec = (long)(deadline % NS_PER_S)};
	int err;

	conn_settle(conn);
	pthread_cond_init(&waiter->cond, NULL);
	list_add_tail(&conn->wait.followers, &waiter->link);
	if (deadline == NEVER)
		err = pthread_cond_wait(&waiter->cond, &conn->lock);
	else
		err = pthread_cond_clockwait(&waiter->cond, &conn->lock, CLOCK_MONOTONIC, &until);
	if (list_empty(&waiter->link))
		atomic_fetch_sub_explicit(&conn->wanted, 1, memory_order_relaxed);
	list_del(&waiter->link);
	pthread_cond_destroy(&waiter->cond);
	return err != ETIMEDOUT;
}

static void hand_over(struct conn *conn)
{
	struct list *followers = &conn->wait.followers;

	if (!list_empty(followers))
		wake_follower(conn, list_of(followers->next, struct waiter, link));
}

void conn_wait(struct conn *conn, struct waiter *waiter, uint64_t deadline)
{
	struct waiting *wait = &conn->wait;
	bool in_time = true;

	while (!waiter->ready(waiter) && in_time) {
		if (!can_lead(conn)) {
			in_time = follow(conn, waiter, deadline);
			continue;
		}
		wait->leader = waiter;
		wait->stints++;
		wait->unattended |= wait->watched;
		wait->watched = false;
		in_time = lead(conn, waiter, deadline);
		wait->leader = NULL;
		if (wait->unattended) {
			wait->unattended = false;
			progress_kick(0);
		}
	}
	if (!wait->leader)
		hand_over(conn);
}
