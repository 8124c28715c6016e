/*
 * Situations in which an evil server (mock.h) plays against the tool and the library, each in a
 * process and a sandbox of its own:
 *
 *	ROOT/outside/secret, ROOT/outside/dir/file     what nobody may change
 *	ROOT/outside/home                              where commands run
 *	ROOT/outside/home/tree                         to be copied to the server
 *	ROOT/outside/home/target                       the only place for what is copied from it
 */
#ifndef USRBIO_TESTS_EVIL_OUTSIDE_H
#define USRBIO_TESTS_EVIL_OUTSIDE_H

#include "tests/evil/outside/mock.h"

enum verdict {
	WELL,	/* exit status 0 */
	FAILS,	/* 1 */
	EITHER, /* 0 or 1 */
};

struct sandbox {
	char root[256];
	char *before; /* what was outside of the target */
};

struct outside_case {
	const char *name;
	void (*build)(struct mock *mock, const struct outside_case *c); /* d, in most */
	struct mock_lie lie;
	/* A command for the shell: $T is the tool, $U the mount point; or a program's part, which
	 * returns how many escapes there were. */
	const char *run;
	unsigned (*play)(const char *url);
	enum verdict verdict;
	/* NULL, or what is wrong. In the working directory, after the command. */
	const char *(*check)(struct mock *mock);
	bool terminal; /* standard output is one: nothing in it may steer it */
	const void *arg;
	size_t len;
	int64_t number;
	unsigned timeout_s; /* of the mount; 0: enough for a busy machine */
};

/* Each ends with a name of NULL. */
extern const struct outside_case outside_names[], outside_kinds[], outside_data[],
	outside_answers[], outside_library[];

void sandbox_make(struct sandbox *box, const char *parent, const char *name);
/* NULL, or what has changed outside, or what should not be inside. */
const char *sandbox_check(const struct sandbox *box);
/* NULL, or which byte of a file would steer a terminal. */
const char *steering(const char *path, bool terminal);

#endif
