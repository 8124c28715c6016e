/*
 * Who drives a connection while several wait, and what happens to those who were not looking. These
 * look at the connection itself: the progress thread would hide most of it from a user.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "client/ring/send/batch.h"
#include "common/base/clock.h"
#include "client/calls/request.h"
#include "client/conn/conn.h"
#include "client/ring/send/dispatch.h"
#include "client/ring/ring.h"
#include "rig.h"

static struct rig rig;

static struct conn *conn_of(const struct hf3fs_ior *ior)
{
	struct ring *ring = ring_get((uintptr_t)ior->iorh);
	struct conn *conn = ring->conn;

	ring_put(ring);
	return conn;
}

struct sight {
	bool leader, asleep, unattended;
	unsigned followers;
};

static struct sight look_at(struct conn *conn)
{
	struct sight sight = {0};

	conn_lock(conn);
	sight.leader = conn->wait.leader;
	sight.asleep = conn->wait.leader_asleep;
	sight.unattended = conn->wait.unattended;
	list_for_each (it, &conn->wait.followers)
		sight.followers++;
	conn_unlock(conn);
	return sight;
}

/* I/Os shorter than 100 stay where they are until one arrives that is 100 longer. */
static void keep_until_called(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	static uint32_t kept[100];

	for (size_t i = 0; i < io->n; i++) {
		uint32_t tag = io_tag(&io->io[i]);
		uint64_t len = io->io[i].len;

		if (len < 100) {
			kept[len] = tag;
			continue;
		}
		play_complete(s, conn, kept[len - 100], (int64_t)len - 100);
		play_complete(s, conn, tag, (int64_t)len);
	}
}

static void submit(const struct hf3fs_ior *ior, uint64_t len)
{
	cr_assert_geq(rig_prep(&rig, ior, 0, len), 0);
	cr_assert_eq(hf3fs_submit_ios(ior), 0);
}

static void *waits_for_one(void *ior)
{
	return (void *)(intptr_t)rig_wait(ior);
}

Test(leading, who_leaves_hands_over_the_lead)
{
	pthread_t first, second;
	struct hf3fs_ior calls;
	struct conn *conn;
	struct sight sight;
	void *result;

	memset(&rig, 0, sizeof(rig));
	rig.server.lie = keep_until_called;
	rig_start(&rig, 4, 0, 0);
	cr_assert_eq(hf3fs_iorcreate(&calls, rig.server.mount, 4, true, 0, -1), 0);
	conn = conn_of(&rig.reads);
	submit(&rig.reads, 10);
	pthread_create(&first, NULL, waits_for_one, &rig.reads);
	rig_until(look_at(conn).leader);
	submit(&rig.writes, 20);
	pthread_create(&second, NULL, waits_for_one, &rig.writes);
	rig_until(look_at(conn).followers == 1);
	submit(&calls, 110);
	pthread_join(first, &result);
	cr_assert_eq((intptr_t)result, 10);
	/* Nothing comes for the second one; it has to be told that it leads now. */
	do {
		sight = look_at(conn);
		sched_yield();
	} while (!sight.leader || sight.followers);
	submit(&calls, 120);
	pthread_join(second, &result);
	cr_assert_eq((intptr_t)result, 20);
	cr_assert_eq(atomic_load(&conn->wanted), 0, "whoever waited for the lock has had it");
	hf3fs_iordestroy(&calls);
	rig_stop(&rig);
}

struct request_waiter {
	struct waiter waiter;
	const struct request *request;
};

static bool is_done(const struct waiter *waiter)
{
	return ((const struct request_waiter *)(const void *)waiter)->request->done;
}

Test(leading, the_silence_before_a_request_is_no_reproach)
{
	struct request request = {.kind = REQUEST_PING};
	struct request_waiter w = {.waiter = {.ready = is_done}, .request = &request};
	struct conn *conn;

	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 4, 0, 0);
	conn = conn_of(&rig.reads);
	conn_lock(conn);
	conn->heard_ns = now_ns() - 3600 * NS_PER_S;
	request_start(conn, &request);
	conn_clock(conn, now_ns());
	conn_wait(conn, &w.waiter, NEVER);
	conn_unlock(conn);
	cr_assert_eq(request.status, 0);
	rig_stop(&rig);
}

/* The leader lay down when nothing was owed; nobody but the progress thread knows the deadline. */
Test(leading, a_server_that_falls_silent_is_given_up_under_a_sleeping_leader)
{
	pthread_t thread;
	struct sight sight;
	struct conn *conn;
	void *result;

	memset(&rig, 0, sizeof(rig));
	play_start(&rig.server);
	strcat(rig.server.mount, "?timeout=1");
	rig.fd = rig_open(&rig);
	cr_assert_eq(hf3fs_iorcreate(&rig.reads, rig.server.mount, 4, true, 0, -1), 0);
	cr_assert_eq(hf3fs_iovcreate(&rig.iov, rig.server.mount, RIG_IOV, 0, -1), 0);
	atomic_store(&rig.server.hold, true);
	conn = conn_of(&rig.reads);
	pthread_create(&thread, NULL, waits_for_one, &rig.reads);
	do {
		sight = look_at(conn);
		sched_yield();
	} while (!sight.asleep || !sight.unattended);
	submit(&rig.reads, 10);
	pthread_join(thread, &result);
	cr_assert_eq((intptr_t)result, -EREMOTEIO);
	rig_stop(&rig);
}

/* Until the progress thread sleeps on the connection, since nobody waits. */
static void until_watched(struct conn *conn)
{
	bool watched;

	do {
		conn_lock(conn);
		watched = conn->wait.watched;
		conn_unlock(conn);
		sched_yield();
	} while (!watched);
}

/* A write that the server has, and has not begun with. */
static struct conn *start_write_under_watch(void)
{
	struct conn *conn;

	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 4, 0, 0);
	atomic_store(&rig.server.hold, true);
	memset(rig.iov.base, 'w', 4096);
	submit(&rig.writes, 4096);
	conn = conn_of(&rig.writes);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	until_watched(conn);
	return conn;
}

static void expect_write_without_waiting(void)
{
	struct ring *ring = ring_get((uintptr_t)rig.writes.iorh);

	atomic_store(&rig.server.hold, false);
	rig_until(ring_nr_ready(ring) == 1);
	ring_put(ring);
	cr_assert_eq(rig_wait(&rig.writes), 4096);
	rig_stop(&rig);
}

struct turns_waiter {
	struct waiter waiter;
	unsigned *left;
};

static bool is_tired(const struct waiter *waiter)
{
	const struct turns_waiter *w = (const struct turns_waiter *)(const void *)waiter;

	if (!*w->left)
		return true;
	--*w->left;
	return false;
}

/* A leader that polled, which undoes arming, and left before it armed: the thread is called back.
 */
Test(leading, who_leads_for_a_moment_calls_the_progress_thread_back)
{
	struct conn *conn = start_write_under_watch();
	unsigned left = 1; /* before it leads */
	struct turns_waiter w = {.waiter = {.ready = is_tired}, .left = &left};

	conn_lock(conn);
	spin_init(&conn->wait.spin); /* it will not sleep at once */
	conn_wait(conn, &w.waiter, NEVER);
	conn_unlock(conn);
	expect_write_without_waiting();
}

/* The same for a look of one who does not wait. */
Test(leading, who_only_looks_leaves_the_connection_watched)
{
	struct hf3fs_cqe cqe;

	start_write_under_watch();
	cr_assert_eq(hf3fs_wait_for_ios(&rig.writes, &cqe, 1, 0, NULL), 0);
	expect_write_without_waiting();
}

static void *destroys(void *ior)
{
	hf3fs_iordestroy(ior);
	return NULL;
}

/* What a thread inside submit_ios puts into the connection's line must not outlive the ring. */
Test(leading, a_ring_destroyed_under_a_submitter_leaves_the_line)
{
	struct ring *ring;
	struct conn *conn;
	pthread_t thread;

	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 4, 0, 0);
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 10), 0);
	ring = ring_get((uintptr_t)rig.reads.iorh);
	conn = ring->conn;
	pthread_create(&thread, NULL, destroys, &rig.reads);
	rig_until(!objpool_alive(&ring->pooled, ring->handle));
	/* Its first cancelling is behind us. */
	rig_until(look_at(conn).leader);
	conn_lock(conn);
	conn->blocked = true;
	batch_submitted(ring);
	cr_assert(!list_empty(&dispatch_of(conn)->rings[PRIORITY_NORMAL]));
	conn_unlock(conn);
	ring_put(ring);
	pthread_join(thread, NULL);
	conn_lock(conn);
	cr_assert(list_empty(&dispatch_of(conn)->rings[PRIORITY_NORMAL]));
	conn->blocked = false;
	conn_unlock(conn);
	rig_stop(&rig);
}
