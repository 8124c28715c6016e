/* Threads for what blocks: namespace calls and closing files. */
#ifndef USRBIO_SERVER_BASE_JOB_THREADS_H
#define USRBIO_SERVER_BASE_JOB_THREADS_H

struct pool;

/* Embedded in what is to be done; free to be reused or freed from within run. */
struct job {
	void (*run)(struct job *job);
	struct job *next;
};

/* 0, -ENOMEM, -EAGAIN. */
int pool_open(struct pool **pool, unsigned nr_threads);
/* Runs what is queued, then ends the threads. Nobody queues any more. */
void pool_close(struct pool *pool);
/* Any thread; the jobs themselves may queue more. In order, as many at a time as threads. */
void pool_run(struct pool *pool, struct job *job);

#endif
