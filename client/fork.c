/* fork: pthread_atfork does all the work; a function registered twice by a race runs twice. */
#include "client/fork.h"

#include <pthread.h>

#include "common/log.h"

void fork_watch(void (*child)(void))
{
	if (pthread_atfork(NULL, NULL, child))
		log_warn("no memory to watch for fork: rings must not be used in a forked child");
}
