/* Exports: read-only stores, locks, what may be one, and which files are opened by handle. */
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

#include "tests/store/fixture.h"

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
	cr_assert_eq(ops->rename(store, NULL, "f", NULL, "g", 0), -EROFS);
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

	fixture_touch(fixture, "f");
	fixture->store->ops->mkdir(fixture->store, NULL, "d", 0755);
	fixture_stat(fixture, "", &before);
	snprintf(full, sizeof(full), "%s/d", fixture->dir);
	cr_assert_eq(store_open(full, true, &store), 0);
	change_everything(store);
	cr_assert_eq(store->ops->open_file(store, NULL, "", OPEN_READ, 0, &file, &after), 0);
	change_through(store, file);
	store->ops->close_file(file);
	store->ops->close_store(store);
	fixture_stat(fixture, "", &after);
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

	cr_assert_eq(store_open(fixture->dir, false, &second), -EBUSY);
	cr_assert_eq(store_open(fixture->dir, true, &second), -EBUSY);
	cr_assert_eq(store_open(fixture->base, true, &second), 0);
	cr_assert_eq(store_open(fixture->base, true, &third), 0);
	third->ops->close_store(third);
	cr_assert_eq(store_open(fixture->base, false, &third), -EBUSY);
	second->ops->close_store(second);
	cr_assert_eq(store_open(fixture->base, false, &third), 0);
	third->ops->close_store(third);
}

POSIX_STORE(a_second_server_may_wait)
{
	struct store *first, *second;

	cr_assert_eq(store_open(fixture->base, 0, &first), 0);
	cr_assert(!first->elsewhere);
	cr_assert_eq(store_open(fixture->base, STORE_LATER, &second), 0);
	cr_assert(second->elsewhere);
	cr_assert_eq(second->ops->claim(second), -EBUSY);
	first->ops->close_store(first);
	cr_assert_eq(second->ops->claim(second), 0);
	cr_assert_eq(store_open(fixture->base, 0, &first), -EBUSY);
	second->ops->close_store(second);
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
		byte = store_open(fixture->base, false, &store) ? 'n' : 'y';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(byte, 'y');
	cr_assert_eq(store_open(fixture->base, false, &store), -EBUSY);
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_eq(store_open(fixture->base, false, &store), 0);
	store->ops->close_store(store);
	close(ready[0]);
	close(ready[1]);
}

POSIX_STORE(an_export_has_to_be_a_directory)
{
	struct store *store;
	char path[160];

	fixture_touch(fixture, "f");
	snprintf(path, sizeof(path), "%s/f", fixture->dir);
	cr_assert_eq(store_open(path, false, &store), -ENOTDIR);
	snprintf(path, sizeof(path), "posix:%s/none", fixture->dir);
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

	cr_assert_eq(chdir(fixture->dir), 0);
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
		cr_assert_eq(fixture_stat(fixture, names[i], &attr), 0);
		for (size_t j = 0; j < sizeof(flags) / sizeof(*flags); j++) {
			cr_assert_null(fixture_file(fixture, names[i], flags[j], &err));
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
	struct store_file *a = fixture_create(fixture, "a"), *again = fixture_create(fixture, "a"),
			  *b;
	struct store_file old;

	if (!a->persistent_len) /* a file system without handles */
		cr_skip_test("no handles in /tmp");
	cr_assert_eq(a->persistent_len, again->persistent_len);
	cr_assert_eq(memcmp(a->persistent, again->persistent, a->persistent_len), 0);
	fixture_shut(fixture, again);
	fixture->store->ops->rename(fixture->store, NULL, "a", NULL, "moved", 0);
	again = fixture_file(fixture, "moved", OPEN_READ, NULL);
	cr_assert_eq(memcmp(a->persistent, again->persistent, a->persistent_len), 0);
	fixture_shut(fixture, again);
	/* Even if its inode is used again at once. */
	old = *a;
	fixture->store->ops->unlink(fixture->store, NULL, "moved");
	fixture_shut(fixture, a);
	b = fixture_create(fixture, "b");
	cr_assert(b->persistent_len != old.persistent_len ||
		  memcmp(b->persistent, old.persistent, old.persistent_len));
	fixture_shut(fixture, b);
}
