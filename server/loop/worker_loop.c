/*
 * The thread of a worker: it polls wires and stores, starts segments, sends, and sleeps when there
 * is nothing to do. The server owns the worker. Only the worker's thread runs this, except the
 * functions that worker_loop.h declares for other threads.
 *
 * No wake-up is lost:
 * - What other threads bring goes through evloop_post(), which evloop_turn() checks before it
 * sleeps.
 * - What the wire brings makes a domain's fd readable once the domain is armed. The poll on that fd
 *   is submitted after arming, by the same call that sleeps.
 * - A worker with work left from a turn (ready, waiting_for_buf, dirty) does not sleep.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "server/conn/conn.h"
#include "server/conn/handshake.h"
#include "server/base/identity.h"
#include "server/io/segment.h"
#include "server/loop/listener.h"
#include "server/loop/worker_loop.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

#define EVENTS_MAX 64

static int poll_domain(struct worker *worker, struct tp_domain *domain)
{
	struct tp_event events[EVENTS_MAX];
	int n = domain->ops->poll(domain, events, EVENTS_MAX);

	for (int i = 0; i < n; i++) {
		if (events[i].type == TP_EV_REQUEST)
			listener_request(worker, events[i].request);
		else
			conn_event(events[i].conn->user, &events[i]);
	}
	return n > 0 ? n : 0;
}

static int poll_domains(struct worker *worker)
{
	int n = 0;

	for (unsigned i = 0; i < worker->nr_domains; i++)
		n += poll_domain(worker, worker->domains[i].tp);
	return n;
}

static void flush_dirty(struct worker *worker)
{
	struct list *node;

	while ((node = list_pop(&worker->dirty)))
		conn_finish_turn(container_of(node, struct server_conn, pipeline.peer.dirty));
}

/* End the connections of a list whose time is over. Returns when the next one's is, or NEVER. */
static uint64_t expire(struct list *list, uint64_t after, uint64_t now, const char *why)
{
	while (!list_empty(list)) {
		struct server_conn *conn = container_of(list->next, struct server_conn, timed);

		if (conn->since_ns + after > now)
			return conn->since_ns + after;
		conn_end(conn, -ETIMEDOUT, why);
	}
	return NEVER;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Run the slow timers, which are due every few seconds at most. Sessions belong to no worker. The
 * worker with the connection that was the last to leave a session checks them when it is due.
 */
static void run_slow_timers(struct worker *worker)
{
	if (worker->now_ns >= worker->session_ns)
		worker->session_ns = sessions_expire(worker->server->sessions, worker->now_ns);
	if (worker->now_ns >= worker->throttled_ns)
		pipelines_retry(worker);
	worker->slow_timers_ns = NEVER;
	worker_slow_timers(worker, keepalive_run(worker));
	if (worker->now_ns >= worker->look_ns)
		worker->look_ns = segments_look(worker);
	worker_slow_timers(worker, worker->look_ns);
	worker_slow_timers(worker, worker->session_ns);
	worker_slow_timers(worker, worker->throttled_ns);
}

void worker_end_conns(struct worker *worker)
{
	worker->stop_ns = NEVER;
	list_for_each_safe (it, &worker->conns)
		conn_end(container_of(it, struct server_conn, pipeline.peer.node), -ETIMEDOUT,
			 "the server stops");
}

/* Run the timers that are due. Returns when the next one is due, or NEVER. */
static uint64_t run_timers(struct worker *worker)
{
	const struct server *server = worker->server;
	uint64_t now = worker->now_ns;
	uint64_t due = expire(&worker->handshakes, server->hello_ns, now, "no Hello in time");

	due = earlier(due, expire(&worker->posting, server->stall_ns, now, "reads no data"));
	if (now >= worker->slow_timers_ns)
		run_slow_timers(worker);
	due = earlier(due, worker->slow_timers_ns);
	if (!worker->stopping || worker->stop_ns == NEVER)
		return due;
	if (now < worker->stop_ns)
		return earlier(due, worker->stop_ns);
	worker_end_conns(worker);
	return due;
}

static void readable(struct ev *ev, int32_t res)
{
	(void)res;
	container_of(ev, struct worker_domain, readable)->watched = false;
}

static void watch(struct worker *worker, struct worker_domain *domain)
{
	struct io_uring_sqe *sqe;

	if (domain->watched)
		return;
	domain->watched = true;
	domain->readable.fn = readable;
	sqe = evloop_sqe(worker->loop);
	io_uring_prep_poll_add(sqe, domain->tp->fd, POLLIN);
	evloop_bind(sqe, &domain->readable);
}

static void sleep_until(struct worker *worker, uint64_t due)
{
	uint64_t now = worker->now_ns, left_ms = due > now ? (due - now + 999999) / 1000000 : 0;

	for (unsigned i = 0; i < worker->nr_domains; i++)
		if (worker->domains[i].tp->ops->arm(worker->domains[i].tp))
			return;
	for (unsigned i = 0; i < worker->nr_domains; i++)
		watch(worker, &worker->domains[i]);
	worker->count.n[COUNT_SLEEPS]++;
	evloop_turn(worker->loop, true, due == NEVER ? -1 : (int)left_ms);
	worker_tick(worker);
}

/* Sending comes before the clock and the timers, because peers wait for what is sent. */
bool worker_turn(struct worker *worker, uint64_t *due)
{
	int n = poll_domains(worker);

	worker->count.n[COUNT_TURNS]++;
	n += (int)pipelines_serve(worker);
	n += evloop_turn(worker->loop, false, 0);
	flush_dirty(worker);
	worker_tick(worker);
	*due = run_timers(worker);
	return n || !list_empty(&worker->ready) || !list_empty(&worker->dirty);
}

static void stop(struct ev *ev, int32_t res)
{
	struct worker *worker = container_of(ev, struct worker, stop);

	(void)res;
	worker->stopping = true;
	if (!worker->id) {
		listeners_close(worker->server->listeners);
		sem_post(&worker->server->listeners_closed);
	}
	list_for_each_safe (it, &worker->conns)
		conn_drain(container_of(it, struct server_conn, pipeline.peer.node));
}

void worker_stop(struct worker *worker, uint64_t end_ns)
{
	worker->stop_ns = end_ns; /* the worker reads it after the post */
	worker->stop.fn = stop;
	evloop_post(worker->loop, &worker->stop, 0);
}

static void review(struct ev *ev, int32_t res)
{
	struct worker *worker = container_of(ev, struct worker, review);

	(void)res;
	atomic_store(&worker->reviewing, false);
	list_for_each_safe (it, &worker->conns)
		handshake_review(container_of(it, struct server_conn, pipeline.peer.node));
}

void worker_review(struct worker *worker)
{
	if (atomic_exchange(&worker->reviewing, true))
		return;
	worker->review.fn = review;
	evloop_post(worker->loop, &worker->review, 0);
}

static void exit_ev(struct ev *ev, int32_t res)
{
	(void)res;
	container_of(ev, struct worker, exit_ev)->exiting = true;
}

void worker_exit(struct worker *worker)
{
	worker->exit_ev.fn = exit_ev;
	evloop_post(worker->loop, &worker->exit_ev, 0);
}

/*
 * Post server->idle once, when the worker stops, has no connection left, and the store is done with
 * its buffers.
 */
static void check_idle(struct worker *worker)
{
	if (!worker->stopping || worker->idle || worker->nr_detached ||
	    atomic_load(&worker->nr_conns))
		return;
	worker->idle = true;
	sem_post(&worker->server->idle);
}

/*
 * Block SIGPIPE, which pipes to sockets may raise: a program with an in-process server need not
 * handle it.
 */
static void block_sigpipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	uint64_t due;

	pthread_setname_np(pthread_self(), "usrbio-worker");
	block_sigpipe();
	identity_forgo_set_id();
	while (!worker->exiting) {
		bool active = worker_turn(worker, &due);

		check_idle(worker);
		if (active)
			idle_active(&worker->backoff, worker->now_ns);
		else if (idle_idle(&worker->backoff, worker->now_ns))
			sleep_until(worker, due);
	}
	return NULL;
}

int worker_start(struct worker *worker)
{
	return -pthread_create(&worker->thread, NULL, run, worker);
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}
