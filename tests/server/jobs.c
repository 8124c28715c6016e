/* Jobs: whose turn it is, how many threads there are, and what a job that hangs does to others. */
#include "server/base/job_threads.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 1000 };

/* A job that notes that it ran, and then waits until it is let go if it has to. */
struct noted {
	struct job job;
	char session;
	sem_t *go; /* NULL: it ends at once */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ran = PTHREAD_COND_INITIALIZER;
static char order[4 * MANY];
static unsigned nr_ran, nr_ended;

static void note(struct job *job)
{
	struct noted *noted = container_of(job, struct noted, job);

	pthread_mutex_lock(&lock);
	order[nr_ran++] = noted->session;
	pthread_cond_broadcast(&ran);
	pthread_mutex_unlock(&lock);
	while (noted->go && sem_wait(noted->go))
		;
	pthread_mutex_lock(&lock);
	nr_ended++;
	pthread_cond_broadcast(&ran);
	pthread_mutex_unlock(&lock);
	free(noted);
}

static void await(const unsigned *count, unsigned n)
{
	pthread_mutex_lock(&lock);
	while (*count < n)
		pthread_cond_wait(&ran, &lock);
	pthread_mutex_unlock(&lock);
}

static struct noted *run_one(struct job_threads *threads, struct job_session *session, char name,
			     sem_t *go)
{
	struct noted *noted = calloc(1, sizeof(*noted));

	*noted = (struct noted){.job.run = note, .session = name, .go = go};
	job_threads_run(threads, session, &noted->job);
	return noted;
}

static void run_many(struct job_threads *threads, struct job_session *session, char name,
		     unsigned n, sem_t *go)
{
	while (n--)
		run_one(threads, session, name, go);
}

static struct job_threads *open_threads(unsigned max)
{
	struct job_threads *threads;

	cr_assert_eq(job_threads_open(&threads, "usrbio-calls", max), 0);
	return threads;
}

static void close_threads(struct job_threads *threads)
{
	cr_assert_eq(job_threads_close(threads, 60000), 0);
}

static unsigned nr_threads(struct job_threads *threads)
{
	struct job_load load;

	job_threads_load(threads, &load);
	return load.nr_threads;
}

/* One thread, which stands until all jobs are queued. */
Test(jobs, owners_take_turns_and_so_do_their_sessions)
{
	struct job_threads *threads = open_threads(1);
	struct job_session *a1 = job_session_open(threads, "a"),
			   *a2 = job_session_open(threads, "a"),
			   *b = job_session_open(threads, "b");
	sem_t go;

	sem_init(&go, 0, 0);
	run_one(threads, NULL, '-', &go);
	await(&nr_ran, 1);
	run_many(threads, a1, '1', MANY, NULL);
	run_many(threads, a2, '2', 3, NULL);
	run_many(threads, b, 'b', 4, NULL);
	sem_post(&go);
	await(&nr_ended, 1 + MANY + 3 + 4);
	order[20] = '\0';
	cr_assert_str_eq(order, "-1b2b1b2b12111111111");
	job_session_close(threads, a1);
	job_session_close(threads, a2);
	job_session_close(threads, b);
	close_threads(threads);
}

/* Calls that hang in one session leave threads to the others. */
Test(jobs, a_session_alone_gets_half_of_the_threads)
{
	struct job_threads *threads = open_threads(8);
	struct job_session *a = job_session_open(threads, "a"), *b = job_session_open(threads, "b"),
			   *c = job_session_open(threads, "c");
	struct job_load load;
	sem_t go;

	sem_init(&go, 0, 0);
	run_many(threads, a, 'a', 100, &go);
	await(&nr_ran, 4);
	run_many(threads, b, 'b', 100, &go);
	await(&nr_ran, 4 + 2);
	run_one(threads, c, 'c', NULL);
	await(&nr_ended, 1);
	do /* the thread notes the end of the job a little after the job does */
		job_threads_load(threads, &load);
	while (load.nr_running > 4 + 2);
	cr_assert_eq(load.nr_running, 4 + 2);
	cr_assert_eq(load.nr_waiting, 96 + 98);
	cr_assert_leq(load.nr_threads, 8);
	for (int i = 0; i < 200; i++)
		sem_post(&go);
	await(&nr_ended, 201);
	job_session_close(threads, a);
	job_session_close(threads, b);
	job_session_close(threads, c);
	close_threads(threads);
}

Test(jobs, a_session_may_be_closed_while_its_last_job_returns)
{
	struct job_threads *threads = open_threads(4);
	unsigned n = 0;

	for (int i = 0; i < MANY; i++) {
		struct job_session *session = job_session_open(threads, "a");

		run_one(threads, session, 'a', NULL);
		await(&nr_ended, ++n);
		job_session_close(threads, session);
	}
	close_threads(threads);
}

Test(jobs, what_has_not_begun_can_be_withdrawn)
{
	struct job_threads *threads = open_threads(2);
	struct job_session *session = job_session_open(threads, "a");
	struct noted *stands, *waits;
	sem_t go;

	sem_init(&go, 0, 0);
	stands = run_one(threads, session, '1', &go);
	await(&nr_ran, 1);
	waits = run_one(threads, session, '2', NULL);
	cr_assert(job_threads_withdraw(threads, &waits->job), "the session has its share");
	cr_assert_not(job_threads_withdraw(threads, &waits->job));
	cr_assert_not(job_threads_withdraw(threads, &stands->job));
	free(waits);
	sem_post(&go);
	await(&nr_ended, 1);
	run_one(threads, session, '3', NULL);
	await(&nr_ended, 2);
	cr_assert_str_eq(order, "13");
	job_session_close(threads, session);
	close_threads(threads);
}

/* Threads come when they are needed, and go after some seconds. */
Test(jobs, threads_come_and_go, .timeout = 120)
{
	struct job_threads *threads = open_threads(64);
	sem_t go;

	sem_init(&go, 0, 0);
	cr_assert_eq(nr_threads(threads), 1);
	run_many(threads, NULL, '-', 64, &go);
	await(&nr_ran, 64);
	cr_assert_eq(nr_threads(threads), 64);
	for (int i = 0; i < 64; i++)
		sem_post(&go);
	await(&nr_ended, 64);
	run_many(threads, NULL, '-', 10, NULL);
	await(&nr_ended, 74);
	while (nr_threads(threads) > 1)
		usleep(10000);
	run_many(threads, NULL, '-', 10, NULL);
	await(&nr_ended, 84);
	close_threads(threads);
}

Test(jobs, closing_runs_what_is_queued_and_does_not_wait_for_ever)
{
	struct job_threads *threads = open_threads(2);
	sem_t go;

	sem_init(&go, 0, 0);
	run_many(threads, NULL, '-', 100, &go);
	cr_assert_eq(job_threads_close(threads, 10), -ETIMEDOUT);
	for (int i = 0; i < 100; i++)
		sem_post(&go);
	cr_assert_eq(job_threads_close(threads, 60000), 0);
	cr_assert_eq(nr_ended, 100);
}
