/*
 * SIGINT, SIGTERM and SIGHUP, for commands that have to clean up: a thread takes them and calls a
 * function once; a second signal ends the program at once. Call stop_begin before any other thread
 * is made.
 */
#ifndef USRBIO_TOOL_STOP_H
#define USRBIO_TOOL_STOP_H

#include <stdbool.h>

/* 0 or -errno. */
int stop_begin(void);
/* What to call, from the signals' thread, or NULL; at once, when one came already. */
void stop_tell(void (*tell)(void *arg), void *arg);
/* The signal that came, or 0. */
int stop_signal(void);

#endif
