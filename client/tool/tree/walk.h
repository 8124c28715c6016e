/*
 * Walking a source tree: directories are made, or merged into, and files are added to the copy.
 * One thread. Directories of the target get their mode, and are synced, when all in them is done.
 */
#ifndef USRBIO_TOOL_WALK_H
#define USRBIO_TOOL_WALK_H

#include "client/tool/copy/copy.h"

/*
 * Copy everything in the directory `from` to `name` in the directory `to`, or into `to` itself if
 * name is NULL. What cannot be copied is said and counted as failed.
 */
void walk_tree(struct copy *copy, struct dir *from, mode_t mode, struct dir *to, const char *name);
/* A directory that files go into was there before: sync it at the end. */
void walk_adopt(struct run *run, struct dir *to);
/* A file of that name goes there: its name is claimed, or the reason said. */
void walk_add_file(struct copy *copy, struct copy_file *file);

#endif
