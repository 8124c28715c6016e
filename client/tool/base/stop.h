/*
 * SIGINT, SIGTERM and SIGHUP, for commands that have to clean up: a thread receives them and calls
 * a function once; a second signal ends the program at once. Call stop_begin before any other
 * thread is started.
 */
#ifndef USRBIO_TOOL_STOP_H
#define USRBIO_TOOL_STOP_H

#include <stdbool.h>

/* Start the thread. 0 or -errno. */
int stop_begin(void);
/*
 * Set the function that the signals' thread calls, or NULL. It is called at once if a signal has
 * come already.
 */
void stop_tell(void (*tell)(void *arg), void *arg);
/* Return the signal that came, or 0. */
int stop_signal(void);

#endif
