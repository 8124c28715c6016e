/*
 * A real server over the loop transport with one worker, which is turned by hand, by a clock that
 * moves only when it is told to.
 */
#include "tests/fuzz/server.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/account/keyring.h"
#include "server/base/job_threads.h"
#include "server/program/server.h"
#include "server/worker/server_impl.h"
#include "server/store/store.h"
#include "server/loop/worker_loop.h"
#include "server/worker/worker.h"

#define NS	  1000000000ull
#define DEPTH_MAX 64 /* of directories, when everything is removed */

static struct server *server;
static struct keyring *keyring;
static struct secret secret;
static struct worker *worker;
static struct list jobs = {&jobs, &jobs};
static uint64_t now = 1000 * NS;
static unsigned nr_free[NR_STAGING];

/* The linker puts these in the place of the real ones. */
int __wrap_worker_start(struct worker *the_worker);
void __wrap_job_threads_run(struct job_threads *threads, struct job_session *session,
			    struct job *job);
bool __wrap_job_threads_withdraw(struct job_threads *threads, struct job *job);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __wrap_worker_start(struct worker *the_worker)
{
	worker = the_worker;
	return 0;
}

void __wrap_job_threads_run(struct job_threads *threads, struct job_session *session,
			    struct job *job)
{
	(void)threads;
	(void)session;
	list_add_tail(&jobs, &job->node);
}

/* Each call that was queued is run. */
bool __wrap_job_threads_withdraw(struct job_threads *threads, struct job *job)
{
	(void)threads;
	(void)job;
	return false;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	now += 100;
	*ts = (struct timespec){.tv_sec = (time_t)(now / NS), .tv_nsec = (long)(now % NS)};
	return 0;
}

static bool run_jobs(void)
{
	struct list due, *node;

	list_init(&due);
	list_splice_tail(&due, &jobs);
	while ((node = list_pop(&due))) {
		struct job *job = container_of(node, struct job, node);

		job->run(job);
	}
	return !list_empty(&jobs);
}

static void start_server(void)
{
	static const struct export_config exports[] = {
		{.name = "memory", .where = "memory:"},
		{.name = "ro", .where = "null:1G", .read_only = true},
	};
	static struct listen_config listens[] = {{.scheme = "loop", .host = SERVER_NAME}};
	const struct server_config config = {
		.exports = exports,
		.nr_exports = 2,
		.listens = listens,
		.nr_listens = 1,
		.nr_workers = 1,
		.staging_mib = 4,
		.max_connections = CLIENTS,
		.max_inflight = 64,
		.max_sessions = 3,
		.max_files = 6,
	};

	insist(!server_start(&config, &server));
	memcpy(nr_free, worker->staging.nr_free, sizeof(nr_free));
}

static void open_keyring(void)
{
	static const char text[] =
		"[a]\nkey = "
		"0102030405060708010203040506070801020304050607080102030405060708"
		"\nexport = *:rw\n";
	char path[] = "/tmp/usrbio-fuzz-XXXXXX";
	int fd = mkstemp(path);

	insist(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	insist(!keyring_open(&keyring, path));
	close(fd);
	unlink(path);
	for (unsigned i = 0; i < sizeof(secret.key); i++)
		secret.key[i] = (uint8_t)(i % 8 + 1);
}

void served_start(void)
{
	start_server();
	open_keyring();
}

void served_keep_out(bool strangers)
{
	server->keyring = strangers ? keyring : NULL;
}

bool served_keeps_out(void)
{
	return server->keyring;
}

const struct secret *served_secret(void)
{
	return &secret;
}

bool served_turn(void)
{
	uint64_t due;
	bool busy = worker_turn(worker, &due);

	return run_jobs() | busy;
}

void served_wait(uint64_t ns)
{
	now += ns;
}

static void empty(struct store *store, const char *dir, unsigned depth)
{
	char names[8192], path[PROTO_PATH_MAX + 1];
	uint32_t types[256];
	struct store_dirents entries = {
		.names = names, .room = sizeof(names), .types = types, .max = 256};

	if (depth > DEPTH_MAX || store->ops->readdir(store, dir, 0, &entries))
		return;
	for (char *name = names; name < names + entries.used; name += strlen(name) + 1) {
		int n = snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);

		if (n < 0 || n >= (int)sizeof(path))
			continue;
		if (store->ops->unlink(store, NULL, path)) {
			empty(store, path, depth + 1);
			store->ops->rmdir(store, NULL, path);
		}
	}
}

void served_check_empty(void)
{
	insist(!atomic_load(&worker->nr_conns));
	insist(!memcmp(nr_free, worker->staging.nr_free, sizeof(nr_free)));
	empty(server->exports.list[0].store, "", 0);
}
