/*
 * Tables to lay beside the contract: one line per row, in the order in which it checks.
 *
 * A table is a function that makes its pick-th mistake in good arguments and returns what the call
 * must say to it. rows_check makes each mistake alone, and each two at once: then the earlier one
 * must be the answer. Beside them lives a kit, whose rings must not notice. The main thread only.
 */
#ifndef USRBIO_TESTS_E2E_CONTRACT_H
#define USRBIO_TESTS_E2E_CONTRACT_H

#include <limits.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

#define ROWS_END INT_MIN

/* A row. Wants `pick` and `text`, the parameters of the table; the rest are statements. */
#define MISTAKE(want, what, ...)        \
	do {                            \
		if (!pick--) {          \
			__VA_ARGS__;    \
			*text = (what); \
			return want;    \
		}                       \
	} while (0)

struct rows {
	const char *name;
	void (*good)(void); /* arguments without a mistake */
	int (*mistake)(unsigned pick, const char **text);
	int (*call)(void);
};

/* Each row, and each two; the kit is looked at after each row. */
void rows_check(const struct rows *rows);

/* A row of calls that take what they get: says `what` when it is not so. */
#define row(what, ok) cr_expect(ok, "%s", what)

/* Mount points: e2e_mount as another mount, spelled otherwise, of 255 characters, and of 256. */
const char *mount_again(void);
const char *mount_with_slashes(void);
const char *mount_of_255(void);
const char *mount_of_256(void);

enum { KIT_ENTRIES = 4, KIT_IOV = 8192, KIT_SEED = 3 };

struct kit {
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd; /* of "kit", which holds the pattern; for reading and writing */
};

extern struct kit kit;

void kit_open(void);
/* Both rings are empty, hold KIT_ENTRIES I/Os and no more, and carry them out. */
void kit_works(void);
void kit_close(void);

#endif
