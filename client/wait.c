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

/*
 * Spinning pays while answers come within a small multiple of what a sleep costs. Beyond GIVE_UP
 * they come from something slow, and a look or two is all that is spent.
 */
#define SPIN_MIN_NS (5 * NS_PER_US)
#define SPIN_MAX_NS (100 * NS_PER_US)
#define GIVE_UP_NS  (500 * NS_PER_US)

static uint64_t spin_budget(const struct waiting *wait)
{
	if (wait->wait_ns > GIVE_UP_NS)
		return SPIN_MIN_NS;
	if (2 * wait->wait_ns > SPIN_MAX_NS)
		return SPIN_MAX_NS;
	return 2 * wait->wait_ns > SPIN_MIN_NS ? 2 * wait->wait_ns : SPIN_MIN_NS;
}

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
	uint64_t start = now_ns(), now = start, spin_until = now + spin_budget(&conn->wait);
	unsigned turn = 0;

	while (!waiter->ready(waiter) && now < deadline) {
		int n = conn_poll(conn);

		now = now_ns();
		conn_clock(conn, now);
		conn_settle(conn);
		if (waiter->ready(waiter))
			break;
		if (n)
			spin_until = now + spin_budget(&conn->wait);
		else if (now < spin_until || conn->ops->arm(conn->domain))
			spin_once(conn, turn++);
		else
			sleep_leading(conn, now, min_ns(deadline, conn_next_clock(conn)));
	}
	if (waiter->ready(waiter))
		conn->wait.wait_ns += (int64_t)(now - start - conn->wait.wait_ns) / 8;
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
