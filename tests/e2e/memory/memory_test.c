/* The memory I/O uses: wrapped memory of every kind, iovs per I/O, blocks, other processes' iovs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 100000 };

struct reads {
	struct hf3fs_ior ior;
	int fd;
};

static void reads_open(struct reads *r)
{
	file_make("source", 4, 1 << 20);
	r->fd = file_reg(url_of("source"), O_RDONLY);
	ring_make(&r->ior, NULL, true, 4);
}

static void reads_close(struct reads *r)
{
	file_unreg(r->fd);
	hf3fs_iordestroy(&r->ior);
}

/* Wrap memory under an id and read the file into its middle. */
static void read_into(struct reads *r, void *base, size_t size, uint8_t id, uint64_t off)
{
	uint8_t uuid[16] = {id, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t *bytes = base;
	struct hf3fs_iov iov;

	memset(bytes, 0x77, size);
	cr_assert_eq(hf3fs_iovwrap(&iov, base, uuid, e2e_mount, size, 0, -1), 0);
	cr_assert_null(iov.iovh);
	cr_assert_eq(ring_io(&r->ior, &iov, bytes + 10, r->fd, off, size - 20), (int64_t)size - 20);
	cr_assert_eq(pattern_diff(bytes + 10, size - 20, 4, off), -1);
	cr_assert_eq(bytes_diff(bytes, 10, 0x77), -1);
	cr_assert_eq(bytes_diff(bytes + size - 10, 10, 0x77), -1);
}

E2E(memory, wrapped_stack)
{
	uint8_t bytes[SIZE];
	struct reads r;

	reads_open(&r);
	read_into(&r, bytes, sizeof(bytes), 1, 0);
	read_into(&r, bytes, sizeof(bytes), 1, 12345);
	reads_close(&r);
}

E2E(memory, wrapped_heap)
{
	uint8_t *bytes = malloc(SIZE);
	struct reads r;

	cr_assert(bytes);
	reads_open(&r);
	read_into(&r, bytes + 1, SIZE - 1, 2, 77);
	read_into(&r, bytes + 3, SIZE / 2, 3, 99);
	reads_close(&r);
	free(bytes);
}

static uint8_t *map(void *where, size_t size)
{
	uint8_t *at = mmap(where, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1, 0);

	cr_assert_neq(at, MAP_FAILED);
	return at;
}

/* The same id again and again: other ranges, other sizes, and another mapping at one address. */
E2E(memory, one_id_wrapped_over_other_ranges)
{
	uint8_t *first = map(NULL, SIZE), *second = map(NULL, 2 * SIZE);
	struct reads r;

	reads_open(&r);
	for (int i = 0; i < 3; i++) {
		read_into(&r, first, SIZE, 5, i * 1000);
		read_into(&r, second, 2 * SIZE, 5, i * 2000);
		read_into(&r, second + SIZE, SIZE, 5, i * 3000);
		read_into(&r, first, SIZE / 3, 5, i * 4000);
	}
	reads_close(&r);
	munmap(first, SIZE);
	munmap(second, 2 * SIZE);
}

E2E(memory, remapped_at_the_same_address)
{
	size_t page = 4096, size = 32 * page;
	uint8_t *at = map(NULL, size);
	struct reads r;

	reads_open(&r);
	for (int i = 0; i < full_or_quick(20, 4); i++) {
		/* The id changes with the mapping: what was registered under the old one is not
		 * this memory. */
		map(at, size);
		read_into(&r, at, size, 10 + i, i * 500);
	}
	reads_close(&r);
	munmap(at, size);
}

/* Wraps of one arena per I/O, as transfer engines do. */
E2E(memory, a_wrap_per_io)
{
	size_t size = 1 << 20;
	uint8_t *arena = map(NULL, size);
	struct reads r;

	reads_open(&r);
	for (int i = 0; i < full_or_quick(300, 30); i++)
		read_into(&r, arena + i * 1000, 5000, 1, i * 2000);
	reads_close(&r);
	munmap(arena, size);
}

E2E(memory, an_iov_per_io)
{
	struct reads r;

	reads_open(&r);
	for (int i = 0; i < full_or_quick(200, 20); i++) {
		struct hf3fs_iov iov;
		size_t size = 1 + i * 997;

		iov_make(&iov, NULL, size);
		cr_assert_eq(bytes_diff(iov.base, size, 0), -1, "an iov is zeroed");
		cr_assert_eq(ring_io(&r.ior, &iov, iov.base, r.fd, i, size), (int64_t)size);
		cr_assert_eq(pattern_diff(iov.base, size, 4, i), -1);
		hf3fs_iovdestroy(&iov);
	}
	reads_close(&r);
}

E2E(memory, an_iov_destroyed_with_io_in_flight)
{
	struct reads r;

	reads_open(&r);
	for (int i = 0; i < full_or_quick(50, 5); i++) {
		struct hf3fs_cqe cqes[4];
		struct hf3fs_iov iov;

		iov_make(&iov, NULL, 4 * SIZE);
		for (int k = 0; k < 4; k++)
			ring_prep(&r.ior, &iov, iov.base + k * SIZE, r.fd, k * SIZE, SIZE, NULL);
		ring_submit(&r.ior);
		hf3fs_iovdestroy(&iov);
		ring_wait(&r.ior, cqes, 4);
		for (int k = 0; k < 4; k++)
			cr_assert(cqes[k].result == SIZE || cqes[k].result == -ECANCELED ||
					  cqes[k].result == -EINVAL,
				  "%ld", cqes[k].result);
	}
	reads_close(&r);
}

E2E(memory, blocks_must_not_be_crossed)
{
	uint8_t id[16] = {1};
	struct hf3fs_iov iov, wrapped;
	struct reads r;

	reads_open(&r);
	cr_assert_eq(hf3fs_iovcreate(&iov, e2e_mount, 64 * 1024, 4096, -1), 0);
	cr_assert_eq(ring_io(&r.ior, &iov, iov.base, r.fd, 0, 4096), 4096);
	cr_assert_eq(ring_io(&r.ior, &iov, iov.base + 8192 + 4095, r.fd, 0, 1), 1);
	cr_assert_eq(ring_io(&r.ior, &iov, iov.base + 4096 + 4000, r.fd, 0, 96), 96);
	memset(iov.base, 0x77, iov.size);
	cr_assert_eq(ring_io(&r.ior, &iov, iov.base + 4095, r.fd, 0, 2), -EINVAL);
	cr_assert_eq(ring_io(&r.ior, &iov, iov.base, r.fd, 0, 4097), -EINVAL);
	cr_assert_eq(ring_io(&r.ior, &iov, iov.base + 100, r.fd, 0, 8192), -EINVAL);
	cr_assert_eq(bytes_diff(iov.base, iov.size, 0x77), -1);
	/* What a wrapped struct says of blocks is not enforced. */
	cr_assert_eq(hf3fs_iovwrap(&wrapped, iov.base, id, e2e_mount, iov.size, 4096, -1), 0);
	cr_assert_eq(ring_io(&r.ior, &wrapped, iov.base + 4095, r.fd, 0, 2), 2);
	hf3fs_iovdestroy(&iov);
	reads_close(&r);
}

/* Another process maps the iov by its id and reads the file into it. */
E2E(memory, an_iov_of_another_process)
{
	char hex[33], name[1024], size[16];
	struct hf3fs_iov iov;

	file_make("source", 4, SIZE);
	iov_make(&iov, NULL, SIZE);
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)iov.id[i]);
	snprintf(size, sizeof(size), "%d", SIZE);
	snprintf(name, sizeof(name), "%s", url_of("source"));
	cr_assert_eq(run(E2E_CLIENT, e2e_mount, "iovopen", hex, size, name), 0);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 4, 0), -1);
	/* Its end is not ours. */
	memset(iov.base, 0, SIZE);
	cr_assert_eq(run(E2E_CLIENT, e2e_mount, "iovopen", hex, size, name), 0);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 4, 0), -1);
	hf3fs_iovunlink(&iov);
	cr_assert_eq(run(E2E_CLIENT, e2e_mount, "iovopen", hex, size, name), ENOENT);
	hf3fs_iovdestroy(&iov);
}
