/* A path as the user wrote it, in two parts: its directory, and its name there. */
#ifndef USRBIO_TOOL_NAMED_H
#define USRBIO_TOOL_NAMED_H

#include "client/tool/fs/fs.h"

/* Split a path. 0, and two strings to free; -EINVAL: it ends in no name, or in "." or "..". */
int named_split(const struct endpoint *endpoint, const char *path, char **parent, char **name);

#endif
