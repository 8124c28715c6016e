/*
 * What all groups of one `usrbio cp` share: its options, what it has written, the open directories,
 * the figures, whether it was told to stop, and what is missing because of that. Any thread.
 */
#ifndef USRBIO_TOOL_RUN_H
#define USRBIO_TOOL_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/tool/fs/dir.h"
#include "client/tool/base/histogram.h"
#include "client/tool/ledger/ledger.h"

struct copy_config {
	uint64_t block; /* bytes of a piece, at most; a multiple of 512 */
	unsigned depth; /* pieces in flight per lane */
	unsigned lanes;
	bool verify; /* read both again and compare */
	bool sync;   /* what is done is on the disk */
};

struct copy_totals {
	_Atomic uint64_t files, bytes; /* done */
	_Atomic uint64_t verified;     /* bytes */
	_Atomic uint64_t files_found;
	_Atomic uint64_t failed;
	struct histogram times; /* ns, of the rings' I/Os; complete after copy_finish */
};

#define MISSING_SHOWN 20

struct run {
	struct copy_config config;
	mode_t umask;
	struct ledger ledger;
	struct dirs dirs;
	unsigned max_files; /* open at a time, at most */
	struct copy_totals totals;
	atomic_bool stopped; /* by a signal, or because nothing can go on */

	pthread_mutex_t lock; /* the rest */
	char *missing[MISSING_SHOWN];
	uint64_t nr_missing;
	bool unread; /* a directory was not read to its end */
};

void run_init(struct run *run, const struct copy_config *config);
void run_destroy(struct run *run);

/* Something failed and was said. */
void run_count_failure(struct run *run);
/* Not copied because the run was stopped; takes over the path. */
void run_add_missing(struct run *run, char *path);
void run_add_unread(struct run *run);
/* Say what is missing. */
void run_tell_missing(struct run *run);

#endif
