/*
 * Admission of connections without a Welcome. The worker owns the lists, and only its thread uses
 * them. conn_ask_evict() runs on another thread and posts an event to the worker.
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

void conn_evict(struct worker *worker)
{
	if (!list_empty(&worker->handshakes))
		end_oldest(&worker->handshakes);
}

void conn_make_room(struct worker *worker)
{
	conn_evict(worker);
	sessions_yield(worker->server->sessions, worker->now_ns);
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
	conn_evict(worker);
}

void conn_ask_evict(struct worker *worker)
{
	if (atomic_exchange(&worker->evicting, true))
		return;
	worker->evict.fn = evict;
	evloop_post(worker->loop, &worker->evict, 0);
}
