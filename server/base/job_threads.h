/*
 * Threads for what may block: calls about names and files, and closing files. One set of threads
 * serves one export, so that a file system that hangs keeps only its own threads busy.
 *
 * There is one thread at first. More are started while jobs wait, up to a limit, and end after some
 * seconds without a job. Sessions and their owners are served in turns (job_queue.h).
 */
#ifndef USRBIO_SERVER_BASE_JOB_THREADS_H
#define USRBIO_SERVER_BASE_JOB_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/job_queue.h"

struct job_threads;

/* Start the first of at most `max` threads, all of this name. 0, -ENOMEM, -EAGAIN. */
int job_threads_open(struct job_threads **threads, const char *name, unsigned max);
/*
 * Run the jobs that wait, end the threads and free everything, within `ms` milliseconds. 0; or
 * -ETIMEDOUT: some jobs still run, and all of it stays in use. All session flows are closed.
 */
int job_threads_close(struct job_threads *threads, unsigned ms);

/*
 * Wait until no job waits or runs, within `ms` milliseconds. 0 or -ETIMEDOUT. Nobody queues another
 * one.
 */
int job_threads_drain(struct job_threads *threads, unsigned ms);

struct job_load {
	unsigned nr_waiting, nr_running; /* jobs */
	unsigned nr_threads, max;
	uint64_t since_ns; /* when the oldest of those that run began, if there is one */
};

/* Any thread. */
void job_threads_load(struct job_threads *threads, struct job_load *load);

/*
 * Call show() with what each job that runs does and since when, the oldest first, under the lock of
 * the threads. Any thread.
 */
void job_threads_show(struct job_threads *threads,
		      void (*show)(void *arg, const char *text, uint64_t since_ns), void *arg);
/* By a job with describe(), before its end: it is not to be described any more. */
void job_threads_hide(struct job_threads *threads, struct job *job);

/*
 * Make the flow of a session of this owner: the id of its key, or "". NULL: no memory. Any thread.
 */
struct job_session *job_session_open(struct job_threads *threads, const char *owner);
/* None of its jobs waits any more. Any thread. */
void job_session_close(struct job_threads *threads, struct job_session *session);

/*
 * Queue a job in the flow of a session; NULL: in the one that is nobody's. Any thread, also from
 * within a job.
 */
void job_threads_run(struct job_threads *threads, struct job_session *session, struct job *job);
/* Take back a job. False: it has begun, and maybe ended. Only for a job that does not free itself.
 */
bool job_threads_withdraw(struct job_threads *threads, struct job *job);

#endif
