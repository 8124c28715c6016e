/*
 * Walks a source tree: makes its directories in the target, or uses those that exist, and adds its
 * files to the copy. The main thread is the walker. A target directory gets its mode and is synced
 * when everything in it is complete.
 */
#ifndef USRBIO_TOOL_WALK_H
#define USRBIO_TOOL_WALK_H

#include "client/tool/tree/walk_target.h"

/*
 * Copy everything in the directory `from`, whose attributes are `st`, to the directory `name` in
 * `to`, or into `to` itself if name is NULL. An object that cannot be copied is reported and
 * counted as failed. Returns when all files have been added; copy_finish waits for them.
 */
void walk_tree(struct copy *copy, struct dir *from, const struct usrbio_stat *st, struct dir *to,
	       const char *name);
/*
 * Claim the file's name in the target and add the file to the copy. If this run has used the name
 * before, that is reported, counted as failed, and the file is freed.
 */
void walk_add_file(struct copy *copy, struct copy_file *file);

#endif
