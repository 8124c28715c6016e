/* Splits a path that the user wrote into the directory and the name in it. */
#ifndef USRBIO_TOOL_NAMED_H
#define USRBIO_TOOL_NAMED_H

#include "client/tool/fs/fs.h"

/*
 * Split a path. 0: the caller frees both strings. -EINVAL: the path ends in no name, or in "." or
 * "..". Ends the program if there is no memory.
 */
int named_split(const struct endpoint *endpoint, const char *path, char **parent, char **name);

#endif
