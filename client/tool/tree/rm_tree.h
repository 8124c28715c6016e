/* Removing a tree of a mount: by directory descriptors, never following a link. */
#ifndef USRBIO_TOOL_RM_TREE_H
#define USRBIO_TOOL_RM_TREE_H

#include <stdbool.h>

#include "client/tool/fs/dir.h"

/*
 * Remove the directory `name` in `parent` and its contents. With `force`, names that disappear
 * meanwhile are no error. EXIT_FINE, or EXIT_FAILED after a report.
 */
int rm_tree(struct dir *parent, const char *name, bool force);

#endif
