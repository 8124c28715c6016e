/* Iovs: when their regions come and go, and what happens to I/O meanwhile. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig rig;

static void start(uint32_t max_inflight)
{
	memset(&rig, 0, sizeof(rig));
	rig.server.max_inflight = max_inflight;
	rig_start(&rig, 16, 0, 0);
}

static int prep_in(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov)
{
	return hf3fs_prep_io(ior, iov, ior->for_read, iov->base, rig.fd, 0, 100, NULL);
}

static int64_t io_in(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov)
{
	cr_assert_geq(prep_in(ior, iov), 0);
	cr_assert_eq(hf3fs_submit_ios(ior), 0);
	return rig_wait(ior);
}

Test(memory, a_region_is_announced_once_per_direction)
{
	start(0);
	cr_assert_eq(atomic_load(&rig.server.nr_adds), 0, "not before it is used");
	for (int i = 0; i < 10; i++)
		cr_assert_eq(io_in(&rig.reads, &rig.iov), 100);
	cr_assert_eq(atomic_load(&rig.server.nr_adds), 1);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(io_in(&rig.writes, &rig.iov), 100);
	cr_assert_eq(atomic_load(&rig.server.nr_adds), 2);
	hf3fs_iovdestroy(&rig.iov);
	cr_assert_eq(atomic_load(&rig.server.nr_drops), 2, "both before destroy returns");
	rig_stop(&rig);
}

Test(memory, a_batch_names_the_region_of_each_io)
{
	struct hf3fs_cqe cqes[5];
	struct hf3fs_iov other, *iovs[5];

	start(0);
	cr_assert_eq(hf3fs_iovcreate(&other, rig.server.mount, 4096, 0, -1), 0);
	cr_assert_eq(io_in(&rig.reads, &rig.iov), 100); /* announced, both */
	cr_assert_eq(io_in(&rig.reads, &other), 100);
	for (uint8_t i = 0; i < 5; i++)
		rig.server.file[i] = (uint8_t)(i + 1);
	iovs[0] = iovs[1] = iovs[4] = &rig.iov;
	iovs[2] = iovs[3] = &other;
	for (size_t i = 0; i < 5; i++)
		cr_assert_geq(hf3fs_prep_io(&rig.reads, iovs[i], true, iovs[i]->base + 1000 + i,
					    rig.fd, i, 1, NULL),
			      0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 5, 5, NULL), 5);
	cr_assert_eq(atomic_load(&rig.server.nr_batches), 3, "all in one");
	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(iovs[i]->base[1000 + i], i + 1);
	hf3fs_iovdestroy(&other);
	rig_stop(&rig);
}

static void *destroy(void *iov)
{
	hf3fs_iovdestroy(iov);
	return NULL;
}

Test(memory, destroy_waits_for_what_the_server_does)
{
	pthread_t thread;

	start(0);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(prep_in(&rig.reads, &rig.iov), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	pthread_create(&thread, NULL, destroy, &rig.iov);
	rig_until(prep_in(&rig.reads, &rig.iov) == -EINVAL);
	cr_assert_eq(pthread_tryjoin_np(thread, NULL), EBUSY);
	atomic_store(&rig.server.hold, false);
	pthread_join(thread, NULL);
	cr_assert_eq(rig_wait(&rig.reads), 100, "it ran, and its memory was there");
	/* What the loop prepared before the handle ended never reaches the server. */
	rig_stop(&rig);
	cr_assert_eq(atomic_load(&rig.server.nr_batches), 1);
}

Test(memory, what_waits_is_cancelled_by_destroy)
{
	struct hf3fs_cqe cqes[2];
	struct hf3fs_iov other;

	start(1);
	cr_assert_eq(hf3fs_iovcreate(&other, rig.server.mount, 4096, 0, -1), 0);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(prep_in(&rig.reads, &rig.iov), 0);
	cr_assert_geq(prep_in(&rig.reads, &other), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	hf3fs_iovdestroy(&other);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 2, 2, NULL), 2);
	cr_assert_eq(cqes[0].result, 100);
	cr_assert_eq(cqes[1].result, -ECANCELED);
	rig_stop(&rig);
}

Test(memory, crossing_a_block_shows_in_the_completion)
{
	struct hf3fs_iov iov;

	start(0);
	cr_assert_eq(hf3fs_iovcreate(&iov, rig.server.mount, 8192, 4096, -1), 0);
	cr_assert_geq(hf3fs_prep_io(&rig.reads, &iov, true, iov.base + 4000, rig.fd, 0, 97, NULL),
		      0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	cr_assert_eq(rig_wait(&rig.reads), -EINVAL);
	cr_assert_geq(hf3fs_prep_io(&rig.reads, &iov, true, iov.base + 4000, rig.fd, 0, 96, NULL),
		      0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	cr_assert_eq(rig_wait(&rig.reads), 96);
	hf3fs_iovdestroy(&iov);
	rig_stop(&rig);
}

Test(memory, more_regions_than_the_server_takes)
{
	struct hf3fs_iov iovs[3];

	memset(&rig, 0, sizeof(rig));
	rig.server.max_regions = 2;
	rig_start(&rig, 16, 0, 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(hf3fs_iovcreate(&iovs[i], rig.server.mount, 4096, 0, -1), 0);
	cr_assert_eq(io_in(&rig.reads, &iovs[0]), 100);
	cr_assert_eq(io_in(&rig.reads, &iovs[1]), 100);
	cr_assert_eq(io_in(&rig.reads, &iovs[2]), -ENOMEM);
	hf3fs_iovdestroy(&iovs[0]);
	cr_assert_eq(io_in(&rig.reads, &iovs[2]), 100);
	hf3fs_iovdestroy(&iovs[1]);
	hf3fs_iovdestroy(&iovs[2]);
	rig_stop(&rig);
}
