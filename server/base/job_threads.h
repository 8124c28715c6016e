/* Threads for what blocks: namespace calls and closing files. */
#ifndef USRBIO_SERVER_BASE_JOB_THREADS_H
#define USRBIO_SERVER_BASE_JOB_THREADS_H

struct job_threads;

/* Embedded in what is to be done; free to be reused or freed from within run. */
struct job {
	void (*run)(struct job *job);
	struct job *next;
};

/* 0, -ENOMEM, -EAGAIN. */
int job_threads_open(struct job_threads **pool, unsigned nr_threads);
/* Runs what is queued, then ends the threads. Nobody queues any more. */
void job_threads_close(struct job_threads *pool);
/* Jobs that wait for a thread, and threads that run one. Any thread. */
void job_threads_load(struct job_threads *pool, unsigned *nr_waiting, unsigned *nr_busy);
/* Any thread; the jobs themselves may queue more. In order, as many at a time as threads. */
void job_threads_run(struct job_threads *pool, struct job *job);

#endif
