/*
 * A mark in the target directory while a tree is copied into it. Views of one file system need not
 * agree on what identifies a directory: network mounts and overlays change device numbers. The
 * walker that meets the mark in the source knows that this directory is the target all the same.
 */
#ifndef USRBIO_TOOL_MARK_H
#define USRBIO_TOOL_MARK_H

#include "client/tool/fs/dir.h"

struct mark {
	struct dir *to; /* NULL: there is no mark */
	char name[32];
};

/*
 * Make an empty file in `to`. If that fails there is no mark, and the copy will report the reason.
 */
void mark_make(struct mark *mark, struct dir *to);
void mark_remove(struct mark *mark);

#endif
