/* The test bed of the stores. */
#include "tests/store/fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static bool submitting; /* done must not be called from within io_submit */

void bed_open(struct bed *bed, const char *kind)
{
	char where[512];
	bool is_kind = !strcmp(kind, "posix") || !strcmp(kind, "memory") || !strcmp(kind, "fault");

	memset(bed, 0, sizeof(*bed));
	strcpy(bed->base, "/tmp/usrbio-store-XXXXXX");
	cr_assert(mkdtemp(bed->base));
	snprintf(bed->dir, sizeof(bed->dir), "%s/export", bed->base);
	cr_assert_eq(mkdir(bed->dir, 0755), 0);
	if (!is_kind)
		snprintf(where, sizeof(where), "%s", kind);
	else
		snprintf(where, sizeof(where), "%s%s", *kind == 'f' ? "fault::posix:" : kind,
			 *kind == 'f' ? bed->dir : ":");
	if (!strcmp(kind, "posix"))
		strcat(where, bed->dir);
	cr_assert_eq(store_open(where, false, &bed->store), 0, "%s", where);
	cr_assert_eq(evloop_open(&bed->loop, 64), 0);
	bed->staging =
		mmap(NULL, BED_STAGING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(bed->staging, MAP_FAILED);
	cr_assert_eq(bed->store->ops->queue_open(bed->store, bed->loop, bed->staging, BED_STAGING,
						 &bed->queue),
		     0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void bed_close(struct bed *bed)
{
	bed->store->ops->queue_close(bed->queue);
	bed->store->ops->close_store(bed->store);
	evloop_close(bed->loop);
	munmap(bed->staging, BED_STAGING);
	cr_assert_eq(nftw(bed->base, remove_one, 64, FTW_DEPTH | FTW_PHYS), 0);
}

static void io_done(struct store_io *io, int64_t result)
{
	struct bed_io *bio = (struct bed_io *)io;

	cr_assert_not(submitting);
	bio->nr_done++;
	bio->result = result;
}

static void submit(struct bed *bed, struct bed_io *bio)
{
	submitting = true;
	bed->store->ops->io_submit(bed->queue, &bio->io);
	submitting = false;
}

void bed_submit(struct bed *bed, struct bed_io *bio, struct store_file *file,
		enum store_io_kind kind, size_t at, uint32_t len, uint64_t off, uint32_t flags)
{
	*bio = (struct bed_io){
		.io =
			{
				.kind = kind,
				.flags = flags,
				.file = file,
				.buf = bed->staging + at,
				.len = len,
				.off = off,
				.done = io_done,
			},
	};
	submit(bed, bio);
}

void bed_submit_pipe(struct bed *bed, struct bed_io *bio, struct store_file *file, int pipe,
		     uint32_t len, uint64_t off)
{
	*bio = (struct bed_io){
		.io =
			{
				.kind = STORE_READ,
				.file = file,
				.pipe = pipe,
				.len = len,
				.off = off,
				.done = io_done,
			},
	};
	submit(bed, bio);
}

int64_t bed_wait(struct bed *bed, struct bed_io *bio)
{
	while (!bio->nr_done)
		evloop_turn(bed->loop, true, -1);
	cr_assert_eq(bio->nr_done, 1);
	return bio->result;
}

int64_t bed_read(struct bed *bed, struct store_file *file, size_t at, uint32_t len, uint64_t off,
		 uint32_t flags)
{
	struct bed_io bio;

	bed_submit(bed, &bio, file, STORE_READ, at, len, off, flags);
	return bed_wait(bed, &bio);
}

int64_t bed_write(struct bed *bed, struct store_file *file, size_t at, uint32_t len, uint64_t off)
{
	struct bed_io bio;

	bed_submit(bed, &bio, file, STORE_WRITE, at, len, off, 0);
	return bed_wait(bed, &bio);
}

struct store_file *bed_file(struct bed *bed, const char *path, uint32_t flags, int *err)
{
	struct store_file *file = NULL;
	struct file_attr attr;
	int status = bed->store->ops->open_file(bed->store, NULL, path, flags, 0644, &file, &attr);

	if (err)
		*err = status;
	else
		cr_assert_eq(status, 0, "open %s: %s", path, strerror(-status));
	return status ? NULL : file;
}

struct store_file *bed_create(struct bed *bed, const char *path)
{
	return bed_file(bed, path, OPEN_READ | OPEN_WRITE | OPEN_CREATE, NULL);
}

void bed_shut(struct bed *bed, struct store_file *file)
{
	bed->store->ops->close_file(file);
}

uint64_t bed_size(struct bed *bed, struct store_file *file)
{
	struct file_attr attr;

	cr_assert_eq(bed->store->ops->stat_file(file, &attr), 0);
	return attr.size;
}

int bed_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	cr_assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

uint32_t bed_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

void bed_touch(struct bed *bed, const char *path)
{
	bed_shut(bed, bed_create(bed, path));
}

int bed_stat(struct bed *bed, const char *path, struct file_attr *attr)
{
	return bed->store->ops->stat_path(bed->store, NULL, path, false, attr);
}

int bed_open_at(struct bed *bed, struct store_file *at, const char *name, uint32_t flags)
{
	struct store_file *file;
	struct file_attr attr;
	int err = bed->store->ops->open_file(bed->store, at, name, flags, 0644, &file, &attr);

	if (!err)
		bed_shut(bed, file);
	return err;
}
