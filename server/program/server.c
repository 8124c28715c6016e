/*
 * The server: how it starts, stops and reads its keyring again. The caller owns it. The thread that
 * started it calls these functions, or another one, but only one at a time.
 */
#include "server/base/state.h"
#include "server/program/server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/program/server_hung.h"
#include "server/program/sizing.h"
#include "server/account/keyring.h"
#include "server/base/state_secret.h"
#include "server/worker/server_impl.h"
#include "server/session/sessions.h"
#include "server/loop/worker_loop.h"
#include "server/worker/worker.h"

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value ? value : otherwise;
}

static uint32_t at_most(uint32_t value, uint32_t max)
{
	return value < max ? value : max;
}

static uint64_t ns_of(unsigned ms, unsigned otherwise)
{
	return or_default(ms, otherwise) * 1000000ull;
}

/* Decide how large the server is: what is allocated for clients later is charged to the budget. */
static int fit_in(struct server *server, const struct server_config *config)
{
	struct sizing_host host;
	struct sizing sizing;
	int err;

	sizing_look("", &host);
	err = sizing_decide(config, &host, &sizing);
	if (err)
		return err;
	server->nr_workers = sizing.nr_workers;
	server->staging_mib = sizing.staging_mib;
	server->call_threads = sizing.call_threads;
	server->budget.max = sizing.max - sizing.own;
	server->unknown.budget = &server->budget;
	server->own_bytes = sizing.own;
	memcpy(server->memory_by, sizing.max_by, sizeof(sizing.max_by));
	return 0;
}

static int fill_in(struct server *server, const struct server_config *config)
{
	int err;

	server->max_connections = or_default(config->max_connections, SERVER_MAX_CONNECTIONS);
	server->max_inflight =
		at_most(or_default(config->max_inflight, SERVER_MAX_INFLIGHT), INFLIGHT_MAX);
	server->max_files = at_most(or_default(config->max_files, FILES_MAX), FILES_MAX);
	server->hello_ns = ns_of(config->hello_ms, SERVER_HELLO_MS);
	server->stall_ns = ns_of(config->stall_ms, SERVER_STALL_MS);
	server->stop_ns = ns_of(config->stop_ms, SERVER_STOP_MS);
	server->keepalive_ns = config->keepalive_ms == SERVER_OFF
				       ? 0
				       : ns_of(config->keepalive_ms, SERVER_KEEPALIVE_MS);
	err = getrandom(&server->boot_id, sizeof(server->boot_id), 0) < 0 ? -errno : 0;
	if (!err)
		err = secret_draw(&server->nobodys);
	if (err)
		log_error("no random numbers: getrandom: %s", strerror(-err));
	return err;
}

static int open_sessions(struct server *server, const struct server_config *config)
{
	const struct sessions_config sessions = {
		.budget = &server->budget,
		.max = {[ACCOUNT_CONNECTIONS] = server->max_connections,
			[ACCOUNT_SESSIONS] = or_default(config->max_sessions, SERVER_MAX_SESSIONS),
			[ACCOUNT_FILES] = or_default(config->max_open, UINT_MAX)},
		.max_files = server->max_files,
		.session_ns = ns_of(config->session_ms, SERVER_SESSION_MS),
		.yield_ns = ns_of(config->yield_ms, SERVER_YIELD_MS),
	};

	return sessions_open(&server->sessions, &sessions);
}

static void close_workers(struct server *server, unsigned nr)
{
	while (nr)
		worker_close(server->workers[--nr]);
	free(server->workers);
}

static int open_workers(struct server *server, const struct server_config *config)
{
	server->workers = calloc(server->nr_workers, sizeof(struct worker *));
	if (!server->workers)
		return -ENOMEM;
	for (unsigned i = 0; i < server->nr_workers; i++) {
		int err = worker_open(server, i, config->huge_pages, &server->workers[i]);

		if (err) {
			close_workers(server, i);
			return err;
		}
	}
	return 0;
}

/*
 * Wait for the workers from `first` on, which have been stopped. They exit together, because a
 * worker with connections may still ask any other worker. Returns 0; -ETIMEDOUT: some are not idle.
 */
static int join_workers(struct server *server, unsigned first, uint64_t until_ns)
{
	for (; server->nr_idle < server->nr_workers - first; server->nr_idle++)
		if (!server_wait(&server->idle, until_ns))
			return -ETIMEDOUT;
	for (unsigned i = first; i < server->nr_workers; i++)
		worker_exit(server->workers[i]);
	for (unsigned i = first; i < server->nr_workers; i++)
		worker_join(server->workers[i]);
	return 0;
}

/*
 * Tell the workers to stop. The first one comes first: when it has closed the listeners, the others
 * get no more connections. They do not wait for it for ever, because it may hang.
 */
static void ask_workers(struct server *server, uint64_t now)
{
	const uint64_t end_ns = now + server->stop_ns / 10 * 7;

	server->stopping = true;
	worker_stop(server->workers[0], end_ns);
	server_wait(&server->listeners_closed, now + server->stop_ns / 4);
	for (unsigned i = 1; i < server->nr_workers; i++)
		worker_stop(server->workers[i], end_ns);
}

static int start_workers(struct server *server)
{
	for (unsigned i = server->nr_workers; i > 0; i--) {
		int err = worker_start(server->workers[i - 1]);

		if (err) {
			log_error(
				"cannot start a thread: %s; raise RLIMIT_NPROC (ulimit -u) or pids.max of the control group",
				strerror(-err));
			/* The workers that run have no listener and no connection yet. */
			for (unsigned j = i; j < server->nr_workers; j++)
				worker_stop(server->workers[j], 0);
			join_workers(server, i, NEVER);
			return err;
		}
	}
	return 0;
}

/* Open the state, and get the key that seals persistent names: that of the server before. */
static int open_state(struct server *server, const struct server_config *config)
{
	int err;

	if (!config->state) {
		log_info("without --state DIR a restart forgets which writes a disk has lost");
		return secret_draw(&server->names);
	}
	err = exports_keep_out(config->exports, config->nr_exports, config->state);
	if (!err)
		err = state_open(config->state, &server->state);
	if (err)
		return err;
	err = state_secret(config->state, "names", &server->names);
	if (err)
		state_close(server->state);
	return err;
}

/* Resolve the addresses to listen at, and open the keyring. On error the keyring is not open. */
static int open_access(struct server *server, const struct server_config *config)
{
	int err = listeners_resolve(server->listeners, config->listens, config->nr_listens);

	if (err)
		return err;
	server->nr_providers = listeners_providers(server->listeners, server->providers);
	if (!config->keyring)
		return listeners_check_open(server->listeners, config->insecure);
	err = exports_keep_out(config->exports, config->nr_exports, config->keyring);
	if (!err)
		err = keyring_open(&server->keyring, config->keyring);
	server->tls = (struct tp_tls_config){.find = keyring_psk, .arg = server->keyring};
	return err;
}

/*
 * Open what serves clients: threads for calls, sessions, workers, listeners, and then the workers'
 * threads. On error none of it is left.
 */
static int open_service(struct server *server, const struct server_config *config)
{
	int err = exports_start(&server->exports, server->call_threads);

	if (err)
		return err;
	err = open_sessions(server, config);
	if (err)
		goto err_exports;
	err = open_workers(server, config);
	if (err)
		goto err_sessions;
	err = listeners_open(server->listeners, server->workers[0]);
	if (err)
		goto err_workers;
	err = start_workers(server);
	if (err)
		goto err_listeners;
	return 0;

err_listeners:
	listeners_close(server->listeners);
err_workers:
	close_workers(server, server->nr_workers);
err_sessions:
	sessions_close(server->sessions);
err_exports:
	exports_stop(&server->exports, now_ns() + server->stop_ns);
	return err;
}

static struct server *server_new(void)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->listeners = calloc(1, sizeof(*server->listeners));
	if (!server->listeners) {
		free(server);
		return NULL;
	}
	sem_init(&server->listeners_closed, 0, 0);
	sem_init(&server->idle, 0, 0);
	return server;
}

static void server_free(struct server *server)
{
	sem_destroy(&server->listeners_closed);
	sem_destroy(&server->idle);
	free(server->listeners);
	free(server);
}

int server_start(const struct server_config *config, struct server **out)
{
	struct server *server = server_new();
	int err;

	if (!server)
		return -ENOMEM;
	err = fill_in(server, config);
	if (!err)
		err = fit_in(server, config);
	if (!err)
		err = open_access(server, config);
	if (err)
		goto err_free;
	err = open_state(server, config);
	if (err)
		goto err_keyring;
	err = exports_open(&server->exports, config->exports, config->nr_exports, server->boot_id,
			   server->state);
	if (err)
		goto err_state;
	if (config->opened)
		err = config->opened(config);
	if (!err)
		err = open_service(server, config);
	if (err)
		goto err_exports;
	*out = server;
	return 0;

err_exports:
	exports_close(&server->exports);
err_state:
	state_close(server->state);
err_keyring:
	keyring_close(server->keyring);
err_free:
	server_free(server);
	return err;
}

static bool may_stay(void *keyring, const char *owner, const struct export *export)
{
	return keyring_knows(keyring, owner, export->name);
}

int server_reload_keys(struct server *server)
{
	struct log_catch caught;
	int err;

	if (!server->keyring) {
		log_warn("there is no keyring to read again; start the server with --keyring FILE");
		return -ENOENT;
	}
	log_catch_begin(&caught);
	err = keyring_reload(server->keyring);
	log_catch_end(&caught);
	if (err) {
		log_error("keyring %s; the previous one stays in use",
			  *caught.text ? caught.text : strerror(-err));
		return err;
	}
	/* The administrator has asked for this, so it is logged at the default level. */
	log_warn("the keyring has been read again; ids in it: %u", keyring_size(server->keyring));
	for (unsigned i = 0; i < server->nr_workers; i++)
		worker_review(server->workers[i]);
	/* Sessions with connections end soon after their connections. */
	sessions_review(server->sessions, may_stay, server->keyring);
	return 0;
}

static int stop_threads(struct server *server, uint64_t until_ns)
{
	int err = 0;

	if (!server->stopped)
		err = join_workers(server, 0, until_ns);
	if (err)
		return err;
	server->stopped = true;
	sessions_end(server->sessions);
	/* This closes the last sessions and files. Nothing wakes an event loop after it. */
	return exports_stop(&server->exports, until_ns);
}

int server_stop(struct server *server)
{
	const uint64_t now = now_ns();

	if (!server->stopping)
		ask_workers(server, now);
	/* The rest of the time is for naming what hangs. */
	if (stop_threads(server, now + server->stop_ns / 10 * 8)) {
		server_name_hung(server);
		return -ETIMEDOUT;
	}
	close_workers(server, server->nr_workers);
	sessions_close(server->sessions);
	exports_close(&server->exports);
	state_close(server->state);
	keyring_close(server->keyring);
	server_free(server);
	return 0;
}

const char *server_address(const struct server *server, unsigned i)
{
	return i < server->listeners->nr ? server->listeners->list[i].url : NULL;
}
