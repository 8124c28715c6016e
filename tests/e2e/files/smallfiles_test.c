/* A directory of many small files: made, listed and read, as data loaders do it. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { WAVE = 100, ROOM = 4096 };

static int nr_files(void)
{
	return full_or_quick(10000, 500);
}

/* 1 to 4,000 bytes. */
static size_t size_of(int file)
{
	return 1 + file * 7919 % 4000;
}

static const char *url_of_file(int file)
{
	char name[32];

	snprintf(name, sizeof(name), "many/f%05d", file);
	return url_of(name);
}

struct wave {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	struct hf3fs_cqe cqes[WAVE];
};

/* Open, read or write, and close the files first to first + WAVE - 1, in one batch. */
static void do_wave(struct wave *w, int first, bool read)
{
	int fds[WAVE];

	for (int i = 0; i < WAVE; i++) {
		uint8_t *at = w->iov.base + i * ROOM;
		size_t size = size_of(first + i);

		fds[i] = file_reg(url_of_file(first + i),
				  read ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL);
		if (read)
			memset(at, 0xee, ROOM);
		else
			pattern_fill(at, size, first + i, 0);
		/* A read asks for more than there is. */
		ring_prep(&w->ior, &w->iov, at, fds[i], 0, read ? ROOM : size, NULL);
	}
	ring_submit(&w->ior);
	ring_wait(&w->ior, w->cqes, WAVE);
	for (int i = 0; i < WAVE; i++) {
		size_t size = size_of(first + i);

		cr_assert_eq(w->cqes[i].result, (int64_t)size, "file %d: %ld", first + i,
			     w->cqes[i].result);
		cr_assert_eq(pattern_diff(w->iov.base + i * ROOM, size, first + i, 0), -1);
		file_unreg(fds[i]);
	}
}

static void all_waves(bool read)
{
	struct wave *w = malloc(sizeof(*w));

	cr_assert(w);
	ring_make(&w->ior, NULL, read, WAVE);
	iov_make(&w->iov, NULL, WAVE * ROOM);
	for (int first = 0; first < nr_files(); first += WAVE)
		do_wave(w, first, read);
	hf3fs_iordestroy(&w->ior);
	hf3fs_iovdestroy(&w->iov);
	free(w);
}

static void list_all(void)
{
	bool *seen = calloc(nr_files(), 1);
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	int n = 0, got, file;

	cr_assert(seen);
	cr_assert_eq(usrbio_opendir(url_of("many"), &dir), 0);
	while ((got = usrbio_readdir(dir, &entry)) == 1) {
		cr_assert_eq(sscanf(entry.name, "f%d", &file), 1, "%s", entry.name);
		cr_assert(file >= 0 && file < nr_files() && strlen(entry.name) == 6, "%s",
			  entry.name);
		cr_assert(!seen[file], "%s shows twice", entry.name);
		cr_assert_eq(entry.type, DT_REG);
		seen[file] = true;
		n++;
	}
	cr_assert_eq(got, 0);
	cr_assert_eq(n, nr_files());
	usrbio_closedir(dir);
	free(seen);
}

/* What the file system itself says. */
static void check_here(void)
{
	char name[32];

	for (int file = 0; file < nr_files(); file += 97) {
		snprintf(name, sizeof(name), "many/f%05d", file);
		cr_assert_eq(file_size(name), size_of(file));
		file_check(name, file, 0, size_of(file));
	}
}

E2E(smallfiles, made_listed_and_read)
{
	cr_assert_eq(usrbio_mkdir(url_of("many"), 0755), 0);
	all_waves(false);
	check_here();
	list_all();
	all_waves(true);
}
