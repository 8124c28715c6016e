/* Bytes in and out of the stores: what was written is read, errors are errors, ends are ends. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/fixture.h"

#define SHADOW_SIZE 700000
#define NR_FLIGHT   1000

/* libc's, replaced: a disk that fails can be had no other way without root. */
static int sync_error;
static int nr_syncs;

int fsync(int fd)
{
	nr_syncs++;
	errno = sync_error;
	return sync_error ? -1 : 0;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

static void fill(struct fixture *fixture, size_t at, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		fixture->staging[at + i] = (char)fixture_random(&seed);
}

static void check_zero(struct fixture *fixture, size_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(fixture->staging[at + i], 0, "at %zu", i);
}

struct shadow {
	char bytes[SHADOW_SIZE];
	size_t size;
};

static void shadow_write(struct fixture *fixture, struct store_file *file, struct shadow *shadow,
			 uint32_t *seed)
{
	size_t at = fixture_random(seed) % 5000,
	       off = fixture_random(seed) % (SHADOW_SIZE - 100000);
	size_t len = fixture_random(seed) % 100000;

	fill(fixture, at, len, *seed);
	cr_assert_eq(fixture_write(fixture, file, at, (uint32_t)len, off), (int64_t)len);
	memcpy(shadow->bytes + off, fixture->staging + at, len);
	if (len && off + len > shadow->size)
		shadow->size = off + len;
}

static void shadow_read(struct fixture *fixture, struct store_file *file, struct shadow *shadow,
			uint32_t *seed)
{
	size_t at = fixture_random(seed) % 5000, off = fixture_random(seed) % SHADOW_SIZE;
	size_t len = fixture_random(seed) % 200000;
	size_t left = off < shadow->size ? shadow->size - off : 0;
	size_t want = len < left ? len : left;

	memset(fixture->staging + at, 0x55, len);
	cr_assert_eq(fixture_read(fixture, file, at, (uint32_t)len, off, 0), (int64_t)want);
	cr_assert_eq(memcmp(fixture->staging + at, shadow->bytes + off, want), 0);
	for (size_t i = want; i < len; i++)
		cr_assert_eq(fixture->staging[at + i], 0x55);
}

static void shadow_cut(struct fixture *fixture, struct store_file *file, struct shadow *shadow,
		       uint32_t *seed)
{
	size_t len = fixture_random(seed) % SHADOW_SIZE;

	cr_assert_eq(fixture->store->ops->truncate_file(file, len), 0);
	if (len < shadow->size)
		memset(shadow->bytes + len, 0, shadow->size - len);
	shadow->size = len;
}

static void shadow_punch(struct fixture *fixture, struct store_file *file, struct shadow *shadow,
			 uint32_t *seed)
{
	size_t start = fixture_random(seed) % SHADOW_SIZE, end = fixture_random(seed) % SHADOW_SIZE;

	cr_assert_eq(fixture->store->ops->punch(file, start, end), 0);
	if (start < end)
		memset(shadow->bytes + start, 0, end - start);
}

EACH_STORE(random_changes_equal_those_of_a_plain_buffer)
{
	struct store_file *file = fixture_create(fixture, "file");
	struct shadow *shadow = calloc(1, sizeof(*shadow));
	uint32_t seed = 20240229;

	for (int i = 0; i < 1500; i++) {
		uint32_t dice = fixture_random(&seed) % 20;

		if (dice < 8)
			shadow_write(fixture, file, shadow, &seed);
		else if (dice < 17)
			shadow_read(fixture, file, shadow, &seed);
		else if (dice < 18)
			shadow_cut(fixture, file, shadow, &seed);
		else
			shadow_punch(fixture, file, shadow, &seed);
		cr_assert_eq(fixture_size(fixture, file), shadow->size);
	}
	free(shadow);
	fixture_shut(fixture, file);
}

EACH_STORE(reads_end_where_the_file_ends)
{
	struct store_file *file = fixture_create(fixture, "file");

	fill(fixture, 0, 10000, 1);
	cr_assert_eq(fixture_write(fixture, file, 0, 10000, 0), 10000);
	cr_assert_eq(fixture_read(fixture, file, 20000, 4096, 8192, 0), 1808);
	cr_assert_eq(memcmp(fixture->staging + 8192, fixture->staging + 20000, 1808), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, 4096, 10000, 0), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, 4096, 1ull << 40, 0), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, 4096, INT64_MAX, 0), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, 4096, UINT64_MAX, 0), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, 4096, UINT64_MAX, IO_NO_HOLES), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, 0, 0, 0), 0);
	cr_assert_eq(fixture_write(fixture, file, 0, 0, 1 << 20), 0);
	cr_assert_eq(fixture_size(fixture, file), 10000);
	cr_assert_eq(fixture_write(fixture, file, 0, 4096, INT64_MAX - 100), -EFBIG);
	cr_assert_eq(fixture_write(fixture, file, 0, 4096, UINT64_MAX), -EFBIG);
	cr_assert_eq(fixture_size(fixture, file), 10000);
	fixture_shut(fixture, file);
}

EACH_STORE(holes_are_zeros_unless_forbidden)
{
	struct store_file *file = fixture_create(fixture, "file");
	const uint32_t mib = 1 << 20;

	fill(fixture, 0, mib, 2);
	cr_assert_eq(fixture_write(fixture, file, 0, mib, 0), mib);
	cr_assert_eq(fixture_write(fixture, file, 0, 1000, 4 * mib), 1000);
	cr_assert_eq(fixture_size(fixture, file), 4 * mib + 1000);
	memset(fixture->staging, 0x55, 4 * mib);
	cr_assert_eq(fixture_read(fixture, file, 0, 3 * mib, mib, 0), 3 * mib);
	check_zero(fixture, 0, 3 * mib);
	cr_assert_eq(fixture_read(fixture, file, 0, mib, 0, IO_NO_HOLES), mib);
	cr_assert_eq(fixture_read(fixture, file, 0, mib, 1, IO_NO_HOLES), -ENODATA);
	cr_assert_eq(fixture_read(fixture, file, 0, 4096, 2 * mib, IO_NO_HOLES), -ENODATA);
	cr_assert_eq(fixture_read(fixture, file, 0, mib, 3 * mib + 1, IO_NO_HOLES), -ENODATA);
	/* The end of the file is no hole, nor is what is beyond. */
	cr_assert_eq(fixture_read(fixture, file, 0, mib, 4 * mib, IO_NO_HOLES), 1000);
	cr_assert_eq(fixture_read(fixture, file, 0, mib, 5 * mib, IO_NO_HOLES), 0);
	cr_assert_eq(fixture->store->ops->punch(file, mib / 2, mib), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, mib / 2, 0, IO_NO_HOLES), mib / 2);
	cr_assert_eq(fixture_read(fixture, file, 0, mib, 0, IO_NO_HOLES), -ENODATA);
	/* A file that grew by truncation ends in a hole. */
	cr_assert_eq(fixture->store->ops->truncate_file(file, 8 * mib), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, mib, 7 * mib + 5, IO_NO_HOLES), -ENODATA);
	fixture_shut(fixture, file);
}

EACH_STORE(a_thousand_in_flight_complete_once_each)
{
	struct store_file *file = fixture_create(fixture, "file");
	struct fixture_io *ios = calloc(NR_FLIGHT, sizeof(*ios));

	cr_assert(ios);
	fill(fixture, 0, NR_FLIGHT * 4096, 3);
	for (size_t i = 0; i < NR_FLIGHT; i++)
		fixture_submit(fixture, &ios[i], file, STORE_WRITE, i * 4096, 4096,
			       (NR_FLIGHT - 1 - i) * 4096, 0);
	for (size_t i = 0; i < NR_FLIGHT; i++)
		cr_assert_eq(fixture_wait(fixture, &ios[i]), 4096);
	for (size_t i = 0; i < NR_FLIGHT; i++)
		fixture_submit(fixture, &ios[i], file, STORE_READ, (NR_FLIGHT + i % 1000) * 4096,
			       4096, (NR_FLIGHT - 1 - i) * 4096, 0);
	for (size_t i = 0; i < NR_FLIGHT; i++)
		cr_assert_eq(fixture_wait(fixture, &ios[i]), 4096);
	cr_assert_eq(
		memcmp(fixture->staging, fixture->staging + NR_FLIGHT * 4096, NR_FLIGHT * 4096), 0);
	cr_assert_eq(evloop_turn(fixture->loop, false, 0), 0);
	free(ios);
	fixture_shut(fixture, file);
}

EACH_STORE(the_access_mode_and_the_kind_of_file_count)
{
	struct store_file *file = fixture_create(fixture, "file");
	const struct store_ops *ops = fixture->store->ops;

	fixture_shut(fixture, file);
	file = fixture_file(fixture, "file", OPEN_READ, NULL);
	cr_assert_eq(fixture_write(fixture, file, 0, 10, 0), -EBADF);
	cr_assert_eq(ops->truncate_file(file, 0), -EBADF);
	cr_assert_eq(ops->punch(file, 0, 10), -EBADF);
	fixture_shut(fixture, file);
	file = fixture_file(fixture, "file", OPEN_WRITE, NULL);
	cr_assert_eq(fixture_read(fixture, file, 0, 10, 0, 0), -EBADF);
	cr_assert_eq(fixture_write(fixture, file, 0, 10, 0), 10);
	fixture_shut(fixture, file);
	file = fixture_file(fixture, "", OPEN_READ, NULL);
	cr_assert_not(file->regular);
	cr_assert_eq(fixture_read(fixture, file, 0, 10, 0, 0), -EBADF);
	cr_assert_eq(fixture_write(fixture, file, 0, 10, 0), -EBADF);
	fixture_shut(fixture, file);
}

EACH_STORE(an_unlinked_file_lives_while_it_is_open)
{
	struct store_file *file = fixture_create(fixture, "file");
	struct file_attr attr;

	fill(fixture, 0, 100000, 4);
	cr_assert_eq(fixture_write(fixture, file, 0, 100000, 0), 100000);
	cr_assert_eq(fixture->store->ops->unlink(fixture->store, NULL, "file"), 0);
	cr_assert_eq(fixture->store->ops->stat_path(fixture->store, NULL, "file", false, &attr),
		     -ENOENT);
	cr_assert_eq(fixture->store->ops->link_file(file, NULL, "again"), -ENOENT);
	cr_assert_eq(fixture_read(fixture, file, 200000, 100000, 0, 0), 100000);
	cr_assert_eq(memcmp(fixture->staging, fixture->staging + 200000, 100000), 0);
	cr_assert_eq(fixture->store->ops->stat_file(file, &attr), 0);
	cr_assert_eq(attr.nlink, 0);
	fixture_shut(fixture, file);
}

/* Bytes beyond the end that a shorter file once had must not come back. */
EACH_STORE(growing_again_shows_zeros)
{
	struct store_file *file = fixture_create(fixture, "file");

	fill(fixture, 0, 200000, 5);
	cr_assert_eq(fixture_write(fixture, file, 0, 200000, 0), 200000);
	cr_assert_eq(fixture->store->ops->truncate_file(file, 100), 0);
	cr_assert_eq(fixture->store->ops->truncate_file(file, 200000), 0);
	cr_assert_eq(fixture_read(fixture, file, 0, 200000, 100, 0), 199900);
	check_zero(fixture, 0, 199900);
	cr_assert_eq(fixture->store->ops->truncate_file(file, UINT64_MAX), -EFBIG);
	cr_assert_eq(fixture_size(fixture, file), 200000);
	fixture_shut(fixture, file);
	file = fixture_file(fixture, "file", OPEN_WRITE | OPEN_TRUNCATE, NULL);
	cr_assert_eq(fixture_size(fixture, file), 0);
	fixture_shut(fixture, file);
}

POSIX_STORE(the_direct_hint_changes_no_result)
{
	struct store_file *file = fixture_file(
		fixture, "file", OPEN_READ | OPEN_WRITE | OPEN_CREATE | OPEN_DIRECT, NULL);
	struct shadow *shadow = calloc(1, sizeof(*shadow));
	uint32_t seed = 7;

	cr_assert_eq(file->flags, OPEN_READ | OPEN_WRITE);
	for (int i = 0; i < 200; i++) {
		shadow_write(fixture, file, shadow, &seed);
		shadow_read(fixture, file, shadow, &seed);
	}
	fill(fixture, 0, 1 << 20, 8);
	cr_assert_eq(fixture->store->ops->truncate_file(file, 0), 0);
	cr_assert_eq(fixture_write(fixture, file, 0, 1 << 20, 0), 1 << 20);
	cr_assert_eq(fixture_write(fixture, file, 1, 77, 1 << 20), 77);
	memset(fixture->staging + (2 << 20), 0, 2 << 20);
	cr_assert_eq(fixture_read(fixture, file, 2 << 20, 2 << 20, 0, 0), (1 << 20) + 77);
	cr_assert_eq(memcmp(fixture->staging, fixture->staging + (2 << 20), 1 << 20), 0);
	free(shadow);
	fixture_shut(fixture, file);
}

/* The memory of another caller than the queue's own works too, only slower. */
POSIX_STORE(unregistered_memory_works)
{
	struct store_file *file = fixture_create(fixture, "file");
	static char mine[3] = "abc";
	struct fixture_io bio;

	fixture_submit(fixture, &bio, file, STORE_WRITE, (size_t)(mine - fixture->staging), 3, 0,
		       0);
	cr_assert_eq(fixture_wait(fixture, &bio), 3);
	cr_assert_eq(fixture_read(fixture, file, 0, 3, 0, 0), 3);
	cr_assert_eq(memcmp(fixture->staging, "abc", 3), 0);
	fixture_shut(fixture, file);
}

POSIX_STORE(a_file_limit_is_reported_after_the_short_write)
{
	struct store_file *file = fixture_create(fixture, "file");
	struct rlimit limit = {100000, 100000};

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fill(fixture, 0, 1 << 20, 9);
	cr_assert_eq(fixture_write(fixture, file, 0, 1 << 20, 0), -EFBIG);
	cr_assert_eq(fixture_size(fixture, file), 100000);
	cr_assert_eq(fixture_write(fixture, file, 0, 1000, 99000), 1000);
	cr_assert_eq(fixture_write(fixture, file, 0, 1, 100000), -EFBIG);
	fixture_shut(fixture, file);
}

/* A disk of 1 MiB of our own, whoever runs the test. */
static void mount_tiny(const char *dir)
{
	if (unshare(CLONE_NEWNS))
		cr_assert_eq(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("tiny", dir, "tmpfs", 0, "size=1m"), 0, "%s", strerror(errno));
}

static void fill_up(struct fixture *fixture)
{
	struct store_file *file = fixture_create(fixture, "file");

	cr_assert_eq(fixture_write(fixture, file, 0, 4 << 20, 0), -ENOSPC);
	cr_assert_eq(fixture_write(fixture, file, 0, 4 << 20, 1 << 20), -ENOSPC);
	cr_assert_eq(fixture->store->ops->truncate_file(file, 0), 0);
	cr_assert_eq(fixture_write(fixture, file, 0, 4096, 0), 4096);
	cr_assert_eq(fixture_read(fixture, file, 0, 8192, 0, 0), 4096);
	fixture_shut(fixture, file);
}

Test(posix, a_full_disk_says_so_and_recovers)
{
	struct fixture fixture;

	mount_tiny("/mnt");
	fixture_open(&fixture, "posix:/mnt");
	fill_up(&fixture);
	fixture_close(&fixture);
}

Test(memory, a_full_disk_says_so_and_recovers)
{
	struct fixture fixture;

	fixture_open(&fixture, "memory:1");
	fill_up(&fixture);
	for (int i = 0; i < 100; i++) {
		struct store_file *file = fixture_create(&fixture, "other");

		fixture_write(&fixture, file, 0, 1 << 20, 0);
		fixture_shut(&fixture, file);
		/* What is given back can be had again, all of it, each time. */
		cr_assert_eq(fixture.store->ops->unlink(fixture.store, NULL, "other"), 0);
		file = fixture_create(&fixture, "other");
		cr_assert_eq(fixture_write(&fixture, file, 0, 800000, 0), 800000);
		fixture_shut(&fixture, file);
		cr_assert_eq(fixture.store->ops->unlink(fixture.store, NULL, "other"), 0);
	}
	fixture_close(&fixture);
}

POSIX_STORE(a_failed_sync_is_never_forgotten)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file = fixture_create(fixture, "file"),
			  *other = fixture_create(fixture, "file");

	cr_assert_eq(ops->sync_file(file, true), 0);
	cr_assert_eq(ops->sync_file(file, false), 0);
	sync_error = EIO;
	cr_assert_eq(ops->sync_file(file, true), -EIO);
	sync_error = 0;
	nr_syncs = 0;
	cr_assert_eq(ops->sync_file(file, true), -EIO);
	cr_assert_eq(ops->sync_file(file, false), -EIO);
	cr_assert_eq(nr_syncs, 0);
	/* Nor for those who had it open by then. */
	cr_assert_eq(ops->sync_file(other, false), -EIO);
	fixture_shut(fixture, file);
	file = fixture_create(fixture, "file");
	cr_assert_eq(ops->sync_file(file, false), 0);
	cr_assert_eq(nr_syncs, 1);
	fixture_shut(fixture, other);
	fixture_shut(fixture, file);
}

Test(null, reads_have_the_size_and_writes_vanish)
{
	struct store_file *file;
	struct file_attr attr;
	struct fixture fixture;

	fixture_open(&fixture, "null:64K");
	cr_assert_eq(fixture.store->ops->stat_path(fixture.store, NULL, "any/thing", false, &attr),
		     0);
	cr_assert_eq(attr.size, 65536);
	cr_assert(S_ISREG(attr.mode));
	file = fixture_create(&fixture, "any/thing");
	memset(fixture.staging, 0x55, 4096);
	cr_assert_eq(fixture_read(&fixture, file, 0, 4096, 0, 0), 4096);
	cr_assert_eq(fixture.staging[0], 0x55);
	cr_assert_eq(fixture_read(&fixture, file, 0, 4096, 65000, IO_NO_HOLES), 536);
	cr_assert_eq(fixture_read(&fixture, file, 0, 4096, 65536, 0), 0);
	cr_assert_eq(fixture_write(&fixture, file, 0, 4096, 1 << 30), 4096);
	cr_assert_eq(fixture_size(&fixture, file), 65536);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}

Test(null, wants_a_size)
{
	static const char *const bad[] = {"null:",
					  "null:0",
					  "null:x",
					  "null:1Q",
					  "null:1GG",
					  "null:-1",
					  "null:99999999999999999999",
					  "null:9999999T"};
	struct store *store;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_eq(store_open(bad[i], false, &store), -EINVAL, "%s", bad[i]);
	cr_assert_eq(store_open("null:64G", false, &store), 0);
	store->ops->close_store(store);
}
