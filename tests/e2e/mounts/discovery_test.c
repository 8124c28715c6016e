/* Which mount a descriptor or a path lies on: nested, beside each other, by links, mounts, names.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { SIZE = 5000 };

static void make_dir(const char *path)
{
	must(!mkdir(path, 0755), "%s: %s", path, strerror(errno));
}

static void make_file(const char *path, const char *text)
{
	int fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);

	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
	close(fd);
}

/* A directory served by the library itself, and attached. */
static void attach_loop(const char *dir)
{
	char url[600];

	snprintf(url, sizeof(url), "loop://%s", dir);
	attach(url, dir);
}

static void expect_extract(const char *path, const char *want)
{
	char buf[PATH_MAX] = "untouched";
	int need = want ? (int)strlen(want) + 1 : -1;

	cr_expect_eq(hf3fs_extract_mount_point(buf, sizeof(buf), path), need, "%s", path);
	cr_expect_str_eq(buf, want ? want : "untouched", "%s", path);
}

/* Read through a ring of the mount: what is in the file. */
static void expect_text(const char *mount, int fd, const char *text)
{
	struct rw rw;

	rw_open(&rw, mount, SIZE);
	cr_expect_eq(rw_read(&rw, fd, 0, SIZE), strlen(text));
	cr_expect_arr_eq(rw.base, text, strlen(text));
	rw_close(&rw);
}

/* The file at `path` lies on that mount and no other. */
static void expect_on(const char *mount, const char *other, const char *path, const char *text)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;

	expect_extract(path, mount);
	fd = open_reg(path, O_RDONLY);
	cr_expect(hf3fs_is_hf3fs(fd));
	expect_text(mount, fd, text);
	if (other) {
		ring_make(&ior, other, true, 1);
		iov_make(&iov, other, SIZE);
		cr_expect_eq(hf3fs_prep_io(&ior, &iov, true, iov.base, fd, 0, 1, NULL), -EXDEV);
		hf3fs_iordestroy(&ior);
		hf3fs_iovdestroy(&iov);
	}
	close_reg(fd);
}

E2E(discovery, nested_mounts_and_neighbours_by_whole_components)
{
	const char *inner = path_of("x/data"), *beside = path_of("x/data2");
	const char *neighbour = path_of("x/data-3");

	attach_export();
	make_dir(path_of("x"));
	make_dir(inner);
	make_dir(beside);
	make_dir(neighbour);
	attach_loop(inner);
	attach_loop(beside);
	make_file(path_of("x/data/file"), "inner");
	make_file(path_of("x/data2/file"), "beside");
	make_file(path_of("x/data-3/file"), "outer");
	inner = path_of("x/data");
	expect_on(inner, e2e_dir, path_of("x/data/file"), "inner");
	expect_on(path_of("x/data2"), inner, path_of("x/data2/file"), "beside");
	expect_on(e2e_dir, inner, path_of("x/data-3/file"), "outer");
	/* Gone again: the outer one's. */
	cr_assert_eq(run(E2E_TOOL, "detach", path_of("x/data")), 0);
	expect_on(e2e_dir, path_of("x/data2"), path_of("x/data/file"), "inner");
}

E2E(discovery, links_dots_and_relative_paths)
{
	attach_export();
	make_dir(path_of("sub"));
	make_dir(scratch_file("outside"));
	make_file(path_of("sub/file"), "inside");
	make_file(scratch_file("outside/file"), "outside");
	cr_assert_eq(symlink(e2e_dir, scratch_file("mount")), 0);
	cr_assert_eq(symlink(path_of("sub"), scratch_file("in")), 0);
	cr_assert_eq(symlink(scratch_file("outside"), path_of("out")), 0);
	cr_assert_eq(symlink("../data/sub", scratch_file("outside/back")), 0);
	expect_on(e2e_dir, NULL, scratch_file("mount/sub/file"), "inside");
	expect_on(e2e_dir, NULL, scratch_file("in/file"), "inside");
	expect_on(e2e_dir, NULL, scratch_file("outside/../data/./sub//file"), "inside");
	cr_assert_eq(chdir(path_of("sub")), 0);
	expect_on(e2e_dir, NULL, "file", "inside");
	expect_on(e2e_dir, NULL, "../sub/file", "inside");
	cr_assert_eq(chdir("/"), 0);
	expect_extract(path_of("out/file"), NULL);
	expect_extract(path_of("out"), NULL);
	expect_extract(path_of(".."), NULL);
	cr_expect_eq(hf3fs_reg_fd(open_file(path_of("out/file"), O_RDONLY), 0), EBADF);
	/* The mount by a link's name. */
	expect_text(scratch_file("mount/"), open_reg(path_of("sub/file"), O_RDONLY), "inside");
}

/* A table may be wrong: what it calls the export is another directory with the same names. */
E2E(discovery, a_wrong_directory_of_the_table_is_detected)
{
	char line[800], buf[10] = "";
	int fd;

	e2e_needs_local_files();
	make_dir(scratch_file("copy"));
	make_file(scratch_file("copy/file"), "copy");
	make_file(path_of("file"), "export");
	snprintf(line, sizeof(line), "%s %s\n", scratch_file("copy"), e2e_mount);
	make_file(scratch_file("table"), line);
	cr_assert_eq(setenv("USRBIO_MOUNTS", scratch_file("table"), 1), 0);
	fd = open_file(scratch_file("copy/file"), O_RDWR);
	cr_expect(hf3fs_is_hf3fs(fd));
	cr_expect_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	cr_expect_eq(hf3fs_punchhole(fd, 1, &(size_t){0}, &(size_t){6}, 0), ESTALE);
	close(fd);
	file_read("file", buf, 6, 0);
	cr_expect_str_eq(buf, "export");
	/* The same file by a link in the wrong directory is the same file. */
	cr_assert_eq(link(path_of("file"), scratch_file("copy/linked")), 0);
	cr_assert_eq(link(path_of("file"), path_of("linked")), 0);
	fd = open_reg(scratch_file("copy/linked"), O_RDONLY);
	expect_text(scratch_file("copy"), fd, "export");
	close_reg(fd);
}

/* Mounts of this test alone; it is skipped where there may be none. */
static void unshare_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL))
		cr_skip_test("mounting is not allowed here");
}

E2E(discovery, a_second_view_by_a_bind_mount)
{
	char view[500], line[800];

	e2e_needs_local_files();
	snprintf(view, sizeof(view), "%s", scratch_file("view"));
	make_dir(view);
	make_file(path_of("file"), "text");
	unshare_mounts();
	cr_assert_eq(mount(e2e_dir, view, NULL, MS_BIND, NULL), 0);
	/* Listed is the one directory; what is written in it shows in both. */
	snprintf(line, sizeof(line), "%s %s\n", e2e_dir, e2e_mount);
	make_file(scratch_file("table"), line);
	cr_assert_eq(setenv("USRBIO_MOUNTS", scratch_file("table"), 1), 0);
	expect_extract(scratch_file("view/file"), NULL);
	cr_assert_eq(unsetenv("USRBIO_MOUNTS"), 0);
	attach_export();
	/* Two directories, and one mount: what belongs to one is used with the other. */
	expect_on(view, NULL, scratch_file("view/file"), "text");
	expect_on(e2e_dir, NULL, path_of("file"), "text");
	expect_text(view, open_reg(path_of("file"), O_RDONLY), "text");
	expect_text(e2e_dir, open_reg(scratch_file("view/file"), O_RDONLY), "text");
	cr_assert_eq(umount2(view, MNT_DETACH), 0);
}

/* The server crosses it as we do. */
E2E(discovery, a_file_system_mounted_inside)
{
	char export[600], url[256];
	struct server server;

	e2e_needs_local_files();
	make_dir(path_of("inside"));
	unshare_mounts();
	cr_assert_eq(mount("none", path_of("inside"), "tmpfs", 0, NULL), 0);
	make_file(path_of("inside/file"), "tmpfs");
	make_file(path_of("file"), "disk");
	snprintf(url, sizeof(url), "%s", e2e_mount);
	if (!e2e_on_loop) { /* the test's server does not see what was mounted since */
		server_stop(&e2e_server);
		snprintf(export, sizeof(export), "again=%s", e2e_dir);
		server_start(&server, NULL, export, NULL);
		snprintf(url, sizeof(url), "%s/again", server.addr);
	}
	attach(url, e2e_dir);
	expect_on(e2e_dir, NULL, path_of("inside/file"), "tmpfs");
	expect_on(e2e_dir, NULL, path_of("file"), "disk");
	if (!e2e_on_loop)
		server_stop(&server);
	cr_assert_eq(umount2(path_of("inside"), MNT_DETACH), 0);
}

/* Directories down to a path of exactly PATH_MAX - 1 bytes, whose last part is a file. */
E2E(discovery, a_path_of_path_max)
{
	char path[PATH_MAX];
	size_t len;
	int fd;

	attach_export();
	len = (size_t)snprintf(path, sizeof(path), "%s", e2e_dir);
	while (len < PATH_MAX - 1) {
		size_t part = PATH_MAX - 1 - len - 1;

		if (part > 202)
			part = 200;
		path[len++] = '/';
		memset(path + len, 'd', part);
		path[len += part] = '\0';
		if (len < PATH_MAX - 1)
			make_dir(path);
	}
	cr_assert_eq(strlen(path), PATH_MAX - 1);
	make_file(path, "deep");
	expect_on(e2e_dir, NULL, path, "deep");
	fd = usrbio_open(path, O_RDONLY, 0);
	cr_assert_geq(fd, 0, "%d", fd);
	usrbio_close(fd);
}

E2E(discovery, a_directory_removed_and_made_again)
{
	int old, new;

	attach_export();
	make_dir(path_of("sub"));
	make_file(path_of("sub/file"), "old");
	old = open_file(path_of("sub/file"), O_RDONLY);
	cr_assert_eq(unlink(path_of("sub/file")), 0);
	cr_assert_eq(rmdir(path_of("sub")), 0);
	cr_expect(hf3fs_is_hf3fs(old), "deleted, and ours");
	expect_extract(path_of("sub"), NULL);
	make_dir(path_of("sub"));
	make_file(path_of("sub/file"), "new");
	new = open_reg(path_of("sub/file"), O_RDONLY);
	expect_text(e2e_dir, new, "new");
	cr_expect_eq(hf3fs_reg_fd(old, 0), ESTALE);
	close_reg(new);
	close(old);
}

E2E(discovery, is_hf3fs_of_descriptors_of_every_kind)
{
	int fd;

	attach_export();
	cr_expect(hf3fs_is_hf3fs(open_file(path_of("3fs-virt"), O_RDONLY | O_DIRECTORY)));
	cr_expect(hf3fs_is_hf3fs(open_file(path_of("3fs-virt/iovs"), O_RDONLY | O_DIRECTORY)));
	cr_expect(hf3fs_is_hf3fs(open_file(e2e_dir, O_PATH)));
	fd = open_file(path_of("file"), O_RDWR | O_CREAT);
	cr_assert_eq(unlink(path_of("file")), 0);
	cr_expect(hf3fs_is_hf3fs(fd));
	cr_expect(hf3fs_is_hf3fs(open_file(e2e_dir, O_TMPFILE | O_RDWR)));
	cr_expect_not(hf3fs_is_hf3fs(memfd_create("data/file", MFD_CLOEXEC)));
	cr_expect_not(hf3fs_is_hf3fs(memfd_create(path_of("file"), MFD_CLOEXEC)));
	cr_expect_not(hf3fs_is_hf3fs(open_file("/proc/self/status", O_RDONLY)));
	cr_expect_not(hf3fs_is_hf3fs(open_file("/", O_RDONLY | O_DIRECTORY)));
}

static int as_nobody(void)
{
	char buf[PATH_MAX];

	if (setgid(65534) || setuid(65534))
		return 2;
	return hf3fs_extract_mount_point(buf, sizeof(buf), path_of("closed/sub")) != -1;
}

/* By a user who may not look there. */
E2E(discovery, extract_mount_point_behind_a_closed_directory)
{
	int status;
	pid_t child;

	attach_export();
	if (geteuid())
		cr_skip_test("only root can become somebody else");
	make_dir(path_of("closed"));
	make_dir(path_of("closed/sub"));
	expect_extract(path_of("closed/sub"), e2e_dir);
	cr_assert_eq(chmod(path_of("closed"), 0700), 0);
	child = fork();
	if (!child)
		_exit(as_nobody());
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
}
