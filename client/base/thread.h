/* Threads of the library's own: signals are for the program's. Nobody joins them. */
#ifndef USRBIO_CLIENT_BASE_THREAD_H
#define USRBIO_CLIENT_BASE_THREAD_H

/* 0 or -errno, said in the log. */
int thread_start(void *(*run)(void *arg), void *arg);
/* The thread that runs: what it is called, at most 15 characters. */
void thread_name(const char *name);

#endif
