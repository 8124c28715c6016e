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

static void wake_leader(struct waiting *wait)
{
	uint64_t one = 1;

	if (!wait->leader_asleep)
		return;
	wait->leader_asleep = false;
	/* The counter cannot overflow, and a full one would wake as well. */
	if (write(wait->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void conn_wake(struct conn *conn)
{
	struct waiting *wait = &conn->wait;
	struct list *it, *after;

	wait->stirred = false;
	if (wait->leader && wait->leader->ready(wait->leader))
		wake_leader(wait);
	list_for_each_safe (it, after, &wait->followers) {
		struct waiter *waiter = list_of(it, struct waiter, link);

		if (waiter->ready(waiter)) {
			list_del(&waiter->link);
			pthread_cond_signal(&waiter->cond);
		}
	}
}

void conn_nudge(struct conn *conn)
{
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

/* Let others have the lock, and now and then the processor. */
static void spin_once(struct conn *conn, unsigned turn)
{
	conn_unlock(conn);
	if (turn % 4 == 3)
		sched_yield();
	conn_lock(conn);
}

static void lead(struct conn *conn, const struct waiter *waiter, uint64_t deadline)
{
	struct spin *spin = &conn->wait.spin;
	uint64_t now = now_ns(), idle_since = now, budget = spin_budget(spin);
	unsigned turn = 0;

	while (!waiter->ready(waiter) && now < deadline) {
		int n = conn_poll(conn);

		now = now_ns();
		conn_clock(conn, now);
		conn_settle(conn);
		if (n) {
			spin_hit(spin, now - idle_since);
			idle_since = now;
			budget = spin_budget(spin);
		} else if (now - idle_since < budget || conn->ops->arm(conn->domain)) {
			spin_once(conn, turn++);
		} else if (!waiter->ready(waiter)) {
			sleep_leading(conn, now, min_ns(deadline, conn_next_clock(conn)));
		}
	}
}

/* No domain, nothing to poll: whoever connects it will say so. */
static bool can_lead(const struct conn *conn)
{
	return !conn->wait.leader && conn->domain;
}

static void follow(struct conn *conn, struct waiter *waiter, uint64_t deadline)
{
	struct timespec until = {.tv_sec = (time_t)(deadline / NS_PER_S),
				 .tv_nsec = (long)(deadline % NS_PER_S)};

	conn_settle(conn);
	list_add_tail(&conn->wait.followers, &waiter->link);
	if (deadline == NEVER)
		pthread_cond_wait(&waiter->cond, &conn->lock);
	else
		pthread_cond_clockwait(&waiter->cond, &conn->lock, CLOCK_MONOTONIC, &until);
	list_del(&waiter->link);
}

static void hand_over(struct waiting *wait)
{
	if (!list_empty(&wait->followers)) {
		struct waiter *next = list_of(wait->followers.next, struct waiter, link);

		list_del(&next->link);
		pthread_cond_signal(&next->cond);
	}
}

void conn_wait(struct conn *conn, struct waiter *waiter, uint64_t deadline)
{
	struct waiting *wait = &conn->wait;

	pthread_cond_init(&waiter->cond, NULL);
	list_init(&waiter->link);
	while (!waiter->ready(waiter) && (deadline == NEVER || now_ns() < deadline)) {
		if (!can_lead(conn)) {
			follow(conn, waiter, deadline);
			continue;
		}
		wait->leader = waiter;
		wait->stints++;
		wait->unattended |= wait->watched;
		wait->watched = false;
		lead(conn, waiter, deadline);
		wait->leader = NULL;
		if (wait->unattended) {
			wait->unattended = false;
			progress_kick(0);
		}
	}
	if (!wait->leader)
		hand_over(wait);
	pthread_cond_destroy(&waiter->cond);
}
