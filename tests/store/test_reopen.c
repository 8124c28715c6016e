/*
 * Files opened again by their persistent names: the same file or none, wherever it is in the
 * export, and nothing outside, whatever the name's bytes are.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/posix/posix.h"
#include "tests/store/fixture.h"

#define RW (OPEN_READ | OPEN_WRITE)

/* A case of every store, and of the posix store where there are no file handles. */
#define EACH_KIND(name)                            \
	static void over_##name(const char *kind); \
	Test(filtered, name)                       \
	{                                          \
		over_##name("filtered");           \
	}                                          \
	Test(overlay, name)                        \
	{                                          \
		over_##name("overlay");            \
	}                                          \
	EACH_STORE(name)

/* A case of the posix store, also without file handles. */
#define POSIX_KIND(name)                           \
	static void over_##name(const char *kind); \
	Test(filtered, name)                       \
	{                                          \
		over_##name("filtered");           \
	}                                          \
	POSIX_STORE(name)

struct name {
	uint8_t data[STORE_NAME_MAX];
	size_t len;
};

static struct name name_of(const struct store_file *file)
{
	struct name name = {.len = file->persistent_len};

	memcpy(name.data, file->persistent, name.len);
	return name;
}

static int reopen(struct fixture *fixture, const char *path, const struct name *name,
		  uint32_t flags, struct store_file **file)
{
	struct file_attr attr;

	return fixture->store->ops->reopen_file(
		fixture->store, path, (struct bytes){name->data, name->len}, flags, file, &attr);
}

/* The status; what was opened must be what it names, and is shut again. */
static int try_name(struct fixture *fixture, const char *path, const struct name *name)
{
	struct store_file *file;
	int err = reopen(fixture, path, name, OPEN_READ, &file);

	if (err)
		return err;
	cr_assert_eq(file->persistent_len, name->len);
	cr_assert_eq(memcmp(file->persistent, name->data, name->len), 0);
	fixture_shut(fixture, file);
	return 0;
}

/* Make a file, and forget it but for its name. */
static struct name make(struct fixture *fixture, const char *path, char byte)
{
	struct store_file *file = fixture_create(fixture, path);
	struct name name = name_of(file);

	cr_assert_gt(name.len, 0);
	fixture->staging[0] = byte;
	cr_assert_eq(fixture_write(fixture, file, 0, 1, 0), 1);
	fixture_shut(fixture, file);
	return name;
}

static void expect_byte(struct fixture *fixture, const char *path, const struct name *name,
			char byte)
{
	struct store_file *file;
	int err = reopen(fixture, path, name, RW, &file);

	cr_assert_eq(err, 0, "%s: %d", path, err);
	cr_assert_eq(fixture_read(fixture, file, 0, 1, 0, 0), 1);
	cr_assert_eq(fixture->staging[0], byte);
	cr_assert_eq(fixture_write(fixture, file, 0, 1, 0), 1);
	fixture_shut(fixture, file);
}

EACH_KIND(the_same_file_where_it_was_or_elsewhere)
{
	struct store *store = fixture->store;
	struct name name = make(fixture, "f", 'f'), other;

	expect_byte(fixture, "f", &name, 'f');
	cr_assert_eq(store->ops->mkdir(store, NULL, "dir", 0755), 0);
	cr_assert_eq(store->ops->rename(store, NULL, "f", NULL, "dir/moved", 0), 0);
	expect_byte(fixture, "f", &name, 'f');
	other = make(fixture, "f", 'o');
	expect_byte(fixture, "f", &name, 'f');
	expect_byte(fixture, "f", &other, 'o');
	expect_byte(fixture, "", &name, 'f');
	expect_byte(fixture, "no/such/directory", &name, 'f');
	cr_assert_eq(store->ops->rename(store, NULL, "dir", NULL, "DIR", 0), 0);
	expect_byte(fixture, "dir/moved", &name, 'f');
}

EACH_KIND(none_when_it_is_gone)
{
	struct store *store = fixture->store;
	struct name name = make(fixture, "f", 'f'), other;

	cr_assert_eq(store->ops->unlink(store, NULL, "f"), 0);
	cr_assert_eq(try_name(fixture, "f", &name), -ESTALE);
	other = make(fixture, "f", 'o'); /* perhaps in the same inode */
	cr_assert_eq(try_name(fixture, "f", &name), -ESTALE);
	cr_assert_eq(try_name(fixture, "f", &other), 0);
	make(fixture, "g", 'g');
	cr_assert_eq(store->ops->rename(store, NULL, "g", NULL, "f", 0), 0);
	cr_assert_eq(try_name(fixture, "f", &other), -ESTALE);
}

struct churn {
	pthread_t thread;
	int dir;
	_Atomic bool over;
};

static void *make_and_remove(void *arg)
{
	struct churn *churn = arg;

	while (!churn->over) {
		int fd = openat(churn->dir, "churn", O_CREAT | O_WRONLY | O_EXCL, 0600);

		cr_assert_geq(fd, 0);
		close(fd);
		cr_assert_eq(unlinkat(churn->dir, "churn", 0), 0);
	}
	return NULL;
}

/* Linux says ENOMEM of a handle while its inode's number is being given to a new file. */
POSIX_STORE(none_while_its_inode_becomes_another_file)
{
	struct churn churn = {.dir = open(fixture->dir, O_PATH | O_DIRECTORY)};
	const struct name name = make(fixture, "f", 'f');

	cr_assert_eq(fixture->store->ops->unlink(fixture->store, NULL, "f"), 0);
	cr_assert_eq(pthread_create(&churn.thread, NULL, make_and_remove, &churn), 0);
	for (int round = 0; round < 20000; round++)
		cr_assert_eq(try_name(fixture, "f", &name), -ESTALE);
	churn.over = true;
	pthread_join(churn.thread, NULL);
	close(churn.dir);
}

EACH_KIND(none_when_it_lives_on_without_a_name)
{
	struct store_file *file = fixture_create(fixture, "f");
	const struct name name = name_of(file);

	cr_assert_eq(fixture->store->ops->unlink(fixture->store, NULL, "f"), 0);
	cr_assert_eq(try_name(fixture, "f", &name), -ESTALE);
	cr_assert_eq(try_name(fixture, "f (deleted)", &name), -ESTALE);
	make(fixture, "f (deleted)", 'd');
	cr_assert_eq(try_name(fixture, "f", &name), -ESTALE);
	fixture_shut(fixture, file);
}

EACH_KIND(directories_too)
{
	struct store *store = fixture->store;
	struct store_file *dir;
	struct name name;

	cr_assert_eq(store->ops->mkdir(store, NULL, "dir", 0755), 0);
	dir = fixture_file(fixture, "dir", OPEN_READ, NULL);
	name = name_of(dir);
	fixture_shut(fixture, dir);
	cr_assert_gt(name.len, 0);
	cr_assert_eq(try_name(fixture, "dir", &name), 0);
	cr_assert_eq(reopen(fixture, "dir", &name, RW, &dir), -EISDIR);
	cr_assert_eq(store->ops->rmdir(store, NULL, "dir"), 0);
	cr_assert_eq(try_name(fixture, "dir", &name), -ESTALE);
}

/* Any other bytes: not a file, or, if anything, the very file they name. */
#define DEPTH 20000

/* Make directories in each other, one name at a time, and return the innermost one, open. */
static struct store_file *make_deep(struct store *store)
{
	const uint32_t flags = OPEN_READ | OPEN_DIRECTORY;
	struct store_file *at, *next;
	struct file_attr attr;

	cr_assert_eq(store->ops->open_file(store, NULL, "", flags, 0, &at, &attr), 0);
	for (int i = 0; i < DEPTH; i++) {
		cr_assert_eq(store->ops->mkdir(store, at, "d", 0755), 0);
		cr_assert_eq(store->ops->open_file(store, at, "d", flags, 0, &next, &attr), 0);
		store->ops->close_file(at);
		at = next;
	}
	return at;
}

static void *search_deep(void *arg)
{
	uint8_t missing[STORE_NAME_MAX];
	struct bytes name = {missing, 0};
	struct store_file *deep, *again;
	struct file_attr attr, same;
	struct store *store = arg;

	deep = make_deep(store);
	name.len = deep->persistent_len;
	memcpy(missing, deep->persistent, name.len);
	cr_expect_eq(store->ops->reopen_file(store, "d", name, OPEN_READ, &again, &same), 0);
	cr_expect_eq(store->ops->stat_file(deep, &attr), 0);
	cr_expect_eq(same.ino, attr.ino);
	store->ops->close_file(again);
	store->ops->close_file(deep);
	memset(missing + name.len - sizeof(uint64_t), 0xff, sizeof(uint64_t));
	cr_expect_eq(store->ops->reopen_file(store, "d", name, OPEN_READ, &again, &same), -ESTALE);
	store->ops->close_store(store);
	return NULL;
}

/* A client decides how deep directories are, so the depth must not decide how much stack is used.
 */
Test(memory, deep_directories_take_no_stack)
{
	pthread_attr_t small;
	struct store *store;
	pthread_t thread;

	cr_assert_eq(store_open("memory:256", 0, &store), 0);
	pthread_attr_init(&small);
	cr_assert_eq(pthread_attr_setstacksize(&small, 256 << 10), 0);
	cr_assert_eq(pthread_create(&thread, &small, search_deep, store), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&small);
}

EACH_KIND(other_bytes_open_nothing_else)
{
	const struct name name = make(fixture, "f", 'f');
	const int fds = fixture_count_fds();
	uint32_t state = 7, nr_stale = 0;

	for (size_t bit = 0; bit < 8 * name.len; bit++) {
		struct name wrong = name;

		wrong.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (try_name(fixture, "f",
			     &wrong)) /* else it is what they name: the root, perhaps */
			nr_stale++;
	}
	cr_assert_geq(nr_stale, 8 * name.len - 1);
	for (size_t len = 0; len <= STORE_NAME_MAX; len++) {
		struct name wrong = name;

		wrong.len = len;
		if (len != name.len)
			cr_assert_eq(try_name(fixture, "f", &wrong), -ESTALE, "length %zu", len);
	}
	for (int round = 0; round < 20000; round++) {
		struct name wrong = name;
		size_t from = round % 2 ? name.len / 2 : 0; /* or its end alone */

		for (size_t i = from; i < wrong.len; i++)
			wrong.data[i] = (uint8_t)fixture_random(&state);
		cr_assert_eq(try_name(fixture, "f", &wrong), -ESTALE);
	}
	cr_assert_eq(try_name(fixture, "f", &name), 0);
	cr_assert_eq(fixture_count_fds(), fds);
}

/* As the store makes it, but of anything. */
static struct name name_of_path(int dir, const char *path)
{
	int fd = openat(dir, path, O_PATH | O_NOFOLLOW);
	struct name name;

	cr_assert_geq(fd, 0);
	/* Without handles, a file without a time of birth has no name: "/" of an image, perhaps. */
	name.len = posix_name_of(fd, name.data);
	close(fd);
	return name;
}

static const char *const ways[] = {"",
				   ".",
				   "..",
				   "secret",
				   "f",
				   "out",
				   "../outside/secret",
				   "out-file",
				   "link",
				   "/etc/passwd",
				   "up/outside/secret",
				   "f/../../outside"};

static void expect_stale(struct fixture *fixture, const struct name *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		cr_assert_eq(try_name(fixture, ways[i], name), -ESTALE, "by \"%s\"", ways[i]);
}

static void write_file(int dir, const char *path)
{
	int fd = openat(dir, path, O_CREAT | O_WRONLY | O_EXCL, 0600);

	cr_assert_geq(fd, 0);
	close(fd);
}

POSIX_KIND(nothing_outside_the_export)
{
	int base = open(fixture->base, O_PATH | O_DIRECTORY),
	    in = open(fixture->dir, O_PATH | O_DIRECTORY);
	const int fds = fixture_count_fds();
	struct name name;

	cr_assert_eq(mkdirat(base, "outside", 0755), 0);
	cr_assert_eq(mkdirat(base, "exporter", 0755), 0);
	write_file(base, "outside/secret");
	write_file(base, "exporter/secret"); /* beside a directory whose name begins like it */
	make(fixture, "f", 'f');
	make(fixture, "secret", 's');
	cr_assert_eq(symlinkat("../outside", in, "out"), 0);
	cr_assert_eq(symlinkat("../outside/secret", in, "out-file"), 0);
	cr_assert_eq(symlinkat("..", in, "up"), 0);
	name = name_of_path(base, "outside/secret");
	expect_stale(fixture, &name);
	name = name_of_path(base, "exporter/secret");
	expect_stale(fixture, &name);
	name = name_of_path(base, "outside");
	expect_stale(fixture, &name);
	name = name_of_path(base, "..");
	expect_stale(fixture, &name);
	name = name_of_path(AT_FDCWD, "/etc/passwd");
	expect_stale(fixture, &name);
	name = name_of_path(AT_FDCWD, "/");
	expect_stale(fixture, &name);
	/* It was one of ours, and left. */
	name = name_of_path(in, "f");
	cr_assert_eq(try_name(fixture, "f", &name), 0);
	cr_assert_eq(renameat(in, "f", base, "outside/f"), 0);
	expect_stale(fixture, &name);
	/* And it came back by another name. */
	cr_assert_eq(linkat(base, "outside/f", in, "again", 0), 0);
	cr_assert_eq(try_name(fixture, "again", &name), 0);
	cr_assert_eq(fixture_count_fds(), fds);
	close(base);
	close(in);
}

POSIX_KIND(nothing_but_files_and_directories)
{
	int in = open(fixture->dir, O_PATH | O_DIRECTORY);
	struct name name;

	make(fixture, "f", 'f');
	cr_assert_eq(symlinkat("f", in, "link"), 0);
	cr_assert_eq(mkfifoat(in, "fifo", 0644), 0);
	name = name_of_path(in, "link");
	expect_stale(fixture, &name);
	name = name_of_path(in, "fifo");
	expect_stale(fixture, &name);
	cr_assert_eq(try_name(fixture, "fifo", &name), -ESTALE);
	if (!mknodat(in, "zero", S_IFCHR | 0666, 1 << 8 | 5)) {
		name = name_of_path(in, "zero");
		expect_stale(fixture, &name);
		cr_assert_eq(try_name(fixture, "zero", &name), -ESTALE);
	}
	close(in);
}

POSIX_STORE(a_read_only_store_opens_for_reading)
{
	const struct name name = make(fixture, "f", 'f');
	struct store *store;
	struct store_file *file;
	struct file_attr attr;
	const struct bytes bytes = {name.data, name.len};

	cr_assert_eq(store_open(fixture->dir, STORE_READ_ONLY | STORE_UNLOCKED, &store), 0);
	cr_assert_eq(store->ops->reopen_file(store, "f", bytes, RW, &file, &attr), -EROFS);
	cr_assert_eq(store->ops->reopen_file(store, "f", bytes, OPEN_READ, &file, &attr), 0);
	cr_assert_eq(file->flags, OPEN_READ);
	store->ops->close_file(file);
	store->ops->close_store(store);
}

/* The device number is not in the name: the same file system has another one when mounted again. */
Test(overlay, the_same_file_after_it_was_mounted_again)
{
	struct fixture fixture;
	struct name name;
	struct stat before, after;
	struct store *store;
	int nr_others = 0;
	char other[128];

	fixture_open(&fixture, "overlay");
	name = make(&fixture, "f", 'f');
	cr_assert_eq(stat(fixture.dir, &before), 0);
	fixture.store->ops->queue_close(fixture.queue);
	fixture.store->ops->close_store(fixture.store);
	snprintf(other, sizeof(other), "%s/other", fixture.base);
	cr_assert_eq(mkdir(other, 0755), 0);
	/* Other mounts take the device number, which is the lowest free one. */
	do {
		cr_assert_eq(umount2(fixture.dir, 0), 0);
		cr_assert_eq(mount("none", other, "tmpfs", 0, NULL), 0);
		fixture_mount_overlay(&fixture);
		cr_assert_eq(stat(fixture.dir, &after), 0);
		nr_others++;
	} while (before.st_dev == after.st_dev);
	cr_assert_eq(store_open(fixture.dir, 0, &store), 0);
	fixture.store = store;
	cr_assert_eq(store->ops->queue_open(store, fixture.loop, fixture.staging, FIXTURE_STAGING,
					    &fixture.queue),
		     0);
	expect_byte(&fixture, "f", &name, 'f');
	expect_byte(&fixture, "elsewhere", &name, 'f');
	while (nr_others--)
		cr_assert_eq(umount2(other, 0), 0);
	fixture_close(&fixture);
}

/* What has been proved at the first opening is not asked again, as far as the store can. */
static void expect_proven(struct fixture *fixture, const char *path, const struct name *name,
			  mode_t mode)
{
	struct store_file *file;
	struct stat st;
	int dir = open(fixture->dir, O_PATH | O_DIRECTORY);

	if (geteuid())
		cr_assert_eq(reopen(fixture, path, name, RW, &file), -EACCES);
	cr_assert_eq(reopen(fixture, path, name, RW | STORE_PROVEN, &file), 0);
	cr_assert_eq(file->flags, RW);
	cr_assert_eq(fixture_write(fixture, file, 0, 1, 0), 1);
	fixture_shut(fixture, file);
	cr_assert_eq(fstatat(dir, path, &st, 0), 0);
	cr_assert_eq(st.st_mode & 07777, mode, "%o", st.st_mode);
	close(dir);
}

static void become_nobody(struct fixture *fixture)
{
	if (geteuid())
		return;
	cr_assert_eq(chown(fixture->base, 65534, 65534), 0);
	cr_assert_eq(chown(fixture->dir, 65534, 65534), 0);
	cr_assert_eq(setgroups(0, NULL), 0);
	cr_assert_eq(setgid(65534), 0);
	cr_assert_eq(setuid(65534), 0);
}

POSIX_KIND(a_proven_name_needs_no_permission)
{
	struct store *store = fixture->store;
	struct store_file *file;
	struct file_attr attr;
	struct name name;

	become_nobody(fixture);
	cr_assert_eq(store->ops->open_file(store, NULL, "f", RW | OPEN_CREATE | OPEN_EXCLUSIVE,
					   0444, &file, &attr),
		     0);
	name = name_of(file);
	expect_proven(fixture, "f", &name, 0444);
	cr_assert_eq(fixture_chmod(file, 0), 0);
	expect_proven(fixture, "f", &name, 0);
	cr_assert_eq(store->ops->mkdir(store, NULL, "dir", 0755), 0);
	cr_assert_eq(store->ops->rename(store, NULL, "f", NULL, "dir/moved", 0), 0);
	expect_proven(fixture, "dir/moved", &name, 0);
	fixture_shut(fixture, file);
}
