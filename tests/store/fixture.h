/* A test fixture: a store of one kind, a worker's loop and queue, and a directory to play in. */
#ifndef USRBIO_TESTS_STORE_FIXTURE_H
#define USRBIO_TESTS_STORE_FIXTURE_H

#include <criterion/criterion.h>

#include "server/store/evloop.h"
#include "server/store/store.h"

#define FIXTURE_STAGING (8u << 20)

struct fixture {
	struct store *store;
	struct evloop *loop;
	struct store_queue *queue;
	char *staging; /* FIXTURE_STAGING bytes */
	char base[64]; /* a fresh directory */
	char dir[80];  /* base/export: what a posix store exports */
	bool mounted;  /* both are mount points */
};

struct fixture_io {
	struct store_io io;
	int64_t result;
	int nr_done;
};

/*
 * kind: "posix", "memory", "fault" (without rules, around posix), or all of a store_open text.
 * Also posix with two handicaps: "filtered", if a seccomp filter refuses the system calls about
 * file handles, and "overlay", on an overlayfs, which has no handles. The test is skipped if it may
 * not mount one.
 */
void fixture_open(struct fixture *fixture, const char *kind);
void fixture_close(struct fixture *fixture);
/* Close the posix store and its queue, and open both again with these flags of store_open(). */
void fixture_reopen(struct fixture *fixture, unsigned flags);
/* Mount the overlayfs of kind "overlay" on fixture->dir, for a test that has unmounted it. */
void fixture_mount_overlay(const struct fixture *fixture);

/* Begin an I/O of the fixture's staging memory from `at` on; done when nr_done is 1. */
void fixture_submit(struct fixture *fixture, struct fixture_io *bio, struct store_file *file,
		    enum store_io_kind kind, size_t at, uint32_t len, uint64_t off, uint32_t flags);
/* Begin a read into a pipe. */
void fixture_submit_pipe(struct fixture *fixture, struct fixture_io *bio, struct store_file *file,
			 int pipe, uint32_t len, uint64_t off);
/* Turn the loop until it is done. */
int64_t fixture_wait(struct fixture *fixture, struct fixture_io *bio);
int64_t fixture_read(struct fixture *fixture, struct store_file *file, size_t at, uint32_t len,
		     uint64_t off, uint32_t flags);
int64_t fixture_write(struct fixture *fixture, struct store_file *file, size_t at, uint32_t len,
		      uint64_t off);

/* The file, or NULL and the error in *err (may be NULL: then it must open). */
struct store_file *fixture_file(struct fixture *fixture, const char *path, uint32_t flags,
				int *err);
/* Open for reading and writing, creating it. */
struct store_file *fixture_create(struct fixture *fixture, const char *path);
void fixture_shut(struct fixture *fixture, struct store_file *file);
uint64_t fixture_size(struct fixture *fixture, struct store_file *file);

/* An empty file; what stat says of a path; and of an open by a name in a directory. */
void fixture_touch(struct fixture *fixture, const char *path);
/* Set the mode of an open file: 0 or -errno. */
int fixture_chmod(struct store_file *file, uint32_t mode);
/* Also checked against what the store says from memory. */
int fixture_stat(struct fixture *fixture, const char *path, struct file_attr *attr);
void fixture_same_attr(const struct file_attr *a, const struct file_attr *b);
int fixture_open_at(struct fixture *fixture, struct store_file *at, const char *name,
		    uint32_t flags);

int fixture_count_fds(void);

/* Numbers that are the same in each run. */
uint32_t fixture_random(uint32_t *state);

#define FIXTURE_CASE(name)                                \
	static void case_##name(struct fixture *fixture); \
	static void over_##name(const char *kind)         \
	{                                                 \
		struct fixture fixture;                   \
                                                          \
		fixture_open(&fixture, kind);             \
		case_##name(&fixture);                    \
		fixture_close(&fixture);                  \
	}

/* A case that every store has to pass. */
#define EACH_STORE(name)               \
	FIXTURE_CASE(name)             \
	Test(posix, name)              \
	{                              \
		over_##name("posix");  \
	}                              \
	Test(memory, name)             \
	{                              \
		over_##name("memory"); \
	}                              \
	Test(fault, name)              \
	{                              \
		over_##name("fault");  \
	}                              \
	static void case_##name(struct fixture *fixture)

/* A case about what only the kernel's files have. */
#define POSIX_STORE(name)             \
	FIXTURE_CASE(name)            \
	Test(posix, name)             \
	{                             \
		over_##name("posix"); \
	}                             \
	static void case_##name(struct fixture *fixture)

#endif
