/* Directories as mounts: ordinary open(2) beside the ring, and what 3FS's calls say of paths. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 100000 };

static char root[PATH_MAX]; /* the export's directory, canonical */

static void attach(void)
{
	e2e_needs_local_files();
	cr_assert_eq(run(E2E_TOOL, "attach", e2e_mount, e2e_dir), 0);
	cr_assert_not_null(realpath(e2e_dir, root));
}

/* The same directory by the mount table. */
static void list_in_table(void)
{
	const char *table = scratch_file("mounts");
	FILE *f = fopen(table, "we");

	e2e_needs_local_files();
	cr_assert(f);
	fprintf(f, "# a comment\n\n%s %s\n", e2e_dir, e2e_mount);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(setenv("USRBIO_MOUNTS", table, 1), 0);
	cr_assert_not_null(realpath(e2e_dir, root));
}

static int open_reg(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644), reg;

	cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	reg = hf3fs_reg_fd(fd, 0);
	cr_assert_leq(reg, 0, "reg_fd: %d", reg);
	return fd;
}

/* Read and write through ordinary descriptors. */
static void use_directory(void)
{
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd;

	file_make("file", 3, SIZE);
	cr_assert_eq(mkdir(path_of("sub"), 0755), 0);
	ring_make(&reads, e2e_dir, true, 4);
	ring_make(&writes, e2e_dir, false, 4);
	iov_make(&iov, e2e_dir, SIZE);
	fd = open_reg(path_of("file"), O_RDONLY);
	cr_assert_eq(ring_io(&reads, &iov, iov.base, fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 3, 0), -1);
	hf3fs_dereg_fd(fd);
	close(fd);

	fd = open_reg(path_of("sub/new"), O_RDWR | O_CREAT);
	cr_assert_eq(ring_io(&writes, &iov, iov.base, fd, 0, SIZE), SIZE);
	file_check("sub/new", 3, 0, SIZE);
	memset(iov.base, 0, SIZE);
	cr_assert_eq(ring_io(&reads, &iov, iov.base, fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 3, 0), -1);
	hf3fs_dereg_fd(fd);
	close(fd);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
	hf3fs_iovdestroy(&iov);
}

E2E(mounts, attached_directory)
{
	struct stat st;

	attach();
	cr_assert_eq(stat(path_of("3fs-virt/usrbio.conf"), &st), 0);
	cr_assert_eq(stat(path_of("3fs-virt/iovs"), &st), 0);
	cr_assert(S_ISDIR(st.st_mode));
	use_directory();
	cr_assert_eq(run(E2E_TOOL, "detach", e2e_dir), 0);
	cr_assert_neq(stat(path_of("3fs-virt/usrbio.conf"), &st), 0);
}

E2E(mounts, directory_of_the_mount_table)
{
	list_in_table();
	use_directory();
}

E2E(mounts, spelled_with_more_slashes)
{
	char spelled[600];
	struct hf3fs_ior ior;

	attach();
	snprintf(spelled, sizeof(spelled), "/%s//", e2e_dir);
	if (strlen(spelled) >= 256)
		cr_skip_test("the scratch directory's name is too long for a mount point");
	ring_make(&ior, spelled, true, 1);
	hf3fs_iordestroy(&ior);
}

/* A file below the mount by a symbolic link from elsewhere. */
E2E(mounts, file_behind_a_symbolic_link)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;

	attach();
	file_make("file", 3, SIZE);
	cr_assert_eq(symlink(path_of("file"), scratch_file("link")), 0);
	fd = open_reg(scratch_file("link"), O_RDONLY);
	ring_make(&ior, e2e_dir, true, 1);
	iov_make(&iov, e2e_dir, SIZE);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 3, 0), -1);
	hf3fs_dereg_fd(fd);
	close(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

/* The registration holds the file, whatever becomes of the descriptor. */
E2E(mounts, closed_descriptor_stays_registered)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd, again;

	attach();
	file_make("file", 3, SIZE);
	file_make("other", 4, SIZE);
	fd = open_reg(path_of("file"), O_RDONLY);
	ring_make(&ior, e2e_dir, true, 1);
	iov_make(&iov, e2e_dir, SIZE);
	close(fd);
	again = open(path_of("other"), O_RDONLY | O_CLOEXEC);
	cr_assert_eq(dup2(again, fd), fd);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EINVAL);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 3, 0), -1, "not the file registered");
	hf3fs_dereg_fd(fd);
	cr_assert_leq(hf3fs_reg_fd(fd, 1), 0);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, -fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 4, 0), -1);
	hf3fs_dereg_fd(fd);
	cr_assert_eq(hf3fs_prep_io(&ior, &iov, true, iov.base, fd, 0, 1, NULL), -EBADF);
	close(fd);
	if (again != fd)
		close(again);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

static void expect_mount(const char *path)
{
	char buf[PATH_MAX];

	memset(buf, 'x', sizeof(buf));
	cr_assert_eq(hf3fs_extract_mount_point(buf, sizeof(buf), path), (int)strlen(root) + 1, "%s",
		     path);
	cr_assert_str_eq(buf, root);
}

E2E(mounts, extract_mount_point)
{
	char buf[4] = "abc", sibling[500];

	attach();
	file_make("file", 1, 10);
	cr_assert_eq(mkdir(path_of("sub"), 0755), 0);
	cr_assert_eq(symlink(path_of("sub"), scratch_file("link")), 0);
	expect_mount(e2e_dir);
	expect_mount(path_of(""));
	expect_mount(path_of("file"));
	expect_mount(path_of("sub/../file"));
	expect_mount(scratch_file("link"));
	/* Too small: the size needed, and nothing written. */
	cr_assert_eq(hf3fs_extract_mount_point(buf, sizeof(buf), path_of("file")),
		     (int)strlen(root) + 1);
	cr_assert_str_eq(buf, "abc");
	cr_assert_eq(hf3fs_extract_mount_point(NULL, 0, path_of("file")), (int)strlen(root) + 1);
	/* Not ours: others, missing ones, and a neighbour whose name begins with ours. */
	snprintf(sibling, sizeof(sibling), "%s-sibling", e2e_dir);
	cr_assert_eq(mkdir(sibling, 0755), 0);
	cr_assert_eq(hf3fs_extract_mount_point(buf, sizeof(buf), sibling), -1);
	cr_assert_eq(hf3fs_extract_mount_point(buf, sizeof(buf), "/dev/zero"), -1);
	cr_assert_eq(hf3fs_extract_mount_point(buf, sizeof(buf), path_of("missing")), -1);
	cr_assert_eq(hf3fs_extract_mount_point(buf, sizeof(buf), NULL), -1);
	cr_assert_eq(hf3fs_extract_mount_point(buf, sizeof(buf), e2e_scratch), -1);
}

/* On existing and missing names, files and directories: +errno of what link(2) says. */
E2E(mounts, slashes_at_the_end_mean_what_they_mean_to_link)
{
	static const char *const names[] = {"file", "file/", "sub/", "none/", "file//", "sub//"};

	attach();
	file_make("file", 1, 10);
	cr_assert_eq(mkdir(path_of("sub"), 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *name = path_of(names[i]), *fresh = path_of("fresh/");
		int want = link(name, fresh) ? errno : 0;

		cr_expect_eq(hf3fs_hardlink(name, fresh), want, "%s to fresh/", names[i]);
		want = link(path_of("file"), name) ? errno : 0;
		cr_expect_eq(hf3fs_hardlink(path_of("file"), name), want, "file to %s", names[i]);
	}
	cr_expect_eq(access(path_of("none"), F_OK), -1);
}

E2E(mounts, is_hf3fs)
{
	int dir, file, null, sock, outside;

	attach();
	file_make("file", 1, 10);
	dir = open(e2e_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	file = open(path_of("file"), O_RDONLY | O_CLOEXEC);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	outside = open(e2e_scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(hf3fs_is_hf3fs(dir));
	cr_assert(hf3fs_is_hf3fs(file));
	cr_assert_not(hf3fs_is_hf3fs(null));
	cr_assert_not(hf3fs_is_hf3fs(outside));
	cr_assert_not(hf3fs_is_hf3fs(sock));
	cr_assert_not(hf3fs_is_hf3fs(-1));
	cr_assert_eq(hf3fs_reg_fd(null, 0), EBADF);
	cr_assert_eq(hf3fs_reg_fd(sock, 0), EBADF);
	cr_assert_eq(hf3fs_reg_fd(-1, 0), EBADF);
	close(file);
	cr_assert_not(hf3fs_is_hf3fs(file));
	cr_assert_eq(hf3fs_reg_fd(file, 0), EBADF);
	close(dir);
	close(null);
	close(outside);
	close(sock);
}

/* What descriptors can do, by URL and without any directory. */
E2E(mounts, descriptors_of_urls)
{
	size_t start = 100, end = 5000;
	const char *rest;
	char mp[256];
	int fd;

	file_make("file", 1, 10000);
	fd = usrbio_open(url_of("file"), O_RDWR, 0);
	cr_assert_geq(fd, 0);
	cr_assert(hf3fs_is_hf3fs(fd));
	cr_assert_eq(hf3fs_punchhole(fd, 1, &start, &end, 0), 0);
	file_check("file", 1, 0, 100);
	file_check_zero("file", 100, 4900);
	file_check("file", 1, 5000, 5000);
	cr_assert_eq(usrbio_mount_point(url_of("file"), mp, sizeof(mp), &rest),
		     (int)strlen(e2e_mount) + 1);
	cr_assert_str_eq(mp, e2e_mount);
	cr_assert_eq(hf3fs_hardlink(url_of("file"), url_of("linked")), 0);
	file_check("linked", 1, 5000, 5000);
	cr_assert_eq(usrbio_close(fd), 0);
	cr_assert_eq(usrbio_close(fd), -EBADF);
	cr_assert_not(hf3fs_is_hf3fs(fd));
}

static void expect_reachable(const char *mount)
{
	struct usrbio_stat st;
	char path[600];

	snprintf(path, sizeof(path), "%s/%sfile", mount, e2e_prefix);
	cr_assert_eq(usrbio_stat(path, &st), 0, "%s", path);
	cr_assert_eq(st.size, SIZE);
}

/* Any wire that reaches the host, and a host that is not there before the one that is. */
E2E(mounts, urls_that_leave_a_choice)
{
	const char *host = strstr(e2e_mount, "://") + 3, *slash = strchr(host, '/');
	int scheme = (int)(host - e2e_mount), name = (int)(strrchr(host, ':') - host);
	char url[400];

	if (e2e_on_loop)
		cr_skip_test("loop:///DIR has no host");
	cr_assert(slash && name > 0);
	file_make("file", 1, SIZE);
	snprintf(url, sizeof(url), "usrbio://%s", host);
	expect_reachable(url);
	snprintf(url, sizeof(url), "%.*s%.*s:1,%s", scheme, e2e_mount, name, host, host);
	expect_reachable(url);
}
