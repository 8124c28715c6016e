/* Removes a tree, by descriptors of its directories; no link is followed. Any thread. */
#ifndef USRBIO_TOOL_RM_TREE_H
#define USRBIO_TOOL_RM_TREE_H

#include <stdbool.h>

#include "client/tool/fs/dir.h"

/*
 * Remove the directory `name` in `parent` and its contents. With `force`, names that other programs
 * remove meanwhile are no error. EXIT_FINE; EXIT_FAILED: each error has been reported.
 */
int rm_tree(struct dir *parent, const char *name, bool force);

#endif
