/*
 * The state dump of a server: what its workers share, its sessions, and then each worker's part,
 * which the worker's own thread writes. The server owns what is shown. This code runs on the thread
 * that asks for the dump, and holds no lock while it logs.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/clock.h"
#include "server/base/job_threads.h"
#include "server/loop/worker_dump.h"
#include "server/program/server.h"
#include "server/session/sessions.h"
#include "server/worker/worker.h"

#define WAIT_S	       3 /* for the workers; the dump also shows which one does not answer */
#define SESSIONS_SHOWN 1000
#define PLACE_SHOWN    16 /* sessions of one place of the registry's table */

static void dump_server(struct server *server)
{
	unsigned max, nr = sessions_count(server->sessions, &max), conns = 0;

	for (unsigned i = 0; i < server->nr_workers; i++)
		conns += atomic_load(&server->workers[i]->nr_conns);
	log_write(LOG_LEVEL_WARN,
		  "dump: server " USRBIO_VERSION ": %u workers, %u of %u connections, %u of %u "
		  "sessions, memory: %zu of %zu KiB in use",
		  server->nr_workers, conns, server->max_connections, nr, max,
		  (server->own_bytes + atomic_load(&server->budget.used)) >> 10,
		  (server->own_bytes + server->budget.max) >> 10);
}

static void dump_export(const struct export *export)
{
	struct job_load calls, closes;

	job_threads_load(export->calls, &calls);
	job_threads_load(export->closes, &closes);
	log_write(
		LOG_LEVEL_WARN,
		"dump: export \"%s\": calls: %u busy, %u wait; closes: %u busy, %u wait; threads: "
		"%u and %u, of at most %u",
		export->name, calls.nr_running, calls.nr_waiting, closes.nr_running,
		closes.nr_waiting, calls.nr_threads, closes.nr_threads, calls.max);
}

static double seconds_to(uint64_t ns)
{
	uint64_t now = now_ns();

	return ns > now ? (double)(ns - now) / 1e9 : 0;
}

static void dump_session(struct session_state *state)
{
	const uint8_t *id = state->id;

	text_mask(state->owner, strlen(state->owner));
	if (state->nr_members)
		log_write(
			LOG_LEVEL_WARN,
			"dump: session %02x%02x%02x%02x: %s, key \"%s\", export \"%s\", epoch %" PRIu64
			", %u connections, %u of them of older epochs, %u open files",
			id[0], id[1], id[2], id[3],
			state->epoch > UINT32_MAX ? "ending"
			: state->nr_older	  ? "being resumed"
						  : "up",
			state->owner, state->export, state->epoch, state->nr_members,
			state->nr_older, state->nr_files);
	else
		log_write(LOG_LEVEL_WARN,
			  "dump: session %02x%02x%02x%02x: without a connection, kept for %.3f s "
			  "more, key \"%s\", export \"%s\", epoch %" PRIu64 ", %u open files",
			  id[0], id[1], id[2], id[3], seconds_to(state->end_ns), state->owner,
			  state->export, state->epoch, state->nr_files);
}

static void dump_sessions(struct sessions *sessions)
{
	struct session_state states[PLACE_SHOWN];
	unsigned shown = 0, hidden = 0;

	for (unsigned place = 0; place < SESSION_PLACES; place++) {
		unsigned nr = sessions_look(sessions, place, states, PLACE_SHOWN);
		unsigned known = nr < PLACE_SHOWN ? nr : PLACE_SHOWN;

		hidden += nr - known;
		for (unsigned i = 0; i < known; i++)
			if (shown < SESSIONS_SHOWN && ++shown)
				dump_session(&states[i]);
			else
				hidden++;
	}
	if (hidden)
		log_write(LOG_LEVEL_WARN, "dump: and %u more sessions", hidden);
}

/* Wait for the worker's part of the dump until the deadline. */
static void await(struct worker *worker, const struct timespec *deadline)
{
	int err;

	do
		err = sem_clockwait(&worker->dumped, CLOCK_MONOTONIC, deadline) ? errno : 0;
	while (err == EINTR);
	if (err)
		log_write(LOG_LEVEL_WARN,
			  "dump: worker %u has not finished its part in %d s: its thread is stuck, "
			  "or has much to do",
			  worker->id, WAIT_S);
}

void server_dump(struct server *server)
{
	bool asked[WORKERS_MAX];
	struct timespec deadline;

	dump_server(server);
	for (unsigned i = 0; i < server->exports.nr; i++)
		dump_export(&server->exports.list[i]);
	dump_sessions(server->sessions);
	for (unsigned i = 0; i < server->nr_workers; i++) {
		asked[i] = worker_dump(server->workers[i]);
		if (!asked[i])
			log_write(LOG_LEVEL_WARN,
				  "dump: worker %u has not finished the dump before: its thread is "
				  "stuck, or has much to do",
				  server->workers[i]->id);
	}
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += WAIT_S;
	for (unsigned i = 0; i < server->nr_workers; i++)
		if (asked[i])
			await(server->workers[i], &deadline);
	log_write(LOG_LEVEL_WARN, "dump: end");
}
