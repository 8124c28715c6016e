/*
 * The target of cp, as the user named it: a directory, a name in one, or a file that is written in
 * place.
 */
#ifndef USRBIO_TOOL_TARGET_H
#define USRBIO_TOOL_TARGET_H

#include "client/tool/copy/run.h"

#define LINEAGE_MAX 4096

struct target {
	struct endpoint endpoint;
	const char *path;
	struct dir *dir; /* the directory for copies; NULL: `path` itself is written, a device or
			    FIFO */
	char *name;	 /* in dir; NULL: sources keep their own names there */
	struct usrbio_id *lineage; /* dir, and the directories above it */
	int nr_lineage;
};

/* Open the target. 0, or an exit status after a report. */
int target_open(struct target *target, struct run *run, const char *path, int nr_sources);
void target_close(struct target *target);

/* True if the directory of this identity is the target's, or one above it. */
bool target_is_inside(const struct target *target, const struct usrbio_id *id);

#endif
