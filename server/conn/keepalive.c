/*
 * Keep-alive. Each worker owns a list of its connections, ordered by the time of the next check.
 * Only the worker's thread uses it.
 */
#include "server/conn/keepalive.h"

#include <errno.h>

#include "server/conn/conn.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

static struct server_conn *conn_of(struct keepalive *keepalive)
{
	return container_of(keepalive, struct server_conn, keepalive);
}

/*
 * Put the connection into the worker's list. Most connections are due later than all others, so the
 * search begins at the end.
 */
static void check_at(struct server_conn *conn, uint64_t check_ns)
{
	struct list *watched = &conn->worker->watched, *before = watched->prev;

	while (before != watched &&
	       container_of(before, struct keepalive, node)->check_ns > check_ns)
		before = before->prev;
	conn->keepalive.check_ns = check_ns;
	list_add_head(before, &conn->keepalive.node);
}

void keepalive_start(struct server_conn *conn)
{
	struct worker *worker = conn->worker;
	uint64_t interval = worker->server->keepalive_ns;

	conn->keepalive.heard_ns = worker->now_ns;
	if (!interval)
		return;
	check_at(conn, worker->now_ns + interval);
	worker_slow_timers(worker, conn->keepalive.check_ns);
}

void keepalive_stop(struct server_conn *conn)
{
	list_del(&conn->keepalive.node);
}

static void ping_release(struct outgoing *out)
{
	container_of(out, struct keepalive, ping)->queued = false;
}

static void ping(struct server_conn *conn)
{
	struct keepalive *keepalive = &conn->keepalive;

	keepalive->nr_pings++;
	keepalive->pinged_ns = conn->worker->now_ns;
	if (keepalive->queued) /* the previous ping has not been sent yet */
		return;
	keepalive->queued = true;
	keepalive->ping.release = ping_release;
	keepalive->ping.msg = (struct message){
		.type = MSG_PING,
		.ping = {.nonce = keepalive->pinged_ns},
	};
	outbox_message(&conn->peer->outbox, &keepalive->ping);
	peer_touch(conn->peer);
}

static void check(struct server_conn *conn)
{
	struct keepalive *keepalive = &conn->keepalive;
	uint64_t interval = conn->worker->server->keepalive_ns, now = conn->worker->now_ns;

	if (keepalive->heard_ns >= keepalive->pinged_ns)
		keepalive->nr_pings = 0;
	if (!keepalive->nr_pings && keepalive->heard_ns + interval > now) {
		check_at(conn, keepalive->heard_ns + interval);
	} else if (keepalive->nr_pings == PINGS_MAX) {
		conn_end(conn, -ETIMEDOUT, "silent");
	} else {
		ping(conn);
		check_at(conn, now + interval);
	}
}

uint64_t keepalive_run(struct worker *worker)
{
	struct list *first;

	while ((first = worker->watched.next) != &worker->watched) {
		struct keepalive *keepalive = container_of(first, struct keepalive, node);

		if (keepalive->check_ns > worker->now_ns)
			return keepalive->check_ns;
		list_del(first);
		check(conn_of(keepalive));
	}
	return NEVER;
}
