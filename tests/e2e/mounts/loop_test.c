/* Mounts loop:///DIR, which the library serves itself: the same over every transport. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 100000 };

/* A directory of the test with a file of the pattern in it, and its mount point. */
struct tree {
	char dir[500], mount[520];
	uint64_t seed;
};

static void put_file(const char *dir, const char *name, uint64_t seed)
{
	char path[600], *buf = malloc(SIZE);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	cr_assert(f && buf, "%s", path);
	pattern_fill(buf, SIZE, seed, 0);
	cr_assert_eq(fwrite(buf, 1, SIZE, f), SIZE);
	cr_assert_eq(fclose(f), 0);
	free(buf);
}

static void tree_make(struct tree *tree, const char *name, uint64_t seed)
{
	snprintf(tree->dir, sizeof(tree->dir), "%s", scratch_file(name));
	snprintf(tree->mount, sizeof(tree->mount), "loop://%s", tree->dir);
	tree->seed = seed;
	cr_assert_eq(mkdir(tree->dir, 0755), 0, "%s", tree->dir);
	put_file(tree->dir, "file", seed);
}

static const char *at(const char *mount, const char *tail)
{
	static char texts[4][700];
	static unsigned next;
	char *to = texts[next++ % 4];

	snprintf(to, sizeof(texts[0]), "%s%s", mount, tail);
	return to;
}

struct use {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
};

static void use_open(struct use *use, const char *mount, const char *path)
{
	use->fd = file_reg(path, O_RDONLY);
	ring_make(&use->ior, mount, true, 4);
	iov_make(&use->iov, mount, SIZE);
}

static void use_read(struct use *use, uint64_t seed)
{
	memset(use->iov.base, 0, SIZE);
	cr_assert_eq(ring_io(&use->ior, &use->iov, use->iov.base, use->fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(use->iov.base, SIZE, seed, 0), -1);
}

static void use_close(struct use *use)
{
	file_unreg(use->fd);
	hf3fs_iordestroy(&use->ior);
	hf3fs_iovdestroy(&use->iov);
}

static void read_whole(const char *mount, const char *path, uint64_t seed)
{
	struct use use;

	use_open(&use, mount, path);
	use_read(&use, seed);
	use_close(&use);
}

static void expect_mount(const char *path, const char *mount, const char *rest)
{
	const char *tail = "";
	char mp[256] = "";

	cr_assert_eq(usrbio_mount_point(path, mp, sizeof(mp), &tail), (int)strlen(mount) + 1,
		     "%s: %s", path, mp);
	cr_assert_str_eq(mp, mount);
	cr_assert_str_eq(tail, rest, "%s: %s", path, tail);
}

E2E(loop, a_directory_by_its_url)
{
	struct tree tree;

	tree_make(&tree, "a", 3);
	read_whole(tree.mount, at(tree.mount, "/file"), 3);
	read_whole(at(tree.mount, "//"), at(tree.mount, "//file"), 3);
	read_whole(at(tree.mount, "?"), at(tree.mount, "?/file"), 3);
	read_whole(at(tree.mount, "?timeout=5&nconnect=2"),
		   at(tree.mount, "?timeout=5&nconnect=2/file"), 3);
	cr_assert_eq(symlink(tree.dir, scratch_file("link")), 0);
	snprintf(tree.mount, sizeof(tree.mount), "loop:///%s/./", scratch_file("link"));
	read_whole(tree.mount, at(tree.mount, "/file"), 3);
}

/* A '?' ends the mount, and without options it makes no other mount of it. */
E2E(loop, a_mark_ends_the_mount)
{
	struct tree tree;

	tree_make(&tree, "a", 3);
	cr_assert_eq(mkdir(at(tree.dir, "/sub"), 0755), 0);
	put_file(at(tree.dir, "/sub"), "wh?t", 4);
	expect_mount(at(tree.mount, "?/sub/file"), at(tree.mount, "?"), "sub/file");
	expect_mount(at(tree.mount, "?timeout=5//file"), at(tree.mount, "?timeout=5"), "file");
	read_whole(tree.mount, at(tree.mount, "?/sub/wh?t"), 4);
	read_whole(at(tree.mount, "?"), at(tree.mount, "/file"), 3);
}

E2E(loop, a_path_belongs_to_the_deepest_mount_in_use)
{
	struct hf3fs_ior outer, inner;
	struct tree tree, below;
	char sub[600];

	tree_make(&tree, "a", 3);
	tree_make(&below, "a/sub", 4);
	cr_assert_eq(mkdir(at(tree.dir, "/subway"), 0755), 0);
	snprintf(sub, sizeof(sub), "%s/sub/x/file", tree.mount);
	ring_make(&outer, tree.mount, true, 1);
	expect_mount(sub, tree.mount, "sub/x/file");
	ring_make(&inner, below.mount, true, 1);
	expect_mount(sub, below.mount, "x/file");
	expect_mount(at(tree.mount, "//sub///file"), below.mount, "file");
	expect_mount(at(tree.mount, "/subway/file"), tree.mount, "subway/file");
	hf3fs_iordestroy(&inner);
	expect_mount(sub, tree.mount, "sub/x/file");
	read_whole(tree.mount, at(tree.mount, "/sub/file"), 4);
	hf3fs_iordestroy(&outer);
}

E2E(loop, a_path_on_no_mount_in_use_makes_its_directory_one)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	struct usrbio_stat st;
	struct tree tree;

	tree_make(&tree, "a", 3);
	expect_mount(at(tree.mount, "/new"), tree.mount, "new");
	expect_mount(tree.mount, tree.mount, "");
	expect_mount(at(tree.mount, "/"), tree.mount, "");
	expect_mount("loop:///new", "loop:///", "new");
	cr_assert_eq(usrbio_stat(at(tree.mount, "/file"), &st), 0);
	cr_assert_eq(st.size, SIZE);
	cr_assert_eq(usrbio_opendir(tree.mount, &dir), 0);
	cr_assert_eq(usrbio_readdir(dir, &entry), 1);
	cr_assert_str_eq(entry.name, "file");
	usrbio_closedir(dir);
	/* What makes or removes a name works in the directory that has it. */
	cr_assert_eq(usrbio_mkdir(at(tree.mount, "/sub"), 0755), 0);
	cr_assert_eq(usrbio_rmdir(at(tree.mount, "/sub")), 0);
}

E2E(loop, what_is_no_directory_is_no_mount)
{
	struct hf3fs_iov iov = {.size = 77};
	struct hf3fs_ior ior;
	struct tree tree;
	uint64_t ns;

	tree_make(&tree, "a", 3);
	cr_assert_eq(hf3fs_iorcreate(&ior, at(tree.mount, "/none"), 1, true, 0, -1), -ENOENT);
	cr_assert_eq(hf3fs_iorcreate(&ior, at(tree.mount, "/file"), 1, true, 0, -1), -ENOENT);
	cr_assert_eq(hf3fs_iovcreate(&iov, at(tree.mount, "/none"), 4096, 0, -1), -ENOENT);
	cr_assert_eq(iov.size, 77);
	cr_assert_eq(usrbio_ping(at(tree.mount, "/none?"), &ns), -ENOENT);
	cr_assert_eq(usrbio_open(at(tree.mount, "/none/file"), O_RDONLY, 0), -ENOENT);
	cr_assert_eq(usrbio_open(at(tree.mount, "/none?/file"), O_RDONLY, 0), -ENOENT);
	cr_assert_eq(usrbio_open(at(tree.mount, "?x=1/file"), O_RDONLY, 0), -EINVAL);
	cr_assert_eq(usrbio_ping("loop://", &ns), -EINVAL);
}

E2E(loop, two_directories_at_once)
{
	struct tree trees[2];
	struct use uses[2];

	tree_make(&trees[0], "a", 3);
	tree_make(&trees[1], "b", 4);
	for (int i = 0; i < 2; i++)
		use_open(&uses[i], trees[i].mount, at(trees[i].mount, "/file"));
	for (int i = 0; i < full_or_quick(100, 10); i++)
		use_read(&uses[i % 2], trees[i % 2].seed);
	cr_assert_eq(hf3fs_prep_io(&uses[0].ior, &uses[0].iov, true, uses[0].iov.base, uses[1].fd,
				   0, 1, NULL),
		     -EXDEV);
	for (int i = 0; i < 2; i++)
		use_close(&uses[i]);
}

/* One directory by two mounts, of which one may only read. */
E2E(loop, read_only)
{
	struct tree tree;
	int fd;

	tree_make(&tree, "a", 3);
	cr_assert_eq(usrbio_open(at(tree.mount, "?ro/file"), O_RDWR, 0), -EROFS);
	cr_assert_eq(usrbio_unlink(at(tree.mount, "?ro/file")), -EROFS);
	read_whole(at(tree.mount, "?ro"), at(tree.mount, "?ro/file"), 3);
	fd = usrbio_open(at(tree.mount, "/file"), O_RDWR, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_close(fd), 0);
}

/* What unit tests of programs use: their paths, open(2), and no server anywhere. */
E2E(loop, a_directory_of_the_mount_table)
{
	const char *table = scratch_file("mounts");
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	struct tree tree;
	char path[600];
	FILE *f;
	int fd;

	tree_make(&tree, "a", 3);
	f = fopen(table, "we");
	cr_assert(f && fprintf(f, "%s loop://%s\n", tree.dir, tree.dir) > 0 && !fclose(f));
	cr_assert_eq(setenv("USRBIO_MOUNTS", table, 1), 0);
	snprintf(path, sizeof(path), "%s/file", tree.dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert(hf3fs_is_hf3fs(fd));
	cr_assert_leq(hf3fs_reg_fd(fd, 0), 0);
	ring_make(&reads, tree.dir, true, 4);
	ring_make(&writes, tree.dir, false, 4);
	iov_make(&iov, tree.dir, SIZE);
	cr_assert_eq(ring_io(&reads, &iov, iov.base, fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 3, 0), -1);
	pattern_fill(iov.base, SIZE, 4, 0);
	cr_assert_eq(ring_io(&writes, &iov, iov.base, fd, 0, SIZE), SIZE);
	memset(iov.base, 0, SIZE);
	cr_assert_eq(pread(fd, iov.base, SIZE, 0), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 4, 0), -1);
	hf3fs_dereg_fd(fd);
	close(fd);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
	hf3fs_iovdestroy(&iov);
}

/* Started when somebody connects, ended when the mount has been out of use for a while. */
E2E(loop, serves_from_the_first_use_until_the_mount_expires)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	struct tree tree;
	uint64_t ns;

	tree_make(&tree, "a", 3);
	ring_make(&ior, tree.mount, true, 1);
	iov_make(&iov, tree.mount, 4096);
	cr_assert_eq(process_server_threads(getpid()), 0, "started by a ring or an iov");
	cr_assert_eq(usrbio_ping(tree.mount, &ns), 0);
	cr_assert_gt(process_server_threads(getpid()), 0);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	for (int i = 0; process_server_threads(getpid()); i++) {
		cr_assert_lt(i, 6000, "it does not end");
		nap_ms(10);
	}
	read_whole(tree.mount, at(tree.mount, "/file"), 3);
	cr_assert_gt(process_server_threads(getpid()), 0);
}

static volatile sig_atomic_t taken;

static void take(int sig)
{
	taken = sig;
}

/* Of all threads only the program's own take its signals. */
E2E(loop, signals_are_the_programs)
{
	struct tree tree;
	sigset_t set;
	uint64_t ns;

	tree_make(&tree, "a", 3);
	cr_assert_neq(signal(SIGUSR1, take), SIG_ERR);
	cr_assert_eq(usrbio_ping(tree.mount, &ns), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	cr_assert_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	cr_assert_eq(kill(getpid(), SIGUSR1), 0);
	cr_assert_eq(usrbio_ping(tree.mount, &ns), 0);
	cr_assert_eq(sigpending(&set), 0);
	cr_assert(sigismember(&set, SIGUSR1), "another thread took it");
	cr_assert_eq(taken, 0);
}

/* Where write(2) would bring SIGXFSZ, and its end, upon the program. */
E2E(loop, a_write_beyond_the_size_limit_of_files)
{
	struct rlimit limit = {.rlim_cur = SIZE, .rlim_max = RLIM_INFINITY};
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	struct tree tree;
	int fd;

	tree_make(&tree, "a", 3);
	fd = file_reg(at(tree.mount, "/file"), O_RDWR);
	ring_make(&ior, tree.mount, false, 1);
	iov_make(&iov, tree.mount, 4096);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 2 * SIZE, 4096), -EFBIG);
	cr_assert_eq(usrbio_ftruncate(fd, 2 * SIZE), -EFBIG);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, 4096), 4096);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}
