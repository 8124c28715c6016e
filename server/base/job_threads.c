/*
 * The job threads and their queue, which is first in, first out, under one lock. The server owns
 * them, and any thread queues jobs.
 */
#include "server/base/job_threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/lock.h"
#include "common/base/log.h"
#include "server/base/identity.h"

struct job_threads {
	struct lock lock; /* LOCK_JOBS: guards the fields below; the threads wait with it */
	pthread_cond_t more;
	struct job *first, **last;
	unsigned nr_waiting, nr_busy;
	bool closing;
	unsigned nr_threads;
	pthread_t threads[];
};

/* Wait for a job. NULL: end the thread. `busy` is true if the thread has just ended a job. */
static struct job *take(struct job_threads *pool, bool busy)
{
	struct job *job;

	lock_acquire(&pool->lock);
	pool->nr_busy -= busy;
	while (!pool->first && !pool->closing)
		lock_wait(&pool->lock, &pool->more);
	job = pool->first;
	if (job) {
		pool->nr_waiting--;
		pool->nr_busy++;
		pool->first = job->next;
		if (!pool->first)
			pool->last = &pool->first;
	}
	lock_release(&pool->lock);
	return job;
}

static void *pool_thread(void *arg)
{
	struct job_threads *pool = arg;
	struct job *job;

	pthread_setname_np(pthread_self(), "usrbio-calls");
	identity_forgo_set_id();
	for (job = take(pool, false); job; job = take(pool, true))
		job->run(job);
	return NULL;
}

void job_threads_run(struct job_threads *pool, struct job *job)
{
	job->next = NULL;
	lock_acquire(&pool->lock);
	*pool->last = job;
	pool->nr_waiting++;
	pool->last = &job->next;
	pthread_cond_signal(&pool->more);
	lock_release(&pool->lock);
}

void job_threads_load(struct job_threads *pool, unsigned *nr_waiting, unsigned *nr_busy)
{
	lock_acquire(&pool->lock);
	*nr_waiting = pool->nr_waiting;
	*nr_busy = pool->nr_busy;
	lock_release(&pool->lock);
}

void job_threads_close(struct job_threads *pool)
{
	lock_acquire(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->more);
	lock_release(&pool->lock);
	for (unsigned i = 0; i < pool->nr_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->more);
	lock_destroy(&pool->lock);
	free(pool);
}

int job_threads_open(struct job_threads **out, unsigned nr_threads)
{
	struct job_threads *pool = calloc(1, sizeof(*pool) + nr_threads * sizeof(pool->threads[0]));
	int err = 0;

	if (!pool)
		return -ENOMEM;
	lock_init(&pool->lock, LOCK_JOBS);
	pthread_cond_init(&pool->more, NULL);
	pool->last = &pool->first;
	while (pool->nr_threads < nr_threads && !err) {
		err = pthread_create(&pool->threads[pool->nr_threads], NULL, pool_thread, pool);
		pool->nr_threads += !err;
	}
	if (err) {
		log_error("cannot start a thread for calls: %s", strerror(err));
		job_threads_close(pool);
		return -err;
	}
	*out = pool;
	return 0;
}
