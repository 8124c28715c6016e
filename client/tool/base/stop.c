/*
 * A thread that waits for the signals that stop the program; see stop.h. The process owns the
 * state; any thread uses it, under one lock.
 */
#include "client/tool/base/stop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "client/tool/base/tool.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static void (*tell_fn)(void *arg);
static void *tell_arg;
static int came; /* the first signal; 0: none */

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static void *run(void *arg)
{
	sigset_t set;
	int signal;

	(void)arg;
	fill(&set);
	while (sigwait(&set, &signal))
		;
	fail_text("stopping, and removing unfinished files; a second signal ends at once and "
		  "leaves them");
	pthread_mutex_lock(&lock);
	came = signal;
	if (tell_fn)
		tell_fn(tell_arg);
	pthread_mutex_unlock(&lock);
	while (sigwait(&set, &signal))
		;
	_exit(128 + signal);
}

int stop_begin(void)
{
	pthread_t thread;
	sigset_t set;
	int err;

	fill(&set);
	/*
	 * These signals would end the program, but a file that is too large, or a reader that has
	 * left, is only an error of that file.
	 */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	err = pthread_create(&thread, NULL, run, NULL);
	if (err)
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	else
		pthread_detach(thread);
	return -err;
}

void stop_tell(void (*tell)(void *arg), void *arg)
{
	pthread_mutex_lock(&lock);
	tell_fn = tell;
	tell_arg = arg;
	if (came && tell)
		tell(arg);
	pthread_mutex_unlock(&lock);
}

int stop_signal(void)
{
	int signal;

	pthread_mutex_lock(&lock);
	signal = came;
	pthread_mutex_unlock(&lock);
	return signal;
}
