/*
 * The list of exports and their threads. The server owns it. It changes only at start and stop, and
 * every thread reads it.
 */
#include "server/session/export.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/host.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/base/job_threads.h"
#include "server/store/store.h"

/*
 * Get the host id of an export's files. A file of the machine is the same through every server and
 * export. A file of a store without local files belongs only to its export.
 */
static uint64_t host_of_export(const struct export *export, uint64_t boot_id)
{
	const uint64_t own[] = {boot_id, export->index};

	return export->store->local ? host_id() : host_of(own, sizeof(own));
}

/* Get the number for the id of an export. */
static uint64_t id_of_export(const struct export_config *config)
{
	const char *id = config->id ? config->id : config->name;

	return host_of(id, strlen(id));
}

static int open_one(struct exports *exports, const struct export_config *config, uint64_t boot_id)
{
	struct export *export = &exports->list[exports->nr];
	size_t len = strlen(config->name);
	unsigned flags = (config->read_only ? STORE_READ_ONLY : 0) |
			 (config->unlocked ? STORE_UNLOCKED : 0) | (config->sync ? STORE_SYNC : 0);
	int err;

	if (exports_find(exports, (struct bytes){(const uint8_t *)config->name, len})) {
		log_error("--export: two exports are named \"%s\"; rename one", config->name);
		return -EEXIST;
	}
	err = store_open(config->where, flags | STORE_LATER, &export->store);
	if (err)
		return err;
	err = export_wait_decide(exports, config, export);
	if (!err)
		err = verifier_open(&export->verifier, config->name, export->store->forgets,
				    exports->state);
	if (err) {
		export->store->ops->close_store(export->store);
		return err;
	}
	store_use_verifier(export->store, &export->verifier);
	memcpy(export->name, config->name, len + 1);
	export->read_only = config->read_only || export->store->read_only;
	export->index = exports->nr++;
	export->host = host_of_export(export, boot_id);
	export->id = id_of_export(config);
	return 0;
}

int exports_open(struct exports *exports, const struct export_config *configs, unsigned nr,
		 uint64_t boot_id, struct state *state)
{
	int err = 0;

	*exports = (struct exports){.list = calloc(nr, sizeof(*exports->list)), .state = state};
	if (!exports->list)
		return -ENOMEM;
	for (unsigned i = 0; i < nr && !err; i++)
		err = open_one(exports, &configs[i], boot_id);
	if (err)
		exports_close(exports);
	return err;
}

void exports_close(struct exports *exports)
{
	while (exports->nr) {
		struct export *export = &exports->list[--exports->nr];

		export->store->ops->close_store(export->store);
		verifier_close(&export->verifier);
	}
	free(exports->list);
	exports->list = NULL;
}

#define STOP_LEAST_MS 100 /* for one of them, after others that hang */

static unsigned ms_until(uint64_t until_ns)
{
	uint64_t now = now_ns();
	uint64_t left = now < until_ns ? (until_ns - now) / NS_PER_MS : 0;

	if (left < STOP_LEAST_MS)
		return STOP_LEAST_MS;
	return left < UINT_MAX ? (unsigned)left : UINT_MAX;
}

/*
 * End the threads of an export that has some. Calls that were given up may still run; they have
 * files and sessions to close. Closes come next: they close the sessions.
 */
static int stop_one(struct export *export, uint64_t until_ns)
{
	struct job_threads **all[] = {&export->closes, &export->calls};

	if (export->calls && job_threads_drain(export->calls, ms_until(until_ns)))
		return -ETIMEDOUT;
	for (int i = 0; i < 2; i++) {
		if (*all[i] && job_threads_close(*all[i], ms_until(until_ns)))
			return -ETIMEDOUT;
		*all[i] = NULL;
	}
	return 0;
}

int exports_stop(struct exports *exports, uint64_t until_ns)
{
	int err = export_wait_stop(exports, until_ns);

	for (unsigned i = 0; i < exports->nr; i++)
		if (stop_one(&exports->list[i], until_ns))
			err = -ETIMEDOUT;
	return err;
}

#define SETTLE_NS (100 * NS_PER_MS) /* for what does not hang, such as the end of a session */

static struct job_load load_of(struct job_threads *threads)
{
	struct job_load load = {0};

	if (threads)
		job_threads_load(threads, &load);
	return load;
}

static bool is_busy(struct job_threads *threads)
{
	const struct job_load load = load_of(threads);

	return load.nr_running || load.nr_waiting;
}

static void name_job(void *arg, const char *text, uint64_t since_ns)
{
	const struct export *export = arg;

	log_error("export \"%s\": its file system hangs: %s, for %.1f s", export->name, text,
		  (double)(now_ns() - since_ns) / NS_PER_S);
}

static void name_hung(struct export *export, struct job_threads *threads, const char *what)
{
	const struct job_load load = load_of(threads);

	if (threads)
		job_threads_show(threads, name_job, export);
	if (load.nr_running)
		log_error(
			"export \"%s\": its file system hangs: %s: %u under way, for %.1f s, and %u "
			"wait",
			export->name, what, load.nr_running,
			(double)(now_ns() - load.since_ns) / NS_PER_S, load.nr_waiting);
}

/* Release the exports that have nothing under way. True if threads of some export are busy. */
static bool leave_idle(const struct exports *exports, bool release)
{
	bool busy = false;

	for (unsigned i = 0; i < exports->nr; i++) {
		const struct export *export = &exports->list[i];

		if (is_busy(export->calls) || is_busy(export->closes))
			busy = true;
		else if (release && !atomic_load(&export->hung) && export->store->ops->release)
			export->store->ops->release(export->store); /* once or more */
	}
	return busy;
}

void exports_leave(const struct exports *exports, bool release)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	const uint64_t until_ns = now_ns() + SETTLE_NS;

	while (leave_idle(exports, release) && now_ns() < until_ns)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	for (unsigned i = 0; i < exports->nr; i++) {
		name_hung(&exports->list[i], exports->list[i].calls, "calls");
		name_hung(&exports->list[i], exports->list[i].closes, "closing files");
	}
}

#define START_FAILED_NS (5 * NS_PER_S) /* for threads that have nothing to do */

int exports_start(struct exports *exports, unsigned nr_threads)
{
	int err = 0;

	for (unsigned i = 0; i < exports->nr && !err; i++) {
		struct export *export = &exports->list[i];

		err = job_threads_open(&export->calls, "usrbio-calls", nr_threads);
		if (!err)
			err = job_threads_open(&export->closes, "usrbio-closes", nr_threads);
	}
	if (!err)
		err = export_wait_start(exports);
	if (err)
		exports_stop(exports, now_ns() + START_FAILED_NS);
	return err;
}

/* True if the path is this directory or lies in it. */
static bool is_beneath(const char *dir, const char *path)
{
	char real[PATH_MAX];
	size_t len = strlen(dir);

	if (!realpath(path, real))
		return false;
	return !strcmp(dir, "/") || (!strncmp(real, dir, len) && (!real[len] || real[len] == '/'));
}

/*
 * True if the path or a name on the way to it lies in the directory: a client could replace a
 * symbolic link there.
 */
static bool leads_into(const char *dir, const char *path)
{
	bool found = *path != '/' && is_beneath(dir, ".");
	char part[PATH_MAX];

	for (size_t len = 0; len < sizeof(part) && path[len] && !found;) {
		len += strspn(path + len, "/");
		len += strcspn(path + len, "/");
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		found = is_beneath(dir, part);
	}
	return found;
}

int exports_keep_out(const struct export_config *configs, unsigned nr, const char *path)
{
	char dir[PATH_MAX];

	for (unsigned i = 0; i < nr; i++) {
		const char *where = store_directory(configs[i].where);

		if (!where || !realpath(where, dir) || !leads_into(dir, path))
			continue;
		log_error(
			"%s is in export \"%s\", whose clients could read or change it: move it out of "
			"the export",
			path, configs[i].name);
		return -EPERM;
	}
	return 0;
}

struct export *exports_find(const struct exports *exports, struct bytes name)
{
	for (unsigned i = 0; i < exports->nr; i++) {
		struct export *export = &exports->list[i];

		if (strlen(export->name) == name.len && !memcmp(export->name, name.data, name.len))
			return export;
	}
	return NULL;
}
