/* Holes made and filled while they are looked for, and how far a punch may reach. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/store/fixture.h"

enum { MIB = 1 << 20 };

/* What somebody else does to the file between the size and the hole. */
static void (*meanwhile)(int look);
static int looker, nr_looks;

/* libc's, replaced: the only way to be in between each time. */
off_t lseek(int fd, off_t off, int whence)
{
	if (whence == SEEK_HOLE && meanwhile)
		meanwhile(nr_looks++);
	return syscall(SYS_lseek, fd, off, whence);
}

static void put(off_t off, off_t end)
{
	static const char data[4096] = "data";

	for (size_t n; off < end; off += (off_t)n) {
		n = end - off < 4096 ? (size_t)(end - off) : 4096;
		cr_assert_eq(pwrite(looker, data, n, off), (ssize_t)n);
	}
}

static struct store_file *begin(struct fixture *fixture)
{
	struct store_file *file = fixture_create(fixture, "file");
	char path[128];

	snprintf(path, sizeof(path), "%s/file", fixture->dir);
	looker = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(looker, 0);
	put(0, MIB);
	return file;
}

static void end(struct fixture *fixture, struct store_file *file)
{
	meanwhile = NULL;
	cr_assert_eq(close(looker), 0);
	fixture_shut(fixture, file);
}

static void shrink(int look)
{
	if (look < 2)
		cr_assert_eq(ftruncate(looker, 100000 - look), 0);
}

/* The end, which the kernel calls a hole, came nearer than it was: no hole. */
POSIX_STORE(a_file_that_shrank_meanwhile_is_short)
{
	struct store_file *file = begin(fixture);

	meanwhile = shrink;
	cr_assert_eq(fixture_read(fixture, file, 0, MIB, 0, IO_NO_HOLES), 99999);
	end(fixture, file);
}

static void shrink_and_grow(int look)
{
	if (look > 1)
		return;
	cr_assert_eq(ftruncate(looker, 100000 - look), 0);
	if (look == 1)
		put(100000 - look, MIB);
}

/* Shorter for a moment, and whole again by writes one after the other: never a hole. */
POSIX_STORE(a_file_that_shrank_and_grew_is_read)
{
	struct store_file *file = begin(fixture);

	meanwhile = shrink_and_grow;
	cr_assert_eq(fixture_read(fixture, file, 0, MIB, 0, IO_NO_HOLES), MIB);
	end(fixture, file);
}

/* It has a hole now; between two looks it had another. */
static void move_the_hole(int look)
{
	if (look > 3)
		return;
	put(0, MIB);
	cr_assert_eq(fallocate(looker, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (look + 1) * 65536, 65536),
		     0);
}

POSIX_STORE(a_hole_that_moves_is_a_hole)
{
	struct store_file *file = begin(fixture);

	meanwhile = move_the_hole;
	cr_assert_eq(fixture_read(fixture, file, 0, MIB, 0, IO_NO_HOLES), -ENODATA);
	end(fixture, file);
}

/* Punched when the read was under way already: its zeros are not passed off as data. */
POSIX_STORE(a_hole_made_under_the_read_is_a_hole)
{
	struct store_file *file = begin(fixture);
	struct fixture_io bio;

	fixture_submit(fixture, &bio, file, STORE_READ, 0, MIB, 0, IO_NO_HOLES);
	cr_assert_eq(fixture->store->ops->punch(file, 65536, 131072), 0);
	cr_assert_eq(fixture_wait(fixture, &bio), -ENODATA);
	/* Who allows holes gets them. */
	cr_assert_eq(fixture_read(fixture, file, 0, MIB, 0, 0), MIB);
	end(fixture, file);
}

/* Only who asks pays. */
POSIX_STORE(others_do_not_look)
{
	struct store_file *file = begin(fixture);

	meanwhile = shrink;
	cr_assert_eq(fixture_read(fixture, file, 0, MIB, 0, 0), MIB);
	cr_assert_eq(fixture_write(fixture, file, 0, 4096, 0), 4096);
	cr_assert_eq(nr_looks, 0);
	end(fixture, file);
}

EACH_STORE(a_punch_to_the_end_of_all_offsets_keeps_the_length)
{
	static const uint64_t ends[] = {MIB,	   MIB + 1,    1ull << 44, INT64_MAX - 1,
					INT64_MAX, 1ull << 63, UINT64_MAX};
	struct store_file *file = fixture_create(fixture, "file");
	struct file_attr attr;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		memset(fixture->staging, 7, MIB);
		cr_assert_eq(fixture_write(fixture, file, 0, MIB - 10, 0), MIB - 10);
		cr_assert_eq(fixture->store->ops->punch(file, MIB, ends[i]), 0);
		cr_assert_eq(fixture->store->ops->punch(file, 1ull << 40, ends[i]), 0);
		cr_assert_eq(fixture->store->ops->punch(file, 4000, ends[i]), 0, "%zx", ends[i]);
		cr_assert_eq(fixture_size(fixture, file), MIB - 10);
		cr_assert_eq(fixture_read(fixture, file, 0, MIB, 0, 0), MIB - 10);
		for (int at = 0; at < MIB - 10; at++)
			cr_assert_eq(fixture->staging[at], at < 4000 ? 7 : 0, "at %d", at);
		cr_assert_eq(fixture->store->ops->stat_file(file, &attr), 0);
		cr_assert_leq(attr.blocks * 512, 65536, "its last block is not free");
	}
	fixture_shut(fixture, file);
}
