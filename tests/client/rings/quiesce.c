/*
 * The end of an iov against a server that is late: its memory is kept for as long as the server may
 * touch it, and out of the server's reach before it is unmapped.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "client/memory/region.h"
#include "rig.h"

static struct rig rig;

/* shm_close() on its way, and what is looked at when it is the turn of this one's memory. */
void __real_shm_close(struct shm *shm);
void __wrap_shm_close(struct shm *shm);

static struct {
	const struct region *region;
	unsigned nr_closed, nr_reachable;
} unmapping;

void __wrap_shm_close(struct shm *shm)
{
	const struct region *region = unmapping.region;

	if (region && shm == &region->shm) {
		unmapping.nr_closed++;
		unmapping.nr_reachable += region_registered(region, DIR_READ_IO);
		unmapping.nr_reachable += region_registered(region, DIR_WRITE_IO);
	}
	__real_shm_close(shm);
}

static void start(void)
{
	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 16, 0, 0);
}

static void *destroy(void *iov)
{
	hf3fs_iovdestroy(iov);
	return NULL;
}

static bool is_mapped(const struct hf3fs_iov *iov)
{
	return !msync(iov->base, iov->size, MS_ASYNC);
}

Test(quiesce, memory_stays_until_the_drop_is_answered)
{
	uint64_t handle;
	struct region *region;
	pthread_t thread;

	start();
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100);
	cr_assert_eq(rig_io(&rig, &rig.writes, 0, 100), 100);
	handle = (uintptr_t)rig.iov.iovh;
	region = region_peek(handle);
	atomic_store(&rig.server.hold, true);
	cr_assert_eq(pthread_create(&thread, NULL, destroy, &rig.iov), 0);
	rig_until(atomic_load(&rig.server.nr_drops_asked) == 2);
	cr_assert_eq(pthread_tryjoin_np(thread, NULL), EBUSY);
	cr_assert(is_mapped(&rig.iov));
	cr_assert(region_registered(region, DIR_READ_IO));
	cr_assert(region_registered(region, DIR_WRITE_IO));
	atomic_store(&rig.server.hold, false);
	pthread_join(thread, NULL);
	cr_assert_not(is_mapped(&rig.iov));
	cr_assert_not(region_registered(region, DIR_READ_IO));
	cr_assert_not(region_registered(region, DIR_WRITE_IO));
	rig_stop(&rig);
}

Test(quiesce, memory_is_deregistered_before_it_is_unmapped)
{
	start();
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100);
	cr_assert_eq(rig_io(&rig, &rig.writes, 0, 100), 100);
	unmapping.region = region_peek((uintptr_t)rig.iov.iovh);
	hf3fs_iovdestroy(&rig.iov);
	cr_assert_eq(unmapping.nr_closed, 1);
	cr_assert_eq(unmapping.nr_reachable, 0);
	rig_stop(&rig);
}

/* An answer is promised by nobody once the connection is lost: its end will do. */
Test(quiesce, a_lost_connection_answers_as_well)
{
	pthread_t thread;

	start();
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 100), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 2);
	cr_assert_eq(pthread_create(&thread, NULL, destroy, &rig.iov), 0);
	rig_until(atomic_load(&rig.server.nr_drops_asked) == 1);
	cr_assert(is_mapped(&rig.iov));
	atomic_store(&rig.server.cut, true);
	pthread_join(thread, NULL);
	cr_assert_eq(rig_wait(&rig.reads), -ECANCELED, "there is nothing to read into any more");
	rig_stop(&rig);
}

/* As often as the wire lets it, whatever it has promised. */
static void go_on_writing(struct playserver *server, struct play_conn *conn,
			  const struct region_add *region)
{
	const struct tp_op op = {.kind = TP_WRITE,
				 .tag = server->last_tag,
				 .key = region->key,
				 .raddr = region->base,
				 .len = (uint32_t)region->size,
				 .local = server->file};

	if (region->access != ACCESS_WRITE)
		return;
	while (!server->ops->post(conn->tp, &op))
		;
}

Test(quiesce, a_server_that_goes_on_writing_hits_nothing)
{
	for (int i = 0; i < 5; i++) {
		unsigned char *canary;

		start();
		memset(rig.server.file, 0x33, PLAY_SIZE);
		rig.server.dropped = go_on_writing;
		cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100);
		hf3fs_iovdestroy(&rig.iov);
		canary = mmap(rig.iov.base, rig.iov.size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		cr_assert_eq(canary, rig.iov.base);
		/* Of another iov: that the server is served again means that it has given up. */
		cr_assert_eq(hf3fs_iovcreate(&rig.iov, rig.server.mount, 4096, 0, -1), 0);
		rig.server.dropped = NULL;
		rig_io(&rig, &rig.reads, 0, 100);
		for (unsigned at = 0; at < RIG_IOV; at++)
			cr_assert_eq(canary[at], 0, "byte %u was written", at);
		munmap(canary, RIG_IOV);
		rig_stop(&rig);
	}
}

/* The same with a key of the past, long after. */
static struct region_add past;

static void keep(struct playserver *server, struct play_conn *conn, const struct region_add *region)
{
	past = *region;
}

static void write_to_the_past(struct playserver *server, struct play_conn *conn,
			      const struct submit *submit)
{
	go_on_writing(server, conn, &past);
}

Test(quiesce, an_old_key_opens_nothing)
{
	unsigned char *canary;

	start();
	rig.server.dropped = keep;
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100);
	hf3fs_iovdestroy(&rig.iov);
	memset(rig.server.file, 0x33, PLAY_SIZE);
	canary = mmap(rig.iov.base, rig.iov.size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	cr_assert_eq(canary, rig.iov.base);
	cr_assert_eq(hf3fs_iovcreate(&rig.iov, rig.server.mount, 4096, 0, -1), 0);
	rig.server.lie_once = true;
	rig.server.lie = write_to_the_past;
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100);
	cr_assert_eq(atomic_load(&rig.server.nr_resumed), 1, "it costs the connection");
	for (unsigned at = 0; at < RIG_IOV; at++)
		cr_assert_eq(canary[at], 0, "byte %u was written", at);
	munmap(canary, RIG_IOV);
	rig_stop(&rig);
}
