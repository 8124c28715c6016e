/*
 * The library's own threads. They block all signals, which belong to the program. None is joined.
 */
#ifndef USRBIO_CLIENT_BASE_THREAD_H
#define USRBIO_CLIENT_BASE_THREAD_H

/* Start a thread. 0, or -errno, which the log explains. */
int thread_start(void *(*run)(void *arg), void *arg);
/* Name the calling thread, in at most 15 characters. */
void thread_name(const char *name);

#endif
