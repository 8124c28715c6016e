/* What there is to copy: source arguments become directories made and files added. */
#ifndef USRBIO_TOOL_WALK_H
#define USRBIO_TOOL_WALK_H

#include "client/tool/copy.h"

/*
 * Make the directory `to` like `from`, and everything below; files are added to the copy.
 * What cannot be copied is said and counted as failed.
 */
void walk_tree(struct copy *copy, const char *from, const char *to, mode_t mode);

#endif
