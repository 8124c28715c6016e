/* HF3FS_IOR_FORBID_READ_HOLES: what is a hole, what is none, and who minds. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { KIB = 1024, MIB = 1024 * KIB, SEED = 3, ENTRIES = 16 };

/* A ring that minds holes, one that does not, and a file open for reading and writing. */
struct holey {
	struct hf3fs_ior strict, plain;
	struct hf3fs_iov iov;
	int fd;
};

static void holey_open(struct holey *h, uint64_t size, size_t room)
{
	cr_assert_eq(hf3fs_iorcreate4(&h->strict, e2e_mount, ENTRIES, true, 0, 0, -1,
				      HF3FS_IOR_FORBID_READ_HOLES),
		     0);
	ring_make(&h->plain, NULL, true, ENTRIES);
	iov_make(&h->iov, NULL, room);
	file_make("file", SEED, size);
	h->fd = file_reg(url_of("file"), O_RDWR | O_CREAT);
}

static void holey_close(struct holey *h)
{
	file_unreg(h->fd);
	hf3fs_iordestroy(&h->strict);
	hf3fs_iordestroy(&h->plain);
	hf3fs_iovdestroy(&h->iov);
}

/* A read of the strict ring: want bytes of the pattern, or -ENODATA. */
static void expect(struct holey *h, uint64_t off, size_t len, int64_t want)
{
	int64_t result = ring_io(&h->strict, &h->iov, h->iov.base, h->fd, off, len);

	cr_assert_eq(result, want, "%zu bytes at %lu: %ld, not %ld", len, off, result, want);
	if (want > 0)
		cr_assert_eq(pattern_diff(h->iov.base, want, SEED, off), -1);
}

static void punch(struct holey *h, size_t start, size_t end)
{
	cr_assert_eq(hf3fs_punchhole(h->fd, 1, &start, &end, 0), 0);
}

E2E(holes, a_read_that_touches_one_anywhere_is_refused)
{
	struct holey h;

	holey_open(&h, MIB, MIB);
	punch(&h, 256 * KIB, 320 * KIB);
	expect(&h, 0, 256 * KIB, 256 * KIB);
	expect(&h, 0, 256 * KIB + 1, -ENODATA);
	expect(&h, 256 * KIB - 1, 1, 1);
	expect(&h, 256 * KIB - 1, 2, -ENODATA);
	expect(&h, 256 * KIB, 1, -ENODATA);
	expect(&h, 300001, 77, -ENODATA);
	expect(&h, 256 * KIB, 64 * KIB, -ENODATA);
	expect(&h, 320 * KIB - 1, 1, -ENODATA);
	expect(&h, 320 * KIB - 1, 2, -ENODATA);
	expect(&h, 320 * KIB, 1, 1);
	expect(&h, 320 * KIB, MIB - 320 * KIB, MIB - 320 * KIB);
	expect(&h, 0, MIB, -ENODATA);
	holey_close(&h);
}

E2E(holes, the_end_of_the_file_is_none)
{
	static const size_t sizes[] = {1, 100, 4095, 4096, 4097, 256 * KIB, 256 * KIB + 1, 700001};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		struct holey h;

		holey_open(&h, size, MIB);
		expect(&h, 0, size, size);
		expect(&h, 0, size + 1, size);
		expect(&h, 0, MIB, size);
		expect(&h, size - 1, 8192, 1);
		expect(&h, size, 1, 0);
		expect(&h, size, 300 * KIB, 0);
		expect(&h, size + 1, 4096, 0);
		expect(&h, 1ull << 40, 4096, 0);
		holey_close(&h);
	}
}

E2E(holes, a_file_grown_by_truncation_ends_in_one)
{
	struct holey h;

	holey_open(&h, 64 * KIB, 2 * MIB);
	cr_assert_eq(usrbio_ftruncate(h.fd, MIB), 0);
	expect(&h, 0, 64 * KIB, 64 * KIB);
	expect(&h, 0, MIB, -ENODATA);
	expect(&h, 0, 2 * MIB, -ENODATA);
	expect(&h, 64 * KIB, 1, -ENODATA);
	expect(&h, MIB - 1, 1, -ENODATA);
	expect(&h, MIB - 1, 4096, -ENODATA); /* crossing the end, from a hole */
	expect(&h, MIB, 4096, 0);
	/* All of it a hole, and nothing at all. */
	cr_assert_eq(usrbio_ftruncate(h.fd, 0), 0);
	expect(&h, 0, 4096, 0);
	cr_assert_eq(usrbio_ftruncate(h.fd, 4096), 0);
	expect(&h, 0, 4096, -ENODATA);
	expect(&h, 0, 1, -ENODATA);
	holey_close(&h);
}

E2E(holes, written_punched_and_written_again)
{
	struct hf3fs_ior writes;
	struct holey h;

	holey_open(&h, 512 * KIB, MIB);
	ring_make(&writes, NULL, false, 1);
	for (int i = 0; i < 3; i++) {
		expect(&h, 0, 512 * KIB, 512 * KIB);
		punch(&h, 128 * KIB, 192 * KIB);
		expect(&h, 0, 512 * KIB, -ENODATA);
		/* Half of it is not enough. */
		pattern_fill(h.iov.base, 64 * KIB, SEED, 128 * KIB);
		cr_assert_eq(ring_io(&writes, &h.iov, h.iov.base, h.fd, 128 * KIB, 32 * KIB),
			     32 * KIB);
		expect(&h, 0, 160 * KIB, 160 * KIB);
		expect(&h, 0, 512 * KIB, -ENODATA);
		pattern_fill(h.iov.base, 64 * KIB, SEED, 128 * KIB);
		cr_assert_eq(
			ring_io(&writes, &h.iov, h.iov.base + 32 * KIB, h.fd, 160 * KIB, 32 * KIB),
			32 * KIB);
	}
	/* Zeros that somebody wrote are data. */
	memset(h.iov.base, 0, 64 * KIB);
	cr_assert_eq(ring_io(&writes, &h.iov, h.iov.base, h.fd, 0, 64 * KIB), 64 * KIB);
	cr_assert_eq(ring_io(&h.strict, &h.iov, h.iov.base, h.fd, 0, 64 * KIB), 64 * KIB);
	cr_assert_eq(bytes_diff(h.iov.base, 64 * KIB, 0), -1);
	hf3fs_iordestroy(&writes);
	holey_close(&h);
}

/* The server reads it in many pieces; the program learns of one failure. */
E2E(holes, a_large_read_with_one_in_the_middle_fails_once)
{
	const size_t all = full_or_quick(16, 4) * MIB, half = all / 2;
	struct hf3fs_cqe cqes[ENTRIES];
	struct holey h;

	holey_open(&h, all, all);
	punch(&h, half, half + 64 * KIB);
	for (long i = 0; i < ENTRIES; i++) {
		uint64_t off = i % 4 == 2 ? half + 64 * KIB : 0;
		size_t len = i % 4 == 1 ? half : i % 4 == 2 ? half - 64 * KIB : all;

		ring_prep(&h.strict, &h.iov, h.iov.base + off, h.fd, off, len, (void *)len);
	}
	ring_submit(&h.strict);
	ring_wait(&h.strict, cqes, ENTRIES);
	for (long i = 0; i < ENTRIES; i++) {
		long whole = (long)cqes[i].userdata;

		cr_assert_eq(cqes[i].result, i % 4 == 1 || i % 4 == 2 ? whole : -ENODATA,
			     "%ld: %ld", i, cqes[i].result);
	}
	cr_assert_eq(pattern_diff(h.iov.base, half, SEED, 0), -1);
	cr_assert_eq(hf3fs_wait_for_ios(&h.strict, cqes, ENTRIES, 0, NULL), 0);
	holey_close(&h);
}

E2E(holes, only_rings_with_the_flag_mind)
{
	struct hf3fs_cqe strict, plain;
	struct holey h;
	uint8_t *at;

	holey_open(&h, MIB, 2 * MIB);
	at = h.iov.base;
	memset(at, 0x5a, 2 * MIB);
	punch(&h, 0, 64 * KIB);
	ring_prep(&h.strict, &h.iov, at + MIB, h.fd, 0, MIB, NULL);
	ring_prep(&h.plain, &h.iov, at, h.fd, 0, MIB, NULL);
	ring_submit(&h.strict);
	ring_submit(&h.plain);
	ring_wait(&h.strict, &strict, 1);
	ring_wait(&h.plain, &plain, 1);
	cr_assert_eq(strict.result, -ENODATA);
	cr_assert_eq(plain.result, MIB);
	cr_assert_eq(bytes_diff(at, 64 * KIB, 0), -1);
	cr_assert_eq(pattern_diff(at + 64 * KIB, MIB - 64 * KIB, SEED, 64 * KIB), -1);
	holey_close(&h);
}

/* Allocated and never written: the file system says what that is (ext4, xfs, tmpfs: a hole). */
E2E(holes, preallocated_space_is_what_the_file_system_says)
{
	struct holey h;
	off_t hole;
	int fd;

	e2e_needs_local_files();
	holey_open(&h, 64 * KIB, MIB);
	fd = open(path_of("file"), O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	if (fallocate(fd, 0, 0, 512 * KIB))
		cr_skip_test("this file system does not allocate ahead");
	hole = lseek(fd, 0, SEEK_HOLE);
	cr_assert(hole == 64 * KIB || hole == 512 * KIB, "%ld", (long)hole);
	expect(&h, 0, 64 * KIB, 64 * KIB);
	cr_assert_eq(ring_io(&h.strict, &h.iov, h.iov.base, h.fd, 0, MIB),
		     hole == 64 * KIB ? -ENODATA : 512 * KIB);
	cr_assert_eq(ring_io(&h.plain, &h.iov, h.iov.base, h.fd, 0, MIB), 512 * KIB);
	cr_assert_eq(bytes_diff(h.iov.base + 64 * KIB, 448 * KIB, 0), -1);
	close(fd);
	holey_close(&h);
}

/* Cuts a file and appends what is missing, so that it never has a hole. */
static void *cut_and_append(void *arg)
{
	atomic_bool *stop = arg;
	char *all = malloc(MIB);
	uint64_t random = 1;
	int fd = open(path_of("file"), O_RDWR | O_CLOEXEC);

	must(all && fd >= 0, "open");
	pattern_fill(all, MIB, SEED, 0);
	while (!atomic_load(stop)) {
		uint64_t at = next_random(&random) % MIB;
		size_t n;

		must(!ftruncate(fd, at), "cut");
		for (; at < MIB; at += n) {
			n = MIB - at < 100001 ? MIB - at : 100001;
			must(pwrite(fd, all + at, n, at) == (ssize_t)n, "append");
		}
	}
	close(fd);
	free(all);
	return NULL;
}

/* The kernel zeroes what is cut while others read: such bytes may be either. */
static void expect_pattern_or_zero(const uint8_t *got, const uint8_t *want, int64_t len)
{
	for (int64_t i = 0; i < len; i++)
		cr_assert(!got[i] || got[i] == want[i], "at %ld", i);
}

E2E(holes, a_file_that_shrinks_and_grows_has_none)
{
	uint8_t *want = malloc(MIB);
	atomic_bool stop = false;
	pthread_t cutter;
	struct holey h;

	e2e_needs_local_files();
	cr_assert(want);
	pattern_fill(want, MIB, SEED, 0);
	holey_open(&h, MIB, 2 * MIB);
	cr_assert(!pthread_create(&cutter, NULL, cut_and_append, &stop));
	for (int i = 0; i < full_or_quick(2000, 10); i++) {
		uint64_t off = i * 7919 % MIB;
		int64_t result = ring_io(&h.strict, &h.iov, h.iov.base, h.fd, off, 300000);

		cr_assert(result >= 0 && result <= 300000, "%lu: %ld", off, result);
		cr_assert_leq(off + result, MIB);
		expect_pattern_or_zero(h.iov.base, want + off, result);
	}
	atomic_store(&stop, true);
	pthread_join(cutter, NULL);
	expect(&h, 0, 2 * MIB, MIB);
	free(want);
	holey_close(&h);
}
