/*
 * Several names of one mount: a URL however it is spelled, and the directories attached to it. What
 * belongs to one is used with the others, whichever came first.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 5000 };

/* A ring by one name, memory by another, a file by a third. */
static void expect_io(const char *ring, const char *memory, int fd)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	ring_make(&ior, ring, true, 1);
	iov_make(&iov, memory, SIZE);
	cr_expect_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE, "%s, %s", ring, memory);
	cr_expect_eq(pattern_diff(iov.base, SIZE, 3, 0), -1);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

/* The same with memory of the program's own. */
static void expect_wrapped_io(const char *ring, const char *memory, int fd)
{
	static char buf[SIZE];
	static const uint8_t id[16] = {1, 2, 3};
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	memset(buf, 0, sizeof(buf));
	ring_make(&ior, ring, true, 1);
	cr_assert_eq(hf3fs_iovwrap(&iov, buf, id, memory, SIZE, 0, -1), 0);
	cr_expect_eq(ring_io(&ior, &iov, buf, fd, 0, SIZE), SIZE, "%s, %s", ring, memory);
	cr_expect_eq(pattern_diff(buf, SIZE, 3, 0), -1);
	hf3fs_iordestroy(&ior);
}

static void expect_all(const char *one, const char *other, int fd)
{
	expect_io(one, one, fd);
	expect_io(one, other, fd);
	expect_io(other, one, fd);
	expect_io(other, other, fd);
	expect_wrapped_io(one, other, fd);
	expect_wrapped_io(other, one, fd);
}

static int attached_file(void)
{
	attach_export();
	file_make("file", 3, SIZE);
	return open_reg(path_of("file"), O_RDONLY);
}

E2E(mount_names, a_descriptor_of_the_directory_and_a_ring_of_the_url)
{
	int fd = attached_file();

	expect_all(e2e_mount, e2e_dir, fd);
	close_reg(fd);
}

E2E(mount_names, a_ring_of_the_url_and_then_a_descriptor_of_the_directory)
{
	struct hf3fs_ior ior;
	int fd;

	ring_make(&ior, e2e_mount, true, 1);
	fd = attached_file();
	expect_all(e2e_mount, e2e_dir, fd);
	hf3fs_iordestroy(&ior);
	close_reg(fd);
}

E2E(mount_names, a_descriptor_of_the_url_and_a_ring_of_the_directory)
{
	int fd;

	close_reg(attached_file());
	fd = file_reg(url_of("file"), O_RDONLY);
	expect_all(e2e_dir, e2e_mount, fd);
	file_unreg(fd);
}

/* A name may go out of use while another one is in use, and come back. */
E2E(mount_names, one_goes_and_the_other_goes_on)
{
	int fd = attached_file();
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	ring_make(&ior, e2e_mount, true, 1);
	iov_make(&iov, e2e_mount, SIZE);
	cr_expect_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE);
	close_reg(fd);
	cr_assert_eq(run(E2E_TOOL, "detach", e2e_dir), 0);
	fd = file_reg(url_of("file"), O_RDONLY);
	cr_expect_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE);
	file_unreg(fd);
	attach_export();
	fd = open_reg(path_of("file"), O_RDONLY);
	cr_expect_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE);
	close_reg(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

E2E(mount_names, of_a_url_that_is_spelled_otherwise)
{
	char slashes[400], one[400], other[400], path[700];
	int fd = attached_file();

	snprintf(slashes, sizeof(slashes), "%s//", e2e_mount);
	expect_all(slashes, e2e_dir, fd);
	close_reg(fd);
	snprintf(one, sizeof(one), "%s", mount_with("timeout=33&nconnect=2"));
	snprintf(other, sizeof(other), "%s", mount_with("nconnect=2&timeout=033"));
	snprintf(path, sizeof(path), "%s/%sfile", one, e2e_prefix);
	fd = file_reg(path, O_RDONLY);
	expect_all(other, one, fd);
	file_unreg(fd);
}

E2E(mount_names, links_and_renames_between_them)
{
	attach_export();
	file_make("file", 3, SIZE);
	cr_expect_eq(hf3fs_hardlink(path_of("file"), url_of("one")), 0);
	cr_expect_eq(hf3fs_hardlink(url_of("file"), path_of("two")), 0);
	cr_expect_eq(usrbio_rename(path_of("one"), url_of("three")), 0);
	file_check("three", 3, 0, SIZE);
	file_check("two", 3, 0, SIZE);
}

/* Other options are another mount. */
E2E(mount_names, of_other_options_are_none_of_it)
{
	const char *other = mount_with("timeout=33");
	int fd = attached_file();
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	ring_make(&ior, other, true, 1);
	iov_make(&iov, other, SIZE);
	cr_expect_eq(hf3fs_prep_io(&ior, &iov, true, iov.base, fd, 0, 1, NULL), -EXDEV);
	hf3fs_iovdestroy(&iov);
	iov_make(&iov, e2e_mount, SIZE);
	cr_expect_eq(hf3fs_prep_io(&ior, &iov, true, iov.base, fd, 0, 1, NULL), -EXDEV);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
	close_reg(fd);
}

/* What the library says on standard error while a descriptor is registered. */
static void expect_said(int fd, int want, const char *words)
{
	int log = open_file(scratch_file("log"), O_RDWR | O_CREAT | O_TRUNC);
	int keep = dup(STDERR_FILENO), got;
	char text[2000];
	ssize_t len;

	cr_assert(keep >= 0 && dup2(log, STDERR_FILENO) >= 0);
	got = hf3fs_reg_fd(fd, 0);
	cr_assert(dup2(keep, STDERR_FILENO) >= 0);
	close(keep);
	len = pread(log, text, sizeof(text) - 1, 0);
	close(log);
	cr_assert_geq(len, 0);
	text[len] = '\0';
	cr_expect_eq(got, want, "%d", got);
	cr_expect(strstr(text, words), "%s: %s", words, text);
	cr_expect_eq(strchr(text, '\n'), len ? text + len - 1 : NULL, "one line: %s", text);
}

E2E(mount_names, a_descriptor_without_one_is_stale_and_the_log_says_why)
{
	int fd;

	attach_export();
	file_make("file", 3, SIZE);
	file_make("linked", 3, SIZE);
	fd = open_file(path_of("file"), O_RDONLY);
	cr_assert_eq(unlink(path_of("file")), 0);
	expect_said(fd, ESTALE, "unlinked");
	close(fd);
	fd = open_file(e2e_dir, O_TMPFILE | O_RDWR);
	expect_said(fd, ESTALE, "O_TMPFILE");
	close(fd);
	cr_assert_eq(link(path_of("linked"), path_of("other")), 0);
	fd = open_file(path_of("linked"), O_RDONLY);
	cr_assert_eq(unlink(path_of("linked")), 0);
	expect_said(fd, ESTALE, "renamed, or the name it was opened by removed");
	close(fd);
	/* A name of now is as good as the one it was opened by. */
	fd = open_file(path_of("other"), O_RDONLY);
	cr_assert_eq(rename(path_of("other"), path_of("moved")), 0);
	expect_said(fd, 0 - fd, "");
	hf3fs_dereg_fd(fd);
	close(fd);
}
