/*
 * A player: a thread that reads, writes, truncates, syncs, reopens and renames files of its own,
 * and checks every answer against its models.
 */
#ifndef USRBIO_TESTS_STRESS_PLAYER_H
#define USRBIO_TESTS_STRESS_PLAYER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "client/hf3fs_usrbio.h"
#include "tests/stress/model.h"

enum { PLAYERS_MAX = 64, PLAYER_FILES = 8, PLAYER_DEPTH = 16 };

struct played_file {
	struct model model;
	char url[400];
	int fd;
};

struct player {
	const char *mount;
	unsigned number;
	uint64_t seed;	   /* of next_random */
	atomic_ulong done; /* I/Os and calls */
	atomic_bool stop;
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	struct played_file files[PLAYER_FILES];
	pthread_t thread;
};

/* Makes its files, and starts. The caller has set mount, number and seed. */
void player_start(struct player *player);
/* Ends it, and reads all its files once more. */
void player_finish(struct player *player);

#endif
