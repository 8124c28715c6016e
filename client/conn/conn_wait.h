/*
 * Waiting on a connection, by leader and followers. Of all threads that wait, one leads: it polls
 * the connection for everybody, spinning for as long as that paid lately (common/base/spin.h) and
 * then asleep on the connection's descriptor. The others sleep each on its own condition and are
 * woken when what they wait for is there, or to take the lead when the leader is done.
 */
#ifndef USRBIO_CLIENT_CONN_CONN_WAIT_H
#define USRBIO_CLIENT_CONN_CONN_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "common/base/spin.h"

struct conn;

/* A thread that waits; on its stack. */
struct waiter {
	/* Is there what the thread waits for? Called with the connection's lock held. */
	bool (*ready)(const struct waiter *waiter);
	/*
	 * The thread is cancelled while it waits (see cancel.h): called instead of returning, with
	 * the connection's lock held, which it releases. NULL: it is not cancelled here.
	 */
	void (*cancelled)(struct waiter *waiter);
	int cancel_state; /* with `cancelled`: the state that the program has chosen for the thread
			   */
	/* Used while it follows. */
	pthread_cond_t cond;
	struct list link;
};

/* The waiting threads of a connection, under its lock. */
struct waiting {
	struct list followers;
	struct waiter *leader;
	bool leader_asleep; /* in poll(2), with the lock released; writing to wake_fd ends that */
	bool wake_pending;  /* something may have become ready: to be looked at before unlocking */
	int wake_fd;
	uint64_t drives; /* counts leads and polls: by it the progress thread sees that others drive
			    it */
	struct spin spin;
	/*
	 * Polling undoes arming. watched: the progress thread sleeps on the armed domain.
	 * unattended: it does not any more, and the leader calls it back.
	 */
	bool watched, unattended;
};

/*
 * Wait until ready or the deadline (NEVER, or in now_ns's time), while this thread or another one
 * drives the connection. The lock is held before and after, but not all the time in between.
 */
void conn_wait(struct conn *conn, struct waiter *waiter, uint64_t deadline);

/* Wake the threads whose wait is over: before the lock is released, if wake_pending is set. */
void conn_wake(struct conn *conn);

/* Make a sleeping leader look again at deadlines. */
void conn_wake_leader(struct conn *conn);

#endif
