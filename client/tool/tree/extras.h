/*
 * Names of a target that the source does not have, for a copy that mirrors it: they are found when
 * the walker has read a source directory, and removed when everything has been copied. And names
 * that the user excludes. The copy owns the list; the main thread.
 */
#ifndef USRBIO_TOOL_EXTRAS_H
#define USRBIO_TOOL_EXTRAS_H

#include "client/tool/copy/copy.h"

/* True if the user excludes a name in the directory `dir` of a source or target tree. */
bool extras_excluded(const struct copy *copy, const struct dir *dir, const char *name,
		     bool directory);
/* Return the fingerprint of a name, for the set of names of a source directory. */
struct idkey extras_key(struct copy *copy, const char *name);
/*
 * List `to`, and note the names that are neither in `seen` nor excluded; `from` is its source. Such
 * a directory does not get its times before they have been removed.
 */
void extras_find(struct copy *copy, struct dir *to, const struct dir *from,
		 const struct idset *seen);
/*
 * Remove what was noted, unless the run has failed or was stopped: then a name may be missing in
 * the source for that reason. Call it after copy_finish.
 */
void extras_remove(struct copy *copy);

#endif
