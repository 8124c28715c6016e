/*
 * How real clients call the library: the shapes of contract.md's last table, each with its data
 * checked. Sizes and counts are theirs where the machine allows, smaller with USRBIO_TEST_QUICK.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SEED = 77, KIB = 1024, MIB = 1024 * 1024 };

struct worker {
	pthread_t thread;
	int index, fd;
	uint64_t random;
};

/* `body` in n threads at once, each with its number. */
static void run_threads(int n, int fd, void *(*body)(void *))
{
	struct worker workers[32];

	for (int i = 0; i < n; i++) {
		workers[i] = (struct worker){.index = i, .fd = fd, .random = (uint64_t)i + 1};
		must(!pthread_create(&workers[i].thread, NULL, body, &workers[i]), "thread %d", i);
	}
	for (int i = 0; i < n; i++)
		pthread_join(workers[i].thread, NULL);
}

/* The same on a file of so many bytes of the pattern. */
static void run_threads_on_source(int n, uint64_t size, void *(*body)(void *))
{
	int fd;

	file_make("source", SEED, size);
	fd = file_reg(url_of("source"), O_RDONLY);
	run_threads(n, fd, body);
	file_unreg(fd);
}

static void expect(const void *memory, size_t len, uint64_t off)
{
	must(pattern_diff(memory, len, SEED, off) == -1, "wrong bytes at %llu",
	     (unsigned long long)off);
}

/* SGLang HiCache, vLLM: pages of a KV cache, one submit, wait for all, results by position. */
E2E(shapes, kv_cache_pages_in_one_submit)
{
	int nr = full_or_quick(32, 8);
	size_t page = full_or_quick(2 * MIB, 256 * KIB);
	struct hf3fs_cqe cqes[32];
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd;

	ring_make(&reads, NULL, true, nr);
	ring_make(&writes, NULL, false, nr);
	iov_make(&iov, NULL, (size_t)nr * page);
	fd = file_reg(url_of("pages"), O_RDWR | O_CREAT);
	pattern_fill(iov.base, (size_t)nr * page, SEED, 0);
	for (int i = 0; i < nr; i++)
		ring_prep(&writes, &iov, iov.base + i * page, fd, i * page, page, NULL);
	ring_submit(&writes);
	ring_wait(&writes, cqes, nr);
	for (int i = 0; i < nr; i++)
		cr_assert_eq(cqes[i].result, page);
	/* Back in reverse, so that position and page differ; one of them beyond the end. */
	memset(iov.base, 0, (size_t)nr * page);
	for (int i = 0; i < nr; i++)
		ring_prep(&reads, &iov, iov.base + i * page, fd, (uint64_t)(nr - i) * page, page,
			  NULL);
	ring_submit(&reads);
	ring_wait(&reads, cqes, nr);
	cr_assert_eq(cqes[0].result, 0);
	for (int i = 1; i < nr; i++) {
		cr_assert_eq(cqes[i].result, page, "by position");
		cr_assert_eq(pattern_diff(iov.base + i * page, page, SEED, (nr - i) * page), -1);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
}

enum { CHUNKS = 64, CHUNK = 64 * 1024, WAVE = 16 };

/* Writes chunks and reads them back one at a time, then in waves. */
static void *cache_backend(void *arg)
{
	const struct worker *worker = arg;
	size_t room = full_or_quick(200 * MIB, 16 * MIB);
	uint64_t base = (uint64_t)worker->index * CHUNKS * CHUNK;
	struct hf3fs_ior reads, writes;
	struct hf3fs_cqe cqes[WAVE];
	struct hf3fs_iov iov;

	ring_make(&reads, NULL, true, 256);
	ring_make(&writes, NULL, false, 256);
	iov_make(&iov, NULL, room);
	for (uint64_t at = 0; at < CHUNKS * CHUNK; at += CHUNK) {
		pattern_fill(iov.base + at, CHUNK, SEED, base + at);
		must(ring_io(&writes, &iov, iov.base + at, worker->fd, base + at, CHUNK) == CHUNK,
		     "write");
	}
	memset(iov.base, 0, CHUNKS * CHUNK);
	for (uint64_t at = 0; at < CHUNKS * CHUNK; at += WAVE * CHUNK) {
		for (uint64_t i = at; i < at + WAVE * CHUNK; i += CHUNK)
			ring_prep(&reads, &iov, iov.base + i, worker->fd, base + i, CHUNK, NULL);
		ring_submit(&reads);
		ring_wait(&reads, cqes, WAVE);
		for (int i = 0; i < WAVE; i++)
			must(cqes[i].result == CHUNK, "read");
	}
	expect(iov.base, CHUNKS * CHUNK, base);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
	return NULL;
}

/* LMCache: 256 entries, large iovs, one I/O at a time or waves, 2 to 16 threads. */
E2E(shapes, cache_backends_with_large_iovs)
{
	int fd = file_reg(url_of("cache"), O_RDWR | O_CREAT);

	run_threads(full_or_quick(8, 2), fd, cache_backend);
	file_unreg(fd);
}

enum { SINGLE = 24 * 1024 };

static void *single(void *arg)
{
	struct worker *worker = arg;
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	must(!hf3fs_iorcreate(&ior, e2e_mount, 1, true, 1, -1), "ring");
	iov_make(&iov, NULL, SINGLE);
	for (int i = 0; i < full_or_quick(100, 10); i++) {
		uint64_t off = next_random(&worker->random) % (MIB - SINGLE);

		must(ring_io(&ior, &iov, iov.base, worker->fd, off, SINGLE) == SINGLE, "read");
		expect(iov.base, SINGLE, off);
	}
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
	return NULL;
}

/* UCM: entries = io_depth = 1, 32 workers. */
E2E(shapes, thirty_two_workers_with_rings_of_one)
{
	run_threads_on_source(32, MIB, single);
}

/* What a transfer library does for each transfer: everything anew. */
static void transfer(int fd, uint64_t off, size_t len)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	ring_make(&ior, NULL, true, 8);
	iov_make(&iov, NULL, len);
	must(ring_io(&ior, &iov, iov.base, fd, off, len) == (int64_t)len, "read");
	expect(iov.base, len, off);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

static void *transfers(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < full_or_quick(200, 15); i++) {
		size_t len = 1 + next_random(&worker->random) % (128 * KIB);

		transfer(worker->fd, next_random(&worker->random) % (MIB - len), len);
	}
	return NULL;
}

/* NIXL, RTP-LLM: ring and iov per transfer, from several threads. */
E2E(shapes, ring_and_iov_per_transfer)
{
	run_threads_on_source(4, MIB, transfers);
}

/* Tair: one iov for the process, a ring per operation. */
E2E(shapes, ring_per_operation)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;

	file_make("source", SEED, MIB);
	fd = file_reg(url_of("source"), O_RDWR);
	iov_make(&iov, NULL, 64 * KIB);
	for (int i = 0; i < full_or_quick(500, 30); i++) {
		uint64_t off = (uint64_t)i * 1000;

		ring_make(&ior, NULL, i % 2, 1);
		pattern_fill(iov.base, 4 * KIB, SEED, off);
		must(ring_io(&ior, &iov, iov.base, fd, off, 4 * KIB) == 4 * KIB, "ring %d", i);
		expect(iov.base, 4 * KIB, off);
		hf3fs_iordestroy(&ior);
	}
	hf3fs_iovdestroy(&iov);
	file_unreg(fd);
}

/* Mooncake: the caller's buffers, wrapped for each I/O, by one id or by many. */
E2E(shapes, wrap_per_io)
{
	enum { BUFFERS = 16, LEN = 32 * 1024 };
	static uint8_t buffers[BUFFERS][LEN];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;

	file_make("source", SEED, MIB);
	fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&ior, NULL, true, 4);
	for (int i = 0; i < full_or_quick(400, 48); i++) {
		uint8_t *buffer = buffers[i % BUFFERS], id[16] = {(uint8_t)(i % BUFFERS), 1};
		uint64_t off = (uint64_t)i * 777;

		cr_assert_eq(hf3fs_iovwrap(&iov, buffer, id, e2e_mount, LEN, 0, -1), 0);
		cr_assert_eq(ring_io(&ior, &iov, buffer + 3, fd, off, LEN - 3), LEN - 3);
		cr_assert_eq(pattern_diff(buffer + 3, LEN - 3, SEED, off), -1);
	}
	hf3fs_iordestroy(&ior);
	file_unreg(fd);
}

/* Checkpoint writers: a huge ring, io_depth -1, looked at now and then, never waited for. */
E2E(shapes, checkpoint_polls_without_waiting)
{
	enum { ENTRIES = 102400, LEN = 1000 };
	int nr = full_or_quick(20000, 2000), left = nr;
	static struct hf3fs_cqe cqes[1024];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd = file_reg(url_of("checkpoint"), O_WRONLY | O_CREAT);

	cr_assert_eq(hf3fs_iorcreate4(&ior, e2e_mount, ENTRIES, false, -1, 0, -1, 0), 0);
	iov_make(&iov, NULL, (size_t)nr * LEN);
	pattern_fill(iov.base, (size_t)nr * LEN, SEED, 0);
	for (int i = 0; i < nr; i++) {
		ring_prep(&ior, &iov, iov.base + (size_t)i * LEN, fd, (uint64_t)i * LEN, LEN, NULL);
		ring_submit(&ior);
	}
	while (left) {
		int n = hf3fs_wait_for_ios(&ior, cqes, 1024, 0, NULL);

		cr_assert_geq(n, 0);
		for (int i = 0; i < n; i++)
			cr_assert_eq(cqes[i].result, LEN);
		left -= n;
		nap_ms(n ? 0 : 10); /* as they do */
	}
	file_unreg(fd);
	cr_assert_eq(file_size("checkpoint"), (uint64_t)nr * LEN);
	file_check("checkpoint", SEED, 0, (uint64_t)nr * LEN);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

/* Keep `depth` random reads of `len` under way, `total` in all, checking each. */
static void random_reads(struct worker *worker, int depth, size_t len, uint64_t size, int total)
{
	static _Thread_local struct hf3fs_cqe cqes[1024];
	static _Thread_local uint64_t offs[1024];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int left = total, under_way = 0, place = 0;

	must(!hf3fs_iorcreate4(&ior, e2e_mount, depth, true, 0, 0, -1, 0), "ring");
	iov_make(&iov, NULL, (size_t)depth * len);
	while (left || under_way) {
		for (; left && under_way < depth; left--, under_way++, place++) {
			offs[place] = next_random(&worker->random) % (size - len + 1);
			ring_prep(&ior, &iov, iov.base + place * len, worker->fd, offs[place], len,
				  NULL);
		}
		ring_submit(&ior);
		/* All of them: then the places are free again. */
		ring_wait(&ior, cqes, under_way);
		for (int i = 0; i < under_way; i++) {
			must(cqes[i].result == (int64_t)len, "read");
			expect(iov.base + i * len, len, offs[i]);
		}
		under_way = place = 0;
	}
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

static void *blocks_of_512_kib(void *arg)
{
	random_reads(arg, 32, full_or_quick(512, 32) * KIB, 4 * MIB, full_or_quick(64, 32));
	return NULL;
}

/* fio's engine: 32 threads, 512 KiB, depth 32. */
E2E(shapes, thirty_two_threads_with_depth_32)
{
	run_threads_on_source(full_or_quick(32, 8), 4 * MIB, blocks_of_512_kib);
}

static void *batches_of_1024(void *arg)
{
	random_reads(arg, 1024, 4 * KIB, 4 * MIB, full_or_quick(8, 1) * 1024);
	return NULL;
}

E2E(shapes, batches_of_1024_small_reads)
{
	run_threads_on_source(2, 4 * MIB, batches_of_1024);
}

enum { SAMPLES = 24 };

static uint64_t sample_size(int sample)
{
	return 4 * KIB + (uint64_t)sample * sample * full_or_quick(7000, 400);
}

static const char *sample_name(int sample, char name[24])
{
	snprintf(name, 24, "sample%d", sample);
	return name;
}

/* One ring and one iov per loader; a file per sample, opened and closed for it. */
static void *loader(void *arg)
{
	struct worker *worker = arg;
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	char name[24];

	ring_make(&ior, NULL, true, 4);
	iov_make(&iov, NULL, 5 * MIB);
	for (int i = 0; i < full_or_quick(150, 12); i++) {
		int sample = (int)(next_random(&worker->random) % SAMPLES);
		uint64_t size = sample_size(sample), off = next_random(&worker->random) % size;
		int fd = file_reg(url_of(sample_name(sample, name)), O_RDONLY);

		/* To the end of the file, asking for more than there is. */
		must(ring_io(&ior, &iov, iov.base, fd, off, size) == (int64_t)(size - off),
		     "sample %d", sample);
		must(pattern_diff(iov.base, size - off, (uint64_t)sample, off) == -1, "sample %d",
		     sample);
		file_unreg(fd);
	}
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
	return NULL;
}

/* Training readers: random reads over many files, each opened, registered and closed again. */
E2E(shapes, data_loaders_open_a_file_per_sample)
{
	char name[24];

	for (int i = 0; i < SAMPLES; i++)
		file_make(sample_name(i, name), (uint64_t)i, sample_size(i));
	run_threads(full_or_quick(8, 3), -1, loader);
}
