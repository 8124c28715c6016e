/*
 * The write verifier of an export: a number that clients compare to learn whether writes that were
 * acknowledged, but not synced, may be lost. It changes with each boot of the machine, with each
 * start of a server whose store forgets its files, and with each loss that the server sees. A
 * restart of the server alone does not change it. The export owns it. Any thread.
 */
#ifndef USRBIO_SERVER_BASE_VERIFIER_H
#define USRBIO_SERVER_BASE_VERIFIER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/lock.h"
#include "proto/limits.h"

struct verifier {
	_Atomic uint64_t value; /* never 0; written under the lock */
	struct lock lock;	/* LOCK_VERIFIER */
	uint64_t start;		/* random if the store forgets its files, otherwise 0; constant */
	uint64_t losses;	/* under the lock */
	char export[EXPORT_NAME_MAX + 1];
};

/* Open the verifier of an export; `forgets`: its files end with the process. 0 or -errno. */
int verifier_open(struct verifier *verifier, const char *export, bool forgets);
void verifier_close(struct verifier *verifier);
/* Change the verifier, because data that clients wrote may be lost. It never blocks for long. */
void verifier_lost(struct verifier *verifier);

static inline uint64_t verifier_get(struct verifier *verifier)
{
	return atomic_load(&verifier->value);
}

#endif
