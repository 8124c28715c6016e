/* Wrapped memory: what is registered when, what is forgotten when, and what that does to I/O. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/memory/region.h"
#include "client/memory/region_reclaim.h"
#include "client/mount/mount.h"
#include "client/ring/ring.h"
#include "client/usrbio.h"
#include "client/memory/wrap_cache.h"
#include "rig.h"

enum { PIECE = 128 };

static struct rig rig;

static void start(int entries)
{
	memset(&rig, 0, sizeof(rig));
	rig.server.max_regions = 4 * WRAPS_MAX;
	rig_start(&rig, entries, 0, 0);
	rig.server.file[0] = 'x';
}

static void wrap(struct hf3fs_iov *iov, void *base, uint32_t id, size_t size)
{
	uint8_t uuid[16] = {0};

	memcpy(uuid, &id, sizeof(id));
	cr_assert_eq(hf3fs_iovwrap(iov, base, uuid, rig.server.mount, size, 64, -1), 0);
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

static unsigned adds(void)
{
	return atomic_load(&rig.server.nr_adds);
}

static unsigned drops(void)
{
	return atomic_load(&rig.server.nr_drops);
}

Test(wraps, the_same_id_base_and_size_registers_nothing_again)
{
	char *memory = malloc(8192);
	struct hf3fs_iov iov, copy;

	start(16);
	for (int i = 0; i < 20; i++) {
		wrap(&iov, memory, 1, 8192);
		copy = iov;
		cr_assert_eq(io_in(&rig.reads, &copy), 100, "and block sizes are not enforced");
	}
	cr_assert_eq(adds(), 1);
	cr_assert_eq(drops(), 0);
	rig_stop(&rig);
	free(memory);
}

/* Two ids in turn: what a ring remembers of its last I/O is not all there is. */
Test(wraps, several_ids_in_turn_register_once_each)
{
	char *memory = malloc(8 * PIECE);
	struct hf3fs_iov iov;

	start(16);
	for (uint32_t i = 0; i < 80; i++) {
		wrap(&iov, memory + i % 8 * PIECE, i % 8, PIECE);
		cr_assert_eq(io_in(&rig.reads, &iov), 100);
	}
	cr_assert_eq(adds(), 8);
	cr_assert_eq(drops(), 0);
	rig_stop(&rig);
	free(memory);
}

Test(wraps, an_id_over_another_range_evicts)
{
	char *memory = malloc(8192);
	struct hf3fs_iov iov;

	start(16);
	wrap(&iov, memory, 1, 8192);
	cr_assert_eq(io_in(&rig.reads, &iov), 100);
	cr_assert_eq(io_in(&rig.writes, &iov), 100);
	wrap(&iov, memory + 4096, 1, 4096);
	rig_until(drops() == 2); /* without any I/O */
	cr_assert_eq(io_in(&rig.reads, &iov), 100);
	cr_assert_eq(adds(), 3);
	wrap(&iov, memory + 4096, 1, 4095);
	rig_until(drops() == 3);
	rig_stop(&rig);
	free(memory);
}

/* Structs are copied and kept: one from before its id moved means the memory that it says. */
Test(wraps, an_older_struct_of_the_id_still_works)
{
	char *memory = calloc(2, 4096);
	struct hf3fs_iov whole, part;

	start(16);
	wrap(&whole, memory, 1, 8192);
	wrap(&part, memory, 1, 4096);
	for (int i = 0; i < 2; i++) {
		memset(memory, 0, 8192);
		cr_assert_eq(io_in(&rig.reads, &part), 100);
		cr_assert_eq(memory[0], 'x');
		cr_assert_geq(hf3fs_prep_io(&rig.reads, &whole, true, memory + 8000, rig.fd, 0, 192,
					    NULL),
			      0);
		cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
		cr_assert_eq(rig_wait(&rig.reads), 192);
		cr_assert_eq(memory[8000], 'x');
	}
	cr_assert_eq(adds(), 2);
	rig_stop(&rig);
	free(memory);
}

Test(wraps, an_evicted_one_lives_as_long_as_its_io)
{
	char *memory = calloc(2, 4096);
	struct hf3fs_cqe cqes[2];
	struct hf3fs_iov iov;

	start(16);
	wrap(&iov, memory, 1, 4096);
	cr_assert_geq(prep_in(&rig.reads, &iov), 0);
	wrap(&iov, memory + 4096, 1, 4096);
	cr_assert_geq(prep_in(&rig.reads, &iov), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 2, 2, NULL), 2);
	cr_assert_eq(cqes[0].result, 100);
	cr_assert_eq(cqes[1].result, 100);
	cr_assert_eq(memory[0], 'x');
	cr_assert_eq(memory[4096], 'x');
	rig_until(drops() == 1);
	rig_stop(&rig);
	free(memory);
}

Test(wraps, one_more_than_the_limit_evicts_the_least_recently_used)
{
	char *memory = malloc((WRAPS_MAX + 1) * PIECE);
	struct hf3fs_iov iovs[WRAPS_MAX + 1];

	start(16);
	for (uint32_t i = 0; i < WRAPS_MAX; i++) {
		wrap(&iovs[i], memory + i * PIECE, i, PIECE);
		cr_assert_eq(io_in(&rig.reads, &iovs[i]), 100);
	}
	cr_assert_eq(io_in(&rig.reads, &iovs[0]), 100);
	cr_assert_eq(adds(), WRAPS_MAX);
	cr_assert_eq(drops(), 0);
	wrap(&iovs[WRAPS_MAX], memory + WRAPS_MAX * PIECE, WRAPS_MAX, PIECE);
	cr_assert_eq(io_in(&rig.reads, &iovs[WRAPS_MAX]), 100);
	rig_until(drops() == 1);
	cr_assert_eq(adds(), WRAPS_MAX + 1);
	for (uint32_t i = 2; i <= WRAPS_MAX; i++)
		cr_assert_eq(io_in(&rig.reads, &iovs[i]), 100);
	cr_assert_eq(io_in(&rig.reads, &iovs[0]), 100);
	cr_assert_eq(adds(), WRAPS_MAX + 1, "these are remembered");
	cr_assert_eq(io_in(&rig.reads, &iovs[1]), 100);
	cr_assert_eq(adds(), WRAPS_MAX + 2, "and this one is not");
	rig_stop(&rig);
	free(memory);
}

Test(wraps, the_limit_waits_for_io_in_flight)
{
	char *memory = calloc(WRAPS_MAX + 1, PIECE);
	struct hf3fs_cqe *cqes = calloc(WRAPS_MAX + 1, sizeof(*cqes));
	struct hf3fs_iov iov;

	start(WRAPS_MAX + 1);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 1), 1);
	atomic_store(&rig.server.hold, true);
	for (uint32_t i = 0; i <= WRAPS_MAX; i++) {
		wrap(&iov, memory + i * PIECE, i, PIECE);
		cr_assert_geq(prep_in(&rig.reads, &iov), 0);
		cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	}
	rig_until(adds() == WRAPS_MAX + 2);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, WRAPS_MAX + 1, WRAPS_MAX + 1, NULL),
		     WRAPS_MAX + 1);
	for (uint32_t i = 0; i <= WRAPS_MAX; i++) {
		cr_assert_eq(cqes[i].result, 100);
		cr_assert_eq(memory[i * PIECE], 'x');
	}
	rig_until(drops() == 1);
	rig_stop(&rig);
	free(cqes);
	free(memory);
}

/* A directory as a mount of the played server, whose 3fs-virt/iovs says which ids are in use. */
struct resolved_path {
	char dir[64], table[80], iovs[96];
	struct hf3fs_ior reads;
};

static void place_make(struct resolved_path *place)
{
	char text[256];
	FILE *file;

	strcpy(place->dir, "/tmp/usrbio-wraps.XXXXXX");
	cr_assert(mkdtemp(place->dir));
	snprintf(place->table, sizeof(place->table), "%s/mounts", place->dir);
	snprintf(place->iovs, sizeof(place->iovs), "%s/3fs-virt/iovs", place->dir);
	snprintf(text, sizeof(text), "%s/3fs-virt", place->dir);
	cr_assert(!mkdir(text, 0700) && !mkdir(place->iovs, 0700));
	file = fopen(place->table, "we");
	cr_assert(file);
	fprintf(file, "%s %s\n", place->dir, rig.server.mount);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(setenv("USRBIO_MOUNTS", place->table, 1), 0);
	cr_assert_eq(hf3fs_iorcreate(&place->reads, place->dir, 16, true, 0, -1), 0);
}

static void place_remove(struct resolved_path *place)
{
	char virt[80];

	snprintf(virt, sizeof(virt), "%s/3fs-virt", place->dir);
	hf3fs_iordestroy(&place->reads);
	cr_assert(!unlink(place->table) && !rmdir(place->iovs) && !rmdir(virt) &&
		  !rmdir(place->dir));
}

/* As 3FS's Python binding does it. */
static const char *name_of(const struct resolved_path *place, uint8_t id, const char *suffix)
{
	static char name[256];

	snprintf(name, sizeof(name), "%s/%02x000000-0000-0000-0000-000000000000%s", place->iovs, id,
		 suffix);
	return name;
}

static int open_in(const struct resolved_path *place)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/file", place->dir);
	fd = usrbio_open(path, O_RDWR, 0);
	cr_assert_geq(fd, 0);
	cr_assert_leq(hf3fs_reg_fd(fd, 0), 0);
	return fd;
}

static void read_named(const struct resolved_path *place, void *memory, uint8_t id,
		       size_t block_size, int fd)
{
	const uint8_t uuid[16] = {id};
	struct hf3fs_iov iov;

	cr_assert_eq(hf3fs_iovwrap(&iov, memory, uuid, place->dir, 4096, block_size, -1), 0);
	cr_assert_geq(hf3fs_prep_io(&place->reads, &iov, true, memory, fd, 0, 100, NULL), 0);
	cr_assert_eq(hf3fs_submit_ios(&place->reads), 0);
	cr_assert_eq(rig_wait(&place->reads), 100);
}

Test(wraps, an_id_whose_name_is_gone_evicts)
{
	static const char *const suffix[] = {"", ".b512"};
	char *memory = malloc(4096);
	struct resolved_path place;
	int fd;

	start(16);
	place_make(&place);
	fd = open_in(&place);
	for (unsigned i = 0; i < 2; i++) {
		size_t block = i ? 512 : 0;

		cr_assert_eq(symlink("/dev/shm/nothing", name_of(&place, 5, suffix[i])), 0);
		read_named(&place, memory, 5, block, fd);
		read_named(&place, memory, 5, block, fd);
		cr_assert_eq(adds(), 1 + 2 * i, "while the name is there, it is remembered");
		cr_assert_eq(unlink(name_of(&place, 5, suffix[i])), 0);
		read_named(&place, memory, 5, block, fd);
		cr_assert_eq(adds(), 2 + 2 * i, "and no longer");
		rig_until(drops() == 1 + 2 * i);
		/* One without a name from the beginning is not asked for one. */
		read_named(&place, memory, 5, block, fd);
		cr_assert_eq(adds(), 2 + 2 * i);
		hf3fs_iovwrap(&(struct hf3fs_iov){0}, memory, (uint8_t[16]){5}, place.dir, 1, 0,
			      -1);
		rig_until(drops() == 2 + 2 * i);
	}
	rig_close(fd);
	place_remove(&place);
	rig_stop(&rig);
	free(memory);
}

/* Who removes the name may never wrap that id again: the next new memory is the occasion. */
Test(wraps, a_name_that_is_gone_is_noticed_by_the_next_registration)
{
	char *memory = malloc(8192);
	struct resolved_path place;
	int fd;

	start(16);
	place_make(&place);
	fd = open_in(&place);
	cr_assert_eq(symlink("/dev/shm/nothing", name_of(&place, 5, "")), 0);
	read_named(&place, memory, 5, 0, fd);
	cr_assert_eq(unlink(name_of(&place, 5, "")), 0);
	read_named(&place, memory + 4096, 6, 0, fd);
	rig_until(drops() == 1);
	cr_assert_eq(adds(), 2);
	rig_close(fd);
	place_remove(&place);
	rig_stop(&rig);
	free(memory);
}

static void *destroy(void *iov)
{
	hf3fs_iovdestroy(iov);
	return NULL;
}

/* Memory of an iov of ours, wrapped once more: it goes with the iov, and as safely. */
Test(wraps, the_end_of_an_iov_is_the_end_of_wraps_inside_it)
{
	struct hf3fs_iov made, inside, evicted;
	struct hf3fs_cqe cqes[3];
	pthread_t thread;

	memset(&rig, 0, sizeof(rig));
	rig.server.max_inflight = 2;
	rig_start(&rig, 16, 0, 0);
	cr_assert_eq(hf3fs_iovcreate(&made, rig.server.mount, 3 * 4096, 0, -1), 0);
	wrap(&evicted, made.base + 4096, 2, 4096);
	cr_assert_eq(io_in(&rig.reads, &evicted), 100);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(prep_in(&rig.reads, &evicted), 0);
	wrap(&evicted, &rig, 2, 4096);
	wrap(&inside, made.base + 8192, 1, 4096);
	for (int i = 0; i < 2; i++)
		cr_assert_geq(prep_in(&rig.reads, &inside), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 3);
	cr_assert_eq(pthread_create(&thread, NULL, destroy, &made), 0);
	rig_until(prep_in(&rig.writes, &made) == -EINVAL);
	rig_until(atomic_load(&rig.server.nr_drops_asked) == 2);
	cr_assert_eq(pthread_tryjoin_np(thread, NULL), EBUSY);
	cr_assert_eq(msync(made.base, made.size, MS_ASYNC), 0, "it is still mapped");
	atomic_store(&rig.server.hold, false);
	pthread_join(thread, NULL);
	cr_assert_eq(adds(), drops(), "no server knows any of it");
	cr_assert_eq(hf3fs_wait_for_ios(&rig.reads, cqes, 3, 3, NULL), 3);
	cr_assert_eq(cqes[0].result, 100);
	cr_assert_eq(cqes[1].result, 100);
	cr_assert_eq(cqes[2].result, -ECANCELED);
	rig_stop(&rig);
}

static const struct region *last_wrapped(const struct hf3fs_ior *ior)
{
	struct ring *ring = ring_get((uintptr_t)ior->iorh);
	uint64_t handle = ring->wrapped.region;

	ring_put(ring);
	return region_peek(handle);
}

/* Registering may take as long as it likes then: preparing never does. */
Test(wraps, submitting_registers_and_preparing_does_not)
{
	char *memory = malloc(8192);
	const struct region *region;
	struct hf3fs_iov iov;

	start(16);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100, "there is a device");
	wrap(&iov, memory, 1, 8192);
	cr_assert_geq(prep_in(&rig.reads, &iov), 0);
	region = last_wrapped(&rig.reads);
	cr_assert_not(region_registered(region, DIR_READ_IO));
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	cr_assert(region_registered(region, DIR_READ_IO));
	cr_assert_not(region_registered(region, DIR_WRITE_IO));
	cr_assert_eq(rig_wait(&rig.reads), 100);
	/* The same of an iov, whose second direction comes late. */
	region = region_peek((uintptr_t)rig.iov.iovh);
	cr_assert_geq(rig_prep(&rig, &rig.writes, 0, 100), 0);
	cr_assert_not(region_registered(region, DIR_WRITE_IO));
	cr_assert_eq(hf3fs_submit_ios(&rig.writes), 0);
	cr_assert(region_registered(region, DIR_WRITE_IO));
	cr_assert_eq(rig_wait(&rig.writes), 100);
	rig_stop(&rig);
	free(memory);
}

/* It was there when it was submitted, and is not when it is sent again. */
Test(wraps, memory_that_has_gone_ends_its_io_when_it_is_sent_again)
{
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hf3fs_iov iov;

	start(16);
	wrap(&iov, memory, 1, 8192);
	cr_assert_eq(io_in(&rig.reads, &iov), 100);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(prep_in(&rig.reads, &iov), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 2);
	cr_assert_eq(mprotect(memory, 8192, PROT_READ), 0);
	atomic_store(&rig.server.cut, true);
	cr_assert_eq(rig_wait(&rig.reads), -EFAULT);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 100), 100);
	rig_stop(&rig);
	munmap(memory, 8192);
}

static uint64_t region_of(const struct hf3fs_iov *iov, const struct session **session)
{
	struct region *region;
	struct mount *mount;
	uint64_t handle;

	cr_assert_eq(mount_get(rig.server.mount, &mount), 0);
	cr_assert_eq(wrap_cache_region(mount, iov, &region), 0);
	handle = region->handle;
	region_put(region);
	*session = mount_to_session(mount);
	mount_put(mount);
	return handle;
}

/* A mount that nobody has used for a while ends: with what is cached, and what is reclaimed. */
Test(wraps, the_end_of_a_mount_is_the_end_of_its_memory)
{
	char *memory = malloc(16384);
	struct region_reclaim_counts counts;
	struct hf3fs_iov cached, reclaimed;
	const struct session *session;
	uint64_t handle;

	start(16);
	wrap(&cached, memory, 1, 4096);
	cr_assert_eq(io_in(&rig.reads, &cached), 100);
	handle = region_of(&cached, &session);
	wrap(&reclaimed, memory + 4096, 2, 4096);
	cr_assert_eq(io_in(&rig.reads, &reclaimed), 100);
	atomic_store(&rig.server.hold, true); /* the drop is not answered */
	wrap(&reclaimed, memory + 8192, 2, 4096);
	rig_until(atomic_load(&rig.server.nr_drops_asked) == 1);
	cr_assert(region_reclaim_count(session, &counts));
	cr_assert_eq(counts.nr_dropping, 1);
	hf3fs_iordestroy(&rig.reads);
	hf3fs_iordestroy(&rig.writes);
	hf3fs_iovdestroy(&rig.iov);
	rig_close(rig.fd);
	cr_assert_not_null(region_peek(handle));
	while (!atomic_load(&rig.server.nr_ended))
		usleep(10000); /* for ten seconds */
	cr_assert_null(region_peek(handle));
	cr_assert(region_reclaim_count(session, &counts));
	cr_assert_eq(counts.nr, 0);
	play_stop(&rig.server);
	free(memory);
}
