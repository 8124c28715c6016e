/* Rings of different priorities at one connection, when the server takes no more: who goes next. */
#include <criterion/criterion.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

#include "client/conn/conn.h"
#include "client/ring/send/dispatch.h"
#include "client/ring/ring.h"
#include "rig.h"

enum { WINDOW = 4, MOST = 512 };

static struct rig rig;

/* Of the I/Os in the order in which the server got them. */
struct order {
	unsigned n, nr[NR_PRIORITIES], first[NR_PRIORITIES], last[NR_PRIORITIES];
};

static struct order order_of(void)
{
	struct order order = {0};

	for (unsigned i = 0; i < atomic_load(&rig.server.nr_batches); i++) {
		const struct play_batch *batch = &rig.server.batches[i];

		if (!order.nr[batch->priority])
			order.first[batch->priority] = order.n;
		order.nr[batch->priority] += batch->n;
		order.n += batch->n;
		order.last[batch->priority] = order.n - 1;
	}
	return order;
}

static void submit(const struct hf3fs_ior *ior, int n)
{
	for (int i = 0; i < n; i++)
		cr_assert_geq(rig_prep(&rig, ior, 0, 16), 0);
	cr_assert_eq(hf3fs_submit_ios(ior), 0);
}

/*
 * nr[p] I/Os of each priority, submitted by low first and high last while the server is full of
 * other I/O; then it goes on.
 */
static struct order run(const int nr[NR_PRIORITIES])
{
	struct hf3fs_ior iors[NR_PRIORITIES];
	static struct hf3fs_cqe cqes[MOST];

	memset(&rig, 0, sizeof(rig));
	rig.server.max_inflight = WINDOW;
	rig_start(&rig, WINDOW, 0, 0);
	atomic_store(&rig.server.hold, true);
	submit(&rig.writes, WINDOW);
	for (int p = PRIORITY_LOW; p >= PRIORITY_HIGH; p--) {
		cr_assert_eq(hf3fs_iorcreate2(&iors[p], rig.server.mount, MOST, true, 0,
					      p - PRIORITY_NORMAL, -1),
			     0);
		submit(&iors[p], nr[p]);
	}
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	atomic_store(&rig.server.hold, false);
	for (int p = 0; p < NR_PRIORITIES; p++)
		cr_assert_eq(hf3fs_wait_for_ios(&iors[p], cqes, MOST, nr[p], NULL), nr[p]);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.writes, cqes, MOST, WINDOW, NULL), WINDOW);
	for (int p = 0; p < NR_PRIORITIES; p++)
		hf3fs_iordestroy(&iors[p]);
	rig_stop(&rig);
	return order_of();
}

Test(priorities, a_full_server_gets_high_before_normal_before_low)
{
	struct order order = run((const int[]){40, 200, 200});

	cr_assert_eq(order.n, WINDOW + 440);
	cr_assert_eq(order.first[PRIORITY_HIGH], WINDOW);
	cr_assert_eq(order.last[PRIORITY_HIGH], WINDOW + 39, "no other in between");
	cr_assert_lt(order.last[PRIORITY_NORMAL], order.last[PRIORITY_LOW]);
	cr_assert_lt(order.last[PRIORITY_NORMAL], WINDOW + 40 + 300, "normal has the larger share");
}

Test(priorities, none_starves)
{
	struct order order = run((const int[]){400, 100, 25});

	/* Each has a share of what is sent before high is through. */
	cr_assert_lt(order.first[PRIORITY_NORMAL], order.last[PRIORITY_HIGH]);
	cr_assert_lt(order.first[PRIORITY_LOW], order.last[PRIORITY_HIGH] / 2);
	cr_assert_lt(order.last[PRIORITY_LOW], WINDOW + 525);
	cr_assert_gt(order.last[PRIORITY_HIGH], 400, "high did not go first all the time");
}

/* What piled up while there was no room to send goes in messages no larger than each one's share.
 */
Test(priorities, a_message_is_no_larger_than_its_share)
{
	static const struct play_batch want[] = {
		{.priority = PRIORITY_HIGH, .n = 64},  {.priority = PRIORITY_NORMAL, .n = 16},
		{.priority = PRIORITY_LOW, .n = 4},    {.priority = PRIORITY_HIGH, .n = 36},
		{.priority = PRIORITY_NORMAL, .n = 4}, {.priority = PRIORITY_LOW, .n = 16},
	};
	static const int nr[NR_PRIORITIES] = {100, 20, 20};
	struct hf3fs_ior iors[NR_PRIORITIES];
	struct hf3fs_cqe cqes[MOST];
	struct ring *ring;

	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 4, 0, 0);
	ring = ring_get((uintptr_t)rig.reads.iorh);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16, "connected, and the memory known");
	conn_lock(ring->conn);
	ring->conn->blocked = true;
	wrr_init(&dispatch_of(ring->conn)->wrr);
	conn_unlock(ring->conn);
	for (int p = PRIORITY_LOW; p >= PRIORITY_HIGH; p--) {
		cr_assert_eq(hf3fs_iorcreate2(&iors[p], rig.server.mount, MOST, true, 0,
					      p - PRIORITY_NORMAL, -1),
			     0);
		submit(&iors[p], nr[p]);
	}
	conn_lock(ring->conn);
	ring->conn->blocked = false;
	conn_pump(ring->conn);
	conn_unlock(ring->conn);
	for (int p = 0; p < NR_PRIORITIES; p++) {
		cr_assert_eq(hf3fs_wait_for_ios(&iors[p], cqes, MOST, nr[p], NULL), nr[p]);
		hf3fs_iordestroy(&iors[p]);
	}
	cr_assert_eq(atomic_load(&rig.server.nr_batches), 1 + sizeof(want) / sizeof(*want));
	for (unsigned i = 0; i < sizeof(want) / sizeof(*want); i++) {
		cr_assert_eq(rig.server.batches[1 + i].priority, want[i].priority, "message %u", i);
		cr_assert_eq(rig.server.batches[1 + i].n, want[i].n, "message %u", i);
	}
	ring_put(ring);
	rig_stop(&rig);
}

/* Rings of one priority take turns, however much each has to send. */
Test(priorities, equals_take_turns)
{
	struct hf3fs_cqe cqes[MOST];
	struct hf3fs_ior other;

	memset(&rig, 0, sizeof(rig));
	rig.server.max_inflight = WINDOW;
	rig_start(&rig, MOST, -1, 0);
	cr_assert_eq(hf3fs_iorcreate(&other, rig.server.mount, MOST, true, -1, -1), 0);
	atomic_store(&rig.server.hold, true);
	submit(&rig.writes, MOST);
	submit(&other, 50);
	rig_until(atomic_load(&rig.server.nr_batches) == WINDOW);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(hf3fs_wait_for_ios(&other, cqes, 50, 50, NULL), 50);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.writes, cqes, MOST, MOST, NULL), MOST);
	for (unsigned i = WINDOW + 1; i < WINDOW + 100; i++)
		cr_assert_neq(rig.server.batches[i].op, rig.server.batches[i - 1].op, "message %u",
			      i);
	hf3fs_iordestroy(&other);
	rig_stop(&rig);
}

Test(priorities, only_the_sign_counts)
{
	static const struct {
		int given;
		uint32_t sent;
	} rows[] = {
		{INT_MIN, PRIORITY_HIGH}, {-2, PRIORITY_HIGH}, {-1, PRIORITY_HIGH},
		{0, PRIORITY_NORMAL},	  {1, PRIORITY_LOW},   {2, PRIORITY_LOW},
		{INT_MAX, PRIORITY_LOW},
	};
	struct hf3fs_ior ior;

	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 4, 0, 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cr_assert_eq(
			hf3fs_iorcreate3(&ior, rig.server.mount, 1, i % 2, 1, rows[i].given, 0, -1),
			0);
		cr_assert_eq(ior.priority, rows[i].given);
		cr_assert_eq(rig_io(&rig, &ior, 0, 16), 16);
		cr_assert_eq(rig.server.batches[i].priority, rows[i].sent);
		hf3fs_iordestroy(&ior);
	}
	rig_stop(&rig);
}
