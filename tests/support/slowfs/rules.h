/*
 * The rules of slowfs: which operations wait, fail or are counted. One table per process, under one
 * lock; any thread.
 */
#ifndef USRBIO_TESTS_SUPPORT_SLOWFS_RULES_H
#define USRBIO_TESTS_SUPPORT_SLOWFS_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum op {
	OP_LOOKUP,
	OP_GETATTR,
	OP_SETATTR,
	OP_READLINK,
	OP_MKNOD,
	OP_MKDIR,
	OP_UNLINK,
	OP_RMDIR,
	OP_SYMLINK,
	OP_RENAME,
	OP_LINK,
	OP_OPEN,
	OP_CREATE,
	OP_READ,
	OP_WRITE,
	OP_FLUSH,
	OP_RELEASE,
	OP_FSYNC,
	OP_OPENDIR,
	OP_READDIR,
	OP_RELEASEDIR,
	OP_FSYNCDIR,
	OP_STATFS,
	OP_FALLOCATE,
	OP_LSEEK,
	NR_OPS
};

enum action { ACT_PASS, ACT_HANG, ACT_DELAY, ACT_FAIL };

struct rule_spec {
	uint32_t ops;	   /* bits of 1 << OP_* */
	char pattern[256]; /* of fnmatch(3), for the path below the mount point */
	enum action action;
	unsigned number; /* ACT_DELAY: milliseconds; ACT_FAIL: the errno */
	unsigned count;	 /* how often it applies; 0: always */
};

/* Bits of "mkdir,open" or "any"; 0: an operation is unknown. */
uint32_t rules_ops(const char *text);
/*
 * Add a rule in front of the others: the first one that matches decides. Its id, from 1; -ENOSPC.
 */
int rules_add(const struct rule_spec *spec);
/* Let the oldest n operations that a rule hangs go on. How many there were; -ENOENT. */
int rules_release(int id, unsigned n);
/* Remove a rule, and let everything that it hangs go on; id 0: all rules. 0 or -ENOENT. */
int rules_drop(int id);
/* The operations that it hangs now, and those that it has matched. 0 or -ENOENT. */
int rules_state(int id, unsigned *hung, unsigned *matched);
/* Wait until at least n operations hang, or n have matched. 0; -ENOENT: it was dropped. */
int rules_wait_hung(int id, unsigned n);
int rules_wait_matched(int id, unsigned n);

/*
 * An operation begins: wait as long as the rules say. 0, or the errno with which it is to fail.
 * `path2` may be NULL.
 */
int rules_enter(enum op op, const char *path, const char *path2);

#endif
