/*
 * The threads of one export and the jobs that wait for them, under one lock. The export owns them;
 * any thread queues jobs. The threads are detached and counted: whoever closes them waits until
 * none is left.
 *
 * A thread that has nothing to do lies on a stack. The one that came last is called first, so that
 * those below it notice that they are not needed, and end.
 */
#include "server/base/job_threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/lock.h"
#include "common/base/log.h"
#include "server/base/identity.h"

#define JOB_TEXT_MAX 256
#define IDLE_S	     10 /* a thread without a job lives this long, unless it is the only one */

struct job_threads {
	const char *name;
	unsigned max;
	struct lock lock; /* LOCK_JOBS: guards what follows; the threads wait under it */
	struct job_queue queue;
	struct list idle;      /* struct idle_thread, the last one first */
	struct list busy;      /* struct busy_thread, the one that has been longest first */
	unsigned nr_threads;   /* with those that are being started */
	unsigned nr_coming;    /* called or being started: they have not looked for a job yet */
	bool closing, refused; /* the system refused the last thread */
	pthread_cond_t ended;  /* there is no thread any more */
	pthread_cond_t quiet;  /* nothing waits or runs */
};

/* One that waits for a job; on its own stack. */
struct idle_thread {
	struct list node;
	pthread_cond_t call;
	bool called;
};

/* One that runs a job; on its own stack. */
struct busy_thread {
	struct list node;
	uint64_t since_ns; /* when the job began */
	struct job *job;   /* which can be described; or NULL */
};

/* Jobs that run, which is one for each thread that is busy. */
static unsigned nr_busy(const struct job_threads *threads)
{
	return threads->queue.root.nr_running;
}

static struct job_flow *next(struct job_threads *threads)
{
	return job_flow_next(&threads->queue.root, threads->max - nr_busy(threads));
}

/*
 * Call a thread if there is a job that waits for one. True if the caller, who may start threads,
 * has to do so once it has released the lock; the new one is counted already.
 */
static bool call_thread(struct job_threads *threads, bool may_start)
{
	lock_assert_held(&threads->lock);
	if (threads->queue.root.nr_waiting <= threads->nr_coming || !next(threads))
		return false;
	if (!list_empty(&threads->idle)) {
		struct idle_thread *idle =
			container_of(list_pop(&threads->idle), struct idle_thread, node);

		idle->called = true;
		threads->nr_coming++;
		pthread_cond_signal(&idle->call);
		return false;
	}
	if (threads->nr_threads == threads->max || !may_start)
		return false;
	threads->nr_threads++;
	threads->nr_coming++;
	return true;
}

/* Wait until somebody calls. False: end, as there has been nothing to do for long. */
static bool wait_for_call(struct job_threads *threads)
{
	const uint64_t until = now_ns() + IDLE_S * NS_PER_S;
	const struct timespec ts = {(time_t)(until / NS_PER_S), (long)(until % NS_PER_S)};
	struct idle_thread idle = {.called = false};
	bool late = false;

	pthread_cond_init(&idle.call, NULL);
	list_add_head(&threads->idle, &idle.node);
	while (!idle.called && !threads->closing && !late)
		if (threads->nr_threads > 1)
			late = lock_wait_until(&threads->lock, &idle.call, &ts) == ETIMEDOUT;
		else
			lock_wait(&threads->lock, &idle.call);
	list_del(&idle.node);
	pthread_cond_destroy(&idle.call);
	threads->nr_coming -= idle.called;
	/* The last one stays. */
	return idle.called || (!threads->closing && threads->nr_threads == 1);
}

static void start_thread(struct job_threads *threads);

/* `done`: the flow of the job that the thread comes from; NULL: from none. */
static struct job *take(struct job_threads *threads, struct busy_thread *self,
			struct job_flow *done, struct job_flow **flow)
{
	struct job *job = NULL;
	bool more;

	lock_acquire(&threads->lock);
	list_del(&self->node);
	if (done) {
		job_queue_end(&threads->queue, done);
		if (job_flow_idle(&threads->queue.root))
			pthread_cond_broadcast(&threads->quiet);
	} else {
		threads->nr_coming--;
	}
	while (!(*flow = next(threads)) && wait_for_call(threads))
		;
	if (*flow) {
		job = job_flow_begin(*flow);
		self->since_ns = now_ns();
		self->job = job->describe ? job : NULL;
		list_add_tail(&threads->busy, &self->node);
	} else if (!--threads->nr_threads) {
		pthread_cond_signal(&threads->ended);
	}
	more = job && call_thread(threads, true);
	lock_release(&threads->lock);
	if (more)
		start_thread(threads);
	return job;
}

static void *run(void *arg)
{
	struct job_threads *threads = arg;
	struct job_flow *flow = NULL;
	struct busy_thread self;
	struct job *job;

	list_init(&self.node);
	pthread_setname_np(pthread_self(), threads->name);
	identity_forgo_set_id();
	while ((job = take(threads, &self, flow, &flow)))
		job->run(job);
	return NULL;
}

/* A thread with all signals blocked, which are for the threads of the program. 0 or an errno. */
static int create(struct job_threads *threads)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, run, threads);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

/*
 * Start a thread that has been counted. It inherits the user that its starter acts as: a thread
 * that stands between two jobs becomes the server itself before, and a job that acts as a user
 * starts none.
 */
static void start_thread(struct job_threads *threads)
{
	int err = identity_become(NULL) ? EPERM : create(threads);
	unsigned nr_left;
	bool first;

	lock_acquire(&threads->lock);
	first = err && !threads->refused;
	threads->refused = err;
	if (err) {
		threads->nr_threads--;
		threads->nr_coming--;
	}
	nr_left = threads->nr_threads;
	lock_release(&threads->lock);
	if (first)
		log_warn("cannot start another thread for calls: %s; there are %u", strerror(err),
			 nr_left);
}

int job_threads_open(struct job_threads **out, const char *name, unsigned max)
{
	struct job_threads *threads = calloc(1, sizeof(*threads));
	int err;

	if (!threads)
		return -ENOMEM;
	threads->name = name;
	threads->max = max;
	lock_init(&threads->lock, LOCK_JOBS);
	pthread_cond_init(&threads->ended, NULL);
	pthread_cond_init(&threads->quiet, NULL);
	job_queue_init(&threads->queue);
	list_init(&threads->idle);
	list_init(&threads->busy);
	threads->nr_threads = threads->nr_coming = 1;
	err = create(threads);
	if (err) {
		log_error(
			"cannot start a thread for calls: %s; raise RLIMIT_NPROC (ulimit -u) or pids.max of the control group",
			strerror(err));
		free(threads);
		return -err;
	}
	*out = threads;
	return 0;
}

static bool is_quiet(const struct job_threads *threads)
{
	return job_flow_idle(&threads->queue.root);
}

static bool is_ended(const struct job_threads *threads)
{
	return !threads->nr_threads;
}

/* Wait, within `ms` milliseconds, until it is so. False: it is late. */
static bool await(struct job_threads *threads, bool (*is_so)(const struct job_threads *),
		  pthread_cond_t *cond, unsigned ms)
{
	const uint64_t until = now_ns() + ms * NS_PER_MS;
	const struct timespec ts = {(time_t)(until / NS_PER_S), (long)(until % NS_PER_S)};
	bool late = false;

	lock_assert_held(&threads->lock);
	while (!is_so(threads) && !late)
		late = lock_wait_until(&threads->lock, cond, &ts) == ETIMEDOUT;
	return is_so(threads);
}

int job_threads_drain(struct job_threads *threads, unsigned ms)
{
	bool over;

	lock_acquire(&threads->lock);
	over = await(threads, is_quiet, &threads->quiet, ms);
	lock_release(&threads->lock);
	return over ? 0 : -ETIMEDOUT;
}

int job_threads_close(struct job_threads *threads, unsigned ms)
{
	bool over;

	lock_acquire(&threads->lock);
	threads->closing = true;
	list_for_each (it, &threads->idle)
		pthread_cond_signal(&container_of(it, struct idle_thread, node)->call);
	over = await(threads, is_ended, &threads->ended, ms);
	lock_release(&threads->lock);
	if (!over)
		return -ETIMEDOUT;
	pthread_cond_destroy(&threads->ended);
	pthread_cond_destroy(&threads->quiet);
	lock_destroy(&threads->lock);
	free(threads);
	return 0;
}

struct job_session *job_session_open(struct job_threads *threads, const char *owner)
{
	struct job_session *session;

	lock_acquire(&threads->lock);
	session = job_queue_add_session(&threads->queue, owner);
	lock_release(&threads->lock);
	return session;
}

void job_session_close(struct job_threads *threads, struct job_session *session)
{
	lock_acquire(&threads->lock);
	job_queue_close_session(session);
	lock_release(&threads->lock);
}

void job_threads_run(struct job_threads *threads, struct job_session *session, struct job *job)
{
	const bool may_start = identity_is_own();
	bool start;

	lock_acquire(&threads->lock);
	job_flow_add(session ? &session->flow : &threads->queue.root, job);
	start = call_thread(threads, may_start);
	lock_release(&threads->lock);
	if (start)
		start_thread(threads);
}

bool job_threads_withdraw(struct job_threads *threads, struct job *job)
{
	bool waits;

	lock_acquire(&threads->lock);
	waits = job->flow;
	if (waits)
		job_flow_remove(job);
	lock_release(&threads->lock);
	return waits;
}

void job_threads_show(struct job_threads *threads,
		      void (*show)(void *arg, const char *text, uint64_t since_ns), void *arg)
{
	char text[JOB_TEXT_MAX];

	lock_acquire(&threads->lock);
	list_for_each (it, &threads->busy) {
		const struct busy_thread *busy = container_of(it, struct busy_thread, node);

		if (!busy->job)
			continue;
		busy->job->describe(busy->job, text, sizeof(text));
		show(arg, text, busy->since_ns);
	}
	lock_release(&threads->lock);
}

void job_threads_hide(struct job_threads *threads, struct job *job)
{
	lock_acquire(&threads->lock);
	list_for_each (it, &threads->busy) {
		struct busy_thread *busy = container_of(it, struct busy_thread, node);

		if (busy->job == job)
			busy->job = NULL;
	}
	lock_release(&threads->lock);
}

void job_threads_load(struct job_threads *threads, struct job_load *load)
{
	lock_acquire(&threads->lock);
	*load = (struct job_load){
		.nr_waiting = threads->queue.root.nr_waiting,
		.nr_running = nr_busy(threads),
		.nr_threads = threads->nr_threads,
		.max = threads->max,
	};
	if (!list_empty(&threads->busy))
		load->since_ns =
			container_of(threads->busy.next, struct busy_thread, node)->since_ns;
	lock_release(&threads->lock);
}
