/*
 * The thrasher. The server process is its thread's from thrasher_go to thrasher_halt, and the
 * caller's otherwise. A server dies with the thread that started it, so this one stays until the
 * server has been ended.
 *
 * Connections are cut from outside by ss (tcp); a build with fault points cuts them from inside,
 * over rdma too, and then the program's environment says how often.
 */
#include "tests/stress/thrasher.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/e2e/support/must.h"
#include "tests/e2e/support/pattern.h"
#include "tests/stress/player.h"
#include "tests/stress/served.h"

enum { RECOVERIES_MAX = 10000, RECOVERY_LIMIT_MS = 60000 };

struct thrasher {
	struct thrasher_config config;
	uint64_t seed;
	struct served served;
	char mount[160];
	const struct player *players;
	unsigned nr_players;
	pthread_t thread;
	atomic_bool halting;
	sem_t quiet, leave;
	atomic_uint kills;
	unsigned stops, cuts, nr_recoveries;
	double recoveries[RECOVERIES_MAX];
};

struct thrasher *thrasher_open(const struct thrasher_config *config)
{
	struct thrasher *thrasher = calloc(1, sizeof(*thrasher));

	must(thrasher != NULL, "memory");
	thrasher->config = *config;
	thrasher->seed = config->seed;
	sem_init(&thrasher->quiet, 0, 0);
	sem_init(&thrasher->leave, 0, 0);
	served_start(&thrasher->served, served_where(), config->place->directory,
		     config->place->log);
	snprintf(thrasher->mount, sizeof(thrasher->mount), "%.120s/stress",
		 thrasher->served.address);
	return thrasher;
}

const char *thrasher_mount(const struct thrasher *thrasher)
{
	return thrasher->mount;
}

static unsigned pick(struct thrasher *thrasher, unsigned n)
{
	return (unsigned)(next_random(&thrasher->seed) >> 33) % n;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void note_done(const struct thrasher *thrasher, unsigned long *done)
{
	for (unsigned i = 0; i < thrasher->nr_players; i++)
		done[i] = atomic_load(&thrasher->players[i].done);
}

static bool have_all_gone_on(const struct thrasher *thrasher, const unsigned long *done)
{
	for (unsigned i = 0; i < thrasher->nr_players; i++)
		if (atomic_load(&thrasher->players[i].done) == done[i])
			return false;
	return true;
}

/* A player that is stuck says so itself, later. */
static void await_recovery(struct thrasher *thrasher)
{
	unsigned long done[PLAYERS_MAX];
	double begin = now_ms();

	note_done(thrasher, done);
	while (!have_all_gone_on(thrasher, done) && now_ms() - begin < RECOVERY_LIMIT_MS)
		nap_ms(2);
	if (thrasher->nr_recoveries < RECOVERIES_MAX)
		thrasher->recoveries[thrasher->nr_recoveries++] = now_ms() - begin;
}

static void kill_server(struct thrasher *thrasher)
{
	const struct served_place *place = thrasher->config.place;

	kill(thrasher->served.process.pid, SIGKILL);
	process_wait(&thrasher->served.process);
	nap_ms(pick(thrasher, 200));
	served_start(&thrasher->served, thrasher->served.address, place->directory, place->log);
	atomic_fetch_add(&thrasher->kills, 1);
	await_recovery(thrasher);
}

static void stop_server(struct thrasher *thrasher)
{
	process_stop(thrasher->served.process.pid);
	nap_ms(pick(thrasher, 1500));
	kill(thrasher->served.process.pid, SIGCONT);
	thrasher->stops++;
}

static void cut_connections(struct thrasher *thrasher)
{
	const char *port = strrchr(thrasher->served.address, ':');
	char seen[16384];

	must(!run_into(seen, sizeof(seen), "/usr/bin/ss", "-KtnH", "dport", "=", port), "ss -K");
	for (const char *line = seen; (line = strchr(line, '\n')); line++)
		thrasher->cuts++;
}

typedef void (*deed)(struct thrasher *thrasher);

static unsigned choices(const struct thrasher *thrasher, deed deeds[3])
{
	const struct thrasher_config *config = &thrasher->config;
	unsigned n = 0;

	if (config->kills)
		deeds[n++] = kill_server;
	if (config->stops)
		deeds[n++] = stop_server;
	if (config->cuts)
		deeds[n++] = cut_connections;
	return n;
}

static void *thrash(void *arg)
{
	struct thrasher *thrasher = arg;
	deed deeds[3];
	unsigned n;

	while (!atomic_load(&thrasher->halting) && (n = choices(thrasher, deeds))) {
		nap_ms(1 + pick(thrasher, 2 * thrasher->config.pause_ms));
		deeds[pick(thrasher, n)](thrasher);
	}
	sem_post(&thrasher->quiet);
	sem_wait(&thrasher->leave);
	return NULL;
}

void thrasher_go(struct thrasher *thrasher, const struct player *players, unsigned nr_players)
{
	thrasher->players = players;
	thrasher->nr_players = nr_players;
	if (thrasher->config.pause_ms)
		must(!pthread_create(&thrasher->thread, NULL, thrash, thrasher), "thread");
}

bool thrasher_content(const struct thrasher *thrasher)
{
	return !thrasher->config.kills || !thrasher->config.pause_ms ||
	       atomic_load(&thrasher->kills) >= thrasher->config.min_kills;
}

void thrasher_halt(struct thrasher *thrasher)
{
	atomic_store(&thrasher->halting, true);
	if (thrasher->config.pause_ms)
		sem_wait(&thrasher->quiet);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct thrasher_report thrasher_report(const struct thrasher *thrasher)
{
	struct thrasher_report report = {.kills = atomic_load(&thrasher->kills),
					 .stops = thrasher->stops,
					 .cuts = thrasher->cuts};
	unsigned n = thrasher->nr_recoveries;
	double sorted[RECOVERIES_MAX];

	if (!n)
		return report;
	memcpy(sorted, thrasher->recoveries, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	report.recovery_p50_ms = sorted[n / 2];
	report.recovery_p99_ms = sorted[n - 1 - n / 100];
	report.recovery_max_ms = sorted[n - 1];
	return report;
}

int thrasher_close(struct thrasher *thrasher)
{
	int status = served_stop(&thrasher->served);

	sem_post(&thrasher->leave);
	if (thrasher->config.pause_ms)
		pthread_join(thrasher->thread, NULL);
	free(thrasher);
	return status;
}
