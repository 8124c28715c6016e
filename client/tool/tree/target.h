/* The target of cp, as the user named it: a directory, a name in one, or something to write to. */
#ifndef USRBIO_TOOL_TARGET_H
#define USRBIO_TOOL_TARGET_H

#include "client/tool/copy/run.h"

#define LINEAGE_MAX 4096

struct target {
	struct endpoint endpoint;
	const char *path;
	struct dir *dir; /* what copies go into; NULL: `path` itself is written, a device or FIFO */
	char *name;	 /* in dir; NULL: sources go there by their own names */
	struct usrbio_id *lineage; /* dir, and the directories above it */
	int nr_lineage;
};

/* 0, or an exit status when that was said. */
int target_open(struct target *target, struct run *run, const char *path, int nr_sources);
void target_close(struct target *target);

/* Is the directory of this identity the target's, or one above it? */
bool target_is_inside(const struct target *target, const struct usrbio_id *id);

#endif
