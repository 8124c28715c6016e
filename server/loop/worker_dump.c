/*
 * The state dump of a worker: first the worker itself, then one connection in each turn of its
 * loop. The worker owns the event and the cursor of the dump. worker_dump() runs on the thread that
 * asks, everything else on the worker's thread.
 */
#include "server/loop/worker_dump.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "server/conn/conn.h"
#include "server/conn/conn_dump.h"
#include "server/worker/worker.h"

#define CONNS_SHOWN 1000 /* of one worker */

static unsigned count(const struct list *list)
{
	unsigned n = 0;

	list_for_each (it, list)
		n++;
	return n;
}

static void dump_worker(const struct worker *worker)
{
	const struct staging *staging = &worker->staging;
	unsigned ready = 0, waiting = 0, with_store = 0, with_wire = 0;

	waiting += count(&worker->waiting_for_share);
	list_for_each (it, &worker->ids) {
		const struct id_turns *id = container_of(it, struct id_turns, all);

		ready += count(&id->ready.conns);
		for (int i = 0; i < NR_STAGING; i++)
			waiting += count(&id->waiting_for_buf[i].conns);
	}
	list_for_each (it, &worker->conns) {
		const struct pipeline *io = container_of(it, struct pipeline, peer.node);

		with_store += io->nr_segments - io->nr_posted - count(&io->unposted);
		with_wire += io->nr_posted;
	}
	log_write(
		LOG_LEVEL_WARN,
		"dump: worker %u: %u connections, %u of them without a Welcome; staging in use: %u "
		"of %u small, %u of %u large, %u of %u pipes; segments: %u with the store, %u with "
		"the wire, %u detached; connections that wait: %u for a turn, %u for a buffer, "
		"%u for the rates of their keys%s",
		worker->id, atomic_load(&worker->nr_conns), worker->nr_handshakes,
		staging->nr[STAGING_SMALL] - staging->nr_free[STAGING_SMALL],
		staging->nr[STAGING_SMALL],
		staging->nr[STAGING_LARGE] - staging->nr_free[STAGING_LARGE],
		staging->nr[STAGING_LARGE],
		staging->nr[STAGING_PIPE] - staging->nr_free[STAGING_PIPE],
		staging->nr[STAGING_PIPE], with_store, with_wire, worker->nr_detached, ready,
		waiting, count(&worker->throttled), worker->stopping ? "; stopping" : "");
}

/* Get the first connection that has not been shown. Numbers rise along the list. */
static struct server_conn *next_conn(const struct worker *worker)
{
	list_for_each (it, &worker->conns) {
		struct server_conn *conn = container_of(it, struct server_conn, pipeline.peer.node);

		if (conn->peer->number > worker->dump_after)
			return conn;
	}
	return NULL;
}

static void finish(struct worker *worker)
{
	log_write(LOG_LEVEL_WARN, "dump: worker %u: end", worker->id);
	atomic_store(&worker->dumping, false);
	sem_post(&worker->dumped);
}

static void step(struct ev *ev, int32_t res)
{
	struct worker *worker = container_of(ev, struct worker, dump);
	struct server_conn *conn;

	(void)res;
	worker_tick(worker);
	if (!worker->nr_dumped)
		dump_worker(worker);
	conn = next_conn(worker);
	if (!conn || worker->nr_dumped == CONNS_SHOWN) {
		if (conn)
			log_write(LOG_LEVEL_WARN, "dump: worker %u: and more connections",
				  worker->id);
		finish(worker);
		return;
	}
	conn_dump(conn);
	worker->dump_after = conn->peer->number;
	worker->nr_dumped++;
	evloop_defer(worker->loop, &worker->dump, 0);
}

static void begin(struct ev *ev, int32_t res)
{
	struct worker *worker = container_of(ev, struct worker, dump);

	worker->dump_after = 0;
	worker->nr_dumped = 0;
	ev->fn = step;
	step(ev, res);
}

bool worker_dump(struct worker *worker)
{
	if (atomic_exchange(&worker->dumping, true))
		return false;
	while (!sem_trywait(&worker->dumped))
		;
	worker->dump.fn = begin;
	evloop_post(worker->loop, &worker->dump, 0);
	return true;
}
