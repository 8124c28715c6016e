/* Waiting: by one, by many, in order, for a while, and with nobody at it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "client/ring/ring.h"
#include "client/usrbio.h"
#include "rig.h"

static struct rig rig;

static void start(int entries)
{
	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, entries, 0, 0);
}

static void *waits_forever(void *result)
{
	*(int64_t *)result = rig_wait(&rig.reads);
	return NULL;
}

Test(waiting, a_waiter_sees_what_another_thread_submits)
{
	int64_t result = 0;
	pthread_t thread;

	start(4);
	pthread_create(&thread, NULL, waits_forever, &result);
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 10), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(result, 10);
	rig_stop(&rig);
}

static void answer_backwards(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	struct io_result done[BATCH_MAX];

	for (size_t i = 0; i < io->n; i++) {
		const struct io_entry *entry = &io->io[io->n - 1 - i];

		done[i] = (struct io_result){io_tag(entry), (int64_t)entry->len};
	}
	play_send(s, conn,
		  &(struct message){.type = MSG_COMPLETION,
				    .completion = {.n = io->n, .done = done}});
}

Test(waiting, completions_come_in_the_order_of_preparing)
{
	struct hf3fs_cqe cqes[64];

	memset(&rig, 0, sizeof(rig));
	rig.server.lie = answer_backwards;
	rig_start(&rig, 64, 0, 0);
	for (int round = 0; round < 50; round++) {
		for (uint64_t i = 1; i <= 40; i++)
			cr_assert_geq(rig_prep(&rig, &rig.reads, 0, i), 0);
		cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
		cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 64, 40, NULL), 40);
		for (int i = 0; i < 40; i++)
			cr_assert_eq(cqes[i].result, i + 1);
	}
	rig_stop(&rig);
}

Test(waiting, a_timeout_gives_what_is_there)
{
	struct timespec past = {.tv_sec = 1}, soon;
	struct hf3fs_cqe cqe;

	start(4);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 10), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, &cqe, 1, 1, &past), 0);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 1000000000; /* a second too many, tolerated */
	soon.tv_sec -= 1;
	soon.tv_nsec += 5000000;
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, &cqe, 1, 1, &soon), 0);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(rig_wait(&rig.reads), 10, "it stayed under way");
	rig_stop(&rig);
}

Test(waiting, a_file_is_closed_when_its_last_io_is_handed_out)
{
	struct hf3fs_cqe cqes[5];
	int fds[5], other;

	start(8);
	other = rig_open(&rig);
	fds[0] = fds[1] = fds[3] = rig.fd;
	fds[2] = fds[4] = other;
	for (int i = 0; i < 5; i++)
		cr_assert_geq(hf3fs_prep_io(&rig.reads, &rig.iov, true, rig.iov.base, fds[i], 0, 10,
					    NULL),
			      0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_close(other);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 4, 4, NULL), 4);
	/* What is to be closed goes with the next message. */
	cr_assert_eq(rig_io(&rig, &rig.writes, 0, 10), 10);
	cr_assert_eq(atomic_load(&rig.server.nr_closes), 0);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 5, 1, NULL), 1);
	rig_until(atomic_load(&rig.server.nr_closes) == 1);
	rig_stop(&rig);
}

struct lane {
	struct hf3fs_ior ior;
	pthread_t thread;
	int rounds;
};

static void *rides(void *arg)
{
	struct lane *lane = arg;

	for (int i = 0; i < lane->rounds; i++)
		must(rig_io(&rig, &lane->ior, (uint64_t)i, 512) == 512);
	return NULL;
}

/* One leads, seven follow; the lead changes hands all the time, and must never be dropped. */
Test(waiting, eight_threads_share_a_connection)
{
	struct lane lanes[8];

	start(4);
	for (int i = 0; i < 8; i++) {
		lanes[i].rounds = 300;
		cr_assert_eq(hf3fs_iorcreate(&lanes[i].ior, rig.server.mount, 1, i % 2, 1, -1), 0);
		pthread_create(&lanes[i].thread, NULL, rides, &lanes[i]);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(lanes[i].thread, NULL);
		hf3fs_iordestroy(&lanes[i].ior);
	}
	rig_stop(&rig);
}

static _Atomic int handed_out;

static void *shares(void *arg)
{
	struct hf3fs_cqe cqes[8];
	int n;

	while ((n = hf3fs_wait_for_ios(&rig.reads, cqes, 8, 1, NULL)) > 0)
		atomic_fetch_add(&handed_out, n);
	must(n == -EINVAL);
	return arg;
}

Test(waiting, several_waiters_get_each_completion_once)
{
	pthread_t threads[4];
	int prepared = 0;

	start(32);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, shares, NULL);
	while (prepared < 5000) {
		int slot = rig_prep(&rig, &rig.reads, 0, 16);

		cr_assert(slot >= 0 || slot == -EAGAIN);
		prepared += slot >= 0;
		cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
		if (slot < 0)
			sched_yield();
	}
	rig_until(atomic_load(&handed_out) == prepared);
	hf3fs_iordestroy(&rig.reads); /* ends those who wait */
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	rig_stop(&rig);
}

/* What one waiter cannot use stays for the others. */
Test(waiting, a_waiter_takes_enough_or_nothing)
{
	struct hf3fs_cqe cqes[4];
	struct ring *ring;

	start(8);
	ring = ring_get((uintptr_t)rig.reads.iorh);
	for (int i = 0; i < 3; i++)
		cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 16), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(ring_nr_ready(ring) == 3);
	cr_assert_eq(ring_reap(ring, cqes, 4, 4), 0);
	cr_assert_eq(ring_reap(ring, cqes, 2, 2), 2);
	cr_assert_eq(ring_reap(ring, cqes, 2, 2), 0);
	cr_assert_eq(ring_reap(ring, cqes, 4, 1), 1);
	ring_put(ring);
	rig_stop(&rig);
}

Test(waiting, data_moves_while_nobody_waits)
{
	start(4);
	memset(rig.iov.base, 'w', 4096);
	cr_assert_geq(rig_prep(&rig, &rig.writes, 0, 4096), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.writes), 0);
	rig_until(((_Atomic uint8_t *)rig.server.file)[4095] == 'w');
	cr_assert_eq(rig_wait(&rig.writes), 4096);
	rig_stop(&rig);
}

Test(waiting, a_lost_connection_delays_every_io)
{
	struct hf3fs_cqe cqes[16];

	start(16);
	atomic_store(&rig.server.hold, true);
	for (int i = 0; i < 16; i++)
		cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 16), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	atomic_store(&rig.server.cut, true);
	rig_until(atomic_load(&rig.server.nr_batches) == 2);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 16, 16, NULL), 16);
	for (int i = 0; i < 16; i++)
		cr_assert_eq(cqes[i].result, 16);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 16, 0, NULL), 0, "once each");
	rig_stop(&rig);
}

Test(waiting, destroying_a_ring_waits_for_its_io)
{
	start(4);
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 16), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 16), 0); /* never submitted */
	hf3fs_iordestroy(&rig.reads);
	rig_stop(&rig);
}

Test(waiting, a_ping_comes_back)
{
	struct usrbio_counters counters;
	uint64_t ns = 0;

	start(4);
	cr_assert_eq(usrbio_ping(rig.server.mount, &ns), 0);
	cr_assert_gt(ns, 0);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16);
	cr_assert_eq(usrbio_counters(rig.server.mount, &counters), 0);
	cr_assert_eq(counters.ios, 1);
	cr_assert_eq(usrbio_ping("tcp://", &ns), -EINVAL);
	rig_stop(&rig);
}
