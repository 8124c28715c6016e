/*
 * Threads cancelled while they wait, seen from inside: the lead of the connection and the list of
 * followers, which the progress thread would soon put right for a user who only looks at results.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/conn/conn.h"
#include "client/ring/ring.h"
#include "rig.h"

#define NR_RINGS  4
#define NR_ROUNDS 60

static struct rig rig;
static struct hf3fs_ior rings[NR_RINGS];
static struct conn *conn;

static void *waits(void *ior)
{
	struct hf3fs_cqe cqe;

	must(hf3fs_wait_for_ios(ior, &cqe, 1, 1, NULL) == 1);
	return (void *)(intptr_t)cqe.result;
}

static void start(void)
{
	struct ring *ring;

	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 8, 0, 0);
	for (int i = 0; i < NR_RINGS; i++)
		must(!hf3fs_iorcreate(&rings[i], rig.server.mount, 4, true, 0, -1));
	ring = ring_get((uintptr_t)rig.reads.iorh);
	conn = ring->conn;
	ring_put(ring);
}

static void stop(void)
{
	for (int i = 0; i < NR_RINGS; i++)
		hf3fs_iordestroy(&rings[i]);
	rig_stop(&rig);
}

/* Nobody waits, and nobody is left in a list: nothing is to be done for those who have ended. */
static void expect_nobody(void)
{
	conn_lock(conn);
	must(!conn->wait.leader && !conn->wait.leader_asleep);
	must(list_empty(&conn->wait.followers));
	conn_unlock(conn);
	must(!atomic_load(&conn->wanted));
	for (int i = 0; i < NR_RINGS; i++) {
		struct ring *ring = ring_get((uintptr_t)rings[i].iorh);

		must(!ring->nr_waiters);
		must((atomic_load(&ring->pooled.state) & POOL_PINS) == 1);
		ring_put(ring);
	}
}

static unsigned nr_followers(void)
{
	unsigned n = 0;

	conn_lock(conn);
	list_for_each (it, &conn->wait.followers)
		n++;
	conn_unlock(conn);
	return n;
}

static bool is_led(void)
{
	bool led;

	conn_lock(conn);
	led = conn->wait.leader && conn->wait.leader_asleep;
	conn_unlock(conn);
	return led;
}

/* The first leads, asleep, and the others follow, each on a ring of its own. */
static void start_waiters(pthread_t *threads, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		must(!pthread_create(&threads[i], NULL, waits, &rings[i]));
		rig_until(is_led());
		rig_until(nr_followers() == i);
	}
}

static void end(pthread_t thread, void *wanted)
{
	void *result;

	must(!pthread_join(thread, &result));
	must(result == wanted);
}

static void complete(unsigned i)
{
	must(rig_prep(&rig, &rings[i], 0, 100 + i) >= 0);
	must(!hf3fs_submit_ios(&rings[i]));
}

/* Nothing arrives for the second one: somebody has to tell it that it leads now. */
static void a_leader(void)
{
	pthread_t threads[2];

	start_waiters(threads, 2);
	must(!pthread_cancel(threads[0]));
	end(threads[0], PTHREAD_CANCELED);
	rig_until(is_led() && !nr_followers());
	complete(1);
	end(threads[1], (void *)101);
	expect_nobody();
}

static void a_follower(void)
{
	pthread_t threads[3];

	start_waiters(threads, 3);
	must(!pthread_cancel(threads[1]));
	end(threads[1], PTHREAD_CANCELED);
	must(is_led() && nr_followers() == 1);
	complete(2);
	end(threads[2], (void *)102);
	complete(0);
	end(threads[0], (void *)100);
	expect_nobody();
}

/* The leader, and the one that it hands over to: the third has to lead, whoever is quicker. */
static void both(void)
{
	pthread_t threads[3];

	for (int round = 0; round < NR_ROUNDS; round++) {
		start_waiters(threads, 3);
		conn_lock(conn);
		must(!pthread_cancel(threads[round % 2]));
		for (int i = 0; i < round; i++)
			sched_yield();
		must(!pthread_cancel(threads[1 - round % 2]));
		conn_unlock(conn);
		end(threads[0], PTHREAD_CANCELED);
		end(threads[1], PTHREAD_CANCELED);
		rig_until(is_led() && !nr_followers());
		complete(2);
		end(threads[2], (void *)102);
		expect_nobody();
	}
}

/* A cancelled thread that finds its completion there takes it or leaves it, and loses none. */
static void with_a_completion(void)
{
	struct hf3fs_cqe cqe;
	pthread_t thread;
	unsigned nr_left = 0;
	void *result;

	for (int round = 0; round < NR_ROUNDS; round++) {
		start_waiters(&thread, 1);
		complete(0);
		for (int i = 0; i < round; i++)
			sched_yield();
		must(!pthread_cancel(thread));
		must(!pthread_join(thread, &result));
		if (result == PTHREAD_CANCELED) {
			must(hf3fs_wait_for_ios(&rings[0], &cqe, 1, 1, NULL) == 1);
			must(cqe.result == 100);
			nr_left++;
		} else {
			must(result == (void *)100);
		}
		must(hf3fs_wait_for_ios(&rings[0], &cqe, 1, 0, NULL) == 0);
		expect_nobody();
	}
	printf("%u of %u were left to others\n", nr_left, NR_ROUNDS);
}

/* A ring destroyed at that moment ends, too. */
static void on_a_dying_ring(void)
{
	struct hf3fs_ior ring;
	pthread_t threads[2];
	void *result;

	for (int round = 0; round < NR_ROUNDS; round++) {
		must(!hf3fs_iorcreate(&ring, rig.server.mount, 4, true, 0, -1));
		must(!pthread_create(&threads[0], NULL, waits, &rings[0]));
		rig_until(is_led());
		must(!pthread_create(&threads[1], NULL, waits, &ring));
		rig_until(nr_followers() == 1);
		must(!pthread_cancel(threads[1]));
		end(threads[1], PTHREAD_CANCELED);
		hf3fs_iordestroy(&ring);
		must(!pthread_cancel(threads[0]));
		must(!pthread_join(threads[0], &result));
		expect_nobody();
	}
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"a-leader", a_leader},
		{"a-follower", a_follower},
		{"both", both},
		{"with-a-completion", with_a_completion},
		{"on-a-dying-ring", on_a_dying_ring},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start();
		cases[i].run();
		stop();
		printf("RESULT cancel-%s ok\n", cases[i].name);
	}
	return 0;
}
