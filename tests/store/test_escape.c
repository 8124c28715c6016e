/*
 * Ways out of an export: none leads anywhere. Each path goes through every call; afterwards what is
 * outside is as it was, and whatever was opened or looked at lies inside.
 *
 * Prints RESULT escapes paths= attempts= opened_outside=, and RESULT escape-race tries=
 * opened_inside= opened_outside=
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/fixture.h"
#include "tests/store/escapes.h"

#define RACE_ROUNDS 20000
#define NOBODY	    65534

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

static struct file_attr wanted;
static unsigned nr_attempts, nr_outside;

static int is_wanted(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return st->st_ino == wanted.ino && st->st_dev == wanted.dev;
}

static void check_inside(struct fixture *fixture, const char *what, const char *path,
			 const struct file_attr *attr)
{
	wanted = *attr;
	if (nftw(fixture->dir, is_wanted, 16, FTW_PHYS) == 1)
		return;
	nr_outside++;
	printf("%s of %s got out\n", what, path);
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

/* Where root runs the test, and may. Only this process sees it, and what it opens from then on. */
static void mount_some(struct fixture *fixture, const char *where)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return;
	cr_assert_eq(mount("none", where, "tmpfs", 0, NULL), 0);
	fixture->store->ops->close_store(fixture->store);
	cr_assert_eq(store_open(fixture->dir, 0, &fixture->store), 0);
}

/*
 * A case here removes whatever it reaches. So that a broken store does not cost somebody the
 * machine, the case runs as a user who owns the files of the fixture and nothing else. The files
 * stay with that user.
 */
static int give_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return lchown(path, NOBODY, NOBODY);
}

static void drop_root(struct fixture *fixture)
{
	if (!geteuid()) {
		cr_assert_eq(nftw(fixture->base, give_away, 16, FTW_PHYS), 0);
		cr_assert_eq(setgroups(0, NULL) | setegid(NOBODY) | seteuid(NOBODY), 0);
	}
	cr_assert_lt(open("/etc/passwd", O_WRONLY), 0);
}

static void take_root(struct fixture *fixture)
{
	char path[200];

	cr_assert_eq(chdir("/"), 0);
	if (getuid())
		return;
	cr_assert_eq(seteuid(0) | setegid(0), 0);
	snprintf(path, sizeof(path), "%s/mount", fixture->dir);
	umount(path);
}

static void prepare(struct fixture *fixture)
{
	char path[200];

	snprintf(outside, sizeof(outside), "%s/outside", fixture->base);
	snprintf(path, sizeof(path), "%s/sub", outside);
	cr_assert_eq(mkdir(outside, 0777), 0);
	cr_assert_eq(mkdir(path, 0777), 0);
	write_file(outside, "secret");
	write_file(path, "file");
	cr_assert_eq(chdir(outside), 0);
	cr_assert_eq(chdir(fixture->dir), 0);
	cr_assert_eq(mkdir("dir", 0777), 0);
	cr_assert_eq(mkdir("dir/deeper", 0777), 0);
	write_file(fixture->dir, "file");
	cr_assert_eq(mkdir("mount", 0777), 0);
	mount_some(fixture, "mount");
	cr_assert_eq(mkdir("mount/dir", 0777), 0);
	for (size_t i = 0; i < nr_escape_links; i++)
		cr_assert_eq(symlink(escape_links[i].target, escape_links[i].name), 0, "%s",
			     escape_links[i].name);
	cr_assert_eq(symlink(fixture->dir, "back"), 0);
	/* Where /proc/self/cwd leads. */
	cr_assert_eq(chdir(outside), 0);
	drop_root(fixture);
}

static void try_opens(struct fixture *fixture, const char *path)
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

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++, nr_attempts++) {
		if (fixture->store->ops->open_file(fixture->store, NULL, path, flags[i], 0666,
						   &file, &attr))
			continue;
		check_inside(fixture, "open", path, &attr);
		fixture_shut(fixture, file);
	}
}

static void check_listing(const char *path, const struct store_dirents *dirents)
{
	for (size_t at = 0; at < dirents->used; at += strlen(dirents->names + at) + 1)
		if (!strcmp(dirents->names + at, "secret")) {
			nr_outside++;
			printf("listing of %s got out\n", path);
		}
}

static void try_names(struct fixture *fixture, const char *path)
{
	const struct store_ops *ops = fixture->store->ops;
	char names[4096];
	uint32_t types[64];
	struct store_dirents out = {
		.names = names, .room = sizeof(names), .types = types, .max = 64};
	struct file_attr attr;

	for (int nofollow = 0; nofollow < 2; nofollow++)
		if (!ops->stat_path(fixture->store, NULL, path, nofollow, &attr))
			check_inside(fixture, "stat", path, &attr);
	if (!ops->readdir(fixture->store, path, 0, &out))
		check_listing(path, &out);
	ops->mkdir(fixture->store, NULL, path, 0777);
	ops->rename(fixture->store, NULL, "file", NULL, path, true);
	ops->rename(fixture->store, NULL, path, NULL, "taken", true);
	ops->rename(fixture->store, NULL, "taken", NULL, path, true);
	ops->link(fixture->store, NULL, "file", NULL, path);
	ops->link(fixture->store, NULL, path, NULL, "linked");
	if (!ops->stat_path(fixture->store, NULL, "linked", false, &attr))
		check_inside(fixture, "link", path, &attr);
	ops->unlink(fixture->store, NULL, "linked");
	nr_attempts += 9;
}

/* The same as a name in a directory: a whole path is none, a link is not followed but on demand. */
static void try_in_directory(struct fixture *fixture, struct store_file *at, const char *name)
{
	static const uint32_t flags[] = {
		OPEN_READ, OPEN_READ | OPEN_FOLLOW, OPEN_READ | OPEN_WRITE | OPEN_CREATE,
		OPEN_WRITE | OPEN_CREATE | OPEN_FOLLOW, OPEN_READ | OPEN_DIRECTORY | OPEN_FOLLOW};
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file;
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (!ops->open_file(fixture->store, at, name, flags[i], 0666, &file, &attr)) {
			check_inside(fixture, "open in a directory", name, &attr);
			fixture_shut(fixture, file);
		}
	for (int nofollow = 0; nofollow < 2; nofollow++)
		if (!ops->stat_path(fixture->store, at, name, nofollow, &attr))
			check_inside(fixture, "stat in a directory", name, &attr);
	ops->mkdir(fixture->store, at, name, 0777);
	ops->rename(fixture->store, NULL, "file", at, name, true);
	ops->rename(fixture->store, at, name, NULL, "taken", true);
	ops->rename(fixture->store, NULL, "taken", at, name, true);
	ops->link(fixture->store, NULL, "file", at, name);
	ops->link(fixture->store, at, name, NULL, "linked");
	if (!ops->stat_path(fixture->store, NULL, "linked", false, &attr))
		check_inside(fixture, "link from a directory", name, &attr);
	ops->unlink(fixture->store, NULL, "linked");
	nr_attempts += 14;
}

static void try_at(struct fixture *fixture, const char *path)
{
	static const char *const dirs[] = {"", "dir", "dir/deeper", "mount"};
	const char *last = strrchr(path, '/');

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		int err;
		struct store_file *at =
			fixture_file(fixture, dirs[i], OPEN_READ | OPEN_DIRECTORY, &err);

		if (!at)
			continue;
		try_in_directory(fixture, at, path);
		if (last)
			try_in_directory(fixture, at, last + 1);
		fixture_shut(fixture, at);
	}
}

static void try_removal_at(struct fixture *fixture, const char *path)
{
	struct store_file *root = fixture_file(fixture, "", OPEN_READ | OPEN_DIRECTORY, NULL);

	fixture->store->ops->unlink(fixture->store, root, path);
	fixture->store->ops->rmdir(fixture->store, root, path);
	fixture_shut(fixture, root);
	nr_attempts += 2;
}

static void try_removal(struct fixture *fixture, const char *path)
{
	fixture->store->ops->unlink(fixture->store, NULL, path);
	fixture->store->ops->rmdir(fixture->store, NULL, path);
	nr_attempts += 2;
}

static void try_all(struct fixture *fixture, void (*try)(struct fixture *fixture, const char *path))
{
	/* Up again and again, and down and up, as far as a path can be; and further. */
	static const char *const steps[] = {"../", "dir/../", "./", "out/../", "deeper/../"};
	static char path[2 * PATH_MAX];

	for (size_t i = 0; i < nr_escape_paths; i++)
		try(fixture, escape_paths[i]);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		for (size_t room = PATH_MAX / 2; room <= sizeof(path); room *= 2) {
			size_t len = 0;

			for (; len + 40 < room; len += strlen(steps[i]))
				strcpy(path + len, steps[i]);
			strcpy(path + len, "../outside/secret");
			try(fixture, path);
		}
}

static void try_path(struct fixture *fixture, const char *path)
{
	try_opens(fixture, path);
	try_names(fixture, path);
}

POSIX_STORE(no_path_leads_out)
{
	char *before, *after;

	prepare(fixture);
	before = take_snapshot();
	try_all(fixture, try_path);
	try_all(fixture, try_at);
	try_all(fixture, try_removal_at);
	try_all(fixture, try_removal);
	after = take_snapshot();
	printf("RESULT escapes paths=%zu attempts=%u opened_outside=%u\n", nr_escape_paths,
	       nr_attempts, nr_outside);
	cr_assert_eq(nr_outside, 0);
	cr_assert_str_eq(before, after);
	cr_assert_neq(access("/tmp/usrbio-escaped", F_OK), 0);
	cr_assert_neq(access("/etc/usrbio-escaped", F_OK), 0);
	cr_assert_neq(access("/dev/shm/usrbio-escaped", F_OK), 0);
	free(before);
	free(after);
	take_root(fixture);
}

POSIX_STORE(escapes_are_said_to_be_denied)
{
	struct file_attr attr;

	prepare(fixture);
	cr_assert_eq(
		fixture->store->ops->stat_path(fixture->store, NULL, "../outside", false, &attr),
		-EACCES);
	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, "/etc", false, &attr),
		     -EACCES);
	cr_assert_eq(
		fixture->store->ops->stat_path(fixture->store, NULL, "out/secret", false, &attr),
		-EACCES);
	cr_assert_eq(fixture->store->ops->mkdir(fixture->store, NULL, "out/new", 0755), -EACCES);
	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, "loop1", false, &attr),
		     -ELOOP);
	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, "loop1", true, &attr), 0);
	cr_assert_eq(
		fixture->store->ops->stat_path(fixture->store, NULL, "dir/../dir", false, &attr),
		0);
	take_root(fixture);
}

Test(memory, no_path_leads_above_the_root)
{
	static const char *const up[] = {"..", "../x", "d/../..", "d/../../x", "/", "/d", "./.."};
	struct file_attr attr;
	struct fixture fixture;

	fixture_open(&fixture, "memory");
	cr_assert_eq(fixture.store->ops->mkdir(fixture.store, NULL, "d", 0755), 0);
	for (size_t i = 0; i < sizeof(up) / sizeof(*up); i++)
		cr_assert_eq(
			fixture.store->ops->stat_path(fixture.store, NULL, up[i], false, &attr),
			-EACCES, "%s", up[i]);
	fixture_close(&fixture);
}

struct racer {
	const char *dir;
	atomic_bool stop;
};

/*
 * "d" is by turns a directory inside and a link to the outside, "r" one inside and a link to the
 * root, and "a/b" is now deep, now flat.
 */
static void *exchange(void *arg)
{
	struct racer *racer = arg;
	int dir = open(racer->dir, O_RDONLY | O_DIRECTORY);

	while (!atomic_load(&racer->stop)) {
		renameat2(dir, "d", dir, "l", RENAME_EXCHANGE);
		renameat2(dir, "a/b", dir, "z", 0);
		renameat2(dir, "r", dir, "s", RENAME_EXCHANGE);
		renameat2(dir, "z", dir, "a/b", 0);
	}
	close(dir);
	return NULL;
}

struct tally {
	unsigned tries, inside, outside;
};

static void race_names(struct fixture *fixture)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file;
	struct file_attr attr;

	if (!ops->open_file(fixture->store, NULL, "d/new", OPEN_WRITE | OPEN_CREATE, 0666, &file,
			    &attr))
		fixture_shut(fixture, file);
	ops->mkdir(fixture->store, NULL, "d/newdir", 0777);
	ops->link(fixture->store, NULL, "file", NULL, "d/link");
	ops->unlink(fixture->store, NULL, "d/link");
	ops->rename(fixture->store, NULL, "d/new", NULL, "d/new2", false);
	ops->rmdir(fixture->store, NULL, "d/newdir");
}

/* Each way leads to a file inside, or else to one outside or nowhere. */
static void race(struct fixture *fixture, struct tally *tally)
{
	static const char *const ways[] = {
		"d/secret",	    "a/b/../../d/secret", "a/b/c/../../../../outside/secret",
		"d/../d/secret",    "r/etc/passwd",	  "a/b/../../r/etc/passwd",
		"r/../r/etc/passwd"};
	struct stat secret, passwd;

	cr_assert_eq(stat("d/secret", &secret) | stat("r/etc/passwd", &passwd), 0);
	for (; tally->tries < RACE_ROUNDS; tally->tries++) {
		struct store_file *file;
		struct file_attr attr;

		race_names(fixture);
		if (fixture->store->ops->open_file(fixture->store, NULL, ways[tally->tries % 7],
						   OPEN_READ, 0, &file, &attr))
			continue;
		if (attr.dev == secret.st_dev &&
		    (attr.ino == secret.st_ino || attr.ino == passwd.st_ino))
			tally->inside++;
		else
			tally->outside++;
		fixture_shut(fixture, file);
	}
}

POSIX_STORE(no_rename_at_the_right_moment_leads_out)
{
	struct racer racer = {.dir = fixture->dir};
	struct tally tally = {0}, quiet = {.tries = RACE_ROUNDS - 7};
	char *before, *after;
	pthread_t thread;

	prepare(fixture);
	cr_assert_eq(chdir(fixture->dir), 0);
	cr_assert_eq(mkdir("d", 0777) | mkdir("a", 0777) | mkdir("a/b", 0777) |
			     mkdir("a/b/c", 0777) | symlink("../outside", "l") | mkdir("r", 0777) |
			     mkdir("r/etc", 0777) | symlink("/", "s"),
		     0);
	write_file("d", "secret");
	write_file("r/etc", "passwd");
	/* While nobody exchanges anything, each way but one leads to where it should. */
	race(fixture, &quiet);
	cr_assert_eq(quiet.inside, 6);
	before = take_snapshot();
	cr_assert_eq(pthread_create(&thread, NULL, exchange, &racer), 0);
	race(fixture, &tally);
	atomic_store(&racer.stop, true);
	pthread_join(thread, NULL);
	after = take_snapshot();
	printf("RESULT escape-race tries=%u opened_inside=%u opened_outside=%u\n", tally.tries,
	       tally.inside, tally.outside);
	cr_assert_eq(tally.outside, 0);
	cr_assert_str_eq(before, after);
	/* Otherwise nothing was raced. */
	cr_assert_gt(tally.inside, 0);
	cr_assert_lt(tally.inside, RACE_ROUNDS / 7 * 6);
	free(before);
	free(after);
	take_root(fixture);
}
