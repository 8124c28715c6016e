/* A path as the user wrote it, in two: the directory that it is in, and its name there. */
#ifndef USRBIO_TOOL_NAMED_H
#define USRBIO_TOOL_NAMED_H

#include "client/tool/fs/fs.h"

/* 0, and two strings to free; -EINVAL: it ends in no name, or in "." or "..". */
int named_split(const struct endpoint *endpoint, const char *path, char **parent, char **name);

#endif
