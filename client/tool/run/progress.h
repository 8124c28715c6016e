/* A line on the terminal with the progress of a copy. A thread of its own draws it. */
#ifndef USRBIO_TOOL_PROGRESS_H
#define USRBIO_TOOL_PROGRESS_H

#include "client/tool/run/run.h"

struct progress;

/* Start the line; totals outlive it. NULL: stderr is no terminal, or no thread can be started. */
struct progress *progress_start(const struct copy_totals *totals);
/* End the thread and wipe the line. Accepts NULL. */
void progress_stop(struct progress *progress);

#endif
