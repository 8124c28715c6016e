/* Removing a tree of a mount: by directory descriptors, never following a link. */
#ifndef USRBIO_TOOL_RM_TREE_H
#define USRBIO_TOOL_RM_TREE_H

#include <stdbool.h>

#include "client/tool/fs/dir.h"

/*
 * Remove the directory `name` in `parent` and what is in it. With `force`, what vanishes meanwhile
 * is no error. EXIT_FINE, or EXIT_FAILED when it was said why.
 */
int rm_tree(struct dir *parent, const char *name, bool force);

#endif
