/*
 * A list of what a run of cp has written so far, from all sources and on all mounts: the names that
 * it claimed in target directories, the files that it made, and the directories that it made or
 * wrote into. The run owns it; any thread uses it.
 *
 * It keeps a fingerprint of 128 bits for each entry, made with a random seed, in 16 to 32 bytes.
 */
#ifndef USRBIO_TOOL_LEDGER_H
#define USRBIO_TOOL_LEDGER_H

#include <pthread.h>

#include "client/tool/ledger/idset.h"
#include "client/tool/fs/fs.h"

struct ledger {
	pthread_mutex_t lock;
	struct idset set;
	uint64_t seed[2];
};

enum claim { CLAIM_FILE, CLAIM_DIRECTORY };

void ledger_init(struct ledger *ledger);
void ledger_destroy(struct ledger *ledger);

/*
 * Claim a name in a target directory for a file or a directory. Several directories may claim the
 * same name: their contents are merged. 0; -EEXIST: both this and an earlier claim are for files;
 * -ENOTDIR: this is for a directory, the earlier one for a file; -EISDIR: the other way round.
 */
int ledger_claim(struct ledger *ledger, const struct usrbio_id *dir, const char *name,
		 enum claim kind);

/* Add a file or directory by its identity, and ask whether it was added. */
void ledger_add_file(struct ledger *ledger, const struct usrbio_id *id);
bool ledger_has_file(struct ledger *ledger, const struct usrbio_id *id);
void ledger_add_dir(struct ledger *ledger, const struct usrbio_id *id);
bool ledger_has_dir(struct ledger *ledger, const struct usrbio_id *id);

#endif
