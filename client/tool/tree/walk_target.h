/*
 * The target directories of a walk. One gets its attributes, and is synced, when everything in it
 * is complete: when the last reference to it is dropped.
 */
#ifndef USRBIO_TOOL_WALK_TARGET_H
#define USRBIO_TOOL_WALK_TARGET_H

#include "client/tool/copy/copy.h"

/* True if a call failed for want of a descriptor, and one was closed meanwhile: try again. */
bool walk_want_descriptors(struct copy *copy, int err);
/* Announce a target directory: it is in the ledger, and gets its mode and is synced at its end. */
void walk_adopt(struct run *run, struct dir *to);
/*
 * Claim the name in `to` for a source directory with the attributes `model`, and make the target
 * directory or use the one that exists. 0 or an error.
 */
int walk_enter_target(struct copy *copy, struct dir *to, const char *name,
		      const struct usrbio_stat *model, struct dir **made);
/* The contents of a source go directly into `to`, which gets its attributes, too. */
void walk_adopt_attributes(struct copy *copy, struct dir *to, const struct usrbio_stat *model);

#endif
