/* Rings: how many, how full, and from how many threads. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { BLOCK = 5000, BATCH = 16, MANY = 32, NR_THREADS = 16 };

/* A ring with its memory, that reads the blocks of a file. */
struct lane {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
	int rounds;
	uint64_t random;
};

static void lane_open_on(struct lane *lane, const char *mount, int fd, uint64_t seed)
{
	lane->fd = fd;
	lane->random = seed;
	lane->rounds = full_or_quick(20, 4);
	ring_make(&lane->ior, mount, true, BATCH);
	iov_make(&lane->iov, mount, BATCH * BLOCK);
}

static void lane_open(struct lane *lane, int fd, uint64_t seed)
{
	lane_open_on(lane, NULL, fd, seed);
}

static void lane_close(struct lane *lane)
{
	hf3fs_iovdestroy(&lane->iov);
	hf3fs_iordestroy(&lane->ior);
}

/* Random blocks of the file `source`; each must land in its own place. */
static void lane_round(struct lane *lane)
{
	uint64_t offs[BATCH];
	struct hf3fs_cqe cqes[BATCH];

	memset(lane->iov.base, 0, lane->iov.size);
	for (int i = 0; i < BATCH; i++) {
		offs[i] = next_random(&lane->random) % (1 << 20);
		ring_prep(&lane->ior, &lane->iov, lane->iov.base + i * BLOCK, lane->fd, offs[i],
			  BLOCK, &offs[i]);
	}
	ring_submit(&lane->ior);
	ring_wait(&lane->ior, cqes, BATCH);
	for (int i = 0; i < BATCH; i++) {
		must(cqes[i].userdata == &offs[i], "order");
		must(cqes[i].result == BLOCK, "result %ld", (long)cqes[i].result);
		must(pattern_diff(lane->iov.base + i * BLOCK, BLOCK, 1, offs[i]) < 0, "content");
	}
}

static void *lane_run(void *arg)
{
	struct lane *lane = arg;

	for (int i = 0; i < lane->rounds; i++)
		lane_round(lane);
	return NULL;
}

static int source(void)
{
	file_make("source", 1, (1 << 20) + BLOCK);
	return file_reg(url_of("source"), O_RDONLY);
}

/* n rings, used in turns by this thread. */
static void from_one_thread(int n)
{
	struct lane *lanes = calloc(n, sizeof(*lanes));
	int fd = source();

	cr_assert(lanes);
	for (int i = 0; i < n; i++)
		lane_open(&lanes[i], fd, i);
	for (int round = 0; round < lanes[0].rounds; round++)
		for (int i = 0; i < n; i++)
			lane_round(&lanes[i]);
	for (int i = 0; i < n; i++)
		lane_close(&lanes[i]);
	file_unreg(fd);
	free(lanes);
}

E2E(rings, one)
{
	from_one_thread(1);
}

E2E(rings, two_from_one_thread)
{
	from_one_thread(2);
}

E2E(rings, thirty_two_from_one_thread)
{
	from_one_thread(MANY);
}

/* Mounts of several connections each: rings are spread over them, files and iovs serve all. */
E2E(rings, over_several_connections)
{
	char mount[300], url[600];
	struct lane lanes[8];

	file_make("source", 1, (1 << 20) + BLOCK);
	for (int nr = 2; nr <= 8; nr++) {
		char option[24];
		int fd;

		snprintf(option, sizeof(option), "nconnect=%d", nr);
		snprintf(mount, sizeof(mount), "%s", mount_with(option));
		snprintf(url, sizeof(url), "%s/%ssource", mount, e2e_prefix);
		fd = file_reg(url, O_RDONLY);
		for (int i = 0; i < 8; i++)
			lane_open_on(&lanes[i], mount, fd, i);
		for (int i = 0; i < 8; i++)
			lane_round(&lanes[i]);
		for (int i = 0; i < 8; i++)
			lane_close(&lanes[i]);
		file_unreg(fd);
	}
}

E2E(rings, thirty_two_all_in_flight)
{
	struct lane lanes[MANY];
	struct hf3fs_cqe cqes[BATCH];
	int fd = source();

	for (int i = 0; i < MANY; i++) {
		lane_open(&lanes[i], fd, i);
		for (int k = 0; k < BATCH; k++)
			ring_prep(&lanes[i].ior, &lanes[i].iov, lanes[i].iov.base + k * BLOCK, fd,
				  (i * BATCH + k) * 1000, BLOCK, NULL);
		ring_submit(&lanes[i].ior);
	}
	/* Last one first: completions of rings nobody waits on must be kept. */
	for (int i = MANY - 1; i >= 0; i--) {
		ring_wait(&lanes[i].ior, cqes, BATCH);
		for (int k = 0; k < BATCH; k++) {
			cr_assert_eq(cqes[k].result, BLOCK);
			cr_assert_eq(pattern_diff(lanes[i].iov.base + k * BLOCK, BLOCK, 1,
						  (i * BATCH + k) * 1000),
				     -1);
		}
		lane_close(&lanes[i]);
	}
	file_unreg(fd);
}

/* Thread t uses its rings in turns. */
static void from_threads(int nr_rings)
{
	struct lane *lanes = calloc(nr_rings, sizeof(*lanes));
	pthread_t threads[NR_THREADS];
	int fd = source();

	cr_assert(lanes);
	for (int i = 0; i < nr_rings; i++)
		lane_open(&lanes[i], fd, i);
	for (int first = 0; first < nr_rings; first += NR_THREADS) {
		for (int i = 0; i < NR_THREADS; i++)
			cr_assert(!pthread_create(&threads[i], NULL, lane_run, &lanes[first + i]));
		for (int i = 0; i < NR_THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	for (int i = 0; i < nr_rings; i++)
		lane_close(&lanes[i]);
	file_unreg(fd);
	free(lanes);
}

E2E(rings, sixteen_from_sixteen_threads)
{
	from_threads(NR_THREADS);
}

E2E(rings, thirty_two_from_sixteen_threads)
{
	from_threads(MANY);
}

/* One or two rings between 16 threads that take turns. */
struct shared {
	pthread_mutex_t mutex;
	struct lane lanes[2];
	int nr_lanes, next;
};

static void *take_turns(void *arg)
{
	struct shared *shared = arg;

	for (int i = 0; i < full_or_quick(10, 2); i++) {
		pthread_mutex_lock(&shared->mutex);
		lane_round(&shared->lanes[shared->next++ % shared->nr_lanes]);
		pthread_mutex_unlock(&shared->mutex);
	}
	return NULL;
}

static void shared_by_threads(int nr_lanes)
{
	struct shared shared = {PTHREAD_MUTEX_INITIALIZER, .nr_lanes = nr_lanes};
	pthread_t threads[NR_THREADS];
	int fd = source();

	for (int i = 0; i < nr_lanes; i++)
		lane_open(&shared.lanes[i], fd, i);
	for (int i = 0; i < NR_THREADS; i++)
		cr_assert(!pthread_create(&threads[i], NULL, take_turns, &shared));
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < nr_lanes; i++)
		lane_close(&shared.lanes[i]);
	file_unreg(fd);
}

E2E(rings, one_between_sixteen_threads)
{
	shared_by_threads(1);
}

E2E(rings, two_between_sixteen_threads)
{
	shared_by_threads(2);
}

E2E(rings, a_single_entry)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd = source();

	cr_assert_eq(hf3fs_iorcreate(&ior, e2e_mount, 1, true, 1, -1), 0);
	cr_assert_eq(hf3fs_io_entries(&ior), 1);
	iov_make(&iov, NULL, BLOCK);
	for (int i = 0; i < full_or_quick(200, 20); i++) {
		cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, i * 777, BLOCK), BLOCK);
		cr_assert_eq(pattern_diff(iov.base, BLOCK, 1, i * 777), -1);
	}
	cr_assert_eq(ring_prep(&ior, &iov, iov.base, fd, 0, BLOCK, NULL), 0);
	cr_assert_eq(hf3fs_prep_io(&ior, &iov, true, iov.base, fd, 0, BLOCK, NULL), -EAGAIN);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

enum { FULL = 1024, PIECE = 1024 };

/* Fill a ring of 1,024 entries to the brim, wait for all: results in the order of submission. */
static void full_ring(struct hf3fs_ior *ior, struct hf3fs_iov *iov, int fd, struct hf3fs_cqe *cqes)
{
	bool slots[FULL] = {false};

	for (long i = 0; i < FULL; i++) {
		int slot =
			ring_prep(ior, iov, iov->base + i * PIECE, fd, i * PIECE, PIECE, (void *)i);

		cr_assert(!slots[slot], "slot %d given twice", slot);
		slots[slot] = true;
	}
	cr_assert_eq(hf3fs_prep_io(ior, iov, true, iov->base, fd, 0, 1, NULL), -EAGAIN);
	ring_submit(ior);
	ring_wait(ior, cqes, FULL);
	for (long i = 0; i < FULL; i++) {
		cr_assert_eq(cqes[i].userdata, (void *)i, "place %ld has %p", i, cqes[i].userdata);
		cr_assert_eq(cqes[i].result, PIECE);
		cr_assert(slots[cqes[i].index]);
		slots[cqes[i].index] = false;
	}
}

E2E(rings, full_with_1024_in_flight)
{
	struct hf3fs_cqe *cqes = calloc(FULL, sizeof(*cqes));
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd = source();

	cr_assert(cqes);
	ring_make(&ior, NULL, true, FULL);
	iov_make(&iov, NULL, FULL * PIECE);
	for (int i = 0; i < 3; i++) {
		memset(iov.base, 0, iov.size);
		full_ring(&ior, &iov, fd, cqes);
		cr_assert_eq(pattern_diff(iov.base, iov.size, 1, 0), -1);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
	free(cqes);
}

/* Different lengths end in another order than they began; a batch is handed out in its own. */
E2E(rings, a_mixed_batch_in_submission_order)
{
	static const size_t lens[BATCH] = {900000, 1, 300000, 7,      4096, 600000, 12,	 100,
					   65536,  2, 500000, 131072, 3,    4097,   900, 1};
	struct hf3fs_cqe cqes[BATCH];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd = source();

	ring_make(&ior, NULL, true, BATCH);
	iov_make(&iov, NULL, BATCH << 20);
	for (int round = 0; round < full_or_quick(20, 3); round++) {
		for (long i = 0; i < BATCH; i++)
			ring_prep(&ior, &iov, iov.base + (i << 20), fd, i, lens[i], (void *)i);
		ring_submit(&ior);
		ring_wait(&ior, cqes, BATCH);
		for (long i = 0; i < BATCH; i++) {
			cr_assert_eq(cqes[i].userdata, (void *)i);
			cr_assert_eq(cqes[i].result, (int64_t)lens[i]);
		}
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

E2E(rings, one_per_io)
{
	struct hf3fs_iov iov;
	int fd = source();

	iov_make(&iov, NULL, BLOCK);
	for (int i = 0; i < full_or_quick(300, 20); i++) {
		struct hf3fs_ior ior;

		ring_make(&ior, NULL, true, 1 + i % 64);
		cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, i * 999, BLOCK), BLOCK);
		cr_assert_eq(pattern_diff(iov.base, BLOCK, 1, i * 999), -1);
		hf3fs_iordestroy(&ior);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
}

E2E(rings, destroyed_with_io_in_flight)
{
	struct hf3fs_iov iov;
	int fd = source();

	iov_make(&iov, NULL, BATCH * BLOCK);
	for (int i = 0; i < full_or_quick(50, 5); i++) {
		struct hf3fs_ior ior;

		ring_make(&ior, NULL, true, BATCH);
		for (int k = 0; k < BATCH; k++)
			ring_prep(&ior, &iov, iov.base + k * BLOCK, fd, k * BLOCK, BLOCK, NULL);
		ring_submit(&ior);
		hf3fs_iordestroy(&ior);
		/* Nothing of it may arrive from now on. */
		memset(iov.base, 0x33, iov.size);
		cr_assert_eq(hf3fs_submit_ios(&ior), -EINVAL);
		ring_make(&ior, NULL, true, 1);
		cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 7, 1), 1);
		hf3fs_iordestroy(&ior);
		cr_assert_eq(bytes_diff(iov.base + 1, iov.size - 1, 0x33), -1);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
}
