/*
 * The state of one `usrbio cp`. Sources on different mounts are copied one group after the other,
 * each with a struct copy; all groups share the run: the options, the ledger of what was written,
 * the open directories, the totals, and which files are missing because the run was stopped. The
 * command owns it; any thread uses it.
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

/* Which targets that exist are replaced. */
enum replace {
	REPLACE_ALL,
	REPLACE_NONE,	 /* none */
	REPLACE_OLDER,	 /* those that were changed before their source */
	REPLACE_CHANGED, /* those that differ from their source */
};

struct copy_config {
	uint64_t block; /* the largest piece, in bytes */
	unsigned depth; /* pieces under way in each lane */
	unsigned lanes; /* threads with rings */
	bool verify;	/* read source and target again and compare them */
	bool sync;	/* sync files and directories before they count as copied */
	bool links;	/* copy symbolic links as links; else what they lead to */
	bool preserve;	/* keep permissions, owners if permitted, and times */
	bool names;	/* a source with several names is one file in the target, too */
	bool mirror;	/* objects of another type in the target are removed; special files of
			 * the source are left out */
	bool remove;	/* with mirror: what the source does not have is removed */
	bool checksum;	/* files differ if their contents do; else if size or time differ */
	enum replace replace;
	const struct exclude *exclude; /* constant; NULL: nothing is left out */
};

struct copy_totals {
	_Atomic uint64_t files, bytes; /* copied */
	_Atomic uint64_t verified;     /* bytes that were compared */
	_Atomic uint64_t files_found;  /* files that were added so far */
	_Atomic uint64_t failed;       /* files and directories with a reported error */
	_Atomic uint64_t links;	       /* symbolic links that were made */
	_Atomic uint64_t names;	       /* further names that were made for a file */
	_Atomic uint64_t kept;	       /* targets that stay as they are */
	_Atomic uint64_t adjusted;     /* these, and directories, that only got attributes */
	_Atomic uint64_t directories;  /* that were made */
	_Atomic uint64_t special;      /* devices, FIFOs and sockets that were left out */
	_Atomic uint64_t deleted;      /* objects of the target that the source does not have */
	_Atomic uint64_t bytes_found;  /* of the files that were opened so far */
	_Atomic uint64_t files_opened;
	atomic_bool walked;	/* all files were found */
	struct histogram times; /* latencies of the rings' I/Os, ns; complete after copy_finish */
};

#define MISSING_SHOWN 20 /* paths of missing files that are reported */

struct run {
	struct copy_config config;
	mode_t umask;
	struct ledger ledger;
	struct dirs dirs;
	unsigned max_files; /* files that may be open at the same time */
	struct copy_totals totals;
	atomic_bool stopped; /* by a signal, or because the last lane broke down */

	pthread_mutex_t lock; /* guards what follows */
	char *missing[MISSING_SHOWN];
	uint64_t nr_missing;
	bool unread; /* the contents of some directories were not read */
};

/* Call it while there is one thread, because it reads the umask by setting it. */
void run_init(struct run *run, const struct copy_config *config);
void run_destroy(struct run *run);

/* Count a file or directory whose error was reported. */
void run_count_failure(struct run *run);
/* Note a file that was not copied because the run was stopped; takes over the path. */
void run_add_missing(struct run *run, char *path);
/* Note that the contents of a directory were not read because the run was stopped. */
void run_add_unread(struct run *run);
/* Report the files that are missing. */
void run_tell_missing(struct run *run);

#endif
