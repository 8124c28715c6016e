/* Starts the library's threads; see thread.h. No state; any thread. */
#include "client/base/thread.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "common/base/log.h"

int thread_start(void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (err)
		log_warn("cannot start a thread: %s", strerror(err));
	return -err;
}

void thread_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}
