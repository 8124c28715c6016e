/* A test bed: a store of one kind, a worker's loop and queue, and a directory to play in. */
#ifndef USRBIO_TESTS_STORE_BED_H
#define USRBIO_TESTS_STORE_BED_H

#include <criterion/criterion.h>

#include "server/store/evloop.h"
#include "server/store/store.h"

#define BED_STAGING (8u << 20)

struct bed {
	struct store *store;
	struct evloop *loop;
	struct store_queue *queue;
	char *staging; /* BED_STAGING bytes */
	char base[64]; /* a fresh directory */
	char dir[80];  /* base/export: what a posix store exports */
};

struct bed_io {
	struct store_io io;
	int64_t result;
	int nr_done;
};

/* kind: "posix", "memory", "fault" (without rules, around posix), or all of a store_open text. */
void bed_open(struct bed *bed, const char *kind);
void bed_close(struct bed *bed);

/* Begin an I/O of the bed's staging memory from `at` on; done when nr_done is 1. */
void bed_submit(struct bed *bed, struct bed_io *bio, struct store_file *file,
		enum store_io_kind kind, size_t at, uint32_t len, uint64_t off, uint32_t flags);
/* Begin a read into a pipe. */
void bed_submit_pipe(struct bed *bed, struct bed_io *bio, struct store_file *file, int pipe,
		     uint32_t len, uint64_t off);
/* Turn the loop until it is done. */
int64_t bed_wait(struct bed *bed, struct bed_io *bio);
int64_t bed_read(struct bed *bed, struct store_file *file, size_t at, uint32_t len, uint64_t off,
		 uint32_t flags);
int64_t bed_write(struct bed *bed, struct store_file *file, size_t at, uint32_t len, uint64_t off);

/* The file, or NULL and the error in *err (may be NULL: then it must open). */
struct store_file *bed_file(struct bed *bed, const char *path, uint32_t flags, int *err);
/* Open for reading and writing, creating it. */
struct store_file *bed_create(struct bed *bed, const char *path);
void bed_shut(struct bed *bed, struct store_file *file);
uint64_t bed_size(struct bed *bed, struct store_file *file);

/* An empty file; what stat says of a path; and of an open by a name in a directory. */
void bed_touch(struct bed *bed, const char *path);
int bed_stat(struct bed *bed, const char *path, struct file_attr *attr);
int bed_open_at(struct bed *bed, struct store_file *at, const char *name, uint32_t flags);

int bed_count_fds(void);

/* Numbers that are the same in each run. */
uint32_t bed_random(uint32_t *state);

/* A case that every store has to pass. */
#define EACH_STORE(name)                          \
	static void case_##name(struct bed *bed); \
	static void over_##name(const char *kind) \
	{                                         \
		struct bed bed;                   \
                                                  \
		bed_open(&bed, kind);             \
		case_##name(&bed);                \
		bed_close(&bed);                  \
	}                                         \
	Test(posix, name)                         \
	{                                         \
		over_##name("posix");             \
	}                                         \
	Test(memory, name)                        \
	{                                         \
		over_##name("memory");            \
	}                                         \
	Test(fault, name)                         \
	{                                         \
		over_##name("fault");             \
	}                                         \
	static void case_##name(struct bed *bed)

/* A case about what only the kernel's files have. */
#define POSIX_STORE(name)                         \
	static void case_##name(struct bed *bed); \
	Test(posix, name)                         \
	{                                         \
		struct bed bed;                   \
                                                  \
		bed_open(&bed, "posix");          \
		case_##name(&bed);                \
		bed_close(&bed);                  \
	}                                         \
	static void case_##name(struct bed *bed)

#endif
