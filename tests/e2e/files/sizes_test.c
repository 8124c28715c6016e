/*
 * Every size class around the borders of pages, messages and segments, at odd file offsets and odd
 * addresses, in both directions. What lies beside a target, in memory or in the file, stays.
 */
#include <fcntl.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

#define AROUND(n) (n) - 1, (n), (n) + 1
#define KIB	  1024u
#define MIB	  (1024u * KIB)

static const size_t full[] = {
	1,
	2,
	3,
	7,
	8,
	9,
	63,
	64,
	65,
	AROUND(512),
	AROUND(4 * KIB),
	AROUND(8 * KIB),
	AROUND(16 * KIB),
	AROUND(64 * KIB),
	AROUND(128 * KIB),
	AROUND(256 * KIB),
	AROUND(512 * KIB),
	AROUND(MIB),
	AROUND(2 * MIB),
	AROUND(4 * MIB),
	4 * MIB + 123457,
	8 * MIB - 5,
	16 * MIB + 1,
	64 * MIB,
};

static const size_t quick[] = {
	1,
	7,
	64,
	511,
	AROUND(4 * KIB),
	AROUND(16 * KIB),
	AROUND(64 * KIB),
	AROUND(256 * KIB),
	512 * KIB + 1,
	AROUND(MIB),
	2 * MIB + 1,
	4 * MIB + 123457,
};

/* Where a transfer lies: how far from an aligned address, and where in the file. */
static const struct spot {
	size_t skew;
	uint64_t off;
} spots[] = {{0, 0}, {1, 1}, {63, 4095}, {8, 511}, {13, 1048575}, {4095, 4097}, {0, 524287}};

enum { NR_SPOTS = sizeof(spots) / sizeof(spots[0]), GUARD = 64, OUTSIDE = 0xa5 };
#define ROOM (64 * MIB + 4096 + 2 * GUARD)

static const size_t *sizes(size_t *n)
{
	*n = full_or_quick(sizeof(full), sizeof(quick)) / sizeof(size_t);
	return full_or_quick(full, quick);
}

/* The target of a transfer, with guards around it. */
static uint8_t *prepare(const struct hf3fs_iov *iov, const struct spot *spot, size_t size)
{
	uint8_t *start = iov->base + spot->skew;

	memset(start, OUTSIDE, size + 2 * GUARD);
	return start + GUARD;
}

static void check_guards(const uint8_t *target, size_t size)
{
	cr_assert_eq(bytes_diff(target - GUARD, GUARD, OUTSIDE), -1, "before %zu bytes", size);
	cr_assert_eq(bytes_diff(target + size, GUARD, OUTSIDE), -1, "behind %zu bytes", size);
}

static void write_one(struct hf3fs_ior *ior, struct hf3fs_iov *iov, const struct spot *spot,
		      size_t size, uint64_t seed)
{
	uint8_t *target = prepare(iov, spot, size);
	int fd = file_reg(url_of("written"), O_WRONLY | O_CREAT | O_TRUNC);
	int64_t result;

	pattern_fill(target, size, seed, spot->off);
	result = ring_io(ior, iov, target, fd, spot->off, size);
	file_unreg(fd);
	cr_assert_eq(result, (int64_t)size, "%zu bytes at %lu: %ld", size, spot->off, result);
	cr_assert_eq(file_size("written"), spot->off + size);
	file_check_zero("written", 0, spot->off);
	file_check("written", seed, spot->off, size);
	cr_assert_eq(pattern_diff(target, size, seed, spot->off), -1, "a write changed its source");
	check_guards(target, size);
}

static size_t room(void)
{
	return full_or_quick(ROOM, 8 * MIB);
}

E2E(sizes, write)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	size_t n;
	const size_t *size = sizes(&n);

	ring_make(&ior, NULL, false, 4);
	iov_make(&iov, NULL, room());
	for (size_t i = 0; i < n; i++) {
		write_one(&ior, &iov, &spots[0], size[i], 2 * i);
		write_one(&ior, &iov, &spots[i % NR_SPOTS], size[i], 2 * i + 1);
	}
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

static void read_one(struct hf3fs_ior *ior, struct hf3fs_iov *iov, int fd, const struct spot *spot,
		     size_t size)
{
	uint8_t *target = prepare(iov, spot, size);
	int64_t result = ring_io(ior, iov, target, fd, spot->off, size);
	ssize_t at;

	cr_assert_eq(result, (int64_t)size, "%zu bytes at %lu: %ld", size, spot->off, result);
	at = pattern_diff(target, size, 99, spot->off);
	cr_assert_eq(at, -1, "%zu bytes at %lu differ at %zd", size, spot->off, at);
	check_guards(target, size);
}

E2E(sizes, read)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	size_t n;
	const size_t *size = sizes(&n);
	int fd;

	file_make("source", 99, room() + 2 * MIB);
	fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&ior, NULL, true, 4);
	iov_make(&iov, NULL, room());
	for (size_t i = 0; i < n; i++) {
		read_one(&ior, &iov, fd, &spots[0], size[i]);
		read_one(&ior, &iov, fd, &spots[i % NR_SPOTS], size[i]);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

/* A wave of ranges beside each other, with one guard byte between two. */
enum { WAVE = 64, SLOT = 96 * 1024 };

struct range {
	uint8_t *at;
	size_t len;
	uint64_t off;
};

static void draw(struct range *ranges, const struct hf3fs_iov *iov, uint64_t *random)
{
	uint8_t *at = iov->base + 1;

	for (int i = 0; i < WAVE; i++) {
		uint64_t r = next_random(random);

		ranges[i].len = 1 + r % (r & 1 << 20 ? SLOT - 2 : 5000);
		ranges[i].off = (uint64_t)i * SLOT + (r >> 40) % (SLOT - ranges[i].len);
		ranges[i].at = at;
		at += ranges[i].len + 1;
	}
}

static void wave(struct hf3fs_ior *ior, struct hf3fs_iov *iov, int fd, const struct range *ranges)
{
	struct hf3fs_cqe cqes[WAVE];

	for (int i = 0; i < WAVE; i++)
		ring_prep(ior, iov, ranges[i].at, fd, ranges[i].off, ranges[i].len, &ranges[i]);
	ring_submit(ior);
	ring_wait(ior, cqes, WAVE);
	for (int i = 0; i < WAVE; i++) {
		cr_assert_eq(cqes[i].userdata, &ranges[i], "completion %d is another one's", i);
		cr_assert_eq(cqes[i].result, (int64_t)ranges[i].len);
	}
}

static void check_wave(const struct range *ranges, uint64_t seed)
{
	for (int i = 0; i < WAVE; i++) {
		cr_assert_eq(pattern_diff(ranges[i].at, ranges[i].len, seed, ranges[i].off), -1);
		cr_assert_eq(ranges[i].at[-1], OUTSIDE);
		cr_assert_eq(ranges[i].at[ranges[i].len], OUTSIDE);
	}
}

E2E(sizes, random_waves_of_reads)
{
	struct range ranges[WAVE];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	uint64_t random = 1;
	int fd;

	file_make("source", 5, (uint64_t)WAVE * SLOT);
	fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&ior, NULL, true, WAVE);
	iov_make(&iov, NULL, (size_t)WAVE * SLOT);
	for (int i = 0; i < full_or_quick(20, 4); i++) {
		memset(iov.base, OUTSIDE, iov.size);
		draw(ranges, &iov, &random);
		wave(&ior, &iov, fd, ranges);
		check_wave(ranges, 5);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

E2E(sizes, random_waves_of_writes)
{
	struct range ranges[WAVE];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	uint64_t random = 2;
	int fd;

	fd = file_reg(url_of("target"), O_WRONLY | O_CREAT);
	ring_make(&ior, NULL, false, WAVE);
	iov_make(&iov, NULL, (size_t)WAVE * SLOT);
	for (int i = 0; i < full_or_quick(20, 4); i++) {
		memset(iov.base, OUTSIDE, iov.size);
		draw(ranges, &iov, &random);
		for (int k = 0; k < WAVE; k++)
			pattern_fill(ranges[k].at, ranges[k].len, i, ranges[k].off);
		wave(&ior, &iov, fd, ranges);
		check_wave(ranges, i);
		for (int k = 0; k < WAVE; k++)
			file_check("target", i, ranges[k].off, ranges[k].len);
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}
