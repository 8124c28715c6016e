/*
 * What a server that stops does not wait for any longer. The thread that stops the server calls
 * this, and the workers name what they know.
 */
#include "server/program/server_hung.h"

#include <errno.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/base/state.h"
#include "server/loop/worker_hung.h"
#include "server/session/export.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

bool server_wait(sem_t *sem, uint64_t until_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
				       .tv_nsec = (long)(until_ns % NS_PER_S)};
	int err;

	do
		err = sem_clockwait(sem, CLOCK_MONOTONIC, &until) ? errno : 0;
	while (err == EINTR);
	return !err;
}

void server_name_hung(struct server *server)
{
	const uint64_t until = now_ns() + server->stop_ns / 10;
	bool known = true;

	if (server->hung_named)
		return;
	server->hung_named = true;
	for (unsigned i = 0; i < server->nr_workers && !server->stopped; i++)
		worker_name_hung(server->workers[i]);
	for (unsigned i = 0; i < server->nr_workers && !server->stopped; i++)
		if (!server_wait(&server->workers[i]->named, until)) {
			log_error("worker %u: its thread hangs, perhaps in a file system", i);
			known = false;
		}
	exports_leave(&server->exports, known);
	state_unlock(server->state); /* the next server can start */
}
