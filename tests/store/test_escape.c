/*
 * Ways out of an export: none leads anywhere. Each path goes through every call; afterwards what is
 * outside is as it was, and whatever was opened or looked at lies inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/bed.h"

#define RACE_ROUNDS 6000

static const struct {
	const char *target, *name;
} links[] = {
	{"../outside", "out"},
	{"../outside/secret", "out-file"},
	{"../outside/new", "out-new"},
	{"..", "up"},
	{"../..", "up-up"},
	{"/", "slash"},
	{"/etc", "etc"},
	{"/etc/passwd", "passwd"},
	{"/proc/self/root", "root"},
	{"/proc/self/cwd", "cwd"},
	{"/proc/self/fd/0", "fd"},
	{"/dev/null", "null"},
	{"out", "chain1"},
	{"chain1", "chain2"},
	{"chain2/../outside", "chain3"},
	{"dir/../..", "dir-up"},
	{"dir/deeper/up3/outside", "through"},
	{"loop2", "loop1"},
	{"loop1", "loop2"},
	{"../../..", "dir/deeper/up3"},
	{"../../outside", "dir/out"},
};

static const char *const paths[] = {
	"..",
	"../",
	"../outside",
	"../outside/secret",
	"../outside/new",
	"../export/../outside/secret",
	"../../../../../../../../etc/passwd",
	"/",
	"//",
	"/etc/passwd",
	"//etc/passwd",
	"/outside/secret",
	"./../outside/secret",
	".//..//outside//secret",
	"dir/..//../outside/secret",
	"dir/../../outside/secret",
	"dir/deeper/../../../outside/secret",
	"dir/deeper/../../../outside/new",
	"dir/./deeper/./.././../../outside",
	"none/../../outside/secret",
	"file/../../outside/secret",
	"out",
	"out/",
	"out/.",
	"out/secret",
	"out/new",
	"out/..",
	"out/../outside/secret",
	"out/sub/file",
	"out-file",
	"out-file/",
	"out-new",
	"up",
	"up/",
	"up/outside/secret",
	"up/outside/new",
	"up-up",
	"up-up/tmp",
	"slash",
	"slash/",
	"slash/etc/passwd",
	"slash/tmp/usrbio-escaped",
	"etc",
	"etc/passwd",
	"etc/usrbio-escaped",
	"passwd",
	"root",
	"root/etc/passwd",
	"cwd",
	"cwd/new",
	"fd",
	"null",
	"chain1/secret",
	"chain2/secret",
	"chain2/new",
	"chain3",
	"chain3/secret",
	"dir-up",
	"dir-up/outside/secret",
	"through",
	"through/secret",
	"through/new",
	"loop1",
	"loop1/x",
	"dir/deeper/up3",
	"dir/deeper/up3/outside/secret",
	"dir/out/secret",
	"dir/out/sub",
	"dir/out/sub/new",
};

static char outside[96];
static char *snapshot;

static int add_to_snapshot(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char *longer;

	cr_assert_gt(asprintf(&longer, "%s%s %lo %lu %ld %ld.%ld\n", snapshot ? snapshot : "", path,
			      (unsigned long)st->st_mode, (unsigned long)st->st_nlink,
			      (long)st->st_size, (long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec),
		     0);
	free(snapshot);
	snapshot = longer;
	return 0;
}

static char *take_snapshot(void)
{
	char *taken;

	cr_assert_eq(nftw(outside, add_to_snapshot, 16, FTW_PHYS), 0);
	taken = snapshot;
	snapshot = NULL;
	return taken;
}

static uint64_t wanted_ino;

static int is_wanted(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return st->st_ino == wanted_ino;
}

static void check_inside(struct bed *bed, const char *what, const char *path,
			 const struct file_attr *attr)
{
	struct stat st;

	cr_assert_eq(stat(bed->dir, &st), 0);
	wanted_ino = attr->ino;
	cr_assert(attr->dev == st.st_dev && nftw(bed->dir, is_wanted, 16, FTW_PHYS) == 1,
		  "%s of %s got out", what, path);
}

static void write_file(const char *dir, const char *name)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	cr_assert(file);
	fputs("secret", file);
	fclose(file);
}

static void prepare(struct bed *bed)
{
	char path[200];

	snprintf(outside, sizeof(outside), "%s/outside", bed->base);
	snprintf(path, sizeof(path), "%s/sub", outside);
	cr_assert_eq(mkdir(outside, 0777), 0);
	cr_assert_eq(mkdir(path, 0777), 0);
	write_file(outside, "secret");
	write_file(path, "file");
	cr_assert_eq(chdir(outside), 0);
	cr_assert_eq(chdir(bed->dir), 0);
	cr_assert_eq(mkdir("dir", 0777), 0);
	cr_assert_eq(mkdir("dir/deeper", 0777), 0);
	write_file(bed->dir, "file");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		cr_assert_eq(symlink(links[i].target, links[i].name), 0);
	/* Where /proc/self/cwd leads. */
	cr_assert_eq(chdir(outside), 0);
}

static void try_opens(struct bed *bed, const char *path)
{
	static const uint32_t flags[] = {
		OPEN_READ,
		OPEN_READ | OPEN_DIRECTORY,
		OPEN_READ | OPEN_NOFOLLOW,
		OPEN_READ | OPEN_DIRECT,
		OPEN_WRITE | OPEN_TRUNCATE,
		OPEN_READ | OPEN_WRITE | OPEN_CREATE,
		OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE,
		OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE,
		OPEN_WRITE | OPEN_CREATE | OPEN_NOFOLLOW,
	};
	struct store_file *file;
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (bed->store->ops->open_file(bed->store, path, flags[i], 0666, &file, &attr))
			continue;
		check_inside(bed, "open", path, &attr);
		bed_shut(bed, file);
	}
}

static void try_names(struct bed *bed, const char *path)
{
	const struct store_ops *ops = bed->store->ops;
	char names[4096];
	uint32_t types[64];
	struct store_dirents out = {
		.names = names, .room = sizeof(names), .types = types, .max = 64};
	struct file_attr attr;

	for (int nofollow = 0; nofollow < 2; nofollow++)
		if (!ops->stat_path(bed->store, path, nofollow, &attr))
			check_inside(bed, "stat", path, &attr);
	if (!ops->readdir(bed->store, path, 0, &out))
		cr_assert_null(memmem(names, out.used, "secret", 6), "listing of %s got out", path);
	ops->mkdir(bed->store, path, 0777);
	ops->rename(bed->store, "file", path, true);
	ops->rename(bed->store, path, "taken", true);
	ops->rename(bed->store, "taken", path, true);
	ops->link(bed->store, "file", path);
	ops->link(bed->store, path, "linked");
	if (!ops->stat_path(bed->store, "linked", false, &attr))
		check_inside(bed, "link", path, &attr);
	ops->unlink(bed->store, "linked");
}

POSIX_STORE(no_path_leads_out)
{
	char *before, *after;

	prepare(bed);
	before = take_snapshot();
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		try_opens(bed, paths[i]);
		try_names(bed, paths[i]);
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		bed->store->ops->unlink(bed->store, paths[i]);
		bed->store->ops->rmdir(bed->store, paths[i]);
	}
	after = take_snapshot();
	cr_assert_str_eq(before, after);
	cr_assert_neq(access("/tmp/usrbio-escaped", F_OK), 0);
	cr_assert_neq(access("/etc/usrbio-escaped", F_OK), 0);
	free(before);
	free(after);
	cr_assert_eq(chdir("/"), 0);
}

POSIX_STORE(escapes_are_said_to_be_denied)
{
	struct file_attr attr;

	prepare(bed);
	cr_assert_eq(bed->store->ops->stat_path(bed->store, "../outside", false, &attr), -EACCES);
	cr_assert_eq(bed->store->ops->stat_path(bed->store, "/etc", false, &attr), -EACCES);
	cr_assert_eq(bed->store->ops->stat_path(bed->store, "out/secret", false, &attr), -EACCES);
	cr_assert_eq(bed->store->ops->mkdir(bed->store, "out/new", 0755), -EACCES);
	cr_assert_eq(bed->store->ops->stat_path(bed->store, "loop1", false, &attr), -ELOOP);
	cr_assert_eq(bed->store->ops->stat_path(bed->store, "loop1", true, &attr), 0);
	cr_assert_eq(bed->store->ops->stat_path(bed->store, "dir/../dir", false, &attr), 0);
	cr_assert_eq(chdir("/"), 0);
}

Test(memory, no_path_leads_above_the_root)
{
	static const char *const up[] = {"..", "../x", "d/../..", "d/../../x", "/", "/d", "./.."};
	struct file_attr attr;
	struct bed bed;

	bed_open(&bed, "memory");
	cr_assert_eq(bed.store->ops->mkdir(bed.store, "d", 0755), 0);
	for (size_t i = 0; i < sizeof(up) / sizeof(*up); i++)
		cr_assert_eq(bed.store->ops->stat_path(bed.store, up[i], false, &attr), -EACCES,
			     "%s", up[i]);
	bed_close(&bed);
}

struct racer {
	const char *dir;
	atomic_bool stop;
};

/* "d" is by turns a directory inside and a link to the outside, and "a/b" is now deep, now flat. */
static void *exchange(void *arg)
{
	struct racer *racer = arg;
	int dir = open(racer->dir, O_RDONLY | O_DIRECTORY);

	while (!atomic_load(&racer->stop)) {
		renameat2(dir, "d", dir, "l", RENAME_EXCHANGE);
		renameat2(dir, "a/b", dir, "z", 0);
		renameat2(dir, "z", dir, "a/b", 0);
	}
	close(dir);
	return NULL;
}

static void race(struct bed *bed, uint64_t inside, int *nr_opened)
{
	static const char *const ways[] = {"d/secret", "a/b/../../d/secret",
					   "a/b/c/../../../../outside/secret", "d/../d/secret"};
	const struct store_ops *ops = bed->store->ops;

	for (int i = 0; i < RACE_ROUNDS; i++) {
		struct store_file *file;
		struct file_attr attr;

		if (!ops->open_file(bed->store, ways[i % 4], OPEN_READ, 0, &file, &attr)) {
			cr_assert_eq(attr.ino, inside);
			bed_shut(bed, file);
			++*nr_opened;
		}
		if (!ops->open_file(bed->store, "d/new", OPEN_WRITE | OPEN_CREATE, 0666, &file,
				    &attr))
			bed_shut(bed, file);
		ops->mkdir(bed->store, "d/newdir", 0777);
		ops->link(bed->store, "file", "d/link");
		ops->unlink(bed->store, "d/link");
		ops->rename(bed->store, "d/new", "d/new2", false);
		ops->rmdir(bed->store, "d/newdir");
	}
}

POSIX_STORE(no_rename_at_the_right_moment_leads_out)
{
	struct racer racer = {.dir = bed->dir};
	char *before, *after;
	struct stat st;
	int nr_opened = 0;
	pthread_t thread;

	prepare(bed);
	cr_assert_eq(chdir(bed->dir), 0);
	cr_assert_eq(mkdir("d", 0777) | mkdir("a", 0777) | mkdir("a/b", 0777) |
			     mkdir("a/b/c", 0777) | symlink("../outside", "l"),
		     0);
	write_file("d", "secret");
	cr_assert_eq(stat("d/secret", &st), 0);
	before = take_snapshot();
	cr_assert_eq(pthread_create(&thread, NULL, exchange, &racer), 0);
	race(bed, st.st_ino, &nr_opened);
	atomic_store(&racer.stop, true);
	pthread_join(thread, NULL);
	after = take_snapshot();
	cr_assert_str_eq(before, after);
	/* Otherwise nothing was raced. */
	cr_assert_gt(nr_opened, 0);
	cr_assert_lt(nr_opened, RACE_ROUNDS);
	free(before);
	free(after);
	cr_assert_eq(chdir("/"), 0);
}
