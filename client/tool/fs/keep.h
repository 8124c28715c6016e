/*
 * Gives an object the attributes of another one: permissions, owner and group if that is permitted,
 * and the times of access and change, to the nanosecond. No state; any thread.
 */
#ifndef USRBIO_TOOL_KEEP_H
#define USRBIO_TOOL_KEEP_H

#include <stdbool.h>

#include "client/tool/fs/fs.h"

/*
 * Give the attributes of `model` to the object `name` in the directory `dir`; with name NULL, to
 * the descriptor `dir` itself. `now` has its attributes so far; NULL: they are not known, and all
 * are set. No link is followed. Owner and group stay if the caller must not set them. 0 or -errno.
 */
int keep_set(const struct fs *fs, int dir, const char *name, const struct usrbio_stat *now,
	     const struct usrbio_stat *model);
/* True if permissions or the time of change differ, so that keep_set has something to do. */
bool keep_differs(const struct usrbio_stat *now, const struct usrbio_stat *model);

#endif
