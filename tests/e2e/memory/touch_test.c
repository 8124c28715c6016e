/*
 * Which pages of wrapped memory are brought in, and when: none by preparing, over any wire; by an
 * I/O its own, where the wire pins nothing. Looked at with mincore, page by page.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { PAGE = 4096, SEED = 9, SMALL = 64 * PAGE };

static const size_t large = 512u << 20;

/* Large pages would come in with one byte. */
static uint8_t *map(size_t size)
{
	uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	cr_assert_neq(at, MAP_FAILED, "%s", strerror(errno));
	cr_assert_eq(madvise(at, size, MADV_NOHUGEPAGE), 0);
	return at;
}

static size_t resident(uint8_t *at, size_t size)
{
	unsigned char *pages = malloc(size / PAGE);
	size_t n = 0;

	cr_assert(pages);
	cr_assert_eq(mincore(at, size, pages), 0);
	for (size_t i = 0; i < size / PAGE; i++)
		n += pages[i] & 1;
	free(pages);
	return n;
}

static void wrap(struct hf3fs_iov *iov, void *base, size_t size, uint8_t id)
{
	const uint8_t uuid[16] = {id};

	cr_assert_eq(hf3fs_iovwrap(iov, base, uuid, e2e_mount, size, 0, -1), 0);
}

static int source(void)
{
	file_make("source", SEED, 1 << 20);
	return file_reg(url_of("source"), O_RDWR);
}

/* The mount is connected: whatever preparing could register with is there. */
E2E(touch, preparing_brings_nothing_in)
{
	uint8_t *at = map(large);
	int fd = source();
	struct hf3fs_iov iov;
	struct rw rw;

	rw_open(&rw, e2e_mount, PAGE);
	rw_expect(&rw, fd, SEED, 0, 1000);
	wrap(&iov, at, large, 1);
	for (int i = 0; i < 8; i++) {
		ring_prep(&rw.reads, &iov, at + large / 8 * i, fd, 0, 1 << 20, NULL);
		ring_prep(&rw.writes, &iov, at + large / 8 * i, fd, 0, 1 << 20, NULL);
	}
	cr_assert_eq(resident(at, large), 0);
	rw_close(&rw); /* nothing was submitted, so that is all there was to it */
	cr_assert_eq(resident(at, large), 0);
	file_unreg(fd);
	munmap(at, large);
}

E2E(touch, an_io_brings_in_its_own_pages)
{
	bool pinned = !strncmp(e2e_mount, "rdma:", 5);
	size_t size = pinned ? SMALL : large;
	uint8_t *at = map(size), *io = at + size / 2 - 100;
	int fd = source();
	struct hf3fs_iov iov;
	struct rw rw;

	rw_open(&rw, e2e_mount, PAGE);
	wrap(&iov, at, size, 1);
	/* A hundred bytes before a page, and as many behind. */
	cr_assert_eq(ring_io(&rw.reads, &iov, io, fd, 0, PAGE + 200), PAGE + 200);
	cr_assert_eq(pattern_diff(io, PAGE + 200, SEED, 0), -1);
	cr_assert_eq(resident(at, size), pinned ? size / PAGE : 3);
	/* What comes out of memory that nobody has written is zeros. */
	cr_assert_eq(ring_io(&rw.writes, &iov, at, fd, 0, 2 * PAGE), 2 * PAGE);
	cr_assert_leq(resident(at, size), pinned ? size / PAGE : 5);
	cr_assert_eq(ring_io(&rw.reads, &iov, io, fd, 0, PAGE), PAGE);
	for (int i = 0; i < PAGE; i++)
		cr_assert_eq(io[i], 0);
	cr_assert_leq(resident(at, size), pinned ? size / PAGE : 5);
	rw_close(&rw);
	file_unreg(fd);
	munmap(at, size);
}

/* Preparing says nothing of what cannot be registered; the completion does. */
E2E(touch, a_gap_is_met_by_who_steps_into_it)
{
	bool pinned = !strncmp(e2e_mount, "rdma:", 5);
	uint8_t *at = map(SMALL), *gap = at + 32 * PAGE;
	int fd = source();
	struct hf3fs_iov iov;
	struct rw rw;

	rw_open(&rw, e2e_mount, PAGE);
	cr_assert_eq(munmap(gap, PAGE), 0);
	wrap(&iov, at, SMALL, 1);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(ring_io(&rw.reads, &iov, at, fd, 0, 8 * PAGE),
			     pinned ? -EFAULT : 8 * PAGE);
		cr_assert_eq(ring_io(&rw.reads, &iov, gap - PAGE, fd, 0, 2 * PAGE), -EFAULT);
		cr_assert_eq(ring_io(&rw.writes, &iov, gap - 1, fd, 0, 2), -EFAULT);
		cr_assert_eq(ring_io(&rw.reads, &iov, gap + PAGE, fd, 0, PAGE),
			     pinned ? -EFAULT : PAGE);
		rw_expect(&rw, fd, SEED, 0, 1000);
	}
	rw_close(&rw);
	file_unreg(fd);
	munmap(at, SMALL);
}
