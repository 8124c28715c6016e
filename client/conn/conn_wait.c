/*
 * Waiting by leader and followers; see conn_wait.h. No follower sleeps without a leader: a thread
 * that leaves conn_wait while none leads wakes the first follower. That one leads, or leaves and
 * wakes the next. A cancelled thread leaves by a handler that does the same. A struct waiter is on
 * the stack of its thread; the lists belong to the connection and are under its lock.
 */
#include "client/conn/conn_wait.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "client/base/cancel.h"
#include "common/base/clock.h"
#include "client/conn/conn.h"

#define LOOKS 8 /* polls of the transport between two readings of the clock */
#define YIELDS_MAX \
	4 /* yields to threads that wait for the lock, between two polls of the transport */

/* A leader that always finds events never sleeps. It may be cancelled after so many rounds. */
#define ROUNDS_UNCANCELLED 64

static void wake_leader(struct waiting *wait)
{
	uint64_t one = 1;

	wait->leader_asleep = false;
	/* The write cannot fail: a full counter, which also wakes the leader, is never reached. */
	if (write(wait->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* Wake a follower. It counts as waiting for the lock until it is back in follow. */
static void wake_follower(struct conn *conn, struct waiter *waiter)
{
	list_del(&waiter->link);
	atomic_fetch_add_explicit(&conn->wanted, 1, memory_order_relaxed);
	pthread_cond_signal(&waiter->cond);
}

void conn_wake(struct conn *conn)
{
	struct waiting *wait = &conn->wait;

	wait->wake_pending = false;
	if (wait->leader_asleep && wait->leader->ready(wait->leader))
		wake_leader(wait);
	list_for_each_safe (it, &wait->followers) {
		struct waiter *waiter = container_of(it, struct waiter, link);

		if (waiter->ready(waiter))
			wake_follower(conn, waiter);
	}
}

void conn_wake_leader(struct conn *conn)
{
	if (conn->wait.leader_asleep)
		wake_leader(&conn->wait);
}

static void hand_over(struct conn *conn)
{
	struct list *followers = &conn->wait.followers;

	if (!list_empty(followers))
		wake_follower(conn, container_of(followers->next, struct waiter, link));
}

static void begin_leading(struct conn *conn, struct waiter *waiter)
{
	struct waiting *wait = &conn->wait;

	wait->leader = waiter;
	wait->drives++;
	wait->unattended |= wait->watched;
	wait->watched = false;
}

static void stop_leading(struct conn *conn)
{
	struct waiting *wait = &conn->wait;

	wait->leader = NULL;
	if (wait->unattended) {
		wait->unattended = false;
		progress_wake(0);
	}
}

/* The data for the cleanup handlers of a thread, on its stack. */
struct sleeper {
	struct conn *conn;
	struct waiter *waiter;
	struct pollfd
		fds[2]; /* of a leader: the transport, and the eventfd by which others wake it */
	struct timespec until;
	bool forever;
	int err;
};

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

static void cancelled_leading(void *arg)
{
	const struct sleeper *sleeper = arg;
	struct conn *conn = sleeper->conn;

	stop_leading(conn);
	hand_over(conn);
	sleeper->waiter->cancelled(sleeper->waiter);
}

static void woken_leading(const struct sleeper *sleeper)
{
	struct waiting *wait = &sleeper->conn->wait;
	uint64_t drained;

	conn_lock(sleeper->conn);
	wait->leader_asleep = false;
	if (sleeper->fds[1].revents && read(wait->wake_fd, &drained, sizeof(drained)) < 0)
		return;
}

static void cancelled_asleep(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->fds[1].revents = POLLIN;
	woken_leading(sleeper);
	cancelled_leading(sleeper);
}

/* Sleep without the lock. The caller looks again, whatever ended the sleep, such as EINTR. */
static void poll_leading(struct sleeper *sleeper)
{
	struct cancel_point point =
		cancel_allow(sleeper->waiter->cancelled, sleeper->waiter->cancel_state);

	if (ppoll(sleeper->fds, 2, sleeper->forever ? NULL : &sleeper->until, NULL) < 0)
		sleeper->fds[1].revents = POLLIN;
	cancel_forbid(&point);
}

/* Sleep without the lock until the transport has an event, a thread wakes us, or `until`. */
static void sleep_leading(struct conn *conn, struct waiter *waiter, uint64_t now, uint64_t until)
{
	struct sleeper sleeper = {
		.conn = conn,
		.waiter = waiter,
		.fds = {{.fd = conn->domain->fd, .events = POLLIN},
			{.fd = conn->wait.wake_fd, .events = POLLIN}},
		.until = timespec_of(until > now ? until - now : 0),
		.forever = until == NEVER,
	};

	conn->wait.leader_asleep = true;
	conn_unlock(conn);
	pthread_cleanup_push(cancelled_asleep, &sleeper);
	poll_leading(&sleeper);
	pthread_cleanup_pop(0);
	woken_leading(&sleeper);
}

/* Be a cancellation point for a leader that never sleeps. */
static void let_cancel(struct conn *conn, struct waiter *waiter)
{
	struct sleeper sleeper = {.conn = conn, .waiter = waiter};
	struct cancel_point point;

	lock_assert_held(&conn->lock);
	pthread_cleanup_push(cancelled_leading, &sleeper);
	point = cancel_allow(waiter->cancelled, waiter->cancel_state);
	pthread_testcancel();
	cancel_forbid(&point);
	pthread_cleanup_pop(0);
}

static bool is_wanted(struct conn *conn)
{
	return atomic_load_explicit(&conn->wanted, memory_order_relaxed);
}

/* Poll the transport up to LOOKS times. Returns the number of events. */
static int look(struct conn *conn)
{
	int n, left = LOOKS;

	do
		n = conn_poll(conn);
	while (!n && --left && !is_wanted(conn));
	return n;
}

/*
 * Release the lock and yield the processor, so that threads that wait for the lock get it. The
 * number of yields is limited: with many threads one always waits, and only the leader polls.
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

/* Lead until ready or the deadline, and poll at least once. False: the deadline has passed. */
static bool lead(struct conn *conn, struct waiter *waiter, uint64_t deadline)
{
	struct spin *spin = &conn->wait.spin;
	uint64_t now = now_ns(), idle_since = now, budget = spin_budget(spin);
	unsigned rounds = 0;

	do {
		int n = look(conn);

		if (!(++rounds % ROUNDS_UNCANCELLED))
			let_cancel(conn, waiter);
		now = n ? conn->heard_ns : now_ns();
		conn_clock(conn, now);
		conn_flush(conn);
		if (n) {
			spin_hit(spin, now - idle_since);
			idle_since = now;
			budget = spin_budget(spin);
		} else if (now - idle_since < budget || conn->ops->arm(conn->domain)) {
			step_aside(conn);
		} else if (!waiter->ready(waiter)) {
			sleep_leading(conn, waiter, now, min_ns(deadline, conn_next_clock(conn)));
		}
	} while (!waiter->ready(waiter) && now < deadline);
	return now < deadline;
}

/*
 * True if no thread leads and there is a domain to poll. Without one, the reconnector will open it
 * and lead, and wake a follower when it leaves.
 */
static bool can_lead(const struct conn *conn)
{
	return !conn->wait.leader && conn->domain;
}

/* Wait on the thread's condition, which releases the lock meanwhile. */
static void wait_following(struct sleeper *sleeper)
{
	struct waiter *waiter = sleeper->waiter;
	struct lock *lock = &sleeper->conn->lock;
	struct cancel_point point = cancel_allow(waiter->cancelled, waiter->cancel_state);

	if (sleeper->forever)
		sleeper->err = lock_wait(lock, &waiter->cond);
	else
		sleeper->err = lock_wait_until(lock, &waiter->cond, &sleeper->until);
	cancel_forbid(&point);
}

static void stop_following(struct conn *conn, struct waiter *waiter)
{
	if (list_empty(&waiter->link))
		atomic_fetch_sub_explicit(&conn->wanted, 1, memory_order_relaxed);
	list_del(&waiter->link);
	pthread_cond_destroy(&waiter->cond);
}

/* The wait has acquired the lock again. If the thread was woken to lead, another has to. */
static void cancelled_following(void *arg)
{
	const struct sleeper *sleeper = arg;
	struct conn *conn = sleeper->conn;

	stop_following(conn, sleeper->waiter);
	if (!conn->wait.leader)
		hand_over(conn);
	sleeper->waiter->cancelled(sleeper->waiter);
}

/* Sleep as a follower until woken or the deadline. False: the deadline has passed. */
static bool follow(struct conn *conn, struct waiter *waiter, uint64_t deadline)
{
	struct sleeper sleeper = {
		.conn = conn,
		.waiter = waiter,
		.until = timespec_of(deadline),
		.forever = deadline == NEVER,
	};

	conn_flush(conn);
	pthread_cond_init(&waiter->cond, NULL);
	list_add_tail(&conn->wait.followers, &waiter->link);
	pthread_cleanup_push(cancelled_following, &sleeper);
	wait_following(&sleeper);
	pthread_cleanup_pop(0);
	stop_following(conn, waiter);
	return sleeper.err != ETIMEDOUT;
}

void conn_wait(struct conn *conn, struct waiter *waiter, uint64_t deadline)
{
	bool in_time = true;

	while (!waiter->ready(waiter) && in_time) {
		if (!can_lead(conn)) {
			in_time = follow(conn, waiter, deadline);
			continue;
		}
		begin_leading(conn, waiter);
		in_time = lead(conn, waiter, deadline);
		stop_leading(conn);
	}
	if (!conn->wait.leader)
		hand_over(conn);
}
