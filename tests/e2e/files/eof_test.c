/* Ends of files, holes, and files too large for 32 bits. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { UNTOUCHED = 0x5a };
#define GIB (1ull << 30)

struct reader {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
};

static void reader_open(struct reader *r, const char *name, size_t room)
{
	ring_make(&r->ior, NULL, true, 8);
	iov_make(&r->iov, NULL, room);
	r->fd = file_reg(url_of(name), O_RDONLY);
}

static void reader_close(struct reader *r)
{
	file_unreg(r->fd);
	hf3fs_iovdestroy(&r->iov);
	hf3fs_iordestroy(&r->ior);
}

/* A read that gets `want` bytes of the pattern, and leaves what is behind them. */
static void expect(struct reader *r, uint64_t off, size_t len, size_t want)
{
	int64_t result;

	memset(r->iov.base, UNTOUCHED, r->iov.size);
	result = ring_io(&r->ior, &r->iov, r->iov.base, r->fd, off, len);
	cr_assert_eq(result, (int64_t)want, "%zu bytes at %lu: %ld", len, off, result);
	cr_assert_eq(pattern_diff(r->iov.base, want, 3, off), -1, "%zu bytes at %lu", len, off);
	cr_assert_eq(bytes_diff(r->iov.base + len, r->iov.size - len, UNTOUCHED), -1);
}

E2E(eof, at_across_and_behind)
{
	static const size_t sizes[] = {1, 4095, 4096, 4097, 100000, 524288, 1048577, 3000001};
	struct reader r;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];

		file_make("file", 3, size);
		reader_open(&r, "file", size + (2 << 20));
		expect(&r, 0, size, size);
		expect(&r, 0, size + 1, size);
		expect(&r, 0, size + (1 << 20), size);
		expect(&r, size - 1, 1, 1);
		expect(&r, size - 1, 100000, 1);
		expect(&r, size / 2, size, size - size / 2);
		expect(&r, size, 1, 0);
		expect(&r, size, 1 << 20, 0);
		expect(&r, size + 1, 4096, 0);
		expect(&r, size + 12345678, 1 << 20, 0);
		expect(&r, 1ull << 40, 4096, 0);
		reader_close(&r);
	}
}

E2E(eof, empty_file)
{
	struct reader r;
	int fd = usrbio_open(url_of("empty"), O_WRONLY | O_CREAT, 0644);

	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_close(fd), 0);
	cr_assert_eq(file_size("empty"), 0);
	reader_open(&r, "empty", 1 << 20);
	expect(&r, 0, 1, 0);
	expect(&r, 0, 4096, 0);
	expect(&r, 4096, 1 << 20, 0);
	reader_close(&r);
}

E2E(eof, a_growing_file_is_seen)
{
	struct reader r;

	file_make("file", 3, 1000);
	reader_open(&r, "file", 1 << 20);
	expect(&r, 0, 8192, 1000);
	file_make("file", 3, 5000);
	expect(&r, 0, 8192, 5000);
	cr_assert_eq(usrbio_truncate(url_of("file"), 100), 0);
	expect(&r, 0, 8192, 100);
	reader_close(&r);
}

/* Data, a hole, data, each of 256 KiB. */
enum { PART = 256 * 1024 };

static void make_sparse(const char *name)
{
	char *buf = malloc(PART);

	cr_assert(buf);
	pattern_fill(buf, PART, 3, 0);
	file_write(name, buf, PART, 0);
	pattern_fill(buf, PART, 3, 2 * PART);
	file_write(name, buf, PART, 2 * PART);
	free(buf);
}

E2E(eof, holes_are_zeros)
{
	struct reader r;
	uint8_t *at;

	make_sparse("sparse");
	reader_open(&r, "sparse", 4 * PART);
	at = r.iov.base;
	memset(at, UNTOUCHED, r.iov.size);
	cr_assert_eq(ring_io(&r.ior, &r.iov, at, r.fd, 0, 4 * PART), 3 * PART);
	cr_assert_eq(pattern_diff(at, PART, 3, 0), -1);
	cr_assert_eq(bytes_diff(at + PART, PART, 0), -1);
	cr_assert_eq(pattern_diff(at + 2 * PART, PART, 3, 2 * PART), -1);
	memset(at, UNTOUCHED, r.iov.size);
	cr_assert_eq(ring_io(&r.ior, &r.iov, at, r.fd, PART + 1, 4097), 4097);
	cr_assert_eq(bytes_diff(at, 4097, 0), -1);
	reader_close(&r);
}

E2E(eof, holes_can_be_forbidden)
{
	struct hf3fs_ior ior;
	struct reader r;
	uint8_t *at;

	make_sparse("sparse");
	reader_open(&r, "sparse", 4 * PART);
	at = r.iov.base;
	cr_assert_eq(
		hf3fs_iorcreate4(&ior, e2e_mount, 8, true, 0, 0, -1, HF3FS_IOR_FORBID_READ_HOLES),
		0);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, 0, PART), PART);
	cr_assert_eq(pattern_diff(at, PART, 3, 0), -1);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, 2 * PART, PART), PART);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, PART, PART), -ENODATA);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, PART + 4096, 1), -ENODATA);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, 0, PART + 1), -ENODATA);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, 0, 3 * PART), -ENODATA);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, 2 * PART - 1, 2), -ENODATA);
	/* The end of the file is no hole. */
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, 3 * PART - 10, PART), 10);
	cr_assert_eq(ring_io(&ior, &r.iov, at, r.fd, 3 * PART, PART), 0);
	hf3fs_iordestroy(&ior);
	reader_close(&r);
}

E2E(eof, a_write_behind_the_end_leaves_a_hole)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	struct stat st;
	int fd;

	file_make("file", 3, 100);
	fd = file_reg(url_of("file"), O_WRONLY);
	ring_make(&ior, NULL, false, 1);
	iov_make(&iov, NULL, 4096);
	pattern_fill(iov.base, 1000, 7, 10 << 20);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 10 << 20, 1000), 1000);
	cr_assert_eq(file_size("file"), (10 << 20) + 1000);
	file_check("file", 3, 0, 100);
	file_check_zero("file", 100, (10 << 20) - 100);
	file_check("file", 7, 10 << 20, 1000);
	if (e2e_dir) {
		cr_assert_eq(stat(path_of("file"), &st), 0);
		cr_assert_lt(st.st_blocks * 512, 1 << 20, "the gap takes space");
	}
	file_unreg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

E2E(eof, offsets_above_4_gib)
{
	struct hf3fs_ior writer;
	struct reader r;
	int fd = file_reg(url_of("large"), O_RDWR | O_CREAT);
	uint8_t *at;

	cr_assert_eq(usrbio_ftruncate(fd, 6 * GIB), 0);
	cr_assert_eq(file_size("large"), 6 * GIB);
	ring_make(&writer, NULL, false, 4);
	reader_open(&r, "large", 2 << 20);
	at = r.iov.base;
	pattern_fill(at, 1 << 20, 3, 5 * GIB + 1);
	cr_assert_eq(ring_io(&writer, &r.iov, at, fd, 5 * GIB + 1, 1 << 20), 1 << 20);
	file_check("large", 3, 5 * GIB + 1, 1 << 20);
	file_check_zero("large", GIB + 1, 1 << 20);
	expect(&r, 5 * GIB + 1, 1 << 20, 1 << 20);
	expect(&r, 5 * GIB + 4097, 12345, 12345);
	memset(at, UNTOUCHED, 4096);
	cr_assert_eq(ring_io(&r.ior, &r.iov, at, r.fd, 6 * GIB - 100, 4096), 100);
	cr_assert_eq(bytes_diff(at, 100, 0), -1);
	cr_assert_eq(ring_io(&r.ior, &r.iov, at, r.fd, 6 * GIB, 4096), 0);
	/* A write across 4 GiB and one that grows the file above it. */
	pattern_fill(at, 8192, 8, 4 * GIB - 4096);
	cr_assert_eq(ring_io(&writer, &r.iov, at, fd, 4 * GIB - 4096, 8192), 8192);
	file_check("large", 8, 4 * GIB - 4096, 8192);
	cr_assert_eq(ring_io(&writer, &r.iov, at, fd, 6 * GIB + 5, 10), 10);
	cr_assert_eq(file_size("large"), 6 * GIB + 15);
	reader_close(&r);
	file_unreg(fd);
	hf3fs_iordestroy(&writer);
}
