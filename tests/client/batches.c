/* What io_depth, priority and flags make of submitted I/Os, as the server sees it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "client/clock.h"
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

Test(batches, positive_depth_sends_exact_multiples)
{
	struct hf3fs_cqe cqes[16];

	start(16, 4, 0);
	submit(3);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 16, 0, NULL), 0);
	expect_batches(0, NULL);
	submit(6);
	collect(8);
	expect_batches(1, (uint32_t[]){8});
	submit(3);
	collect(4);
	expect_batches(2, (uint32_t[]){8, 4});
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
