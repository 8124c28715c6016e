/*
 * What is remembered of wrapped memory, as far as it shows: the right bytes arrive, whatever was
 * forgotten. What is registered when: tests/client/wraps.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { PIECE = 5000, SEED = 4, FILE_SIZE = 1 << 20, MANY = 700, SIZE = 100000 };

static uint8_t *map(void *where, size_t size)
{
	uint8_t *at = mmap(where, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1, 0);

	must(at != MAP_FAILED, "mmap");
	return at;
}

static void wrap(struct hf3fs_iov *iov, void *base, size_t size, uint32_t id, const char *mount)
{
	uint8_t uuid[16] = {0};

	memcpy(uuid, &id, sizeof(id));
	must(!hf3fs_iovwrap(iov, base, uuid, mount, size, 0, -1), "iovwrap");
}

/* More ids at once than are remembered (512): I/O holds on to what it needs. */
E2E(wrap_cache, more_ids_than_are_remembered_with_io_on_all)
{
	uint8_t *arena = map(NULL, MANY * PIECE);
	struct hf3fs_cqe *cqes = calloc(MANY, sizeof(*cqes));
	struct hf3fs_ior ior;
	int fd;

	file_make("source", SEED, FILE_SIZE);
	fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&ior, NULL, true, MANY);
	for (int round = 0; round < full_or_quick(5, 1); round++) {
		memset(arena, 0, MANY * PIECE);
		for (uint32_t i = 0; i < MANY; i++) {
			struct hf3fs_iov iov;

			wrap(&iov, arena + i * PIECE, PIECE, i, e2e_mount);
			ring_prep(&ior, &iov, iov.base, fd, i * 1001 + round, PIECE, NULL);
		}
		ring_submit(&ior);
		ring_wait(&ior, cqes, MANY);
		for (uint32_t i = 0; i < MANY; i++) {
			cr_assert_eq(cqes[i].result, PIECE, "%ld", cqes[i].result);
			cr_assert_eq(pattern_diff(arena + i * PIECE, PIECE, SEED, i * 1001 + round),
				     -1);
		}
	}
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	free(cqes);
	munmap(arena, MANY * PIECE);
}

/* A thread with memory and ids of its own, or with everybody's. */
struct worker {
	pthread_t thread;
	const char *url;
	uint8_t *arena;
	uint32_t first_id;
};

static void *wrap_per_io(void *arg)
{
	struct worker *w = arg;
	uint64_t random = w->first_id;
	struct hf3fs_ior ior;
	int fd = file_reg(w->url, O_RDONLY);

	ring_make(&ior, NULL, true, 1);
	for (int i = 0; i < full_or_quick(1000, 40); i++) {
		uint32_t pick = next_random(&random) % 16;
		size_t off = next_random(&random) % (FILE_SIZE - PIECE);
		uint8_t *at = w->arena + pick * PIECE;
		struct hf3fs_iov iov;

		/* Each fourth id moves about. */
		wrap(&iov, at, PIECE, w->first_id + (pick % 4 ? pick : 0), e2e_mount);
		must(ring_io(&ior, &iov, at, fd, off, PIECE) == PIECE, "read");
		must(pattern_diff(at, PIECE, SEED, off) < 0, "content");
	}
	hf3fs_iordestroy(&ior);
	file_unreg(fd);
	return NULL;
}

E2E(wrap_cache, a_wrap_per_io_from_many_threads)
{
	enum { THREADS = 4 };
	struct worker workers[THREADS];
	char url[1024];

	file_make("source", SEED, FILE_SIZE);
	snprintf(url, sizeof(url), "%s", url_of("source"));
	for (uint32_t i = 0; i < THREADS; i++) {
		/* Two and two take the same ids for their own memory: each evicts the other's. */
		workers[i] = (struct worker){
			.url = url, .arena = map(NULL, 16 * PIECE), .first_id = i / 2 * 100};
		must(!pthread_create(&workers[i].thread, NULL, wrap_per_io, &workers[i]), "thread");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		munmap(workers[i].arena, 16 * PIECE);
	}
}

/* As 3FS's Python binding does it: the link is there for as long as the id stands for the memory.
 */
static const char *link_of(uint32_t id)
{
	static char name[600];

	snprintf(name, sizeof(name), "%s/3fs-virt/iovs/%02x000000-0000-0000-0000-000000000000",
		 e2e_dir, id);
	return name;
}

static void read_at(const struct hf3fs_ior *ior, uint8_t *at, uint32_t id, int fd, uint64_t off)
{
	struct hf3fs_iov iov;

	memset(at, 0, SIZE);
	wrap(&iov, at, SIZE, id, e2e_dir);
	cr_assert_eq(ring_io(ior, &iov, at, fd, off, SIZE), SIZE);
	cr_assert_eq(pattern_diff(at, SIZE, SEED, off), -1);
}

/* Once the name is gone, the same id, address and size may stand for other memory. */
E2E(wrap_cache, an_id_whose_link_is_gone_may_stand_for_other_memory)
{
	uint8_t *at = map(NULL, SIZE);
	struct hf3fs_ior ior;
	int fd;

	attach_export();
	file_make("source", SEED, FILE_SIZE);
	fd = open_reg(path_of("source"), O_RDONLY);
	ring_make(&ior, e2e_dir, true, 4);
	for (int id = 1; id <= full_or_quick(20, 4); id++) {
		cr_assert_eq(symlink("/dev/shm/any", link_of(id)), 0);
		read_at(&ior, at, id, fd, id * 10);
		read_at(&ior, at, id, fd, id * 10 + 1);
		cr_assert_eq(unlink(link_of(id)), 0);
		map(at, SIZE);
		read_at(&ior, at, id, fd, id * 10 + 2);
	}
	close_reg(fd);
	hf3fs_iordestroy(&ior);
	munmap(at, SIZE);
}

/* Memory of an iov of ours, wrapped: blocks do not count, and the iov's end is safe for it, too. */
E2E(wrap_cache, wrapped_memory_inside_an_iov_ends_with_it)
{
	struct hf3fs_iov iov, inside, witness;
	struct hf3fs_cqe cqes[8];
	struct hf3fs_ior ior;
	int fd;

	file_make("source", SEED, FILE_SIZE);
	fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&ior, NULL, true, 8);
	iov_make(&witness, NULL, SIZE);
	for (int i = 0; i < full_or_quick(100, 6); i++) {
		uint8_t *place;

		must(!hf3fs_iovcreate(&iov, e2e_mount, 8 * SIZE, 4096, -1), "iovcreate");
		wrap(&inside, iov.base + 1, 8 * SIZE - 2, 1, e2e_mount);
		for (int k = 0; k < 8; k++)
			ring_prep(&ior, &inside, inside.base + k * (SIZE - 1), fd, k, SIZE - 1,
				  NULL);
		ring_submit(&ior);
		hf3fs_iovdestroy(&iov);
		place = mmap(iov.base, iov.size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		ring_wait(&ior, cqes, 8);
		for (int k = 0; k < 8; k++)
			cr_assert(cqes[k].result == SIZE - 1 || cqes[k].result == -ECANCELED, "%ld",
				  cqes[k].result);
		cr_assert_eq(ring_io(&ior, &witness, witness.base, fd, 0, SIZE), SIZE);
		if (place == MAP_FAILED)
			continue;
		cr_assert_eq(bytes_diff(place, iov.size, 0), -1, "somebody wrote there");
		munmap(place, iov.size);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&witness);
	hf3fs_iordestroy(&ior);
}
