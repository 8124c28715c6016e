/* `usrbio attach` and `detach`: only a directory that the export is, whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

/* A name below a directory; good until the next call. */
static const char *in(const char *dir, const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool is_there(const char *dir, const char *name)
{
	struct stat st;

	return !lstat(in(dir, name), &st);
}

static void refuses(const char *mount, const char *dir)
{
	bool before = is_there(dir, "3fs-virt");

	cr_expect_eq(run(E2E_TOOL, "attach", mount, dir), 1, "%s at %s", mount, dir);
	cr_expect_eq(is_there(dir, "3fs-virt"), before, "%s: something is left there", dir);
}

/* The lines of a conf file that are no comments. */
static void expect_conf(const char *dir, const char *want)
{
	char line[600] = "";
	FILE *file = fopen(in(dir, "3fs-virt/usrbio.conf"), "re");

	cr_assert(file);
	while (fgets(line, sizeof(line), file) && *line == '#')
		;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	cr_expect_str_eq(line, want);
}

/* A file below a directory by both ways: written through the ring, read through the kernel. */
static void expect_works(const char *dir, const char *name)
{
	char buf[1000];
	struct rw rw;
	int fd = open_reg(in(dir, name), O_RDWR | O_CREAT);

	rw_open(&rw, dir, sizeof(buf));
	rw_put(&rw, fd, 77, 0, sizeof(buf));
	cr_expect_eq(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	cr_expect_eq(pattern_diff(buf, sizeof(buf), 77, 0), -1);
	rw_expect(&rw, fd, 77, 0, sizeof(buf));
	rw_close(&rw);
	close_reg(fd);
}

E2E(attach, again_is_the_same_and_another_url_takes_its_place)
{
	const char *other;

	attach_export();
	other = mount_with("timeout=33");
	expect_conf(e2e_dir, e2e_mount);
	cr_assert_eq(symlink("/nowhere", path_of("3fs-virt/iovs/link")), 0);
	attach(e2e_mount, e2e_dir);
	expect_conf(e2e_dir, e2e_mount);
	attach(other, e2e_dir);
	expect_conf(e2e_dir, other);
	cr_expect(is_there(e2e_dir, "3fs-virt/iovs/link"));
	expect_works(e2e_dir, "file");
}

/* What is not the export stays as it is: a wrong attach would be writes to other files. */
E2E(attach, of_a_directory_that_is_not_the_export_is_refused)
{
	const char *other = scratch_file("other");

	e2e_needs_local_files();
	cr_assert_eq(mkdir(other, 0755), 0);
	cr_assert_eq(mkdir(path_of("sub"), 0755), 0);
	refuses(e2e_mount, other);
	refuses(e2e_mount, path_of("sub"));
	refuses(e2e_mount, e2e_read_only_dir);
	refuses(e2e_mount, e2e_scratch);
	refuses(e2e_mount, path_of("missing"));
	file_make("file", 1, 1);
	refuses(e2e_mount, path_of("file"));
	attach_export();
	refuses(e2e_read_only, e2e_dir);
	expect_conf(e2e_dir, e2e_mount);
	expect_works(e2e_dir, "file");
}

E2E(attach, of_a_url_that_names_no_export_is_refused)
{
	char long_name[600];

	e2e_needs_local_files();
	cr_assert_eq(mkdir(path_of("sub"), 0755), 0);
	if (!e2e_on_loop)
		refuses(url_of("sub"), path_of("sub"));
	refuses("tcp://127.0.0.1:1/e", e2e_dir);
	refuses("tcp://", e2e_dir);
	refuses("http://h/e", e2e_dir);
	refuses("loop:///no/such/directory", e2e_dir);
	cr_expect_eq(run(E2E_TOOL, "attach", e2e_dir, e2e_dir), 2);
	/* A directory whose name is too long for a mount point. */
	snprintf(long_name, sizeof(long_name), "%s/%0250d", e2e_dir, 0);
	cr_assert_eq(mkdir(long_name, 0755), 0);
	refuses(e2e_mount, long_name);
}

/* The export is an export of its own, or the directory is served by the library. */
E2E(attach, of_a_directory_below_with_an_export_of_its_own)
{
	char url[600];

	e2e_needs_local_files();
	cr_assert_eq(mkdir(path_of("sub"), 0755), 0);
	snprintf(url, sizeof(url), "loop://%s", path_of("sub"));
	attach(url, path_of("sub"));
	expect_conf(path_of("sub"), url);
	expect_works(path_of("sub"), "file");
}

E2E(attach, of_directories_and_files_of_any_name)
{
	static const char *const names[] = {"a b",   "tab\there",   "new\nline", "back\\slash",
					    "\\040", "gr\303\274n", "#hash",	 "x (deleted)"};
	char url[600];

	e2e_needs_local_files();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *dir = scratch_file(names[i]);

		cr_assert_eq(mkdir(dir, 0755), 0);
		snprintf(url, sizeof(url), "loop://%s", dir);
		attach(url, dir);
		for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++)
			expect_works(dir, names[j]);
		cr_expect_eq(run(E2E_TOOL, "detach", dir), 0);
	}
}

E2E(attach, iovs_is_everybodys_and_detach_takes_its_links)
{
	struct stat st;

	attach_export();
	cr_assert_eq(stat(path_of("3fs-virt/iovs"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 01777);
	cr_assert_eq(stat(path_of("3fs-virt/usrbio.conf"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0644);
	cr_assert_eq(symlink("/dev/shm/nothing", path_of("3fs-virt/iovs/0123")), 0);
	cr_expect_eq(run(E2E_TOOL, "detach", e2e_dir), 0);
	cr_expect_not(is_there(e2e_dir, "3fs-virt"));
	cr_expect_eq(run(E2E_TOOL, "detach", e2e_dir), 1, "it is not attached any more");
	/* What is no link is nobody's to remove. */
	attach_export();
	file_make("3fs-virt/iovs/kept", 1, 1);
	cr_expect_eq(run(E2E_TOOL, "detach", e2e_dir), 1);
	cr_expect(is_there(e2e_dir, "3fs-virt/iovs/kept"));
	cr_expect_not(is_there(e2e_dir, "3fs-virt/usrbio.conf"));
}

E2E(attach, of_a_read_only_directory_is_an_error)
{
	const char *view = scratch_file("view");

	e2e_needs_local_files();
	cr_assert_eq(mkdir(view, 0755), 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) ||
	    mount(e2e_dir, view, NULL, MS_BIND, NULL) ||
	    mount(NULL, view, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		cr_skip_test("mounting is not allowed here");
	refuses(e2e_mount, view);
	/* It is a view all the same, of an export attached elsewhere. */
	attach_export();
	cr_expect(is_there(view, "3fs-virt/usrbio.conf"));
	cr_expect_eq(run(E2E_TOOL, "detach", view), 1);
	cr_expect(is_there(e2e_dir, "3fs-virt/usrbio.conf"));
	cr_assert_eq(umount2(view, MNT_DETACH), 0);
}
