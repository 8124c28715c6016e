/*
 * The server of the cost program: the library's in-process server, but with a null store and
 * without a thread: its one worker is kept here, and turned by hand from the main thread.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "common/inprocess.h"
#include "server/program/server.h"
#include "server/loop/worker_loop.h"
#include "server/worker/worker.h"
#include "tests/bench/cost/cost.h"

static _Atomic(struct worker *) the_worker;

int __wrap_worker_start(struct worker *worker);

int __wrap_worker_start(struct worker *worker)
{
	atomic_store(&the_worker, worker);
	return 0;
}

int inprocess_start(const char *dir, bool read_only, const char *name, struct inprocess **server)
{
	struct export_config export = {.name = INPROCESS_EXPORT, .where = "null:1G"};
	struct listen_config listen = {.scheme = "loop"};
	struct server_config config = {
		.exports = &export,
		.nr_exports = 1,
		.listens = &listen,
		.nr_listens = 1,
		.nr_workers = 1,
	};

	snprintf(listen.host, sizeof(listen.host), "%s", name);
	return server_start(&config, (struct server **)server);
}

void inprocess_stop(struct inprocess *server)
{
}

bool cost_server_turn(void)
{
	struct worker *worker = atomic_load(&the_worker);
	uint64_t due;

	return worker && worker_turn(worker, &due);
}
