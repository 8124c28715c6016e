/*
 * The target of cp, as the user named it: a directory, a name in a directory, or a file that is
 * written in place. The command owns it; the main thread.
 */
#ifndef USRBIO_TOOL_TARGET_H
#define USRBIO_TOOL_TARGET_H

#include "client/tool/run/run.h"

#define LINEAGE_MAX 4096 /* directories */

struct target {
	struct endpoint endpoint;
	const char *path; /* the argument of the command */
	struct dir *dir;  /* where the copies are made; NULL: `path` itself is written in place */
	char *name;	  /* of the copy in dir; NULL: each copy has the name of its source */
	struct usrbio_id *lineage; /* the identities of dir and of the directories above it */
	int nr_lineage;
};

/* Find and open the target for that many sources. 0; or an exit status: the error was reported. */
int target_open(struct target *target, struct run *run, const char *path, int nr_sources);
void target_close(struct target *target);

/* True if the directory with this identity is the target's directory, or one above it. */
bool target_is_inside(const struct target *target, const struct usrbio_id *id);

#endif
