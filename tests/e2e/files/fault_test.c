/* A store that fails now and then: that I/O gets the errno, its neighbours their data. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { LEN = 4096, NR = 100 };

struct faulty {
	struct server server;
	char mount[256], url[300];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
};

/* A second server, whose export `f` fails as the rules say. */
static void faulty_open(struct faulty *f, const char *rules, bool read)
{
	char export[700], dir[500], file[520];
	FILE *out;

	e2e_needs_server_process();
	snprintf(dir, sizeof(dir), "%s/faulty", e2e_scratch);
	snprintf(file, sizeof(file), "%s/file", dir);
	cr_assert_eq(mkdir(dir, 0755), 0);
	snprintf(export, sizeof(export), "f=fault:%s:%s", rules, dir);
	server_start(&f->server, NULL, export, NULL);
	snprintf(f->mount, sizeof(f->mount), "%s/f", f->server.addr);
	snprintf(f->url, sizeof(f->url), "%s/file", f->mount);
	ring_make(&f->ior, f->mount, read, NR);
	iov_make(&f->iov, f->mount, NR * LEN);
	pattern_fill(f->iov.base, NR * LEN, 3, 0);
	out = fopen(file, "we");
	cr_assert(out && fwrite(f->iov.base, LEN, NR, out) == NR && !fclose(out));
	f->fd = file_reg(f->url, read ? O_RDONLY : O_RDWR);
}

static void faulty_close(struct faulty *f)
{
	file_unreg(f->fd);
	hf3fs_iordestroy(&f->ior);
	hf3fs_iovdestroy(&f->iov);
	server_stop(&f->server);
}

E2E(faults, every_tenth_read_alone)
{
	struct faulty f;

	faulty_open(&f, "read.eio=1/10", true);
	for (int i = 1; i <= NR; i++) {
		int64_t result;

		memset(f.iov.base, 0, LEN);
		result = ring_io(&f.ior, &f.iov, f.iov.base, f.fd, (i - 1) * LEN, LEN);
		cr_assert_eq(result, i % 10 ? LEN : -EIO, "read %d: %ld", i, result);
		if (i % 10)
			cr_assert_eq(pattern_diff(f.iov.base, LEN, 3, (i - 1) * LEN), -1);
	}
	faulty_close(&f);
}

E2E(faults, every_tenth_read_of_a_batch)
{
	struct hf3fs_cqe cqes[NR];
	struct faulty f;
	int failed = 0;

	faulty_open(&f, "read.eio=1/10", true);
	memset(f.iov.base, 0, NR * LEN);
	for (long i = 0; i < NR; i++)
		ring_prep(&f.ior, &f.iov, f.iov.base + i * LEN, f.fd, i * LEN, LEN, (void *)i);
	ring_submit(&f.ior);
	ring_wait(&f.ior, cqes, NR);
	for (long i = 0; i < NR; i++) {
		cr_assert_eq(cqes[i].userdata, (void *)i);
		cr_assert(cqes[i].result == LEN || cqes[i].result == -EIO, "%ld", cqes[i].result);
		if (cqes[i].result == LEN)
			cr_assert_eq(pattern_diff(f.iov.base + i * LEN, LEN, 3, i * LEN), -1);
		failed += cqes[i].result < 0;
	}
	cr_assert_eq(failed, NR / 10);
	faulty_close(&f);
}

/* One of the pieces a large read is made of fails: so does the read, and no other. */
E2E(faults, a_piece_of_a_large_read)
{
	enum { LARGE = 8 << 20 };
	struct hf3fs_iov iov;
	struct faulty f;
	int failed = 0;

	faulty_open(&f, "read.eio=#3", true);
	cr_assert_eq(usrbio_truncate(f.url, LARGE), 0);
	iov_make(&iov, f.mount, LARGE);
	for (int i = 0; i < 3; i++) {
		int64_t result = ring_io(&f.ior, &iov, iov.base, f.fd, 0, LARGE);

		cr_assert(result == LARGE || result == -EIO, "%ld", result);
		failed += result < 0;
	}
	cr_assert_eq(failed, 1);
	hf3fs_iovdestroy(&iov);
	faulty_close(&f);
}

E2E(faults, a_full_disk)
{
	struct faulty f;

	faulty_open(&f, "write.enospc=#2", false);
	for (int i = 1; i <= 5; i++)
		cr_assert_eq(ring_io(&f.ior, &f.iov, f.iov.base, f.fd, 0, LEN),
			     i == 2 ? -ENOSPC : LEN);
	faulty_close(&f);
}

/* Where a disk takes its time, the answer does: what it says is seen behind the server's back. */
E2E(faults, a_write_is_answered_when_it_is_done)
{
	struct faulty f;
	char bytes[LEN];
	int file;

	faulty_open(&f, "write.delay_ms=100", false);
	file = open(scratch_file("faulty/file"), O_RDONLY | O_CLOEXEC);
	cr_assert_geq(file, 0);
	for (int i = 0; i < 3; i++) {
		pattern_fill(f.iov.base, LEN, 4 + i, 0);
		cr_assert_eq(ring_io(&f.ior, &f.iov, f.iov.base, f.fd, 0, LEN), LEN);
		cr_assert_eq(pread(file, bytes, LEN, 0), LEN);
		cr_assert_eq(pattern_diff(bytes, LEN, 4 + i, 0), -1, "answered before it was done");
	}
	close(file);
	faulty_close(&f);
}

E2E(faults, of_other_calls)
{
	struct usrbio_stat st;
	struct faulty f;

	faulty_open(&f, "sync.eio=#1,truncate.enospc=#1,unlink.eacces=#1", false);
	cr_assert_eq(usrbio_fsync(f.fd), -EIO);
	cr_assert_eq(usrbio_ftruncate(f.fd, 1), -ENOSPC);
	cr_assert_eq(usrbio_fstat(f.fd, &st), 0);
	cr_assert_eq(st.size, NR * LEN);
	cr_assert_eq(usrbio_ftruncate(f.fd, 1), 0);
	cr_assert_eq(usrbio_unlink(f.url), -EACCES);
	cr_assert_eq(usrbio_unlink(f.url), 0);
	faulty_close(&f);
}
