/*
 * Exports on which what is done lasts, seen at the calls of the kernel: which write how, and what
 * is synced. And syncs that fail, which no disk at hand does.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/fixture.h"

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
void __wrap_evloop_bind(struct io_uring_sqe *sqe, struct ev *ev);
int __real_fsync(int fd);
void __real_evloop_bind(struct io_uring_sqe *sqe, struct ev *ev);

static struct {
	unsigned nr_file, nr_dir;      /* syncs of each */
	unsigned nr_plain, nr_durable; /* writes given to io_uring */
	int err;		       /* what syncing says */
	bool write_eio;		       /* what durable writes say */
} seen;

static int synced(int fd)
{
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	if (S_ISDIR(st.st_mode))
		seen.nr_dir++;
	else
		seen.nr_file++;
	errno = seen.err;
	return seen.err ? -1 : __real_fsync(fd);
}

int __wrap_fsync(int fd)
{
	return synced(fd);
}

int __wrap_fdatasync(int fd)
{
	return synced(fd);
}

void __wrap_evloop_bind(struct io_uring_sqe *sqe, struct ev *ev)
{
	if (sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_WRITE_FIXED) {
		if (sqe->rw_flags & RWF_DSYNC)
			seen.nr_durable++;
		else
			seen.nr_plain++;
		/* What moves nothing is an error to the store. */
		if (sqe->rw_flags & RWF_DSYNC && seen.write_eio)
			io_uring_prep_nop(sqe);
	}
	__real_evloop_bind(sqe, ev);
}

static void open_fixture(struct fixture *fixture, unsigned flags)
{
	fixture_open(fixture, "posix");
	fixture_reopen(fixture, flags);
	memset(&seen, 0, sizeof(seen));
}

/* What happened since the last look. */
static void expect(unsigned nr_file, unsigned nr_dir, const char *what)
{
	cr_assert_eq(seen.nr_file, nr_file, "%s: %u files", what, seen.nr_file);
	cr_assert_eq(seen.nr_dir, nr_dir, "%s: %u directories", what, seen.nr_dir);
	seen.nr_file = seen.nr_dir = 0;
}

static void change_everything(struct fixture *fixture, unsigned times)
{
	struct store *store = fixture->store;
	struct store_file *file;

	cr_assert_eq(store->ops->mkdir(store, NULL, "d", 0755), 0);
	expect(0, times, "mkdir");
	cr_assert_eq(store->ops->mkdir(store, NULL, "e", 0755), 0);
	expect(0, times, "mkdir");
	file = fixture_create(fixture, "d/f");
	expect(times, times, "create");
	fixture_shut(fixture, fixture_create(fixture, "d/f"));
	expect(0, 0, "open");
	cr_assert_eq(fixture_write(fixture, file, 0, 100000, 5), 100000);
	cr_assert_eq(store->ops->truncate_file(file, 9), 0);
	expect(times, 0, "truncate");
	cr_assert_eq(store->ops->punch(file, 0, 4), 0);
	expect(times, 0, "punch");
	cr_assert_eq(store->ops->set_xattr(store, &(struct store_object){.at = file}, "user.a",
					   (struct bytes){(const uint8_t *)"x", 1}, 0),
		     0);
	expect(times, 0, "setxattr");
	cr_assert_eq(
		store->ops->remove_xattr(store, &(struct store_object){.path = "d/f"}, "user.a"),
		0);
	expect(times, 0, "removexattr");
	cr_assert_eq(store->ops->allocate(file, 0, 0, 9000), 0);
	expect(times, 0, "allocate");
	cr_assert_eq(store->ops->link_file(file, NULL, "e/g"), 0);
	expect(0, times, "link of a file");
	fixture_shut(fixture, file);
	cr_assert_eq(store->ops->link(store, NULL, "d/f", NULL, "h"), 0);
	expect(0, times, "link");
	cr_assert_eq(store->ops->rename(store, NULL, "h", NULL, "e/g", CALL_EXCHANGE), 0);
	expect(0, 2 * times, "exchange");
	cr_assert_eq(store->ops->rename(store, NULL, "d/f", NULL, "e/f", 0), 0);
	expect(0, 2 * times, "rename");
	cr_assert_eq(store->ops->unlink(store, NULL, "e/f"), 0);
	expect(0, times, "unlink");
	cr_assert_eq(store->ops->rmdir(store, NULL, "d"), 0);
	expect(0, times, "rmdir");
	cr_assert_eq(store->ops->rmdir(store, NULL, "d"), -ENOENT);
	cr_assert_eq(store->ops->mkdir(store, NULL, "e", 0755), -EEXIST);
	expect(0, 0, "what failed");
}

/* The same, as names in open directories. */
static void change_directories(struct fixture *fixture, unsigned times)
{
	const uint32_t flags = OPEN_READ | OPEN_DIRECTORY;
	struct store *store = fixture->store;
	struct store_file *one, *two, *file;
	struct file_attr attr;

	cr_assert_eq(store->ops->mkdir(store, NULL, "one", 0755), 0);
	cr_assert_eq(store->ops->mkdir(store, NULL, "two", 0755), 0);
	one = fixture_file(fixture, "one", flags, NULL);
	two = fixture_file(fixture, "two", flags, NULL);
	seen.nr_file = seen.nr_dir = 0;
	cr_assert_eq(store->ops->open_file(store, one, "f", OPEN_WRITE | OPEN_CREATE, 0644, &file,
					   &attr),
		     0);
	expect(times, times, "create");
	cr_assert_eq(fixture_chmod(file, 0600), 0);
	expect(times, 0, "chmod");
	cr_assert_eq(store->ops->link_file(file, two, "g"), 0);
	expect(0, times, "link of a file");
	fixture_shut(fixture, file);
	cr_assert_eq(store->ops->link(store, one, "f", two, "h"), 0);
	expect(0, times, "link");
	cr_assert_eq(store->ops->rename(store, one, "f", two, "f", 0), 0);
	expect(0, 2 * times, "rename");
	cr_assert_eq(store->ops->unlink(store, two, "f"), 0);
	expect(0, times, "unlink");
	cr_assert_eq(store->ops->mkdir(store, one, "d", 0755), 0);
	expect(0, times, "mkdir");
	cr_assert_eq(store->ops->rmdir(store, one, "d"), 0);
	expect(0, times, "rmdir");
	fixture_shut(fixture, one);
	fixture_shut(fixture, two);
}

Test(sync, a_sync_export_syncs_each_change)
{
	struct fixture fixture;

	open_fixture(&fixture, STORE_SYNC);
	change_everything(&fixture, 1);
	change_directories(&fixture, 1);
	cr_assert_eq(seen.nr_plain, 0);
	cr_assert_gt(seen.nr_durable, 0);
	fixture_close(&fixture);
}

Test(sync, any_other_does_not)
{
	struct fixture fixture;

	open_fixture(&fixture, 0);
	change_everything(&fixture, 0);
	change_directories(&fixture, 0);
	cr_assert_eq(seen.nr_durable, 0);
	cr_assert_gt(seen.nr_plain, 0);
	fixture_close(&fixture);
}

Test(sync, what_cannot_be_synced_is_no_success)
{
	struct store_file *file;
	struct fixture fixture;

	open_fixture(&fixture, STORE_SYNC);
	file = fixture_create(&fixture, "f");
	seen.err = EIO;
	cr_assert_eq(fixture.store->ops->mkdir(fixture.store, NULL, "d", 0755), -EIO);
	cr_assert_eq(fixture.store->ops->truncate_file(file, 5), -EIO);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}

static int sync_it(struct store_file *file)
{
	return file->store->ops->sync_file(file, false);
}

/* One failure: for all who have the file open, for ever; and for nobody who opens it later. */
Test(sync, a_failed_sync_poisons_the_file_until_it_is_opened_again)
{
	struct store_file *one, *two, *other, *late;
	struct fixture fixture;

	open_fixture(&fixture, 0);
	one = fixture_create(&fixture, "f");
	two = fixture_create(&fixture, "f");
	other = fixture_create(&fixture, "g");
	cr_assert_eq(sync_it(one), 0);
	seen.err = EIO;
	cr_assert_eq(sync_it(one), -EIO);
	seen.err = 0;
	cr_assert_eq(sync_it(one), -EIO);
	cr_assert_eq(sync_it(two), -EIO);
	cr_assert_eq(sync_it(other), 0);
	late = fixture_create(&fixture, "f");
	cr_assert_eq(sync_it(late), 0);
	cr_assert_eq(sync_it(two), -EIO);
	fixture_shut(&fixture, one);
	fixture_shut(&fixture, two);
	cr_assert_eq(sync_it(late), 0);
	seen.err = EINVAL; /* nothing to sync is no failure */
	cr_assert_eq(sync_it(late), -EINVAL);
	seen.err = 0;
	cr_assert_eq(sync_it(late), 0);
	fixture_shut(&fixture, late);
	fixture_shut(&fixture, other);
	fixture_close(&fixture);
}

/* The kernel has told this one, too, and a sync that succeeds would say that it lasts. */
Test(sync, a_failed_durable_write_poisons_the_file_until_it_is_opened_again)
{
	struct store_file *file, *late;
	struct fixture fixture;

	open_fixture(&fixture, STORE_SYNC);
	file = fixture_create(&fixture, "f");
	cr_assert_eq(fixture_write(&fixture, file, 0, 100000, 0), 100000);
	cr_assert_eq(sync_it(file), 0);
	seen.write_eio = true;
	cr_assert_eq(fixture_write(&fixture, file, 0, 100000, 0), -EIO);
	seen.write_eio = false;
	cr_assert_eq(sync_it(file), -EIO);
	cr_assert_eq(fixture_write(&fixture, file, 0, 100000, 0), 100000);
	cr_assert_eq(sync_it(file), -EIO);
	late = fixture_create(&fixture, "f");
	cr_assert_eq(fixture_write(&fixture, late, 0, 100000, 0), 100000);
	cr_assert_eq(sync_it(late), 0);
	fixture_shut(&fixture, file);
	fixture_shut(&fixture, late);
	fixture_close(&fixture);
}
