/*
 * The fault store: "fault:RULES:REST" is the store of REST with faults put in front of it.
 *
 * RULES are separated by commas. Each is CALL.ERROR=WHEN or CALL.delay_ms=N:
 *
 *   CALL   open stat statfs sync truncate punch fallocate seek setattr getxattr setxattr
 *          listxattr removexattr unlink rmdir mkdir symlink readlink rename link readdir read
 *          write
 *   ERROR  the name of an error (eio, enospc, estale, ...); the call does not reach the store
 *   WHEN   a trigger of common/fault_points/fault_trigger.h without a seed: 1/N is every N-th
 *          call, #N only the N-th, and #N+ the N-th and all after it
 *   N      milliseconds by which each call is delayed
 *
 * Example: "fault:read.eio=1/100,write.enospc=#5,sync.delay_ms=20:/export"
 */
#ifndef USRBIO_SERVER_STORE_FAULT_STORE_FAULT_H
#define USRBIO_SERVER_STORE_FAULT_STORE_FAULT_H

#include "common/fault_points/fault_trigger.h"
#include "server/store/store.h"

enum fault_call {
	FAULT_OPEN,
	FAULT_STAT,
	FAULT_STATFS,
	FAULT_SYNC,
	FAULT_TRUNCATE,
	FAULT_PUNCH,
	FAULT_FALLOCATE,
	FAULT_SEEK,
	FAULT_SETATTR,
	FAULT_GETXATTR,
	FAULT_SETXATTR,
	FAULT_LISTXATTR,
	FAULT_REMOVEXATTR,
	FAULT_UNLINK,
	FAULT_RMDIR,
	FAULT_MKDIR,
	FAULT_SYMLINK,
	FAULT_READLINK,
	FAULT_RENAME,
	FAULT_LINK,
	FAULT_READDIR,
	FAULT_READ,
	FAULT_WRITE,
	NR_FAULT_CALLS,
};

#define FAULT_RULES_MAX 16

struct store_fault_rule {
	enum fault_call call;
	int err;		   /* -errno; 0: the rule is a delay */
	unsigned delay_ms;	   /* of each call */
	struct fault_trigger when; /* the calls that fail */
};

struct fault_rules {
	struct store_fault_rule rule[FAULT_RULES_MAX];
	unsigned n;
};

/* Parse len bytes of text. Returns 0, -EINVAL (logged) or -E2BIG. */
int store_fault_parse(struct fault_rules *rules, const char *text, size_t len);
/* Decide about one call: it is to return 0 or -errno, after *delay_ms. Any thread. */
int store_fault_decide(struct fault_rules *rules, enum fault_call call, unsigned *delay_ms);

/*
 * Make a store that applies `rules`, of len bytes, to the calls of `inner`. Closing it also closes
 * `inner`. Returns 0. -EINVAL (logged), -E2BIG, -ENOMEM: the caller keeps `inner`.
 */
int store_fault_wrap(const char *rules, size_t len, unsigned flags, struct store *inner,
		     struct store **store);

#endif
