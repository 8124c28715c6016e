/* A line on the terminal that says how far a copy is; a thread of its own draws it. */
#ifndef USRBIO_TOOL_PROGRESS_H
#define USRBIO_TOOL_PROGRESS_H

#include "client/tool/copy/copy.h"

struct progress;

/* NULL when stderr is no terminal, or there is no thread to be had. */
struct progress *progress_start(const struct copy_totals *totals);
/* Wipes the line. NULL is fine. */
void progress_stop(struct progress *progress);

#endif
