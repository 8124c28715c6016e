/*
 * Handles SIGINT, SIGTERM and SIGHUP for commands that have to clean up. A thread receives the
 * signals. After the first one it calls a function; after a second one it ends the program at once,
 * with status 128 + signal. SIGPIPE and SIGXFSZ are ignored, so that calls fail instead.
 */
#ifndef USRBIO_TOOL_STOP_H
#define USRBIO_TOOL_STOP_H

#include <stdbool.h>

/* Block the signals and start the thread, before any other thread is started. 0 or -errno. */
int stop_begin(void);
/*
 * Set the function that the thread calls after the first signal, or NULL for none. If that signal
 * has come already, this call itself calls the function. The function must not call stop_tell.
 */
void stop_tell(void (*tell)(void *arg), void *arg);
/* Return the number of the first signal that came, or 0. */
int stop_signal(void);

#endif
