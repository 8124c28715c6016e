/* Wrapped memory: of every kind, good and bad; ids that move, end, and outnumber what is kept. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { PAGE = 4096, SIZE = 100000, HUGE = 2 << 20, SEED = 4, JUNK = 0x77 };

struct scene {
	struct rw rw;
	const char *mount;
	int fd;
};

static void scene_open(struct scene *s, const char *mount)
{
	file_make("source", SEED, 1 << 20);
	s->mount = mount;
	s->fd = file_reg(url_of("source"), O_RDWR);
	rw_open(&s->rw, mount, SIZE);
}

static void scene_close(struct scene *s)
{
	rw_close(&s->rw);
	file_unreg(s->fd);
}

static void wrap(struct scene *s, struct hf3fs_iov *iov, void *base, size_t size, uint32_t id)
{
	uint8_t uuid[16] = {0};

	memcpy(uuid, &id, sizeof(id));
	cr_assert_eq(hf3fs_iovwrap(iov, base, uuid, s->mount, size, 0, -1), 0);
}

/* One I/O on all of a wrapped range. */
static int64_t transfer(struct scene *s, bool read, void *base, size_t size, uint32_t id)
{
	struct hf3fs_iov iov;

	wrap(s, &iov, base, size, id);
	return ring_io(read ? &s->rw.reads : &s->rw.writes, &iov, base, s->fd, 0, size);
}

/* Memory that works: the file goes in, and comes out again. */
static void use(struct scene *s, uint8_t *base, size_t size, uint32_t id)
{
	memset(base, JUNK, size);
	cr_assert_eq(transfer(s, true, base, size, id), (int64_t)size);
	cr_assert_eq(pattern_diff(base, size, SEED, 0), -1);
	memset(base, JUNK, size);
	cr_assert_eq(transfer(s, false, base, size, id), (int64_t)size);
	pattern_fill(base, size, SEED, 0);
	cr_assert_eq(transfer(s, false, base, size, id), (int64_t)size);
	file_check("source", SEED, 0, size);
}

/* Memory that does not: an errno in the completion, and the ring works on. */
static void refuse(struct scene *s, bool read, void *base, size_t size, uint32_t id)
{
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(transfer(s, read, base, size, id), -EFAULT);
		rw_expect(&s->rw, s->fd, SEED, i, 1000);
	}
}

static uint8_t *map(void *where, size_t size, int prot, int flags, int fd)
{
	uint8_t *at = mmap(where, size, prot, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	cr_assert_neq(at, MAP_FAILED, "%s", strerror(errno));
	return at;
}

E2E(wrap, shared_memory_anonymous_and_heap)
{
	int fd = memfd_create("wrapped", MFD_CLOEXEC);
	uint8_t *heap = malloc(SIZE), *anonymous, *shared;
	struct scene s;

	scene_open(&s, e2e_mount);
	cr_assert_eq(ftruncate(fd, SIZE), 0);
	anonymous = map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	shared = map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	use(&s, heap, SIZE, 1);
	use(&s, anonymous, SIZE, 2);
	use(&s, shared, SIZE, 3);
	use(&s, heap + 1, SIZE - 3, 1);
	scene_close(&s);
	munmap(anonymous, SIZE);
	munmap(shared, SIZE);
	free(heap);
	close(fd);
}

E2E(wrap, a_file_of_the_program)
{
	int fd = open(scratch_file("mapped"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint8_t *at;
	struct scene s;

	scene_open(&s, e2e_mount);
	cr_assert_eq(ftruncate(fd, SIZE), 0);
	at = map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	use(&s, at, SIZE, 1);
	scene_close(&s);
	munmap(at, SIZE);
	close(fd);
}

static const char huge_file[] = "/proc/sys/vm/nr_hugepages";

/* How many huge pages the kernel keeps ready. */
static long huge_kept(void)
{
	FILE *f = fopen(huge_file, "re");
	long nr = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%ld", &nr) != 1)
		nr = 0;
	fclose(f);
	return nr;
}

static void keep_huge(long nr)
{
	FILE *f = fopen(huge_file, "we");

	if (!f)
		return;
	fprintf(f, "%ld\n", nr);
	fclose(f);
}

E2E(wrap, huge_pages)
{
	long before = huge_kept();
	struct scene s;
	uint8_t *at;

	keep_huge(before + 2);
	at = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (at == MAP_FAILED) {
		keep_huge(before);
		cr_skip_test("this machine has no huge pages to give");
	}
	scene_open(&s, e2e_mount);
	use(&s, at, SIZE, 1);
	use(&s, at + HUGE - SIZE, SIZE, 2);
	use(&s, at, 1 << 20, 1);
	scene_close(&s);
	munmap(at, HUGE);
	keep_huge(before);
}

E2E(wrap, transparent_huge_pages)
{
	uint8_t *at = map(NULL, 4 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	struct scene s;

	madvise(at, 4 * HUGE, MADV_HUGEPAGE);
	scene_open(&s, e2e_mount);
	use(&s, at, 1 << 20, 1);
	use(&s, at + HUGE - 12345, SIZE, 2);
	scene_close(&s);
	munmap(at, 4 * HUGE);
}

/* Another mapping at the same address, under another id: MAP_FIXED. */
E2E(wrap, map_fixed_at_one_address)
{
	uint8_t *at = map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	int fd = memfd_create("wrapped", MFD_CLOEXEC);
	struct scene s;

	scene_open(&s, e2e_mount);
	cr_assert_eq(ftruncate(fd, SIZE), 0);
	for (int i = 0; i < full_or_quick(20, 4); i++) {
		use(&s, at, SIZE, 10 + i);
		map(at, SIZE, PROT_READ | PROT_WRITE,
		    (i % 2 ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, i % 2 ? fd : -1);
	}
	scene_close(&s);
	munmap(at, SIZE);
	close(fd);
}

E2E(wrap, read_only_memory_may_be_written_from_only)
{
	uint8_t *at = map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	struct scene s;

	scene_open(&s, e2e_mount);
	pattern_fill(at, SIZE, SEED, 0);
	cr_assert_eq(mprotect(at, SIZE, PROT_READ), 0);
	refuse(&s, true, at, SIZE, 1);
	cr_assert_eq(transfer(&s, false, at, SIZE, 1), SIZE);
	file_check("source", SEED, 0, SIZE);
	cr_assert_eq(pattern_diff(at, SIZE, SEED, 0), -1);
	scene_close(&s);
	munmap(at, SIZE);
}

E2E(wrap, memory_that_is_none)
{
	uint8_t *at = map(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	struct scene s;

	scene_open(&s, e2e_mount);
	cr_assert_eq(munmap(at + 4 * PAGE, PAGE), 0);
	cr_assert_eq(mprotect(at + 8 * PAGE, PAGE, PROT_NONE), 0);
	for (int read = 0; read < 2; read++) {
		refuse(&s, read, at, 8 * PAGE, 1);	    /* a gap within */
		refuse(&s, read, at + 4 * PAGE, PAGE, 2);   /* nothing else */
		refuse(&s, read, (void *)PAGE, PAGE, 4);    /* never mapped */
		refuse(&s, read, (void *)-8192ul, PAGE, 5); /* the kernel's */
		use(&s, at, 4 * PAGE, 6);
		use(&s, at + 9 * PAGE, 7 * PAGE, 7);
	}
	/* To read it for others, some kernels let a card nevertheless. */
	refuse(&s, true, at + 5 * PAGE, 8 * PAGE, 3);
	scene_close(&s);
	munmap(at, 16 * PAGE);
}

/* There it would be SIGBUS. */
E2E(wrap, pages_behind_the_end_of_a_file)
{
	int fd = open(scratch_file("mapped"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint8_t *at;
	struct scene s;

	scene_open(&s, e2e_mount);
	cr_assert_eq(ftruncate(fd, 2 * PAGE + 1), 0);
	at = map(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	refuse(&s, true, at, 4 * PAGE, 1);
	refuse(&s, false, at, 4 * PAGE, 1);
	refuse(&s, true, at + 3 * PAGE, PAGE, 1);
	use(&s, at, 3 * PAGE, 1);
	scene_close(&s);
	munmap(at, 4 * PAGE);
	close(fd);
}

E2E(wrap, nothing_wrapped_is_refused_when_it_is_used)
{
	struct hf3fs_iov iov;
	uint8_t byte;
	struct scene s;

	scene_open(&s, e2e_mount);
	wrap(&s, &iov, NULL, SIZE, 1);
	cr_assert_eq(hf3fs_prep_io(&s.rw.reads, &iov, true, NULL, s.fd, 0, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_prep_io(&s.rw.reads, &iov, true, &byte, s.fd, 0, 1, NULL), -EINVAL);
	wrap(&s, &iov, &byte, 0, 1);
	cr_assert_eq(hf3fs_prep_io(&s.rw.reads, &iov, true, &byte, s.fd, 0, 1, NULL), -EINVAL);
	hf3fs_iovdestroy(&iov);
	rw_expect(&s.rw, s.fd, SEED, 0, 1000);
	scene_close(&s);
}
