/* A line on the terminal with the progress of a copy, drawn by a thread of its own. */
#ifndef USRBIO_TOOL_PROGRESS_H
#define USRBIO_TOOL_PROGRESS_H

#include "client/tool/copy/copy.h"

struct progress;

/* Start the line. NULL if stderr is no terminal, or there can be no thread. */
struct progress *progress_start(const struct copy_totals *totals);
/* Wipe the line and end its thread. Accepts NULL. */
void progress_stop(struct progress *progress);

#endif
