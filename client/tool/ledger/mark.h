/*
 * A mark: an empty file with a random name in the target directory while a tree is copied into it.
 * The identity of a directory may differ between two views of one file system, because network
 * mounts and overlays change device numbers. If the walker finds the mark in a source directory, it
 * knows that this directory is the target.
 */
#ifndef USRBIO_TOOL_MARK_H
#define USRBIO_TOOL_MARK_H

#include "client/tool/fs/dir.h"

struct mark {
	struct dir *to; /* NULL: there is no mark */
	char name[32];	/* of the file, TEMP_NAME_SIZE bytes */
};

/*
 * Make the mark in `to`. If that fails, there is no mark: making the first file there will fail for
 * the same reason, and report it.
 */
void mark_make(struct mark *mark, struct dir *to);
/* Remove the mark, if there is one. */
void mark_remove(struct mark *mark);

#endif
