/*
 * The parts of a worker: domains, staging, and queues at the stores. The server owns the workers.
 * The thread that starts the server opens them, and the one that stops it closes them. In between
 * each worker's own thread uses it (server/loop/worker_loop.c).
 */
#include "server/worker/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "server/worker/server_impl.h"
#include "server/store/store.h"

#define LOOP_ENTRIES   512
#define COMPLAINTS_MAX 10	       /* warnings in a second */
#define FULL_NS	       (10 * NS_PER_S) /* between two log lines about clients that find no room */

/*
 * Receive buffers of a connection are credits of its client, one for each message under way. Posts
 * are for its segments under way.
 */
#define NR_RECVS 32
#define NR_SENDS 16
#define NR_POSTS 128

/* Open a domain for a provider and register the staging memory with it. */
static int make_domain(struct worker *worker, const struct tp_ops *ops)
{
	struct tp_domain_config config = {
		.msg_max = FRAME_MAX,
		.nr_recvs = NR_RECVS,
		.nr_sends = NR_SENDS,
		.nr_posts = NR_POSTS,
		.nr_conns = worker->server->max_connections / worker->server->nr_workers + 1,
		.numa = -1,
		.tls = worker->server->keyring ? &worker->server->tls : NULL,
	};
	struct worker_domain *domain = &worker->domains[worker->nr_domains];
	size_t len = worker->staging.pages.len;
	int err = ops->domain_open(&config, &domain->tp);

	if (err)
		return err;
	worker->nr_domains++;
	err = ops->domain_local(domain->tp, worker->staging.pages.base, len);
	if (err)
		log_error("%zu bytes of staging memory: %s; lower --staging", len, strerror(-err));
	return err;
}

static int open_domain(struct worker *worker, const struct server_provider *provider)
{
	struct log_catch caught;
	int err;

	log_catch_begin(&caught);
	err = make_domain(worker, provider->ops);
	log_catch_end(&caught);
	if (err)
		log_error("cannot listen on %s: %s", provider->listener,
			  *caught.text ? caught.text : strerror(-err));
	return err;
}

static int open_domains(struct worker *worker)
{
	const struct server *server = worker->server;
	int err = 0;

	for (unsigned i = 0; i < server->nr_providers && !err; i++)
		err = open_domain(worker, &server->providers[i]);
	return err;
}

static bool takes_pipes(const struct worker *worker)
{
	for (unsigned i = 0; i < worker->nr_domains; i++)
		if (worker->domains[i].tp->ops->takes_pipes)
			return true;
	return false;
}

static void close_domains(struct worker *worker)
{
	while (worker->nr_domains) {
		struct tp_domain *domain = worker->domains[--worker->nr_domains].tp;

		domain->ops->domain_close(domain);
	}
}

static int open_queues(struct worker *worker)
{
	const struct exports *exports = &worker->server->exports;

	for (unsigned i = 0; i < exports->nr; i++) {
		struct store *store = exports->list[i].store;
		int err = store->ops->queue_open(store, worker->loop, worker->staging.pages.base,
						 worker->staging.pages.len, &worker->queues[i]);

		if (err) {
			log_error("export %s: cannot open a queue: %s", exports->list[i].name,
				  strerror(-err));
			return err;
		}
	}
	return 0;
}

static void close_queues(struct worker *worker)
{
	for (unsigned i = 0; i < worker->server->exports.nr; i++)
		if (worker->queues[i])
			worker->queues[i]->ops->queue_close(worker->queues[i]);
}

static void init_lists(struct worker *worker)
{
	list_init(&worker->conns);
	list_init(&worker->dirty);
	list_init(&worker->ids);
	list_init(&worker->ready);
	list_init(&worker->handshakes);
	list_init(&worker->posting);
	list_init(&worker->fencing);
	list_init(&worker->watched);
	list_init(&worker->waiting_for_share);
	list_init(&worker->throttled);
	for (int i = 0; i < NR_STAGING; i++)
		list_init(&worker->waiting_for_buf[i]);
}

int worker_open(struct server *server, unsigned id, bool huge_pages, struct worker **out)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int err = -ENOMEM;

	if (!worker)
		return -ENOMEM;
	worker->server = server;
	worker->id = id;
	sem_init(&worker->dumped, 0, 0);
	sem_init(&worker->named, 0, 0);
	init_lists(worker);
	worker->throttled_ns = NEVER;
	worker->session_ns = worker->look_ns = worker->slow_timers_ns = NEVER;
	idle_init(&worker->backoff);
	worker_tick(worker);
	worker->queues = calloc(server->exports.nr, sizeof(struct store_queue *));
	worker->shares = calloc(server->exports.nr, sizeof(*worker->shares));
	if (!worker->queues || !worker->shares || arena_open(&worker->arena, ARENA_SIZE))
		goto err_free;
	err = evloop_open(&worker->loop, LOOP_ENTRIES);
	if (err)
		goto err_free;
	err = staging_open(&worker->staging, (size_t)server->staging_mib << 20, huge_pages);
	if (err) {
		log_error("no memory for %u MiB of staging buffers: lower --staging",
			  server->staging_mib);
		goto err_loop;
	}
	err = open_domains(worker);
	if (!err && takes_pipes(worker))
		staging_add_pipes(&worker->staging);
	if (!err)
		err = open_queues(worker);
	if (err)
		goto err_queues;
	*out = worker;
	return 0;

err_queues:
	close_queues(worker);
	close_domains(worker);
	staging_close(&worker->staging);
err_loop:
	evloop_close(worker->loop);
err_free:
	sem_destroy(&worker->dumped);
	sem_destroy(&worker->named);
	arena_close(&worker->arena);
	free(worker->shares);
	free(worker->queues);
	free(worker);
	return err;
}

static void log_counters(const struct worker *worker)
{
	const uint64_t *n = worker->count.n;

	log_info("worker %u: %" PRIu64 " reads of %" PRIu64 " bytes, %" PRIu64 " writes of %" PRIu64
		 " bytes, %" PRIu64 " failed, %" PRIu64 " batches, %" PRIu64 " calls, %" PRIu64
		 " messages sent, %" PRIu64 " connections, %" PRIu64 " turns, %" PRIu64 " sleeps",
		 worker->id, n[COUNT_READS], n[COUNT_READ_BYTES], n[COUNT_WRITES],
		 n[COUNT_WRITTEN_BYTES], n[COUNT_ERRORS], n[COUNT_BATCHES], n[COUNT_CALLS],
		 n[COUNT_MESSAGES_OUT], n[COUNT_CONNECTIONS], n[COUNT_TURNS], n[COUNT_SLEEPS]);
}

void worker_close(struct worker *worker)
{
	log_counters(worker);
	close_queues(worker);
	close_domains(worker);
	staging_close(&worker->staging);
	evloop_close(worker->loop);
	arena_close(&worker->arena);
	sem_destroy(&worker->dumped);
	free(worker->shares);
	sem_destroy(&worker->named);
	free(worker->queues);
	free(worker);
}

struct tp_domain *worker_domain(struct worker *worker, const struct tp_ops *ops)
{
	for (unsigned i = 0; i < worker->nr_domains; i++)
		if (worker->domains[i].tp->ops == ops)
			return worker->domains[i].tp;
	return NULL;
}

void worker_slow_timers(struct worker *worker, uint64_t due)
{
	if (due < worker->slow_timers_ns)
		worker->slow_timers_ns = due;
}

void worker_log_limited(struct worker *worker, const char *peer, int err, const char *what)
{
	uint64_t second;

	worker_tick(worker);
	second = worker->now_ns / NS_PER_S;
	if (second != worker->limited_ns) {
		if (worker->nr_limited > COMPLAINTS_MAX)
			log_warn("%u more warnings about peers in that second",
				 worker->nr_limited - COMPLAINTS_MAX);
		worker->limited_ns = second;
		worker->nr_limited = 0;
	}
	if (++worker->nr_limited <= COMPLAINTS_MAX)
		log_warn("%s: disconnected: %s: %s", peer, what, strerror(-err));
}

void worker_log_full(struct worker *worker, const char *what)
{
	struct server *server = worker->server;
	unsigned long long last = atomic_load(&server->refused_ns);

	worker_tick(worker);
	if (last && worker->now_ns - last < FULL_NS)
		return;
	if (atomic_compare_exchange_strong(&server->refused_ns, &last, worker->now_ns))
		log_warn("refusing clients: there is no room for another %s", what);
}
