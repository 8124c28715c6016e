/*
 * The write verifier of an export: a number that clients compare to learn whether writes that were
 * acknowledged, but not synced, may be lost. It changes with each boot of the machine, with each
 * start of a server whose store forgets its files, and with each loss that the server sees. A
 * restart of the server alone does not change it, if the losses before it are in a state directory.
 * The export owns it. Any thread.
 */
#ifndef USRBIO_SERVER_BASE_VERIFIER_H
#define USRBIO_SERVER_BASE_VERIFIER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/lock.h"
#include "proto/limits.h"

struct state;

struct verifier {
	_Atomic uint64_t value; /* never 0; written under the lock */
	struct lock lock;	/* LOCK_VERIFIER */
	uint64_t start;		/* random if the store forgets its files, otherwise 0; constant */
	struct state *state;	/* where losses are stored; NULL: they are not; constant */
	uint64_t losses;	/* under the lock */
	char export[EXPORT_NAME_MAX + 1];
};

/*
 * Open the verifier of an export. `forgets`: its files end with the process. The state may be NULL,
 * and outlives the verifier. 0 or -errno.
 */
int verifier_open(struct verifier *verifier, const char *export, bool forgets, struct state *state);
void verifier_close(struct verifier *verifier);
/* Change the verifier, because data that clients wrote may be lost. It never blocks for long. */
void verifier_lost(struct verifier *verifier);

/*
 * Store the losses in the state directory, before a client hears of them. It blocks if there are
 * new ones. The calling thread is the server's own user.
 */
void verifier_save(struct verifier *verifier);

static inline uint64_t verifier_get(struct verifier *verifier)
{
	return atomic_load(&verifier->value);
}

#endif
