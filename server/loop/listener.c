/*
 * The listeners, and the choice of the worker that gets a new connection. The server owns them. The
 * starting thread resolves and opens them; from then on only the first worker's thread uses them.
 */
#include "server/loop/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/provider/provider.h"
#include "server/conn/conn.h"
#include "server/conn/conn_admit.h"
#include "server/session/sessions.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

/* A connection request on its way to the worker that accepts it. */
struct handover {
	struct ev ev;
	struct worker *worker;
	struct tp_request *request;
};

static int resolve_one(struct listeners *listeners, const struct listen_config *config)
{
	const struct tp_ops *ops = provider_find(config->scheme);
	struct tp_addr addrs[16];
	int n, room = LISTENERS_MAX - (int)listeners->nr;

	if (!ops) {
		log_error("--listen %s://%s: no such transport; there are tcp, tls and rdma",
			  config->scheme, config->host);
		return -EPROTONOSUPPORT;
	}
	n = addr_resolve(config->scheme, config->host, config->port, true, addrs, 16);
	if (n < 0) {
		log_error("--listen %s://%s: %s", config->scheme, config->host, addr_error(n));
		return n;
	}
	if (n > room) {
		log_error(
			"--listen: more than %d addresses; use fewer --listen, or addresses for names",
			LISTENERS_MAX);
		return -E2BIG;
	}
	for (int i = 0; i < n; i++)
		listeners->list[listeners->nr++] =
			(struct listener){.ops = ops, .addr = addrs[i], .optional = n > 1};
	return 0;
}

int listeners_resolve(struct listeners *listeners, const struct listen_config *configs, unsigned nr)
{
	int err = 0;

	listeners->nr = 0;
	for (unsigned i = 0; i < nr && !err; i++)
		err = resolve_one(listeners, &configs[i]);
	return err;
}

int listeners_check_open(const struct listeners *listeners, bool insecure)
{
	char text[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < listeners->nr; i++) {
		const struct listener *listener = &listeners->list[i];

		if (listener->ops == &tp_tls) {
			log_error("tls:// requires --keyring FILE");
			return -EINVAL;
		}
		if (insecure || addr_is_loopback(&listener->addr))
			continue;
		log_error(
			"%s://%s is reachable from other machines, and without a keyring any client "
			"could read and write all exports: use --keyring FILE (see "
			"usrbio-server(8)), or --insecure-no-auth to allow this",
			listener->ops->name, addr_text(&listener->addr, text, sizeof(text)));
		return -EPERM;
	}
	return 0;
}

static bool has_provider(const struct server_provider *providers, unsigned nr,
			 const struct tp_ops *ops)
{
	for (unsigned i = 0; i < nr; i++)
		if (providers[i].ops == ops)
			return true;
	return false;
}

unsigned listeners_providers(const struct listeners *listeners, struct server_provider *providers)
{
	char addr[ADDR_TEXT_MAX];
	unsigned nr = 0;

	for (unsigned i = 0; i < listeners->nr; i++) {
		const struct listener *listener = &listeners->list[i];
		struct server_provider *provider = &providers[nr];

		if (has_provider(providers, nr, listener->ops))
			continue;
		provider->ops = listener->ops;
		snprintf(provider->listener, sizeof(provider->listener), "%s://%s",
			 listener->ops->name, addr_text(&listener->addr, addr, sizeof(addr)));
		nr++;
	}
	return nr;
}

static const char *advice(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "; another server, or another --listen, uses this port: choose another one";
	case -EADDRNOTAVAIL:
		return "; this machine has no such address: see `ip addr`";
	case -ENODEV:
		return "; no RDMA device has this address: see `rdma link`, or listen on tcp://";
	case -EACCES:
		return "; ports below 1024 need CAP_NET_BIND_SERVICE";
	default:
		return "";
	}
}

static int listen_one(struct listener *listener, struct worker *worker)
{
	struct tp_domain *domain = worker_domain(worker, listener->ops);
	char text[ADDR_TEXT_MAX];
	int err = listener->ops->listen(domain, &listener->addr, &listener->tp);

	addr_text(err ? &listener->addr : &listener->tp->addr, text, sizeof(text));
	snprintf(listener->url, sizeof(listener->url), "%s://%s", listener->ops->name, text);
	return err;
}

/* Remove optional listeners that could not be opened. */
static void compact(struct listeners *listeners)
{
	unsigned n = 0;

	for (unsigned i = 0; i < listeners->nr; i++)
		if (listeners->list[i].tp)
			listeners->list[n++] = listeners->list[i];
	listeners->nr = n;
}

int listeners_open(struct listeners *listeners, struct worker *worker)
{
	int err = 0, failed = 0;

	for (unsigned i = 0; i < listeners->nr && !failed; i++) {
		struct listener *listener = &listeners->list[i];

		err = listen_one(listener, worker);
		if (!err)
			continue;
		if (listener->optional && (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT)) {
			log_info("cannot listen on %s: %s", listener->url, strerror(-err));
			continue;
		}
		failed = err;
		log_error("cannot listen on %s: %s%s", listener->url, strerror(-err), advice(err));
	}
	compact(listeners);
	if (!failed && !listeners->nr) {
		failed = err;
		log_error("cannot listen on any address: %s%s", strerror(-err), advice(err));
	}
	if (failed)
		listeners_close(listeners);
	return failed;
}

void listeners_close(struct listeners *listeners)
{
	for (unsigned i = 0; i < listeners->nr; i++)
		if (listeners->list[i].tp)
			listeners->list[i].ops->unlisten(listeners->list[i].tp);
	listeners->nr = 0;
}

/*
 * Accept a request at its worker. The connection was reserved when the worker was chosen. If the
 * worker stops, the request is refused and the reservation given back.
 */
static void arrive(struct worker *worker, struct tp_request *request)
{
	if (worker->stopping) {
		conn_unreserve(worker, request->ops);
		request->ops->accept(NULL, request, NULL, NULL);
		return;
	}
	conn_accept(worker, request);
}

static void handed_over(struct ev *ev, int32_t res)
{
	struct handover *handover = container_of(ev, struct handover, ev);

	(void)res;
	arrive(handover->worker, handover->request);
	free(handover);
}

/*
 * The most connections, with those that have no Welcome yet. Each worker has room of its own for
 * these, because who a client is turns out only during its handshake. Those with a Welcome are
 * counted in the accounts of their ids.
 */
static unsigned most(const struct server *server)
{
	return server->max_connections + server->nr_workers * HANDSHAKES_MAX;
}

/* Choose the worker with the fewest connections; NULL if there are too many. */
static struct worker *choose(const struct server *server)
{
	struct worker *best = server->workers[0];
	unsigned total = 0, fewest = UINT32_MAX;

	for (unsigned i = 0; i < server->nr_workers; i++) {
		struct worker *worker = server->workers[i];
		unsigned nr = atomic_load_explicit(&worker->nr_conns, memory_order_relaxed);

		total += nr;
		if (nr < fewest) {
			fewest = nr;
			best = worker;
		}
	}
	return total < most(server) ? best : NULL;
}

/* Log that connections are refused for want of memory. */
static void say_no_memory(struct worker *worker)
{
	const struct server *server = worker->server;
	char text[SERVER_BY_MAX + 64];

	snprintf(text, sizeof(text), "connection within --memory, %zu MiB (%s)",
		 (server->own_bytes + server->budget.max) >> 20, server->memory_by);
	worker_log_full(worker, text);
}

/* Reserve a connection at a worker and return the worker; NULL: the request has to be refused. */
static struct worker *find_room(struct worker *worker, const struct tp_ops *ops)
{
	struct worker *target = choose(worker->server);

	if (!target) {
		worker_log_full(worker, "connection");
		return NULL;
	}
	if (conn_reserve(target, ops))
		return target;
	say_no_memory(worker);
	conn_make_room(worker, NULL, conn_price(target, ops));
	return NULL;
}

void listener_request(struct worker *worker, struct tp_request *request)
{
	struct worker *target = NULL;
	struct handover *handover;

	if (!worker->stopping)
		target = find_room(worker, request->ops);
	if (!target) {
		request->ops->accept(NULL, request, NULL, NULL);
		return;
	}
	if (target == worker) {
		arrive(worker, request);
		return;
	}
	handover = malloc(sizeof(*handover));
	if (!handover) {
		conn_unreserve(target, request->ops);
		request->ops->accept(NULL, request, NULL, NULL);
		return;
	}
	*handover = (struct handover){.ev.fn = handed_over, .worker = target, .request = request};
	evloop_post(target->loop, &handover->ev, 0);
}
