/*
 * The thrasher: owns the server process, and does to it what happens on the worst day, at random,
 * until it is told to stop: kills and restarts it, stops and continues it, cuts its connections.
 * Of a server somewhere else it knows only the mount point, and a program that disturbs it or the
 * network on the way.
 */
#ifndef USRBIO_TESTS_STRESS_THRASHER_H
#define USRBIO_TESTS_STRESS_THRASHER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stress/samples.h"

struct player;
struct served_place;

struct thrasher_config {
	const struct served_place *place;
	uint64_t seed;
	unsigned pause_ms;  /* between two deeds, on average; 0: none are done */
	unsigned min_kills; /* thrasher_content says when */
	unsigned min_cuts;  /* by `disturb` */
	bool kills, stops, cuts;
	const char *url;     /* the mount point at a server that is not ours, or NULL */
	const char *disturb; /* run as PROGRAM cut N, and then PROGRAM heal N; or NULL */
};

struct thrasher;

/* The server runs, and is left alone until thrasher_go. */
struct thrasher *thrasher_open(const struct thrasher_config *config);
/* The mount point to use. */
const char *thrasher_mount(const struct thrasher *thrasher);
/* Begin. Recovery is over when each of the players has done something. */
void thrasher_go(struct thrasher *thrasher, const struct player *players, unsigned nr_players);
/* Has it killed the server and cut it off as often as it was asked to, at least? */
bool thrasher_content(const struct thrasher *thrasher);
/* Do no more, and leave the server in good order. */
void thrasher_halt(struct thrasher *thrasher);

struct thrasher_report {
	unsigned kills, stops, cuts;
	/* From a restarted server's being ready, or the healing, until all players went on. */
	struct quantiles recovery;
	/* From the cut of `disturb` until the library has said that the connection is lost. */
	struct quantiles detection;
};
/* After thrasher_halt. */
struct thrasher_report thrasher_report(struct thrasher *thrasher);
/* Ends the server by SIGTERM: 0, or the status it ended with. */
int thrasher_close(struct thrasher *thrasher);

#endif
