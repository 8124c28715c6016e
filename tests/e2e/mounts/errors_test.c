/* What goes wrong in a program's use of the API, and what it is told. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

struct kit {
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd;
};

static void kit_open(struct kit *kit)
{
	file_make("file", 3, 100000);
	kit->fd = file_reg(url_of("file"), O_RDWR);
	ring_make(&kit->reads, NULL, true, 4);
	ring_make(&kit->writes, NULL, false, 4);
	iov_make(&kit->iov, NULL, 8192);
}

static void kit_close(struct kit *kit)
{
	file_unreg(kit->fd);
	hf3fs_iordestroy(&kit->reads);
	hf3fs_iordestroy(&kit->writes);
	hf3fs_iovdestroy(&kit->iov);
}

static int prep(struct kit *kit, bool read, void *ptr, int fd, uint64_t len)
{
	return hf3fs_prep_io(&kit->reads, &kit->iov, read, ptr, fd, 0, len, NULL);
}

/* Refused preparations leave the ring as it was. */
static void still_works(struct kit *kit)
{
	struct hf3fs_cqe cqe;

	cr_assert_eq(hf3fs_submit_ios(&kit->reads), 0);
	cr_assert_eq(hf3fs_wait_for_ios(&kit->reads, &cqe, 1, 0, NULL), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_geq(prep(kit, true, kit->iov.base, kit->fd, 1000), 0);
	cr_assert_eq(prep(kit, true, kit->iov.base, kit->fd, 1000), -EAGAIN);
	ring_submit(&kit->reads);
	for (int i = 0; i < 4; i++) {
		ring_wait(&kit->reads, &cqe, 1);
		cr_assert_eq(cqe.result, 1000);
	}
	cr_assert_eq(pattern_diff(kit->iov.base, 1000, 3, 0), -1);
}

E2E(errors, of_descriptors)
{
	struct kit kit;
	int fd;

	kit_open(&kit);
	cr_assert_eq(hf3fs_reg_fd(kit.fd, 0), EINVAL, "registered already");
	fd = usrbio_open(url_of("file"), O_RDONLY, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(prep(&kit, true, kit.iov.base, fd, 1), -EBADF, "not registered");
	cr_assert_leq(hf3fs_reg_fd(fd, 0), 0);
	cr_assert_eq(hf3fs_prep_io(&kit.writes, &kit.iov, false, kit.iov.base, fd, 0, 1, NULL),
		     -EACCES);
	/* Closed, the registration goes on. */
	cr_assert_eq(usrbio_close(fd), 0);
	cr_assert_eq(ring_io(&kit.reads, &kit.iov, kit.iov.base, fd, 5, 1000), 1000);
	cr_assert_eq(pattern_diff(kit.iov.base, 1000, 3, 5), -1);
	hf3fs_dereg_fd(fd);
	cr_assert_eq(prep(&kit, true, kit.iov.base, fd, 1), -EBADF);
	hf3fs_dereg_fd(fd);
	hf3fs_dereg_fd(-1);
	hf3fs_dereg_fd(INT_MIN);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EBADF);
	cr_assert_eq(hf3fs_reg_fd(INT_MIN, 0), EBADF);
	fd = usrbio_open(url_of("file"), O_WRONLY, 0);
	cr_assert_leq(hf3fs_reg_fd(fd, 0), 0);
	cr_assert_eq(prep(&kit, true, kit.iov.base, fd, 1), -EACCES);
	file_unreg(fd);
	still_works(&kit);
	kit_close(&kit);
}

/* Deregistered while its I/O is under way: that I/O is not affected. */
E2E(errors, deregistered_with_io_in_flight)
{
	struct hf3fs_cqe cqes[4];
	struct kit kit;

	kit_open(&kit);
	for (int i = 0; i < full_or_quick(100, 10); i++) {
		int fd = file_reg(url_of("file"), O_RDONLY);

		for (int k = 0; k < 4; k++)
			cr_assert_geq(prep(&kit, true, kit.iov.base + k * 2000, fd, 2000), 0);
		ring_submit(&kit.reads);
		file_unreg(fd);
		ring_wait(&kit.reads, cqes, 4);
		for (int k = 0; k < 4; k++)
			cr_assert_eq(cqes[k].result, 2000, "%ld", cqes[k].result);
	}
	kit_close(&kit);
}

E2E(errors, of_directories)
{
	struct kit kit;
	int fd;

	kit_open(&kit);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0755), 0);
	fd = file_reg(url_of("dir"), O_RDONLY | O_DIRECTORY);
	cr_assert_eq(ring_io(&kit.reads, &kit.iov, kit.iov.base, fd, 0, 100), -EBADF);
	file_unreg(fd);
	still_works(&kit);
	kit_close(&kit);
}

E2E(errors, of_names)
{
	struct usrbio_stat st;
	int fd;

	cr_assert_eq(usrbio_open(url_of("missing"), O_RDONLY, 0), -ENOENT);
	cr_assert_eq(usrbio_stat(url_of("missing"), &st), -ENOENT);
	cr_assert_eq(usrbio_unlink(url_of("missing")), -ENOENT);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0755), 0);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0755), -EEXIST);
	cr_assert_eq(usrbio_unlink(url_of("dir")), -EISDIR);
	cr_assert_eq(usrbio_open(url_of("dir"), O_WRONLY, 0), -EISDIR);
	fd = usrbio_open(url_of("file"), O_WRONLY | O_CREAT | O_EXCL, 0644);
	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_close(fd), 0);
	cr_assert_eq(usrbio_open(url_of("file"), O_WRONLY | O_CREAT | O_EXCL, 0644), -EEXIST);
	cr_assert_eq(usrbio_open(url_of("file/below"), O_RDONLY, 0), -ENOTDIR);
	cr_assert_eq(usrbio_rename(url_of("file"), url_of("renamed")), 0);
	cr_assert_eq(usrbio_stat(url_of("file"), &st), -ENOENT);
	cr_assert_eq(usrbio_unlink(url_of("renamed")), 0);
	cr_assert_eq(usrbio_rmdir(url_of("dir")), 0);
	cr_assert_eq(usrbio_stat(url_of("dir"), &st), -ENOENT);
}

/* Nothing outside the export can be named. */
E2E(errors, escapes)
{
	char url[512];

	e2e_needs_local_files();
	file_make("file", 1, 10);
	cr_assert_eq(symlink("/etc/hostname", path_of("out")), 0);
	cr_assert_eq(symlink("..", path_of("up")), 0);
	snprintf(url, sizeof(url), "%s/../ro", e2e_mount);
	cr_assert_lt(usrbio_open(url, O_RDONLY, 0), 0);
	snprintf(url, sizeof(url), "%s/../../../../../../etc/hostname", e2e_mount);
	cr_assert_lt(usrbio_open(url, O_RDONLY, 0), 0);
	cr_assert_lt(usrbio_open(url_of("out"), O_RDONLY, 0), 0);
	cr_assert_lt(usrbio_open(url_of("up/server.log"), O_RDONLY, 0), 0);
}

E2E(errors, of_a_read_only_export)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	char url[512];
	FILE *f;
	int fd;

	e2e_needs_local_files();
	snprintf(url, sizeof(url), "%s/file", e2e_read_only_dir);
	f = fopen(url, "we");
	cr_assert(f && fputs("content", f) >= 0 && !fclose(f));
	snprintf(url, sizeof(url), "%s/file", e2e_read_only);
	cr_assert_eq(usrbio_open(url, O_WRONLY, 0), -EROFS);
	cr_assert_eq(usrbio_open(url, O_RDWR, 0), -EROFS);
	cr_assert_eq(usrbio_open(url, O_RDONLY | O_TRUNC, 0), -EROFS);
	cr_assert_eq(usrbio_truncate(url, 1), -EROFS);
	cr_assert_eq(usrbio_unlink(url), -EROFS);
	fd = file_reg(url, O_RDONLY);
	ring_make(&ior, e2e_read_only, true, 1);
	iov_make(&iov, e2e_read_only, 4096);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, 4096), 7);
	cr_assert_eq(memcmp(iov.base, "content", 7), 0);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	snprintf(url, sizeof(url), "%s/new", e2e_read_only);
	cr_assert_eq(usrbio_open(url, O_WRONLY | O_CREAT, 0644), -EROFS);
	cr_assert_eq(usrbio_mkdir(url, 0755), -EROFS);
}

/* What belongs to one mount is refused on another. */
E2E(errors, of_two_mounts)
{
	struct hf3fs_iov other;
	struct kit kit;
	char url[512];

	e2e_needs_local_files();
	kit_open(&kit);
	iov_make(&other, e2e_read_only, 4096);
	cr_assert_eq(hf3fs_prep_io(&kit.reads, &other, true, other.base, kit.fd, 0, 1, NULL),
		     -EXDEV);
	snprintf(url, sizeof(url), "%s/file", e2e_read_only);
	cr_assert_eq(usrbio_rename(url_of("file"), url), -EXDEV);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url), EXDEV);
	still_works(&kit);
	hf3fs_iovdestroy(&other);
	kit_close(&kit);
}

E2E(errors, an_unknown_export)
{
	char url[512];

	snprintf(url, sizeof(url), "%.*s-unknown/file", (int)strcspn(e2e_mount, "?"), e2e_mount);
	cr_assert_eq(usrbio_open(url, O_RDONLY, 0), -ENOENT);
}

/* Nobody listens there: an error, and soon. */
E2E(errors, no_server)
{
	static const char mount[] = "tcp://127.0.0.1:1/data?timeout=1";
	struct hf3fs_iov iov;
	struct hf3fs_ior ior;
	uint64_t ns;

	cr_assert_eq(usrbio_open("tcp://127.0.0.1:1/data?timeout=1/file", O_RDONLY, 0), -EREMOTEIO);
	cr_assert_eq(usrbio_ping(mount, &ns), -EREMOTEIO);
	/* Rings and iovs need none. */
	ring_make(&ior, mount, true, 4);
	iov_make(&iov, mount, 4096);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}
