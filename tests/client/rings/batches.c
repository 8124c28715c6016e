/* What io_depth, priority and flags make of submitted I/Os, as the server sees it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

#include "client/ring/send/batch.h"
#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/ring/ring.h"
#include "rig.h"

static struct rig rig;

static void start(int entries, int io_depth, int timeout_ms)
{
	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, entries, io_depth, timeout_ms);
}

static void submit(int n)
{
	for (int i = 0; i < n; i++)
		cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 16), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
}

static void collect(int n)
{
	struct hf3fs_cqe cqes[1024];

	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, n, n, NULL), n);
	for (int i = 0; i < n; i++)
		cr_assert_eq(cqes[i].result, 16);
}

static void expect_batches(unsigned n, const uint32_t *sizes)
{
	cr_assert_eq(atomic_load(&rig.server.nr_batches), n);
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(rig.server.batches[i].n, sizes[i], "batch %u has %u", i,
			     rig.server.batches[i].n);
}

Test(batches, depth_0_sends_everything_at_once)
{
	start(1024, 0, 0);
	submit(600);
	collect(600);
	expect_batches(3, (uint32_t[]){BATCH_MAX, BATCH_MAX, 600 - 2 * BATCH_MAX});
	rig_stop(&rig);
}

static unsigned nr_seen(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < atomic_load(&rig.server.nr_batches); i++)
		n += rig.server.batches[i].n;
	return n;
}

/* One by one, in two rounds; and what is left over at the end is never sent. */
static void expect_multiples_of(int depth)
{
	enum { ENTRIES = 12 };

	start(ENTRIES, depth, 0);
	for (int i = 1; i <= 2 * ENTRIES; i++) {
		submit(1);
		if (i % depth)
			continue;
		collect(depth);
		cr_assert_eq(nr_seen(), (unsigned)i);
	}
	submit(ENTRIES - 1);
	rig_stop(&rig);
	for (unsigned i = 0; i < atomic_load(&rig.server.nr_batches); i++)
		cr_assert_eq(rig.server.batches[i].n % (unsigned)depth, 0);
	cr_assert_eq(nr_seen(), (unsigned)((3 * ENTRIES - 1) / depth * depth));
}

Test(batches, positive_depth_sends_exact_multiples)
{
	expect_multiples_of(1);
	expect_multiples_of(3);
	expect_multiples_of(4);
	expect_multiples_of(12);
}

/* What waits for company holds its file and its memory, and no longer than the ring lives. */
Test(batches, a_destroyed_remainder_lets_go_of_file_and_memory)
{
	struct hf3fs_ior other;
	struct hf3fs_iov iov;
	int fd;

	start(16, 4, 0);
	fd = rig_open(&rig);
	cr_assert_eq(hf3fs_iorcreate(&other, rig.server.mount, 1, true, 0, -1), 0);
	cr_assert_eq(hf3fs_iovcreate(&iov, rig.server.mount, 4096, 0, -1), 0);
	for (int i = 0; i < 6; i++)
		cr_assert_geq(hf3fs_prep_io(&rig.reads, &iov, true, iov.base, fd, 0, 16, NULL), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	collect(4);
	rig_close(fd);
	cr_assert_eq(rig_io(&rig, &other, 0, 16), 16, "takes along what is to be closed");
	cr_assert_eq(atomic_load(&rig.server.nr_closes), 0);
	hf3fs_iordestroy(&rig.reads);
	hf3fs_iovdestroy(&iov);
	rig_until(atomic_load(&rig.server.nr_closes) == 1);
	hf3fs_iordestroy(&other);
	cr_assert_eq(atomic_load(&rig.server.nr_drops), 1);
	cr_assert_eq(nr_seen(), 4 + 1);
	rig_stop(&rig);
}

Test(batches, negative_depth_limits_a_batch)
{
	start(16, -4, 0);
	submit(10);
	collect(10);
	expect_batches(3, (uint32_t[]){4, 4, 2});
	rig_stop(&rig);
}

Test(batches, none_waits_for_the_one_before)
{
	struct hf3fs_cqe cqe;

	start(16, -4, 0);
	atomic_store(&rig.server.hold, true);
	submit(10);
	rig_until(atomic_load(&rig.server.nr_batches) == 3);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, &cqe, 1, 0, NULL), 0);
	atomic_store(&rig.server.hold, false);
	collect(10);
	rig_stop(&rig);
}

Test(batches, the_limit_of_a_batch_holds_when_the_server_is_full)
{
	memset(&rig, 0, sizeof(rig));
	rig.server.max_inflight = 7;
	rig_start(&rig, 64, -3, 0);
	for (int round = 0; round < 10; round++) {
		submit(64);
		collect(64);
	}
	for (unsigned i = 0; i < atomic_load(&rig.server.nr_batches); i++)
		cr_assert_leq(rig.server.batches[i].n, 3);
	cr_assert_eq(nr_seen(), 640);
	rig_stop(&rig);
}

Test(batches, depth_may_be_as_negative_as_can_be)
{
	start(600, INT_MIN, 0);
	submit(600);
	collect(600);
	expect_batches(3, (uint32_t[]){BATCH_MAX, BATCH_MAX, 600 - 2 * BATCH_MAX});
	rig_stop(&rig);
	start(16, INT_MIN, 1);
	submit(16);
	collect(16);
	expect_batches(1, (uint32_t[]){16});
	rig_stop(&rig);
}

/* When the ring's incomplete batch is due; 0: it has none that waits. */
static uint64_t due_ns(struct ring *ring)
{
	uint64_t due;

	conn_lock(ring->conn);
	due = list_empty(&ring->timer) ? 0 : ring->due_ns;
	conn_unlock(ring->conn);
	return due;
}

static void pretend_it_is(struct ring *ring, uint64_t now)
{
	conn_lock(ring->conn);
	batch_timers(ring->conn, now);
	conn_unlock(ring->conn);
}

Test(batches, the_time_counts_from_the_first_entry)
{
	const uint64_t hour = 3600 * NS_PER_S;
	uint64_t before, after, due;
	struct ring *ring;

	start(16, -4, 3600 * 1000);
	ring = ring_get((uintptr_t)rig.reads.iorh);
	before = now_ns();
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 16), 0);
	after = now_ns();
	submit(0);
	due = due_ns(ring);
	cr_assert(due >= before + hour && due <= after + hour);
	/* Others that come later change nothing. */
	submit(1);
	submit(1);
	cr_assert_eq(due_ns(ring), due);
	pretend_it_is(ring, due - 1);
	cr_assert_eq(ring->sent, 0);
	pretend_it_is(ring, due);
	collect(3);
	expect_batches(1, (uint32_t[]){3});
	cr_assert_eq(due_ns(ring), 0);
	/* The next one has its own time, and none any more once it is complete. */
	submit(1);
	cr_assert_gt(due_ns(ring), after + hour);
	submit(3);
	cr_assert_eq(due_ns(ring), 0);
	collect(4);
	/* Beyond a whole batch the time is that of the first one left over. */
	before = now_ns();
	submit(5);
	cr_assert_gt(due_ns(ring), before + hour);
	collect(4);
	expect_batches(3, (uint32_t[]){3, 4, 4});
	ring_put(ring);
	rig_stop(&rig);
}

Test(batches, an_incomplete_batch_goes_when_its_time_is_up)
{
	uint64_t begin;

	start(16, -4, 50);
	begin = now_ns();
	submit(5);
	collect(5);
	cr_assert_geq(now_ns() - begin, 50 * NS_PER_MS, "not before");
	expect_batches(2, (uint32_t[]){4, 1});
	rig_stop(&rig);
}

Test(batches, the_time_passes_while_nobody_waits)
{
	struct hf3fs_cqe cqe;

	start(16, -4, 1);
	submit(2);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	rig_until(hf3fs_wait_for_ios(&rig.reads, &cqe, 1, 0, NULL) == 1);
	collect(1);
	rig_stop(&rig);
}

Test(batches, a_batch_says_what_the_ring_is)
{
	struct hf3fs_ior ior;

	start(4, 0, 0);
	cr_assert_eq(hf3fs_iorcreate4(&ior, rig.server.mount, 4, true, 0, 0, -1,
				      HF3FS_IOR_FORBID_READ_HOLES |
					      HF3FS_IOR_ALLOW_READ_UNCOMMITTED | 1ull << 40),
		     0);
	cr_assert_eq(rig_io(&rig, &ior, 0, 1), 1);
	hf3fs_iordestroy(&ior);
	cr_assert_eq(hf3fs_iorcreate3(&ior, rig.server.mount, 4, false, 0, -7, 0, -1), 0);
	cr_assert_eq(rig_io(&rig, &ior, 0, 1), 1);
	hf3fs_iordestroy(&ior);
	cr_assert_eq(hf3fs_iorcreate2(&ior, rig.server.mount, 4, true, 0, 9, -1), 0);
	cr_assert_eq(rig_io(&rig, &ior, 0, 1), 1);
	hf3fs_iordestroy(&ior);
	cr_assert_eq(rig.server.batches[0].flags, IO_NO_HOLES);
	cr_assert_eq(rig.server.batches[0].priority, PRIORITY_NORMAL);
	cr_assert_eq(rig.server.batches[0].op, IO_READ);
	cr_assert_eq(rig.server.batches[1].priority, PRIORITY_HIGH);
	cr_assert_eq(rig.server.batches[1].op, IO_WRITE);
	cr_assert_eq(rig.server.batches[2].priority, PRIORITY_LOW);
	cr_assert_eq(rig.server.batches[2].flags, 0);
	rig_stop(&rig);
}

Test(batches, the_servers_limit_is_kept)
{
	memset(&rig, 0, sizeof(rig));
	rig.server.max_inflight = 3;
	rig_start(&rig, 256, 0, 0);
	atomic_store(&rig.server.hold, true);
	submit(200);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	cr_assert_eq(rig.server.batches[0].n, 3);
	atomic_store(&rig.server.hold, false);
	collect(200);
	for (unsigned i = 0; i < atomic_load(&rig.server.nr_batches); i++)
		cr_assert_leq(rig.server.batches[i].n, 3);
	rig_stop(&rig);
}
