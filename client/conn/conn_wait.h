/*
 * Waiting on a connection, by leader and followers. One of the waiting threads is the leader: it
 * polls the connection for all of them. It spins for as long as spinning has been successful lately
 * (common/base/spin.h), and then sleeps on the descriptor of the connection. Each follower sleeps
 * on its own condition variable. It is woken when the thing that it waits for is there, or when the
 * leader leaves and a new one is needed.
 */
#ifndef USRBIO_CLIENT_CONN_CONN_WAIT_H
#define USRBIO_CLIENT_CONN_CONN_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "common/base/spin.h"

struct conn;

/* A thread that waits. The struct is on its stack. */
struct waiter {
	/* True if the wait is over. Called with the connection's lock held. */
	bool (*ready)(const struct waiter *waiter);
	/*
	 * Called if the thread is cancelled while it waits (see cancel.h). The connection's lock is
	 * held, and this function releases it; conn_wait does not return. NULL: the wait is no
	 * cancellation point.
	 */
	void (*cancelled)(struct waiter *waiter);
	int cancel_state; /* with `cancelled`: the thread's cancel state as the program set it */
	/* These are used while the thread is a follower. */
	pthread_cond_t cond;
	struct list link;
};

/* The waiting threads of a connection, under its lock. */
struct waiting {
	struct list followers;
	struct waiter *leader;
	bool leader_asleep; /* it is in ppoll(2) without the lock; a write to wake_fd wakes it */
	bool wake_pending; /* a wait may be over: conn_wake is called before the lock is released */
	int wake_fd;
	uint64_t drives; /* counts leads and polls, so that the progress thread sees whether other
			    threads drive the connection */
	struct spin spin;
	/*
	 * watched: the progress thread sleeps on the domain, which is armed; polling undoes that.
	 * unattended: it does not sleep on it any more, and a leader that stops leading wakes it.
	 */
	bool watched, unattended;
};

/*
 * Wait until ready or the deadline (NEVER, or in now_ns's time), while this thread or another one
 * drives the connection. The lock is held before and after, but not all the time in between.
 */
void conn_wait(struct conn *conn, struct waiter *waiter, uint64_t deadline);

/* Wake the threads whose wait is over. Called before the lock is released. */
void conn_wake(struct conn *conn);

/* Wake a sleeping leader, so that it looks at the deadlines and the domain again. */
void conn_wake_leader(struct conn *conn);

#endif
