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

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/stress/player.h"
#include "tests/stress/served.h"
#include "tests/stress/tally.h"

enum { RECOVERY_LIMIT_MS = 60000 };
/* What is promised is 3.5 s; a slow machine takes its time. */
enum { DETECTION_LIMIT_MS = 20000 };

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
	atomic_uint kills, cuts;
	unsigned stops;
	struct samples recoveries, detections;
};

struct thrasher *thrasher_open(const struct thrasher_config *config)
{
	struct thrasher *thrasher = calloc(1, sizeof(*thrasher));

	must(thrasher != NULL, "memory");
	thrasher->config = *config;
	thrasher->seed = config->seed;
	sem_init(&thrasher->quiet, 0, 0);
	sem_init(&thrasher->leave, 0, 0);
	if (config->url) {
		snprintf(thrasher->mount, sizeof(thrasher->mount), "%.150s", config->url);
		return thrasher;
	}
	served_start(&thrasher->served, served_where(), config->place->directory,
		     config->place->log, NULL);
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
	samples_add(&thrasher->recoveries, now_ms() - begin);
}

static void kill_server(struct thrasher *thrasher)
{
	const struct served_place *place = thrasher->config.place;

	kill(thrasher->served.process.pid, SIGKILL);
	process_wait(&thrasher->served.process);
	nap_ms(pick(thrasher, 200));
	served_start(&thrasher->served, thrasher->served.address, place->directory, place->log,
		     NULL);
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
		atomic_fetch_add(&thrasher->cuts, 1);
}

/* How often the library has said in the log, which is ours, that it lost the connection. */
static unsigned losses(const struct thrasher *thrasher)
{
	FILE *log = fopen(thrasher->config.place->log, "r");
	char line[1024];
	unsigned n = 0;

	must(log != NULL, "%s", thrasher->config.place->log);
	while (fgets(line, sizeof(line), log))
		n += strstr(line, ": connection lost: ") != NULL;
	fclose(log);
	return n;
}

static void await_loss(struct thrasher *thrasher, unsigned before)
{
	double begin = now_ms();

	while (losses(thrasher) == before) {
		if (now_ms() - begin > DETECTION_LIMIT_MS) {
			tally_add(stuck, "nobody noticed for %d ms that the connection was cut",
				  DETECTION_LIMIT_MS);
			return;
		}
		nap_ms(10);
	}
	samples_add(&thrasher->detections, now_ms() - begin);
}

static void run_disturber(const struct thrasher *thrasher, const char *what)
{
	const char *program = thrasher->config.disturb;
	char number[16];

	snprintf(number, sizeof(number), "%u", atomic_load(&thrasher->cuts) + 1);
	must(!run(program, what, number), "%s %s %s", program, what, number);
}

/* Until it has been noticed, and some time more; after the first also too short for that. */
static void disturb(struct thrasher *thrasher)
{
	unsigned before = losses(thrasher);
	bool noticed = !atomic_load(&thrasher->cuts) || pick(thrasher, 4);

	run_disturber(thrasher, "cut");
	if (noticed)
		await_loss(thrasher, before);
	nap_ms(pick(thrasher, 1500));
	run_disturber(thrasher, "heal");
	atomic_fetch_add(&thrasher->cuts, 1);
	await_recovery(thrasher);
}

typedef void (*deed)(struct thrasher *thrasher);

static unsigned choices(const struct thrasher *thrasher, deed deeds[4])
{
	const struct thrasher_config *config = &thrasher->config;
	unsigned n = 0;

	if (config->kills)
		deeds[n++] = kill_server;
	if (config->stops)
		deeds[n++] = stop_server;
	if (config->cuts)
		deeds[n++] = cut_connections;
	if (config->disturb)
		deeds[n++] = disturb;
	return n;
}

static void *thrash(void *arg)
{
	struct thrasher *thrasher = arg;
	deed deeds[4];
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
	const struct thrasher_config *config = &thrasher->config;

	if (!config->pause_ms)
		return true;
	return (!config->kills || atomic_load(&thrasher->kills) >= config->min_kills) &&
	       (!config->disturb || atomic_load(&thrasher->cuts) >= config->min_cuts);
}

void thrasher_halt(struct thrasher *thrasher)
{
	atomic_store(&thrasher->halting, true);
	if (thrasher->config.pause_ms)
		sem_wait(&thrasher->quiet);
}

struct thrasher_report thrasher_report(struct thrasher *thrasher)
{
	return (struct thrasher_report){
		.kills = atomic_load(&thrasher->kills),
		.stops = thrasher->stops,
		.cuts = atomic_load(&thrasher->cuts),
		.recovery = samples_quantiles(&thrasher->recoveries),
		.detection = samples_quantiles(&thrasher->detections),
	};
}

int thrasher_close(struct thrasher *thrasher)
{
	int status = thrasher->config.url ? 0 : served_stop(&thrasher->served);

	sem_post(&thrasher->leave);
	if (thrasher->config.pause_ms)
		pthread_join(thrasher->thread, NULL);
	free(thrasher);
	return status;
}
