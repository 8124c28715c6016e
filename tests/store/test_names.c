/* Names: what link, rename, mkdir and the others promise, listings, locks, and what is refused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/bed.h"

#define NR_LISTED 10000

static void touch(struct bed *bed, const char *path)
{
	bed_shut(bed, bed_create(bed, path));
}

static int stat_of(struct bed *bed, const char *path, struct file_attr *attr)
{
	return bed->store->ops->stat_path(bed->store, NULL, path, false, attr);
}

static bool exists(struct bed *bed, const char *path)
{
	struct file_attr attr;

	return !stat_of(bed, path, &attr);
}

EACH_STORE(opening_means_what_the_flags_say)
{
	struct store_file *file;
	struct file_attr attr;
	int err;

	cr_assert_null(bed_file(bed, "file", OPEN_READ, &err));
	cr_assert_eq(err, -ENOENT);
	cr_assert_null(bed_file(bed, "no/file", OPEN_WRITE | OPEN_CREATE, &err));
	cr_assert_eq(err, -ENOENT);
	bed_shut(bed, bed_file(bed, "file", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, NULL));
	cr_assert_null(bed_file(bed, "file", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, &err));
	cr_assert_eq(err, -EEXIST);
	bed_shut(bed, bed_file(bed, "file", OPEN_READ | OPEN_CREATE, NULL));
	cr_assert_null(bed_file(bed, "file", OPEN_READ | OPEN_DIRECTORY, &err));
	cr_assert_eq(err, -ENOTDIR);
	cr_assert_null(bed_file(bed, "file/", OPEN_READ, &err));
	cr_assert_eq(err, -ENOTDIR);
	cr_assert_null(bed_file(bed, "file/x", OPEN_READ, &err));
	cr_assert_eq(err, -ENOTDIR);
	cr_assert_null(bed_file(bed, "", OPEN_WRITE, &err));
	cr_assert_eq(err, -EISDIR);
	cr_assert_null(bed_file(bed, ".", OPEN_READ | OPEN_CREATE, &err));
	cr_assert_eq(err, -EISDIR);
	cr_assert_null(bed_file(bed, "new/", OPEN_WRITE | OPEN_CREATE, &err));
	cr_assert_eq(err, -EISDIR);
	cr_assert_null(bed_file(bed, "file", 0, &err));
	cr_assert_eq(err, -EINVAL);
	cr_assert_null(bed_file(bed, "file", OPEN_READ | OPEN_TRUNCATE, &err));
	cr_assert_eq(err, -EINVAL);
	cr_assert_null(bed_file(bed, "file", OPEN_READ | 0x1000, &err));
	cr_assert_eq(err, -EINVAL);
	cr_assert_null(bed_file(bed, "file", OPEN_READ | OPEN_CREATE | OPEN_DIRECTORY, &err));
	cr_assert_eq(err, -EINVAL);
	/* Nobody gets to run files with the server's identity. */
	cr_assert_eq(bed->store->ops->open_file(bed->store, NULL, "suid", OPEN_WRITE | OPEN_CREATE,
						07755, &file, &attr),
		     0);
	cr_assert_eq(attr.mode & 07777, 0755);
	bed_shut(bed, file);
	bed_shut(bed, bed_file(bed, "./", OPEN_READ | OPEN_DIRECTORY, NULL));
	bed_shut(bed, bed_file(bed, ".//./file", OPEN_READ | OPEN_NOFOLLOW, NULL));
}

EACH_STORE(directories_come_and_go)
{
	const struct store_ops *ops = bed->store->ops;
	struct file_attr attr;

	cr_assert_eq(ops->mkdir(bed->store, NULL, "a", 0755), 0);
	cr_assert_eq(ops->mkdir(bed->store, NULL, "a", 0755), -EEXIST);
	cr_assert_eq(ops->mkdir(bed->store, NULL, "a/b/", 07755), 0);
	cr_assert_eq(ops->mkdir(bed->store, NULL, "x/b", 0755), -ENOENT);
	cr_assert_eq(stat_of(bed, "a/b", &attr), 0);
	cr_assert(S_ISDIR(attr.mode));
	cr_assert_eq(attr.mode & 07000, 0);
	cr_assert_eq(stat_of(bed, "a/b/../../a/./b/..", &attr), 0);
	cr_assert_eq(ops->rmdir(bed->store, NULL, "a"), -ENOTEMPTY);
	cr_assert_eq(ops->unlink(bed->store, NULL, "a/b"), -EISDIR);
	touch(bed, "a/f");
	cr_assert_eq(ops->rmdir(bed->store, NULL, "a/f"), -ENOTDIR);
	cr_assert_eq(ops->unlink(bed->store, NULL, "a/f/"), -ENOTDIR);
	cr_assert_eq(ops->mkdir(bed->store, NULL, "a/f/x", 0755), -ENOTDIR);
	cr_assert_eq(ops->unlink(bed->store, NULL, "a/f"), 0);
	cr_assert_eq(ops->unlink(bed->store, NULL, "a/f"), -ENOENT);
	cr_assert_eq(ops->rmdir(bed->store, NULL, "a/b//"), 0);
	cr_assert_eq(ops->rmdir(bed->store, NULL, "a"), 0);
	cr_assert_eq(ops->rmdir(bed->store, NULL, "a"), -ENOENT);
}

EACH_STORE(the_root_and_dots_cannot_be_changed)
{
	static const char *const names[] = {"",	   ".",	   "..",    "./", "//",
					    "a/.", "a/..", "a/../", "a/."};
	const struct store_ops *ops = bed->store->ops;

	cr_assert_eq(ops->mkdir(bed->store, NULL, "a", 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		cr_assert_lt(ops->unlink(bed->store, NULL, names[i]), 0, "%s", names[i]);
		cr_assert_lt(ops->rmdir(bed->store, NULL, names[i]), 0, "%s", names[i]);
		cr_assert_lt(ops->mkdir(bed->store, NULL, names[i], 0755), 0, "%s", names[i]);
		cr_assert_lt(ops->rename(bed->store, NULL, names[i], NULL, "b", false), 0, "%s",
			     names[i]);
		cr_assert_lt(ops->rename(bed->store, NULL, "a", NULL, names[i], false), 0, "%s",
			     names[i]);
		cr_assert_lt(ops->link(bed->store, NULL, names[i], NULL, "b"), 0, "%s", names[i]);
	}
	cr_assert(exists(bed, "a"));
	cr_assert_not(exists(bed, "b"));
}

EACH_STORE(renames_replace_only_what_fits)
{
	const struct store_ops *ops = bed->store->ops;
	struct file_attr before, after;

	touch(bed, "f");
	touch(bed, "g");
	cr_assert_eq(ops->mkdir(bed->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->mkdir(bed->store, NULL, "e", 0755), 0);
	touch(bed, "e/full");
	cr_assert_eq(stat_of(bed, "f", &before), 0);
	cr_assert_eq(ops->rename(bed->store, NULL, "f", NULL, "g", true), -EEXIST);
	cr_assert_eq(ops->rename(bed->store, NULL, "none", NULL, "g", false), -ENOENT);
	cr_assert_eq(ops->rename(bed->store, NULL, "f", NULL, "g", false), 0);
	cr_assert_not(exists(bed, "f"));
	cr_assert_eq(stat_of(bed, "g", &after), 0);
	cr_assert_eq(before.ino, after.ino);
	cr_assert_eq(ops->rename(bed->store, NULL, "g", NULL, "d", false), -EISDIR);
	cr_assert_eq(ops->rename(bed->store, NULL, "d", NULL, "g", false), -ENOTDIR);
	cr_assert_eq(ops->rename(bed->store, NULL, "d", NULL, "e", false), -ENOTEMPTY);
	cr_assert_eq(ops->rename(bed->store, NULL, "d", NULL, "d/in", false), -EINVAL);
	cr_assert_eq(ops->rename(bed->store, NULL, "g", NULL, "g", false), 0);
	cr_assert_eq(ops->rename(bed->store, NULL, "g", NULL, "h", true), 0);
	cr_assert_eq(ops->rename(bed->store, NULL, "e", NULL, "d", false), 0);
	cr_assert(exists(bed, "d/full"));
	cr_assert_eq(ops->rename(bed->store, NULL, "d", NULL, "d2/", false), 0);
	cr_assert_eq(ops->rename(bed->store, NULL, "h", NULL, "d2/../d2/h", false), 0);
	cr_assert(exists(bed, "d2/h"));
	cr_assert_eq(stat_of(bed, "d2/h", &after), 0);
	cr_assert_eq(after.nlink, 1);
}

EACH_STORE(links_are_the_same_file)
{
	const struct store_ops *ops = bed->store->ops;
	struct store_file *file = bed_create(bed, "f");
	struct file_attr a, b;

	cr_assert_eq(ops->mkdir(bed->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->link(bed->store, NULL, "f", NULL, "d/g"), 0);
	cr_assert_eq(ops->link(bed->store, NULL, "f", NULL, "d/g"), -EEXIST);
	cr_assert_eq(ops->link(bed->store, NULL, "none", NULL, "x"), -ENOENT);
	cr_assert_eq(ops->link(bed->store, NULL, "d", NULL, "x"), -EPERM);
	cr_assert_eq(ops->link_file(file, NULL, "h"), 0);
	cr_assert_eq(ops->link_file(file, NULL, "h"), -EEXIST);
	cr_assert_eq(ops->link_file(file, NULL, "d/.."), -EEXIST);
	cr_assert_eq(ops->link(bed->store, NULL, "f", NULL, "d"), -EEXIST);
	cr_assert_eq(ops->link(bed->store, NULL, "f", NULL, "d/."), -EEXIST);
	cr_assert_eq(ops->link(bed->store, NULL, "f", NULL, ""), -EEXIST);
	cr_assert_eq(ops->link(bed->store, NULL, "", NULL, "x"), -EPERM);
	cr_assert_eq(ops->link(bed->store, NULL, "d/..", NULL, "x"), -EPERM);
	memcpy(bed->staging, "hello", 5);
	cr_assert_eq(bed_write(bed, file, 0, 5, 0), 5);
	cr_assert_eq(stat_of(bed, "d/g", &a), 0);
	cr_assert_eq(stat_of(bed, "h", &b), 0);
	cr_assert_eq(a.ino, b.ino);
	cr_assert_eq(a.nlink, 3);
	cr_assert_eq(b.size, 5);
	/* Two names of one file: a rename between them does nothing. */
	cr_assert_eq(ops->rename(bed->store, NULL, "f", NULL, "h", false), 0);
	cr_assert(exists(bed, "f"));
	cr_assert_eq(ops->unlink(bed->store, NULL, "f"), 0);
	cr_assert_eq(ops->unlink(bed->store, NULL, "d/g"), 0);
	cr_assert_eq(ops->stat_file(file, &a), 0);
	cr_assert_eq(a.nlink, 1);
	bed_shut(bed, file);
	cr_assert(exists(bed, "h"));
}

EACH_STORE(long_names_and_deep_paths_end_where_linux_does)
{
	const struct store_ops *ops = bed->store->ops;
	char name[300], *path = malloc(8192);
	struct file_attr attr;
	size_t len = 0;

	cr_assert(path);
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	cr_assert_eq(ops->mkdir(bed->store, NULL, name, 0755), -ENAMETOOLONG);
	cr_assert_eq(stat_of(bed, name, &attr), -ENAMETOOLONG);
	name[255] = '\0';
	touch(bed, name);
	cr_assert(exists(bed, name));
	while (len < 4000) {
		len += (size_t)sprintf(path + len, "%sdeep", len ? "/" : "");
		cr_assert_eq(ops->mkdir(bed->store, NULL, path, 0755), 0, "%zu", len);
	}
	strcpy(path + len, "/file");
	touch(bed, path);
	cr_assert(exists(bed, path));
	memset(path, '/', 8191);
	path[8191] = '\0';
	path[0] = '.';
	cr_assert_eq(stat_of(bed, path, &attr), -ENAMETOOLONG);
	cr_assert_eq(ops->mkdir(bed->store, NULL, path, 0755), -ENAMETOOLONG);
	free(path);
}

/* Lists "" and counts each name "keep-N", 10,000 of them, while others come and go. */
static void list_all(struct bed *bed, uint8_t *seen)
{
	static char names[6000];
	static uint32_t types[100];
	struct store_dirents out = {
		.names = names, .room = sizeof(names), .types = types, .max = 100};
	int batches = 0;
	uint64_t at = 0;

	do {
		const char *name = names;
		char other[32];

		cr_assert_eq(bed->store->ops->readdir(bed->store, "", at, &out), 0);
		cr_assert_leq(out.n, out.max);
		cr_assert_leq(out.used, out.room);
		for (size_t i = 0; i < out.n; i++, name += strlen(name) + 1) {
			cr_assert_str_neq(name, ".");
			cr_assert_str_neq(name, "..");
			cr_assert_eq(types[i], (uint32_t)DT_REG);
			if (!strncmp(name, "keep-", 5))
				seen[atoi(name + 5)]++;
		}
		cr_assert_eq((size_t)(name - names), out.used);
		sprintf(other, "gone-%d", batches);
		bed->store->ops->unlink(bed->store, NULL, other);
		sprintf(other, "new-%d", batches++);
		touch(bed, other);
		at = out.next;
	} while (at);
	cr_assert_geq(batches, 100);
}

EACH_STORE(a_long_listing_shows_each_name_once)
{
	uint8_t *seen = calloc(NR_LISTED, 1);
	char name[32];

	for (int i = 0; i < NR_LISTED; i++) {
		sprintf(name, "keep-%d", i);
		touch(bed, name);
		if (i < 50) {
			sprintf(name, "gone-%d", i);
			touch(bed, name);
		}
	}
	list_all(bed, seen);
	for (int i = 0; i < NR_LISTED; i++)
		cr_assert_eq(seen[i], 1, "keep-%d seen %d times", i, seen[i]);
	free(seen);
}

EACH_STORE(listings_mind_their_limits)
{
	char names[8];
	uint32_t types[4];
	struct store_dirents out = {.names = names, .room = 8, .types = types, .max = 4};
	const struct store_ops *ops = bed->store->ops;

	cr_assert_eq(ops->readdir(bed->store, "", 0, &out), 0);
	cr_assert_eq(out.n, 0);
	cr_assert_eq(out.next, 0);
	cr_assert_eq(ops->mkdir(bed->store, NULL, "seven77", 0755), 0);
	cr_assert_eq(ops->readdir(bed->store, ".", 0, &out), 0);
	cr_assert_eq(out.n, 1);
	cr_assert_eq(out.used, 8);
	cr_assert_eq(types[0], (uint32_t)DT_DIR);
	cr_assert_str_eq(names, "seven77");
	touch(bed, "seven77/eight888");
	cr_assert_eq(ops->readdir(bed->store, "seven77", 0, &out), -EINVAL);
	cr_assert_eq(ops->readdir(bed->store, "seven77/eight888", 0, &out), -ENOTDIR);
	cr_assert_eq(ops->readdir(bed->store, "none", 0, &out), -ENOENT);
}

EACH_STORE(no_descriptor_is_lost)
{
	const struct store_ops *ops = bed->store->ops;
	int before = bed_count_fds(), err;
	struct file_attr attr;

	for (int i = 0; i < 100; i++) {
		touch(bed, "f");
		ops->mkdir(bed->store, NULL, "d", 0755);
		ops->mkdir(bed->store, NULL, "d/e/f", 0755);
		ops->rename(bed->store, NULL, "d/x", NULL, "d/y", false);
		ops->rename(bed->store, NULL, "d/x", NULL, "../d/y", false);
		ops->rename(bed->store, NULL, "f", NULL, "d/f", true);
		ops->link(bed->store, NULL, "d/f", NULL, "f");
		ops->link(bed->store, NULL, "d/f", NULL, "none/f");
		stat_of(bed, "d", &attr);
		bed_file(bed, "d", OPEN_WRITE | OPEN_CREATE, &err);
		bed_file(bed, "d", OPEN_READ | OPEN_CREATE, &err);
		bed_file(bed, "d/f", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, &err);
		bed_shut(bed, bed_file(bed, "d/f", OPEN_READ | OPEN_DIRECT, NULL));
		ops->unlink(bed->store, NULL, "d/f");
		ops->rmdir(bed->store, NULL, "d/none");
		ops->rmdir(bed->store, NULL, "d");
	}
	cr_assert_eq(bed_count_fds(), before);
}

/* Everything that changes something, against a store that must not. */
static void change_everything(struct store *store)
{
	const struct store_ops *ops = store->ops;
	static const uint32_t flags[] = {OPEN_WRITE, OPEN_READ | OPEN_WRITE,
					 OPEN_READ | OPEN_CREATE, OPEN_WRITE | OPEN_TRUNCATE,
					 OPEN_WRITE | OPEN_CREATE};
	struct store_file *file;
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		cr_assert_eq(ops->open_file(store, NULL, "f", flags[i], 0644, &file, &attr),
			     -EROFS);
	cr_assert_eq(ops->unlink(store, NULL, "f"), -EROFS);
	cr_assert_eq(ops->rmdir(store, NULL, "d"), -EROFS);
	cr_assert_eq(ops->mkdir(store, NULL, "new", 0755), -EROFS);
	cr_assert_eq(ops->rename(store, NULL, "f", NULL, "g", false), -EROFS);
	cr_assert_eq(ops->link(store, NULL, "f", NULL, "g"), -EROFS);
}

static void change_through(struct store *store, struct store_file *file)
{
	const struct store_ops *ops = store->ops;

	cr_assert_eq(ops->truncate_file(file, 0), -EROFS);
	cr_assert_eq(ops->punch(file, 0, 4096), -EROFS);
	cr_assert_eq(ops->link_file(file, NULL, "g"), -EROFS);
	cr_assert_eq(ops->sync_file(file, true), 0);
}

POSIX_STORE(a_read_only_store_refuses_each_change)
{
	struct store_file *file;
	struct file_attr before, after;
	struct store *store;
	char full[128];

	touch(bed, "f");
	bed->store->ops->mkdir(bed->store, NULL, "d", 0755);
	stat_of(bed, "", &before);
	snprintf(full, sizeof(full), "%s/d", bed->dir);
	cr_assert_eq(store_open(full, true, &store), 0);
	change_everything(store);
	cr_assert_eq(store->ops->open_file(store, NULL, "", OPEN_READ, 0, &file, &after), 0);
	change_through(store, file);
	store->ops->close_file(file);
	store->ops->close_store(store);
	stat_of(bed, "", &after);
	cr_assert_eq(before.mtime_ns, after.mtime_ns);
}

Test(memory, a_read_only_store_refuses_each_change)
{
	static const char *const kinds[] = {"memory:", "null:1M", "fault::memory:"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct store_file *file;
		struct file_attr attr;
		struct store *store;

		cr_assert_eq(store_open(kinds[i], true, &store), 0);
		change_everything(store);
		cr_assert_eq(store->ops->open_file(store, NULL, "", OPEN_READ, 0, &file, &attr), 0);
		change_through(store, file);
		store->ops->close_file(file);
		store->ops->close_store(store);
	}
}

POSIX_STORE(a_second_server_is_refused)
{
	struct store *second, *third;

	cr_assert_eq(store_open(bed->dir, false, &second), -EBUSY);
	cr_assert_eq(store_open(bed->dir, true, &second), -EBUSY);
	cr_assert_eq(store_open(bed->base, true, &second), 0);
	cr_assert_eq(store_open(bed->base, true, &third), 0);
	third->ops->close_store(third);
	cr_assert_eq(store_open(bed->base, false, &third), -EBUSY);
	second->ops->close_store(second);
	cr_assert_eq(store_open(bed->base, false, &third), 0);
	third->ops->close_store(third);
}

POSIX_STORE(a_killed_server_leaves_no_lock)
{
	struct store *store;
	int ready[2];
	pid_t pid;
	char byte;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive a failed test */
		byte = store_open(bed->base, false, &store) ? 'n' : 'y';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(byte, 'y');
	cr_assert_eq(store_open(bed->base, false, &store), -EBUSY);
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_eq(store_open(bed->base, false, &store), 0);
	store->ops->close_store(store);
	close(ready[0]);
	close(ready[1]);
}

POSIX_STORE(an_export_has_to_be_a_directory)
{
	struct store *store;
	char path[160];

	touch(bed, "f");
	snprintf(path, sizeof(path), "%s/f", bed->dir);
	cr_assert_eq(store_open(path, false, &store), -ENOTDIR);
	snprintf(path, sizeof(path), "posix:%s/none", bed->dir);
	cr_assert_eq(store_open(path, false, &store), -ENOENT);
	cr_assert_eq(store_open("memory:many", false, &store), -EINVAL);
}

/* Opening any of these for real would hang, or act on a device. */
POSIX_STORE(only_files_and_directories_are_opened)
{
	static const uint32_t flags[] = {OPEN_READ, OPEN_WRITE, OPEN_READ | OPEN_WRITE,
					 OPEN_WRITE | OPEN_CREATE, OPEN_WRITE | OPEN_TRUNCATE};
	static const char *const names[] = {"fifo", "socket", "device", "link"};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct file_attr attr;
	int sock, err, watch = inotify_init1(IN_NONBLOCK);
	char events[4096];

	cr_assert_eq(chdir(bed->dir), 0);
	cr_assert_eq(mkfifo("fifo", 0666), 0);
	strcpy(sun.sun_path, "socket");
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(sock, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(sock);
	/* Without root: a second fifo in its place. */
	if (mknod("device", S_IFCHR | 0666, makedev(1, 3)))
		cr_assert_eq(mkfifo("device", 0666), 0);
	cr_assert_eq(symlink("device", "link"), 0);
	for (size_t i = 0; i < 4; i++) {
		cr_assert_geq(inotify_add_watch(watch, names[i], IN_OPEN), 0);
		cr_assert_eq(stat_of(bed, names[i], &attr), 0);
		for (size_t j = 0; j < sizeof(flags) / sizeof(*flags); j++) {
			cr_assert_null(bed_file(bed, names[i], flags[j], &err));
			cr_assert_eq(err, -ENXIO, "%s: %s", names[i], strerror(-err));
		}
	}
	/* Nor for a moment. */
	cr_assert_eq(read(watch, events, sizeof(events)), -1);
	cr_assert_eq(errno, EAGAIN);
	close(watch);
	cr_assert_eq(chdir("/"), 0);
}

POSIX_STORE(handles_name_the_same_file_only)
{
	struct store_file *a = bed_create(bed, "a"), *again = bed_create(bed, "a"), *b;
	struct store_file old;

	if (!a->persistent_len) /* a file system without handles */
		cr_skip_test("no handles in /tmp");
	cr_assert_eq(a->persistent_len, again->persistent_len);
	cr_assert_eq(memcmp(a->persistent, again->persistent, a->persistent_len), 0);
	bed_shut(bed, again);
	bed->store->ops->rename(bed->store, NULL, "a", NULL, "moved", false);
	again = bed_file(bed, "moved", OPEN_READ, NULL);
	cr_assert_eq(memcmp(a->persistent, again->persistent, a->persistent_len), 0);
	bed_shut(bed, again);
	/* Even if its inode is used again at once. */
	old = *a;
	bed->store->ops->unlink(bed->store, NULL, "moved");
	bed_shut(bed, a);
	b = bed_create(bed, "b");
	cr_assert(b->persistent_len != old.persistent_len ||
		  memcmp(b->persistent, old.persistent, old.persistent_len));
	bed_shut(bed, b);
}
