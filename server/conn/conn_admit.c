/*
 * Admission of connections without a Welcome. The worker owns the lists, and only its thread uses
 * them. conn_make_room() runs on any worker.
 */
#include "server/conn/conn_admit.h"

#include <errno.h>

#include "server/conn/conn.h"
#include "server/session/sessions.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

static void end_oldest(struct list *list)
{
	conn_end(container_of(list->next, struct server_conn, timed), -EUSERS,
		 "evicted: too many connections without a Hello");
}

void conn_admit(struct server_conn *conn)
{
	struct worker *worker = conn->worker;

	if (worker->nr_handshakes++ >= HANDSHAKES_MAX)
		end_oldest(list_empty(&worker->handshakes) ? &worker->fencing
							   : &worker->handshakes);
	worker_tick(worker);
	conn->since_ns = conn->accepted_ns = worker->now_ns;
	list_add_tail(&worker->handshakes, &conn->timed);
}

static void evict(struct ev *ev, int32_t res)
{
	struct worker *worker = container_of(ev, struct worker, evict);

	(void)res;
	atomic_store(&worker->evicting, false);
	if (!list_empty(&worker->handshakes))
		end_oldest(&worker->handshakes);
}

/* The worker with the most connections without a Welcome. */
static struct worker *with_most_handshakes(const struct server *server)
{
	struct worker *most = server->workers[0];

	for (unsigned i = 1; i < server->nr_workers; i++)
		if (atomic_load(&server->workers[i]->nr_handshakes) >
		    atomic_load(&most->nr_handshakes))
			most = server->workers[i];
	return most;
}

void conn_make_room(struct worker *worker, const struct budget_id *id, size_t bytes)
{
	struct server *server = worker->server;
	struct worker *loser = with_most_handshakes(server);

	if ((!id && budget_id_has_unknown(&server->unknown, bytes)) ||
	    !sessions_make_room(server->sessions, id))
		sessions_yield(server->sessions, worker->now_ns);
	if (atomic_exchange(&loser->evicting, true))
		return;
	loser->evict.fn = evict;
	evloop_post(loser->loop, &loser->evict, 0);
}
