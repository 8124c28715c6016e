/* The job threads. They run work that blocks: calls, and closing files. */
#ifndef USRBIO_SERVER_BASE_JOB_THREADS_H
#define USRBIO_SERVER_BASE_JOB_THREADS_H

struct job_threads;

/* One job, embedded in the object that it works for. run() may reuse or free it. */
struct job {
	void (*run)(struct job *job);
	struct job *next;
};

/* Start the threads. Returns 0, -ENOMEM or -EAGAIN; the log has a line if a thread cannot start. */
int job_threads_open(struct job_threads **pool, unsigned nr_threads);
/* Run the jobs that are queued, then end the threads. No more jobs may be queued. */
void job_threads_close(struct job_threads *pool);
/* Count the jobs that wait for a thread, and the threads that run one. Any thread. */
void job_threads_load(struct job_threads *pool, unsigned *nr_waiting, unsigned *nr_busy);
/*
 * Queue a job. Any thread may call this, also from within a job. Jobs begin in order, as many at a
 * time as there are threads.
 */
void job_threads_run(struct job_threads *pool, struct job *job);

#endif
