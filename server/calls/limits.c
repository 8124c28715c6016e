/*
 * The limits and their use. The objects that have a limit own its number; this code has no state.
 * Any thread asks about the server, and a worker's thread about the worker and its connections.
 */
#include "server/calls/limits.h"

#include "server/calls/calls.h"
#include "server/io/pipeline.h"
#include "server/worker/server_impl.h"
#include "server/session/session.h"
#include "server/worker/worker.h"

static void set(struct limits *limits, enum limit which, uint64_t used, uint64_t max)
{
	limits->of[which].used = used;
	limits->of[which].max = max;
}

void limits_of_server(struct server *server, struct limits *limits)
{
	struct accounts *accounts = sessions_accounts(server->sessions);
	unsigned max, nr;

	*limits = (struct limits){0};
	set(limits, LIMIT_MEMORY, server->own_bytes + atomic_load(&server->budget.used),
	    server->own_bytes + server->budget.max);
	nr = accounts_used(accounts, ACCOUNT_CONNECTIONS, &max);
	set(limits, LIMIT_CONNECTIONS, nr, max);
	nr = accounts_used(accounts, ACCOUNT_SESSIONS, &max);
	set(limits, LIMIT_SESSIONS, nr, max);
}

static uint64_t staged(const uint32_t nr[NR_STAGING])
{
	return nr[STAGING_SMALL] * (uint64_t)SMALL_SIZE +
	       nr[STAGING_LARGE] * (uint64_t)SEGMENT_SIZE;
}

void limits_of_worker(const struct worker *worker, struct limits *limits)
{
	const struct staging *staging = &worker->staging;
	uint32_t used[NR_STAGING];

	for (int i = 0; i < NR_STAGING; i++)
		used[i] = staging->nr[i] - staging->nr_free[i];
	*limits = (struct limits){0};
	set(limits, LIMIT_HANDSHAKES, worker->nr_handshakes, HANDSHAKES_MAX);
	set(limits, LIMIT_STAGING, staged(used), staged(staging->nr));
	set(limits, LIMIT_PIPES, used[STAGING_PIPE], staging->nr[STAGING_PIPE]);
}

void limits_of_conn(const struct pipeline *pipeline, struct limits *limits)
{
	struct server_session *session = pipeline->peer.member.session;

	*limits = (struct limits){0};
	set(limits, LIMIT_STAGING, staged(pipeline->nr_held),
	    (uint64_t)CONN_SEGMENTS_MAX * SEGMENT_SIZE);
	set(limits, LIMIT_PIPES, pipeline->nr_held[STAGING_PIPE], CONN_PIPES_MAX);
	set(limits, LIMIT_INFLIGHT, pipeline->nr_open, pipeline->max_inflight);
	set(limits, LIMIT_CALLS, pipeline->peer.nr_calls, CALLS_MAX);
	set(limits, LIMIT_REGIONS, pipeline->regions.nr, REGIONS_MAX);
	if (session)
		set(limits, LIMIT_FILES, session_nr_files(session),
		    pipeline->peer.worker->server->max_files);
}
