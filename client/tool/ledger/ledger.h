/*
 * What a run of cp has written so far, over all its sources and mounts: the names it claimed in
 * target directories, the files it made, and the directories it made or merged into. Any thread.
 *
 * It keeps fingerprints of 128 bits with a random seed, 16 to 32 bytes for each.
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
 * Claim a name in a target directory. 0; -EEXIST: a file claimed it before (and this is one, too);
 * -ENOTDIR: a file did, and this is a directory; -EISDIR: the other way round. Directories share.
 */
int ledger_claim(struct ledger *ledger, const struct usrbio_id *dir, const char *name,
		 enum claim kind);

void ledger_add_file(struct ledger *ledger, const struct usrbio_id *id);
bool ledger_has_file(struct ledger *ledger, const struct usrbio_id *id);
void ledger_add_dir(struct ledger *ledger, const struct usrbio_id *id);
bool ledger_has_dir(struct ledger *ledger, const struct usrbio_id *id);

#endif
