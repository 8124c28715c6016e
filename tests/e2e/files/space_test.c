/* When the server's file system is full or refuses: the errno it gives, and work again after. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"
#include "tests/support/tiny.h"

enum { KIB = 1024, SEED = 3 };

static int open_in(const char *mount, const char *name)
{
	char url[400];

	snprintf(url, sizeof(url), "%s/%s", mount, name);
	return file_reg(url, O_RDWR | O_CREAT);
}

/* Fill a file until the device is full: where that was. */
static uint64_t fill_up(struct rw *rw, int fd)
{
	uint64_t off = 0;
	int64_t result;

	for (;; off += 64 * KIB) {
		pattern_fill(rw->base, 64 * KIB, SEED, off);
		result = rw_write(rw, fd, off, 64 * KIB);
		if (result != 64 * KIB)
			break;
	}
	cr_assert_eq(result, -ENOSPC, "at %lu: %ld", off, result);
	return off;
}

E2E(space, a_full_disk_says_so_until_there_is_room_again)
{
	struct tiny tiny;
	uint64_t end;
	int big, small;
	struct rw rw;

	tiny_open(&tiny, "tmpfs", "size=2m");
	rw_open(&rw, tiny.mount, 1 << 20);
	small = open_in(tiny.mount, "small");
	rw_put(&rw, small, 5, 0, 100 * KIB);
	big = open_in(tiny.mount, "big");
	for (int i = 0; i < 3; i++) {
		end = fill_up(&rw, big);
		cr_assert_eq(rw_write(&rw, small, 200 * KIB, 1 << 20), -ENOSPC);
		/* What was there is there, and can be written where there is room for it. */
		for (uint64_t off = 0; off < end; off += 64 * KIB)
			rw_expect(&rw, big, SEED, off, 64 * KIB);
		rw_expect(&rw, small, 5, 0, 100 * KIB);
		rw_put(&rw, small, 5, 1, 1000);
		cr_assert_eq(usrbio_ftruncate(big, 0), 0);
		cr_assert_eq(usrbio_ftruncate(small, 100 * KIB), 0);
		rw_put(&rw, small, 5, 100 * KIB, 500 * KIB);
		rw_expect(&rw, small, 5, 0, 600 * KIB);
		cr_assert_eq(usrbio_ftruncate(small, 100 * KIB), 0);
	}
	file_unreg(small);
	file_unreg(big);
	rw_close(&rw);
	tiny_close(&tiny);
}

/* A second server, started under a limit that the test itself does not keep. */
static void start_limited(struct server *server, const char *export, rlim_t size)
{
	struct rlimit before, limit;

	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = size;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	server_start(server, NULL, export, NULL);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
}

E2E(space, a_file_too_large_says_so_and_others_go_on)
{
	enum { LIMIT = 300 * KIB };
	char export[600], mount[300], dir[500];
	struct server server;
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	snprintf(dir, sizeof(dir), "%s/limited", e2e_scratch);
	snprintf(export, sizeof(export), "l=%s", dir);
	cr_assert_eq(mkdir(dir, 0755), 0);
	start_limited(&server, export, LIMIT);
	snprintf(mount, sizeof(mount), "%s/l", server.addr);
	rw_open(&rw, mount, 1 << 20);
	fd = open_in(mount, "file");
	cr_assert_eq(rw_write(&rw, fd, LIMIT, 1), -EFBIG);
	cr_assert_eq(rw_write(&rw, fd, 0, 1 << 20), -EFBIG);
	cr_assert_eq(rw_write(&rw, fd, LIMIT - 1, 2), -EFBIG);
	cr_assert_eq(rw_write(&rw, fd, 1ull << 50, 4096), -EFBIG);
	rw_put(&rw, fd, SEED, 0, LIMIT);
	cr_assert_eq(rw_read(&rw, fd, 0, 1 << 20), LIMIT);
	cr_assert_eq(pattern_diff(rw.base, LIMIT, SEED, 0), -1);
	file_unreg(fd);
	rw_close(&rw);
	server_stop(&server);
}

/* What the kernel says is what the program hears, for that I/O alone. */
static void expect_errno(int err, bool read)
{
	char export[700], mount[300], dir[500], rule[64];
	const char *kind = read ? "read" : "write";
	struct server server;
	struct rw rw;
	int fd;

	snprintf(rule, sizeof(rule), "%s.%s=#2", kind, strerrorname_np(err));
	snprintf(dir, sizeof(dir), "%s/%s.%d", e2e_scratch, kind, err);
	snprintf(export, sizeof(export), "f=fault:%s:%s", rule, dir);
	cr_assert_eq(mkdir(dir, 0755), 0);
	server_start(&server, NULL, export, NULL);
	snprintf(mount, sizeof(mount), "%s/f", server.addr);
	rw_open(&rw, mount, 64 * KIB);
	fd = open_in(mount, "file");
	for (int i = 0; i < 3; i++) {
		int64_t want = !read && i == 1 ? -err : 64 * KIB;

		pattern_fill(rw.base, 64 * KIB, SEED, 0);
		cr_assert_eq(rw_write(&rw, fd, 0, 64 * KIB), want, "%s", rule);
	}
	for (int i = 0; i < 3; i++) {
		int64_t want = read && i == 1 ? -err : 64 * KIB;

		cr_assert_eq(rw_read(&rw, fd, 0, 64 * KIB), want, "%s", rule);
	}
	cr_assert_eq(pattern_diff(rw.base, 64 * KIB, SEED, 0), -1);
	file_unreg(fd);
	rw_close(&rw);
	server_stop(&server);
}

E2E(space, quota_limits_and_device_errors_come_as_the_kernel_says_them)
{
	e2e_needs_server_process();
	expect_errno(EDQUOT, false);
	expect_errno(EFBIG, false);
	expect_errno(ENOSPC, false);
	expect_errno(EIO, false);
	expect_errno(EIO, true);
	expect_errno(ESTALE, true);
}
