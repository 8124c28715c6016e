/*
 * The fault store: "fault:RULES:REST" is the store of REST with faults put in front of it.
 *
 * RULES, separated by commas, each CALL.WHAT=WHEN:
 *   CALL  open stat sync truncate punch seek setattr unlink rmdir mkdir rename link readdir
 *         read write
 *   WHAT  the name of an error (eio, enospc, estale, ...) and WHEN, as in
 * common/fault_points/fault_trigger.h without a seed: 1/N every N-th call, #N the N-th only, #N+
 * from it on; the call fails without reaching the store WHAT  delay_ms and WHEN: how long each call
 * is held back "fault:read.eio=1/100,write.enospc=#5,sync.delay_ms=20:/export"
 */
#ifndef USRBIO_SERVER_STORE_STORE_FAULT_H
#define USRBIO_SERVER_STORE_STORE_FAULT_H

#include "common/fault_points/fault_trigger.h"
#include "server/store/store.h"

enum fault_call {
	FAULT_OPEN,
	FAULT_STAT,
	FAULT_SYNC,
	FAULT_TRUNCATE,
	FAULT_PUNCH,
	FAULT_SEEK,
	FAULT_SETATTR,
	FAULT_UNLINK,
	FAULT_RMDIR,
	FAULT_MKDIR,
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
	int err;		   /* -errno, or 0: a delay */
	unsigned delay_ms;	   /* per call */
	struct fault_trigger when; /* the calls that fail */
};

struct fault_rules {
	struct store_fault_rule rule[FAULT_RULES_MAX];
	unsigned n;
};

/* len bytes of text. 0, or -EINVAL (logged), -E2BIG. */
int store_fault_parse(struct fault_rules *rules, const char *text, size_t len);
/* What is to become of this call: 0 or -errno, after *delay_ms. Any thread. */
int store_fault_decide(struct fault_rules *rules, enum fault_call call, unsigned *delay_ms);

/*
 * Put rules of this length in front of a store, which is closed with the new one. 0; -EINVAL
 * (logged), -ENOMEM: the caller keeps `inner`.
 */
int store_fault_wrap(const char *rules, size_t len, unsigned flags, struct store *inner,
		     struct store **store);

#endif
