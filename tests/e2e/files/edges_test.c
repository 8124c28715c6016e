/* Writes of less than a page, at page borders and around the end of the file; far offsets. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { PAGE = 4096, SEED = 3, ROOM = 1 << 20, PIECES = 48 };

/* What the file should be. */
struct model {
	char bytes[4 * ROOM];
	size_t size;
};

static void model_check(const struct model *model)
{
	char *got = malloc(model->size);

	cr_assert(got);
	cr_assert_eq(file_size("file"), model->size);
	file_read("file", got, model->size, 0);
	for (size_t i = 0; i < model->size; i++)
		cr_assert_eq(got[i], model->bytes[i], "at %zu of %zu", i, model->size);
	free(got);
}

E2E(edges, each_small_size_around_the_end_and_page_borders)
{
	static const size_t sizes[] = {0, 1, 2, 100, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 7};
	static const size_t lens[] = {1, 2, 511, PAGE - 1, PAGE, PAGE + 1};
	struct model *model = malloc(sizeof(*model));
	struct rw rw;
	int fd;

	cr_assert(model);
	rw_open(&rw, NULL, ROOM);
	fd = file_reg(url_of("file"), O_WRONLY | O_CREAT);
	for (unsigned i = 0; i < 8 * 6 * 5; i += full_or_quick(1, 17)) {
		size_t size = sizes[i / 30], len = lens[i / 5 % 6], off = size + i % 5;

		off = off < 2 ? 0 : off - 2; /* from two bytes before the end to two behind it */
		cr_assert_eq(usrbio_ftruncate(fd, 0), 0);
		memset(model->bytes, 0, off + len + size);
		pattern_fill(model->bytes, size, SEED, 0);
		if (size)
			rw_put(&rw, fd, SEED, 0, size);
		rw_put(&rw, fd, 7, off, len);
		pattern_fill(model->bytes + off, len, 7, off);
		model->size = off + len > size ? off + len : size;
		model_check(model);
	}
	file_unreg(fd);
	rw_close(&rw);
	free(model);
}

struct piece {
	size_t off, len;
};

/* Neighbouring pieces of 1 to 4097 bytes, some with a gap between, from near the end on. */
static void cut(struct piece *pieces, size_t end, uint64_t *random)
{
	static const size_t lens[] = {1, 1, 2, 3, 511, 512, 513, PAGE - 1, PAGE, PAGE + 1};
	size_t back = next_random(random) % (PIECES * 600);
	size_t at = end > back ? end - back : 0;

	for (int i = 0; i < PIECES; i++) {
		size_t len = lens[next_random(random) % 10];

		if (next_random(random) % 3 == 0)
			len = 1 + next_random(random) % (PAGE + 1);
		if (next_random(random) % 5 == 0)
			at += next_random(random) % 100;
		pieces[i] = (struct piece){at, len};
		at += len;
	}
}

static void change(struct model *model, const struct piece *piece, uint64_t seed)
{
	pattern_fill(model->bytes + piece->off, piece->len, seed, piece->off);
	if (piece->off + piece->len > model->size)
		model->size = piece->off + piece->len;
}

/*
 * Two rings write every third of the pieces each; the last third goes by pwrite(2) beside them, or
 * by the first ring where the files are on another machine.
 */
static void write_together(const struct hf3fs_ior rings[2], const struct hf3fs_iov *iov, int fd,
			   const struct model *model, const struct piece *pieces)
{
	int local = e2e_dir ? open(path_of("file"), O_WRONLY | O_CLOEXEC) : -1, n[2] = {0};
	struct hf3fs_cqe cqes[PIECES];

	for (int i = 0; i < PIECES; i++) {
		const struct piece *p = &pieces[i];
		int ring = i % 3 == 2 && local < 0 ? 0 : i % 3;

		if (ring == 2)
			continue;
		memcpy(iov->base + i * 2 * PAGE, model->bytes + p->off, p->len);
		ring_prep(&rings[ring], iov, iov->base + i * 2 * PAGE, fd, p->off, p->len,
			  (void *)p->len);
		n[ring]++;
	}
	ring_submit(&rings[0]);
	ring_submit(&rings[1]);
	for (int i = 2; local >= 0 && i < PIECES; i += 3)
		must(pwrite(local, model->bytes + pieces[i].off, pieces[i].len, pieces[i].off) ==
			     (ssize_t)pieces[i].len,
		     "pwrite");
	for (int ring = 0; ring < 2; ring++) {
		ring_wait(&rings[ring], cqes, n[ring]);
		for (int i = 0; i < n[ring]; i++)
			must(cqes[i].result == (long)cqes[i].userdata, "%ld", (long)cqes[i].result);
	}
	if (local >= 0)
		close(local);
}

E2E(edges, writers_of_neighbouring_bytes_lose_nothing)
{
	struct model *model = calloc(1, sizeof(*model));
	struct piece pieces[PIECES];
	struct hf3fs_ior rings[2];
	struct hf3fs_iov iov;
	uint64_t random = 42;
	int fd;

	cr_assert(model);
	fd = file_reg(url_of("file"), O_WRONLY | O_CREAT);
	ring_make(&rings[0], NULL, false, PIECES);
	ring_make(&rings[1], NULL, false, PIECES);
	iov_make(&iov, NULL, PIECES * 2 * PAGE);
	for (int round = 0; round < full_or_quick(200, 4); round++) {
		cut(pieces, model->size, &random);
		for (int i = 0; i < PIECES; i++)
			change(model, &pieces[i], 100 + round);
		write_together(rings, &iov, fd, model, pieces);
		model_check(model);
		if (model->size > 2 * ROOM) {
			cr_assert_eq(usrbio_ftruncate(fd, PAGE + 1), 0);
			memset(model->bytes + PAGE + 1, 0, sizeof(model->bytes) - PAGE - 1);
			model->size = PAGE + 1;
		}
	}
	file_unreg(fd);
	hf3fs_iordestroy(&rings[0]);
	hf3fs_iordestroy(&rings[1]);
	hf3fs_iovdestroy(&iov);
	free(model);
}

/* The bytes of a page, each an I/O of its own, and hundreds of them under way at once. */
E2E(edges, a_page_of_single_bytes)
{
	enum { N = 512 };
	struct hf3fs_cqe cqes[N];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd = file_reg(url_of("file"), O_WRONLY | O_CREAT);
	const int size = full_or_quick(PAGE, N);

	ring_make(&ior, NULL, false, N);
	iov_make(&iov, NULL, PAGE);
	pattern_fill(iov.base, PAGE, SEED, 0);
	for (int start = 0; start < size; start += N) {
		for (int i = 0; i < N; i++) {
			int at = (i * 37 % N) * (size / N) + start / N;

			ring_prep(&ior, &iov, iov.base + at, fd, at, 1, NULL);
		}
		ring_submit(&ior);
		ring_wait(&ior, cqes, N);
		for (int i = 0; i < N; i++)
			cr_assert_eq(cqes[i].result, 1);
	}
	cr_assert_eq(file_size("file"), size);
	file_check("file", SEED, 0, size);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

E2E(edges, one_byte_far_behind_the_end)
{
	const uint64_t far = 1ull << 40;
	struct rw rw;
	int fd = file_reg(url_of("file"), O_RDWR | O_CREAT);

	rw_open(&rw, NULL, PAGE);
	rw_put(&rw, fd, SEED, 0, 100);
	rw_put(&rw, fd, SEED, far, 1);
	cr_assert_eq(file_size("file"), far + 1);
	rw_expect(&rw, fd, SEED, 0, 100);
	rw_expect(&rw, fd, SEED, far, 1);
	cr_assert_eq(rw_read(&rw, fd, far - 100, PAGE), 101);
	cr_assert_eq(bytes_diff(rw.base, 100, 0), -1);
	cr_assert_eq(rw_read(&rw, fd, far / 2, PAGE), PAGE);
	cr_assert_eq(bytes_diff(rw.base, PAGE, 0), -1);
	file_unreg(fd);
	rw_close(&rw);
}

/* No file has bytes there. Where one may still end, the file system says. */
E2E(edges, offsets_near_the_largest_fail_and_harm_nothing)
{
	static const uint64_t none[] = {INT64_MAX - PAGE + 1, INT64_MAX, INT64_MAX + 1ull,
					UINT64_MAX - PAGE, UINT64_MAX};
	struct rw rw;
	int fd = file_reg(url_of("file"), O_RDWR | O_CREAT);

	rw_open(&rw, NULL, PAGE);
	rw_put(&rw, fd, SEED, 0, PAGE);
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		int64_t result = rw_write(&rw, fd, none[i], PAGE);

		cr_assert(result == -EFBIG || result == -EINVAL, "%lx: %ld", none[i], result);
		result = rw_read(&rw, fd, none[i], PAGE);
		cr_assert(!result || result == -EINVAL, "%lx: %ld", none[i], result);
		cr_assert_eq(file_size("file"), PAGE);
	}
	cr_assert_eq(rw_read(&rw, fd, INT64_MAX - PAGE, PAGE), 0);
	rw_expect(&rw, fd, SEED, 0, PAGE);
	file_unreg(fd);
	rw_close(&rw);
}
