/*
 * A file system that tests can make slow, let hang or let fail: slowfs/main.c describes the program
 * and its commands. It shows a directory, "backing", at a mount point. One process may start
 * several. Each function may be called by any thread, except that slowfs_start belongs to the main
 * thread: the mount ends with the thread that made it. What fails ends the test.
 */
#ifndef USRBIO_TESTS_SUPPORT_SLOWFS_H
#define USRBIO_TESTS_SUPPORT_SLOWFS_H

#include "tests/support/process.h"

struct slowfs {
	struct process process;
	char backing[512]; /* what the file system shows, without rules */
	char mount[512];   /* where it shows it */
	char socket[64];   /* for `slowfs --to` */
};

/* Why there can be no slowfs here, for the skip of a test; NULL: there can be one. */
const char *slowfs_missing(void);
/* Mount DIR/backing at DIR/slow; both are made if need be. The caller's process dumps no core then.
 */
void slowfs_start(struct slowfs *fs, const char *dir);
/* Unmount, whatever hangs or is open; operations that hang end with an error. */
void slowfs_stop(struct slowfs *fs);

/* "mkdir,open", "dir/x*", "hang", "delay 3000", "fail 5 count 1" or "pass". The rule's id. */
int slowfs_rule(struct slowfs *fs, const char *ops, const char *pattern, const char *action);
/* Wait until n operations hang at a rule, or until n have come to it. */
void slowfs_wait(struct slowfs *fs, int rule, unsigned n);
void slowfs_wait_matched(struct slowfs *fs, int rule, unsigned n);
/* How many hang there now, and how many have come. */
unsigned slowfs_hung(struct slowfs *fs, int rule);
unsigned slowfs_matched(struct slowfs *fs, int rule);
/* Let the oldest n of them go on. How many there were. */
unsigned slowfs_release(struct slowfs *fs, int rule, unsigned n);
/* Remove a rule, or all if it is 0, and let what hangs there go on. */
void slowfs_drop(struct slowfs *fs, int rule);

#endif
