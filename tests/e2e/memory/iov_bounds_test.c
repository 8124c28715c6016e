/* An I/O touches its own bytes and no others: at the ends of memory of odd sizes, and in blocks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { FILE_SIZE = 1 << 20, SEED = 8, OUTSIDE = 0xa5 };

struct scene {
	struct rw rw;
	int in, out;
};

static void scene_open(struct scene *s)
{
	file_make("in", SEED, FILE_SIZE);
	file_make("out", SEED, FILE_SIZE);
	s->in = file_reg(url_of("in"), O_RDONLY);
	s->out = file_reg(url_of("out"), O_WRONLY);
	rw_open(&s->rw, NULL, 4096);
}

static void scene_close(struct scene *s)
{
	rw_close(&s->rw);
	file_unreg(s->in);
	file_unreg(s->out);
}

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

/* A read into [at, at + len) of `room` mapped bytes: that, and nothing else, changes. */
static void read_one(struct scene *s, const struct hf3fs_iov *iov, size_t room, size_t at,
		     size_t len)
{
	uint64_t off = (at * 7 + len) % (FILE_SIZE - len);

	memset(iov->base, OUTSIDE, room);
	cr_assert_eq(ring_io(&s->rw.reads, iov, iov->base + at, s->in, off, len), (int64_t)len);
	cr_assert_eq(bytes_diff(iov->base, at, OUTSIDE), -1, "before %zu + %zu", at, len);
	cr_assert_eq(pattern_diff(iov->base + at, len, SEED, off), -1);
	cr_assert_eq(bytes_diff(iov->base + at + len, room - at - len, OUTSIDE), -1,
		     "behind %zu + %zu", at, len);
}

/* A write from there: the file changes in that range only. */
static void write_one(struct scene *s, const struct hf3fs_iov *iov, size_t room, size_t at,
		      size_t len)
{
	uint64_t off = 1 + (at * 5 + len) % (FILE_SIZE - len - 2);
	uint8_t around[2], want[2];

	memset(iov->base, OUTSIDE, room);
	pattern_fill(iov->base + at, len, SEED + 1, off);
	cr_assert_eq(ring_io(&s->rw.writes, iov, iov->base + at, s->out, off, len), (int64_t)len);
	file_check("out", SEED + 1, off, len);
	file_read("out", &around[0], 1, off - 1);
	file_read("out", &around[1], 1, off + len);
	pattern_fill(&want[0], 1, SEED, off - 1);
	pattern_fill(&want[1], 1, SEED, off + len);
	cr_assert_eq(memcmp(around, want, 2), 0, "beside %zu + %zu", at, len);
	pattern_fill(iov->base + at, len, SEED, off);
	file_write("out", iov->base + at, len, off);
}

static void use_ends(struct scene *s, const struct hf3fs_iov *iov, size_t room)
{
	uint64_t random = iov->size;

	for (int i = 0; i < full_or_quick(20, 3); i++) {
		size_t at = next_random(&random) % iov->size;
		size_t len = 1 + next_random(&random) % (iov->size - at);

		read_one(s, iov, room, at, len);
		write_one(s, iov, room, at, len);
	}
	read_one(s, iov, room, 0, 1);
	read_one(s, iov, room, iov->size - 1, 1);
	read_one(s, iov, room, 0, iov->size);
	write_one(s, iov, room, 0, 1);
	write_one(s, iov, room, iov->size - 1, 1);
	write_one(s, iov, room, 0, iov->size);
}

static void refuse(struct scene *s, const struct hf3fs_iov *iov, void *ptr, uint64_t len)
{
	cr_assert_eq(hf3fs_prep_io(&s->rw.reads, iov, true, ptr, s->in, 0, len, NULL), -EINVAL);
	cr_assert_eq(hf3fs_prep_io(&s->rw.writes, iov, false, ptr, s->out, 0, len, NULL), -EINVAL);
}

static void refuse_beyond(struct scene *s, const struct hf3fs_iov *iov)
{
	refuse(s, iov, iov->base - 1, 1);
	refuse(s, iov, iov->base - 1, iov->size + 1);
	refuse(s, iov, iov->base + iov->size, 1);
	refuse(s, iov, iov->base + iov->size - 1, 2);
	refuse(s, iov, iov->base, iov->size + 1);
	refuse(s, iov, iov->base + 1, UINT64_MAX);
	refuse(s, iov, iov->base + 1, (uint64_t)0 - (uintptr_t)iov->base);
	refuse(s, iov, NULL, 1);
}

static const size_t odd_sizes[] = {1, 17, 4095, 4097, 12345, 300001};

/* What a page holds behind the iov's last byte is not the iov's. */
E2E(iov_bounds, first_and_last_byte_of_odd_sizes)
{
	struct scene s;

	scene_open(&s);
	for (size_t i = 0; i < sizeof(odd_sizes) / sizeof(odd_sizes[0]); i++) {
		struct hf3fs_iov iov;

		iov_make(&iov, NULL, odd_sizes[i]);
		use_ends(&s, &iov, whole_pages(iov.size));
		refuse_beyond(&s, &iov);
		hf3fs_iovdestroy(&iov);
	}
	scene_close(&s);
}

/* Opened for a part: the part is all there is. */
E2E(iov_bounds, an_iov_opened_for_a_part)
{
	struct hf3fs_iov iov, part;
	struct scene s;

	scene_open(&s);
	iov_make(&iov, NULL, 100001);
	cr_assert_eq(hf3fs_iovopen(&part, (const uint8_t *)iov.id, e2e_mount, 5003, 0, -1), 0);
	use_ends(&s, &part, whole_pages(part.size));
	refuse_beyond(&s, &part);
	hf3fs_iovdestroy(&part);
	use_ends(&s, &iov, whole_pages(iov.size));
	hf3fs_iovdestroy(&iov);
	scene_close(&s);
}

/* Wrapped memory that ends, or begins, where a page begins that nobody may touch. */
E2E(iov_bounds, wrapped_memory_between_guard_pages)
{
	struct scene s;

	scene_open(&s);
	for (size_t i = 0; i < sizeof(odd_sizes) / sizeof(odd_sizes[0]); i++) {
		size_t size = odd_sizes[i], room = whole_pages(size), page = whole_pages(1);
		uint8_t *all =
			mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct hf3fs_iov iov;

		cr_assert_neq(all, MAP_FAILED);
		cr_assert_eq(mprotect(all + page, room, PROT_READ | PROT_WRITE), 0);
		for (uint8_t end = 0; end < 2; end++) {
			uint8_t *base = all + page + (end ? room - size : 0), id[16] = {i, end};

			cr_assert_eq(hf3fs_iovwrap(&iov, base, id, e2e_mount, size, 0, -1), 0);
			use_ends(&s, &iov, size);
			refuse_beyond(&s, &iov);
		}
		munmap(all, room + 2 * page);
	}
	scene_close(&s);
}

/* One I/O: whole if it lies in one block, or else refused in its completion, touching nothing. */
static void use_block(struct scene *s, const struct hf3fs_iov *iov, size_t block, size_t at,
		      size_t len)
{
	bool crosses = at / block != (at + len - 1) / block;
	struct hf3fs_iov copy;

	if (!crosses) {
		read_one(s, iov, iov->size, at, len);
		return;
	}
	memcpy(&copy, iov, sizeof(copy));
	copy.block_size = 0; /* what the struct says is for reading */
	memset(iov->base, OUTSIDE, iov->size);
	cr_assert_eq(ring_io(&s->rw.reads, &copy, iov->base + at, s->in, 0, len), -EINVAL,
		     "%zu + %zu in blocks of %zu", at, len, block);
	cr_assert_eq(bytes_diff(iov->base, iov->size, OUTSIDE), -1);
	cr_assert_eq(ring_io(&s->rw.writes, &copy, iov->base + at, s->out, 0, len), -EINVAL);
}

static void use_blocks(struct scene *s, const struct hf3fs_iov *iov, size_t block)
{
	uint64_t random = block;

	use_block(s, iov, block, 0, block);
	use_block(s, iov, block, iov->size - 1, 1);
	for (size_t at = block; at < iov->size && at < 5 * block; at += block) {
		use_block(s, iov, block, at - 1, 1);
		use_block(s, iov, block, at, 1);
		use_block(s, iov, block, at - 1, 2);
		use_block(s, iov, block, at - block, block + 1);
	}
	for (int i = 0; i < full_or_quick(40, 5); i++) {
		size_t at = next_random(&random) % iov->size;
		size_t most = iov->size - at < 2 * block ? iov->size - at : 2 * block;

		use_block(s, iov, block, at, 1 + next_random(&random) % most);
	}
	file_check("out", SEED, 0, iov->size);
}

E2E(iov_bounds, blocks_are_not_crossed)
{
	static const struct {
		size_t size, block;
	} shapes[] = {{8192, 1}, {8192, 4096}, {10000, 3000}, {65536, 65536}, {12345, 12344}};
	struct scene s;

	scene_open(&s);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		size_t size = shapes[i].size, block = shapes[i].block;
		struct hf3fs_iov iov, opened;
		const uint8_t *id = (const uint8_t *)iov.id;

		cr_assert_eq(hf3fs_iovcreate(&iov, e2e_mount, size, block, -1), 0);
		use_blocks(&s, &iov, block);
		cr_assert_eq(hf3fs_iovopen(&opened, id, e2e_mount, size, 0, -1), -ENOENT);
		cr_assert_eq(hf3fs_iovopen(&opened, id, e2e_mount, size, block, -1), 0);
		use_blocks(&s, &opened, block);
		hf3fs_iovdestroy(&iov);
		use_blocks(&s, &opened, block);
		hf3fs_iovdestroy(&opened);
	}
	scene_close(&s);
}
